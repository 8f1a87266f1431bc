//! NOTIFICATION: why a session ends (RFC 4271 §4.5), and the errors of every other message.

use std::borrow::Cow;
use std::fmt;

use super::{HEADER, Kind, LONGEST, framed};
use crate::geo::Asn;

/// The longest shutdown message in bytes (RFC 9003 §2).
const LONGEST_SHUTDOWN: usize = 255;

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notification {
    /// The error code.
    pub code: u8,
    /// What of it; 0: nothing more is said.
    pub subcode: u8,
    /// What it is about; depends on both.
    pub data: Cow<'static, [u8]>,
}

/// Why a session ends without an error (RFC 4486, RFC 8538, RFC 9384).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cease {
    /// The peer announced more prefixes than it may.
    MaximumPrefixes = 1,
    /// An operator stops the session.
    AdministrativeShutdown = 2,
    /// The peer was taken out of the configuration.
    PeerDeconfigured = 3,
    /// An operator starts the session anew.
    AdministrativeReset = 4,
    /// There is a reason not to talk to the peer now.
    ConnectionRejected = 5,
    /// The peer's configuration changed.
    OtherConfigurationChange = 6,
    /// The other connection stays.
    CollisionResolution = 7,
    /// Memory or the like is short.
    OutOfResources = 8,
    /// The session ends in spite of graceful restart.
    HardReset = 9,
    /// BFD says that the path is down.
    BfdDown = 10,
}

impl Notification {
    /// The marker is not all ones (RFC 4271 §6.1).
    pub const NOT_SYNCHRONIZED: Self = Self::new(1, 1);
    /// An OPEN that ends too soon, or has too much (RFC 4271 §6.2).
    pub const MALFORMED_OPEN: Self = Self::new(2, 0);
    /// Not the AS that is configured, or AS 0 (RFC 4271 §6.2, RFC 7607).
    pub const BAD_PEER_AS: Self = Self::new(2, 2);
    /// The BGP Identifier is 0, or ours within one AS (RFC 6286 §2.2).
    pub const BAD_BGP_IDENTIFIER: Self = Self::new(2, 3);
    /// An optional parameter other than capabilities (RFC 4271 §6.2).
    pub const UNSUPPORTED_PARAMETER: Self = Self::new(2, 4);
    /// A hold time of one or two seconds (RFC 4271 §6.2).
    pub const UNACCEPTABLE_HOLD_TIME: Self = Self::new(2, 6);
    /// Nothing was heard within the hold time (RFC 4271 §6.5).
    pub const HOLD_TIMER_EXPIRED: Self = Self::new(4, 0);
    /// Nothing could be sent for the send hold time (RFC 9687).
    pub const SEND_HOLD_TIMER_EXPIRED: Self = Self::new(8, 0);

    /// Without data.
    #[must_use]
    pub const fn new(code: u8, subcode: u8) -> Self {
        Self { code, subcode, data: Cow::Borrowed(&[]) }
    }

    fn with(code: u8, subcode: u8, data: impl Into<Vec<u8>>) -> Self {
        Self { code, subcode, data: Cow::Owned(data.into()) }
    }

    /// A length field that cannot be (RFC 4271 §6.1).
    #[must_use]
    pub fn bad_length(field: u16) -> Self {
        Self::with(1, 2, field.to_be_bytes())
    }

    /// An unknown kind of message (RFC 4271 §6.1).
    #[must_use]
    pub fn bad_type(kind: u8) -> Self {
        Self::with(1, 3, [kind])
    }

    /// Another version of BGP than 4 (RFC 4271 §6.2).
    #[must_use]
    pub fn unsupported_version() -> Self {
        Self::with(2, 1, 4_u16.to_be_bytes())
    }

    /// The peer lacks a capability (RFC 5492 §5): `wanted` as in an OPEN.
    #[must_use]
    pub fn unsupported_capability(wanted: Vec<u8>) -> Self {
        Self::with(2, 7, wanted)
    }

    /// A message that has no place in a state, which is the subcode's (RFC 6608).
    #[must_use]
    pub fn unexpected(kind: Kind, subcode: u8) -> Self {
        Self::with(5, subcode, [kind as u8])
    }

    /// A ROUTE-REFRESH of another length than it has (RFC 7313 §5): the whole message.
    #[must_use]
    pub fn bad_refresh_length(body: &[u8]) -> Self {
        Self::with(
            7,
            1,
            framed(Kind::RouteRefresh, body.get(..LONGEST - HEADER - 21).unwrap_or(body)),
        )
    }

