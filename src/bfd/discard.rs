//! The reasons why a packet is discarded, in the order of the checks.

use thiserror::Error;

use super::packet::{Discriminator, State};

/// Why a packet is discarded (RFC 5880 §6.8.6, RFC 5881 §5). Displayed, it is what the sender did;
/// a log line begins with its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Discard {
    /// Not sent to an address of this host alone.
    #[error("sends to a broadcast or multicast address: sessions are with one neighbour each")]
    NotUnicast,
    /// Of another version than 1.
    #[error("speaks version {found} of BFD, not 1")]
    Version {
        /// As it stands in the packet.
        found: u8,
    },
    /// Its Length leaves no room for the fields that it must have.
    #[error("sends a packet with Length {claimed}, which needs {least} bytes or more")]
    Length {
        /// As it stands in the packet.
        claimed: u8,
        /// 24, or 26 with authentication.
        least: u8,
    },
    /// It ends before its Length.
    #[error("sends {length} bytes of a packet of {claimed}")]
    Truncated {
        /// What arrived, in bytes.
        length: usize,
        /// What the packet says of itself, or 24 where it ends before that.
        claimed: u8,
    },
    /// A Detect Mult of zero: it would be down at once.
    #[error("sends a detection multiplier of 0")]
    DetectMult,
    /// The Multipoint bit is set, which is of another protocol (RFC 8562).
    #[error("sends multipoint packets, which this node does not take part in")]
    Multipoint,
    /// My Discriminator is zero: nobody could answer.
    #[error("sends a packet without a discriminator of its own")]
    NoDiscriminator,
    /// Your Discriminator is zero, in a state that one gets to by having heard the other only.
    #[error("claims the state {state} without a discriminator of this node")]
    Unaddressed {
        /// Init or Up.
        state: State,
    },
    /// Your Discriminator is none of ours: usually a remainder of the time before a restart.
    #[error("addresses the discriminator {your}, which this node does not have (now)")]
    UnknownDiscriminator {
        /// As it stands in the packet.
        your: Discriminator,
    },
    /// There is no session with the sender.
    #[error("wants a session, and none is configured with it: configure it here, or end it there")]
    NoSession,
    /// It came through a router that it should not have come through (RFC 5881 §5, RFC 5883 §5).
    #[error(
        "sends with a TTL of which {hops} is left, not {least} or more: it is farther away than \
         configured, or begins with less than 255"
    )]
    Hops {
        /// The TTL or hop limit that was left.
        hops: u8,
        /// What was needed.
        least: u8,
    },
    /// It is authenticated, and the session is not.
    #[error("authenticates its packets, and no key is configured here: set the same on both")]
    UnexpectedAuth,
    /// It is not authenticated, and the session is.
    #[error(
        "does not authenticate its packets, and a key is configured here: set the same on both"
    )]
    MissingAuth,
    /// Authenticated in another way.
    #[error("authenticates with type {theirs}, this node with type {ours}: set the same on both")]
    AuthType {
        /// As it stands in the packet.
        theirs: u8,
        /// 2: keyed MD5, 3: meticulous keyed MD5, 4: keyed SHA1, 5: meticulous keyed SHA1.
        ours: u8,
    },
    /// Made with a key that we do not have.
    #[error("authenticates with key {key}, which this node does not have: add it here")]
    UnknownKey {
        /// The id that it claims.
        key: u8,
    },
    /// The authentication section is not of the length of its type, or the packet is not at its end.
    #[error("sends an authentication section of {length} bytes, not {needed}")]
    AuthLength {
        /// Auth Len as it stands in the packet, or what there is of the section.
        length: usize,
        /// 24 or 28.
        needed: usize,
    },
    /// Heard before, or too far ahead.
    #[error(
        "sends the sequence number {sequence} after {known}: somebody replays, \
         or it was restarted less than two detection times ago"
    )]
    Sequence {
        /// As it stands in the packet.
        sequence: u32,
        /// The last that was accepted (bfd.RcvAuthSeq).
        known: u32,
    },
    /// Not made with the key that it claims, or changed since.
    #[error("sends a wrong digest: it has another key {key}, or somebody forges")]
    Digest {
        /// The id that it claims.
        key: u8,
    },
}

impl Discard {
    /// Every [`Self::label`] there is.
    pub const LABELS: [&'static str; 18] = [
        "not_unicast",
        "version",
        "length",
        "truncated",
        "detect_mult",
        "multipoint",
        "no_discriminator",
        "unaddressed",
        "unknown_discriminator",
        "no_session",
        "hops",
        "unexpected_auth",
        "missing_auth",
        "auth_type",
        "unknown_key",
        "auth_length",
        "sequence",
        "digest",
    ];

    /// A label for metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::NotUnicast => "not_unicast",
            Self::Version { .. } => "version",
            Self::Length { .. } => "length",
            Self::Truncated { .. } => "truncated",
            Self::DetectMult => "detect_mult",
            Self::Multipoint => "multipoint",
            Self::NoDiscriminator => "no_discriminator",
            Self::Unaddressed { .. } => "unaddressed",
            Self::UnknownDiscriminator { .. } => "unknown_discriminator",
            Self::NoSession => "no_session",
            Self::Hops { .. } => "hops",
            Self::UnexpectedAuth => "unexpected_auth",
            Self::MissingAuth => "missing_auth",
            Self::AuthType { .. } => "auth_type",
            Self::UnknownKey { .. } => "unknown_key",
            Self::AuthLength { .. } => "auth_length",
            Self::Sequence { .. } => "sequence",
            Self::Digest { .. } => "digest",
        }
    }
}
