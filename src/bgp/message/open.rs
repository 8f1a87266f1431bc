//! OPEN: who is there, and what it can do (RFC 4271 §4.2).
//!
//! ```text
//!           0               1               2               3
//!   0 +---------------+---------------+---------------+---------------+
//!     |    version    |          two-octet AS         |  hold time …
//!   4 +---------------+---------------+---------------+---------------+
//!     … hold time, s  |          BGP identifier …
//!   8 +---------------+---------------+---------------+
//!     … identifier    |  parameters   |  type, length, value, …
//!     +---------------+---------------+----------
//! ```
//!
//! Parameters of more than 255 bytes are read (RFC 9072) and never written: ours are short.

use std::net::Ipv4Addr;

use super::capability::Capabilities;
use super::notification::two_octets;
use super::{Kind, Notification, framed};
use crate::geo::Asn;

/// The version of BGP.
const VERSION: u8 = 4;
/// The optional parameter that holds capabilities (RFC 5492 §4).
const CAPABILITIES: u8 = 2;
/// Stands for the type of the first parameter when lengths have two bytes (RFC 9072 §2).
const EXTENDED: u8 = 255;

/// Who is there, and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The sender's AS: of the capability, or else of the two-octet field.
    pub asn: Asn,
    /// What the sender proposes, in seconds.
    pub hold: u16,
    /// The sender's BGP Identifier.
    pub identifier: Ipv4Addr,
    /// What the sender can do.
    pub capabilities: Capabilities,
}

impl Open {
    /// The whole message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let capabilities = self.capabilities.encode();
        let length = u8::try_from(capabilities.len()).unwrap_or(u8::MAX);
        let mut body = vec![VERSION];
        body.extend_from_slice(&two_octets(self.asn).to_be_bytes());
        body.extend_from_slice(&self.hold.to_be_bytes());
        body.extend_from_slice(&self.identifier.octets());
        match length {
            0 => body.push(0),
            length => body.extend_from_slice(&[length + 2, CAPABILITIES, length]),
        }
        body.extend_from_slice(&capabilities);
        framed(Kind::Open, &body)
    }

    pub(super) fn parse(body: &[u8]) -> Result<Self, Notification> {
        let Some((&[version, a0, a1, h0, h1, i0, i1, i2, i3, length], rest)) =
            body.split_first_chunk()
        else {
            return Err(Notification::MALFORMED_OPEN);
        };
        if version != VERSION {
            return Err(Notification::unsupported_version());
        }
        let capabilities = match rest {
            [EXTENDED, high, low, rest @ ..] if length != 0 => {
                let length = u16::from_be_bytes([*high, *low]);
                parameters(exactly(rest, usize::from(length))?, two_byte_length)?
            }
            rest => parameters(exactly(rest, usize::from(length))?, one_byte_length)?,
        };
        let asn = Asn(u32::from(u16::from_be_bytes([a0, a1])));
        Ok(Self {
            asn: capabilities.four_octet_asn.unwrap_or(asn),
            hold: u16::from_be_bytes([h0, h1]),
            identifier: Ipv4Addr::new(i0, i1, i2, i3),
            capabilities,
        })
    }
}

/// The parameters must fill the message.
fn exactly(bytes: &[u8], length: usize) -> Result<&[u8], Notification> {
    if bytes.len() == length { Ok(bytes) } else { Err(Notification::MALFORMED_OPEN) }
}

/// Splits type, length and what follows.
type Header = fn(&[u8]) -> Option<(u8, usize, &[u8])>;

fn one_byte_length(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&[kind, length], rest) = bytes.split_first_chunk()?;
    Some((kind, usize::from(length), rest))
}

fn two_byte_length(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&[kind, high, low], rest) = bytes.split_first_chunk()?;
    Some((kind, usize::from(u16::from_be_bytes([high, low])), rest))
}

fn parameters(mut bytes: &[u8], header: Header) -> Result<Capabilities, Notification> {
    let mut capabilities = Capabilities::default();
    while !bytes.is_empty() {
        let (kind, length, rest) = header(bytes).ok_or(Notification::MALFORMED_OPEN)?;
        let (value, rest) = rest.split_at_checked(length).ok_or(Notification::MALFORMED_OPEN)?;
        if kind != CAPABILITIES {
            return Err(Notification::UNSUPPORTED_PARAMETER);
        }
        capabilities.read(value).ok_or(Notification::MALFORMED_OPEN)?;
        bytes = rest;
    }
    Ok(capabilities)
}