    /// The end without an error.
    #[must_use]
    pub const fn cease(cease: Cease) -> Self {
        Self::new(6, cease as u8)
    }

    /// The end without an error, with a word to the peer's operator (RFC 9003), which is cut after
    /// 255 bytes. Only a shutdown and a reset carry it.
    #[must_use]
    pub fn cease_with(cease: Cease, reason: &str) -> Self {
        match cease {
            Cease::AdministrativeShutdown | Cease::AdministrativeReset if !reason.is_empty() => {}
            _ => return Self::cease(cease),
        }
        let text = reason.get(..reason.floor_char_boundary(LONGEST_SHUTDOWN)).unwrap_or_default();
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        Self::with(6, cease as u8, [&[length], text.as_bytes()].concat())
    }

    /// The whole message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let room = LONGEST - HEADER - 2;
        let data = self.data.get(..room).unwrap_or(&self.data);
        framed(Kind::Notification, &[&[self.code, self.subcode], data].concat())
    }

    /// What was received, to be logged: nobody answers a NOTIFICATION.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Self> {
        let Some((&[code, subcode], data)) = body.split_first_chunk() else {
            return Err(Self::bad_length(u16::try_from(HEADER + body.len()).unwrap_or(u16::MAX)));
        };
        Ok(Self::with(code, subcode, data))
    }

    /// The word of the peer's operator (RFC 9003), with control characters escaped: it goes to logs.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let told = [Cease::AdministrativeShutdown as u8, Cease::AdministrativeReset as u8];
        if self.code != 6 || !told.contains(&self.subcode) {
            return None;
        }
        let (&length, rest) = self.data.split_first()?;
        let text = String::from_utf8_lossy(rest.get(..usize::from(length))?);
        let escape =
            |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
        Some(text.chars().map(escape).collect()).filter(|text: &String| !text.is_empty())
    }

    /// Whether it is a cease of this kind.
    #[must_use]
    pub fn is_cease(&self, cease: Cease) -> bool {
        (self.code, self.subcode) == (6, cease as u8)
    }

    /// Whether the session ended because another connection of the same peer stays.
    #[must_use]
    pub fn is_collision(&self) -> bool {
        self.is_cease(Cease::CollisionResolution)
    }

    /// The name of the code and subcode.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (self.code, self.subcode) {
            (1, 1) => "connection not synchronized",
            (1, 2) => "bad message length",
            (1, 3) => "bad message type",
            (1, _) => "message header error",
            (2, 1) => "unsupported version",
            (2, 2) => "bad peer AS",
            (2, 3) => "bad BGP identifier",
            (2, 4) => "unsupported optional parameter",
            (2, 6) => "unacceptable hold time",
            (2, 7) => "unsupported capability",
            (2, 11) => "role mismatch",
            (2, _) => "OPEN message error",
            (3, _) => "UPDATE message error",
            (4, _) => "hold timer expired",
            (5, 1) => "unexpected message in OpenSent",
            (5, 2) => "unexpected message in OpenConfirm",
            (5, 3) => "unexpected message in Established",
            (5, _) => "finite state machine error",
            (6, subcode) => cease_name(subcode),
            (7, 1) => "bad ROUTE-REFRESH length",
            (7, _) => "ROUTE-REFRESH message error",
            (8, _) => "send hold timer expired",
            (_, _) => "unknown error",
        }
    }
}

fn cease_name(subcode: u8) -> &'static str {
    match subcode {
        1 => "maximum number of prefixes reached",
        2 => "administrative shutdown",
        3 => "peer de-configured",
        4 => "administrative reset",
        5 => "connection rejected",
        6 => "other configuration change",
        7 => "connection collision resolution",
        8 => "out of resources",
        9 => "hard reset",
        10 => "BFD down",
        _ => "cease",
    }
}

/// `bad peer AS (2/2)`, `administrative shutdown (6/2): "maintenance"`.
impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.name(), self.code, self.subcode)?;
        match self.reason() {
            Some(reason) => write!(f, ": \"{reason}\""),
            None => Ok(()),
        }
    }
}

/// The two-octet AS that stands where a longer one has no room (RFC 6793 §9).
const AS_TRANS: u16 = 23456;

/// An AS in two octets.
pub(super) fn two_octets(asn: Asn) -> u16 {
    u16::try_from(asn.0).unwrap_or(AS_TRANS)
}
