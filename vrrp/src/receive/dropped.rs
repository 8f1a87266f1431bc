//! The reasons why a packet is not heard, in the order of the checks.

use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;

use super::Difference;
use crate::config::{Version, Vrid};
use crate::packet::TooShort;

/// Why a packet is not heard. Displayed, it is a sentence for people: who, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Dropped {
    /// Our own, come back from the network. Silent.
    #[error("{from} is this node itself")]
    Own {
        /// One of ours.
        from: IpAddr,
    },
    /// Of another virtual router. Silent.
    #[error("VRID {vrid} is another virtual router's")]
    OtherVrid {
        /// As it stands in the packet.
        vrid: u8,
    },
    /// It ends early.
    #[error("{from} sent {length} bytes where its advertisement needs {least}")]
    TooShort {
        /// From where.
        from: IpAddr,
        /// What arrived, in bytes.
        length: usize,
        /// What it calls for.
        least: usize,
    },
    /// It came through a router that it should not have come through.
    #[error(
        "{from} sent with TTL {hops}, not {least} or more: it is not on this network \
         (for a peer that is not, set `hops: {}`)", 256 - u16::from(*.hops).max(1)
    )]
    Hops {
        /// From where.
        from: IpAddr,
        /// The TTL or hop limit that was left.
        hops: u8,
        /// What was needed.
        least: u8,
    },
    /// Of the other version.
    #[error("{from} speaks version {theirs}, this node version {ours}: set the same on both")]
    Version {
        /// From where.
        from: IpAddr,
        /// As it stands in the packet.
        theirs: u8,
        /// The configured one.
        ours: Version,
    },
    /// Version 2: another kind of authentication than configured.
    #[error(
        "{from} sends authentication type {theirs}, this node type {ours}: \
         set the same `auth` on both"
    )]
    AuthType {
        /// From where.
        from: IpAddr,
        /// As it stands in the packet.
        theirs: u8,
        /// 0: none, 1: password.
        ours: u8,
    },
    /// Version 2: another password.
    #[error("{from} sends another password: set the same on both")]
    Password {
        /// From where.
        from: IpAddr,
    },
    /// Nothing to verify, though authentication is enforced.
    #[error("{from} sends no authentication trailer, and `mode: enforce` wants one")]
    Unauthenticated {
        /// From where.
        from: IpAddr,
    },
    /// Made with a key that we do not have.
    #[error("{from} authenticates with key {key}, which this node does not have: add it here")]
    UnknownKey {
        /// From where.
        from: IpAddr,
        /// The id that it claims.
        key: u8,
    },
    /// Not made with the key that it claims, or changed since.
    #[error("{from} sends a wrong MAC: it has another key {key}, or somebody forges")]
    WrongMac {
        /// From where.
        from: IpAddr,
        /// The id that it claims.
        key: u8,
    },
    /// The MAC is good, and its stamp was seen or passed before.
    #[error(
        "{from} sends an old place of the sequence of key {key}: \
         somebody replays, or it was restarted with its clock set back"
    )]
    Replayed {
        /// From where.
        from: IpAddr,
        /// The id.
        key: u8,
    },
    /// The MAC is good, and its stamp is too far from our clock.
    #[error(
        "clock differs from {from} by {} s, more than the window of {} s: set both clocks right",
        .differs.as_secs_f64().round(), .window.as_secs_f64()
    )]
    StaleClock {
        /// From where.
        from: IpAddr,
        /// By so much, on either side.
        differs: Duration,
        /// What is allowed.
        window: Duration,
    },
    /// Version 2: the interval is not ours.
    #[error(
        "{from} advertises every {} s, this node every {} s: version 2 needs the same on both",
        .theirs.as_secs(), .ours.as_secs_f64()
    )]
    Interval {
        /// From where.
        from: IpAddr,
        /// As it stands in the packet.
        theirs: Duration,
        /// The configured one.
        ours: Duration,
    },
    /// Version 3: no interval. A Backup that adopted it would take over at once.
    #[error("{from} advertises with an interval of 0")]
    NoInterval {
        /// From where.
        from: IpAddr,
    },
    /// No advertisement.
    #[error("{from} sent a message of type {kind}, not an advertisement (1)")]
    Type {
        /// From where.
        from: IpAddr,
        /// As it stands in the packet.
        kind: u8,
    },
    /// It counts no addresses (RFC 9568 §5.2.5).
    #[error("{from} advertises no addresses")]
    NoAddresses {
        /// From where.
        from: IpAddr,
    },
    /// Other addresses than ours.
    #[error("{from} advertises other addresses ({difference}): set the same on both")]
    AddressMismatch {
        /// From where.
        from: IpAddr,
        /// Which.
        difference: Difference,
    },
    /// There is more, or the IPv4 header says something else.
    #[error("{from} sent {length} bytes where its advertisement has {expected}")]
    TotalLength {
        /// From where.
        from: IpAddr,
        /// What arrived or, where that is right, what the IPv4 header claims, in bytes.
        length: usize,
        /// What it should be.
        expected: usize,
    },
    /// Damaged on the way, or changed by a router that rewrites addresses.
    #[error("{from} sent with a wrong checksum, {checksum:#06x}")]
    Checksum {
        /// From where.
        from: IpAddr,
        /// As it stands in the packet.
        checksum: u16,
    },
    /// To a group, while this node has peers.
    #[error(
        "{from} advertises VRID {vrid} to {destination}, this node to its `peers`: \
         set them on both nodes or on neither, or choose another VRID"
    )]
    Multicast {
        /// From where.
        from: IpAddr,
        /// The group.
        destination: IpAddr,
        /// Ours.
        vrid: Vrid,
    },
    /// Not to the group, while this node has no peers.
    #[error(
        "{from} advertises VRID {vrid} to {destination}, this node by multicast: \
         set `peers` on both nodes or on neither, or choose another VRID"
    )]
    Unicast {
        /// From where.
        from: IpAddr,
        /// One of our addresses, or a group that is not VRRP's.
        destination: IpAddr,
        /// Ours.
        vrid: Vrid,
    },
    /// From somebody who is not among the peers.
    #[error("VRID {vrid} is in use by {from}, which is not among the `peers`")]
    UnknownSender {
        /// From where.
        from: IpAddr,
        /// Ours.
        vrid: Vrid,
    },
}

impl Dropped {
    /// The reason as the label of a metric.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Own { .. } => "own",
            Self::OtherVrid { .. } => "other_vrid",
            Self::TooShort { .. } => "too_short",
            Self::Hops { .. } => "hops",
            Self::Version { .. } => "version",
            Self::AuthType { .. } => "auth_type",
            Self::Password { .. } => "password",
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::UnknownKey { .. } => "unknown_key",
            Self::WrongMac { .. } => "wrong_mac",
            Self::Replayed { .. } => "replayed",
            Self::StaleClock { .. } => "stale_clock",
            Self::Interval { .. } => "interval",
            Self::NoInterval { .. } => "no_interval",
            Self::Type { .. } => "type",
            Self::NoAddresses { .. } => "no_addresses",
            Self::AddressMismatch { .. } => "address_mismatch",
            Self::TotalLength { .. } => "total_length",
            Self::Checksum { .. } => "checksum",
            Self::Multicast { .. } => "multicast",
            Self::Unicast { .. } => "unicast",
            Self::UnknownSender { .. } => "unknown_sender",
        }
    }

    /// True for what every network carries and nobody needs to hear of.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::Own { .. } | Self::OtherVrid { .. })
    }

    pub(super) fn too_short(from: IpAddr, TooShort { length, least }: TooShort) -> Self {
        Self::TooShort { from, length, least }
    }
}
