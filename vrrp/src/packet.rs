//! Advertisements as bytes, and back.
//!
//! The only message of the protocol, carried by IP as protocol 112 (names are those of [`Packet`]).
//! Version 3 (RFC 9568 §5.1), for both families:
//!
//! ```text
//!           0               1               2               3
//!   0 +-------+-------+---------------+---------------+---------------+
//!     |version|  kind |     vrid      |   priority    |     count     |
//!   4 +-------+-------+---------------+---------------+---------------+
//!     |   0   |   interval, in 10 ms  |           checksum            |
//!   8 +-------+-----------------------+-------------------------------+
//!     |              addresses: count × 4 or 16 bytes                 |
//!     +---------------------------------------------------------------+
//!     |           trailer: 28 bytes, or none (not in the RFC)         |
//!     +---------------------------------------------------------------+
//! ```
//!
//! Version 2 (RFC 3768 §5.1), for IPv4:
//!
//! ```text
//!           0               1               2               3
//!   0 +-------+-------+---------------+---------------+---------------+
//!     |version|  kind |     vrid      |   priority    |     count     |
//!   4 +-------+-------+---------------+---------------+---------------+
//!     |   auth type   | interval, s   |           checksum            |
//!   8 +---------------+---------------+-------------------------------+
//!     |                   addresses: count × 4 bytes                  |
//!     +---------------------------------------------------------------+
//!     |       password: 8 bytes, zeros without authentication         |
//!     +---------------------------------------------------------------+
//! ```
//!
//! [`checksum`] says what the checksum covers, [`crate::auth::Trailer`] what a trailer is. The kind
//! is 1, an advertisement. The four bits before the interval of version 3 are sent as zeros and not
//! looked at. [`Advertisement::encode`] writes a packet, [`Packet::parse`] reads the shape of one;
//! what an arriving packet is worth is for [`crate::receive`] to say.
//!
//! ```
//! use std::time::Duration;
//! use vrrp::auth::Seal;
//! use vrrp::config::{Family, Priority, Version, Vrid};
//! use vrrp::packet::{Advertisement, ChecksumStyle, Envelope, Packet, group};
//!
//! let advertisement = Advertisement {
//!     version: Version::V3,
//!     vrid: Vrid::new(51).unwrap(),
//!     priority: Priority(150),
//!     interval: Duration::from_secs(1),
//!     addresses: vec!["10.0.0.100".parse().unwrap()],
//! };
//! let envelope = Envelope {
//!     source: "10.0.0.1".parse().unwrap(),
//!     destination: group(Family::V4),
//!     checksum: ChecksumStyle::Pseudo,
//!     seal: Seal::None,
//! };
//! let mut bytes = Vec::new();
//! advertisement.encode(&envelope, &mut bytes);
//! assert_eq!(bytes, [0x31, 51, 150, 1, 0, 100, 0x43, 0x73, 10, 0, 0, 100]);
//!
//! let packet = Packet::parse(Family::V4, &bytes).unwrap();
//! assert_eq!(packet.advertisement(), Some(advertisement));
//! ```

pub mod checksum;
mod parse;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

pub use checksum::ChecksumStyle;
pub(crate) use parse::{NO_AUTHENTICATION, SIMPLE_PASSWORD};
pub use parse::{Packet, TooShort};

use crate::auth::{Seal, trailer};
use crate::config::{Family, Priority, Version, Vrid};

/// The type of the only message (RFC 9568 §5.2.2).
pub const ADVERTISEMENT: u8 = 1;

/// What is said by the Active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// In which version.
    pub version: Version,
    /// Of which virtual router.
    pub vrid: Vrid,
    /// The sender's, or 0 to release the role.
    pub priority: Priority,
    /// Between two of them. Sent in steps of 10 ms from 10 ms to 40.95 s, in version 2 of 1 s from
    /// 1 s to 255 s; what is between or beyond is cut down to that.
    pub interval: Duration,
    /// The virtual addresses, of one family, 255 at most.
    pub addresses: Vec<IpAddr>,
}

/// What a packet depends on beside what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Where it is sent from; its family is the packet's.
    pub source: IpAddr,
    /// Where to: the [`group`], or a peer.
    pub destination: IpAddr,
    /// The wanted style; see [`ChecksumStyle::permitted`].
    pub checksum: ChecksumStyle,
    /// How it is authenticated.
    pub seal: Seal<'a>,
}

/// Where multicast advertisements go: 224.0.0.18 (RFC 9568 §5.1.1.2) or ff02::12 (§5.1.2.2).
#[must_use]
pub const fn group(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
    }
}

impl Advertisement {
    /// Appends the packet, without an IP header, to `out`. Addresses that are not of the source's
    /// family are left out, and so is what exceeds 255.
    pub fn encode(&self, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
        let family = Family::of(envelope.source);
        let addresses = self.addresses_of(family);
        let mut header = self.header(addresses.len() / parse::width(family), envelope.seal);
        let (covered, beyond) = self.tail(&header, addresses, envelope);
        let checksum = self.checksum(&header, &covered, &beyond, envelope);
        header[6..].copy_from_slice(&checksum.to_be_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(&covered);
        out.extend_from_slice(&beyond);
    }

    fn addresses_of(&self, family: Family) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.addresses.len() * parse::width(family));
        let ours = self.addresses.iter().filter(|&&address| Family::of(address) == family);
        for address in ours.take(usize::from(u8::MAX)) {
            match address {
                IpAddr::V4(address) => bytes.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => bytes.extend_from_slice(&address.octets()),
            }
        }
        bytes
    }

    /// The first eight bytes; the checksum is zero.
    fn header(&self, count: usize, seal: Seal<'_>) -> [u8; 8] {
        let [high, low] = match self.version {
            Version::V2 => [auth_type(seal), seconds(self.interval)],
            Version::V3 => centiseconds(self.interval).to_be_bytes(),
        };
        let version_type = self.version.number() << 4 | ADVERTISEMENT;
        let count = u8::try_from(count).unwrap_or(u8::MAX);
        [version_type, self.vrid.0.get(), self.priority.0, count, high, low, 0, 0]
    }

    /// What follows the header: what the checksum of every family covers, and the trailer.
    fn tail(
        &self,
        header: &[u8; 8],
        mut addresses: Vec<u8>,
        envelope: &Envelope<'_>,
    ) -> (Vec<u8>, Vec<u8>) {
        match (self.version, envelope.seal) {
            (Version::V2, Seal::None | Seal::Hmac { .. }) => addresses.extend_from_slice(&[0; 8]),
            (Version::V2, Seal::Password(password)) => addresses.extend_from_slice(&password.0),
            (Version::V3, Seal::None | Seal::Password(_)) => {}
            (Version::V3, Seal::Hmac { key, stamp }) => {
                let trailer = trailer(key, stamp, envelope.source, header, &addresses);
                return (addresses, trailer.to_vec());
            }
        }
        (addresses, Vec::new())
    }

    fn checksum(
        &self,
        header: &[u8],
        covered: &[u8],
        beyond: &[u8],
        envelope: &Envelope<'_>,
    ) -> u16 {
        let family = Family::of(envelope.source);
        let style = envelope.checksum.permitted(self.version, family);
        let beyond = if checksum::covers_trailer(family) { beyond } else { &[] };
        style.checksum(&[header, covered, beyond], envelope.source, envelope.destination)
    }
}

/// RFC 2338 §5.3.6; RFC 3768 §5.3.6 has kept the number but not the method.
fn auth_type(seal: Seal<'_>) -> u8 {
    match seal {
        Seal::None | Seal::Hmac { .. } => NO_AUTHENTICATION,
        Seal::Password(_) => SIMPLE_PASSWORD,
    }
}

fn seconds(interval: Duration) -> u8 {
    u8::try_from(interval.as_secs()).unwrap_or(u8::MAX).max(1)
}

/// Twelve bits (RFC 9568 §5.2.7).
fn centiseconds(interval: Duration) -> u16 {
    u16::try_from(interval.as_millis() / 10).unwrap_or(u16::MAX).clamp(1, parse::LONGEST)
}
