//! What one group of virtual routers is told to be.
//!
//! A [`Config`] is one entry of a configuration: one VRID on one interface, whose addresses are of
//! one family or of both. Each family is a virtual router of its own on the wire (RFC 9568 §5.2),
//! a member of the group; the group has one state, one priority and one health.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU8;
use std::time::Duration;

use crate::auth::Auth;

/// A virtual router identifier, 1 to 255 (RFC 9568 §5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Vrid(pub NonZeroU8);

/// A priority as it stands in an advertisement (RFC 9568 §5.2.4): 0 releases the role, 255 is the
/// owner of the addresses, 1 to 254 are everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Priority(pub u8);

/// The version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 3768: IPv4, whole seconds.
    V2,
    /// RFC 9568: both families, centiseconds.
    V3,
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A group: one entry of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// For logs, metrics, the notify command.
    pub name: String,
    /// The VRID, the same for both families.
    pub id: Vrid,
    /// Where the addresses are served and, in multicast, advertised; it may appear later.
    pub interface: String,
    /// The version spoken.
    pub version: Version,
    /// The virtual addresses, in the order in which they are advertised. The family of the first is
    /// the group's first member.
    pub addresses: Vec<IpAddr>,
    /// While healthy: 1 to 254, or 255 for the owner.
    pub priority: Priority,
    /// Between advertisements while Active: 10 ms to 40.95 s; whole seconds in version 2.
    pub advertise: Duration,
    /// When a Backup displaces an Active.
    pub preempt: Preempt,
    /// With [`Preempt::Always`]: how long the Active of lower priority is left alone.
    pub preempt_delay: Duration,
    /// The least time in Initialize after the start.
    pub startup_delay: Duration,
    /// After a fault no other node is displaced or replaced for this long, or for Active_Down
    /// where that is longer.
    pub fault_hold: Duration,
    /// Whom to send to; empty: multicast.
    pub peers: Vec<Peer>,
    /// Where to send from: an address for each path, or absent: the interface's.
    pub source: Option<Vec<IpAddr>>,
    /// With exactly one unicast peer: take over at once on priority 0, without the skew that orders
    /// several backups.
    pub pair_mode: bool,
    /// How the checksum is sent.
    pub checksum: ChecksumMode,
    /// What an advertisement with other addresses is in version 3.
    pub address_mismatch: AddressMismatch,
    /// How advertisements are authenticated.
    pub auth: Auth,
    /// The priority of a node that should not be Active.
    pub floor: Priority,
    /// What the priority depends on beside the node's own health.
    pub track: Vec<Track>,
    /// Who tells a lost peer from a lost network.
    pub witness: Option<Witness>,
    /// Each address stays on `lo` from start to exit.
    pub resident: bool,
    /// How long the kernel keeps an address of the interface that nobody renews.
    pub lease: Lease,
    /// The addresses are served from a virtual MAC address (RFC 9568 §7.3).
    pub vmac: bool,
    /// When neighbours are told where the addresses are.
    pub arp: ArpSchedule,
    /// What is run at each transition.
    pub notify: Option<Notify>,
}

/// When a Backup displaces an Active that it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preempt {
    /// Only one that advertises the floor, from good health.
    Unhealthy,
    /// Any of lower priority (RFC 9568 Preempt_Mode true).
    Always,
    /// None (Preempt_Mode false).
    Never,
}

/// Another node of the group, reached by unicast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// For logs.
    pub name: String,
    /// One address for each path to it; either family. The first decides ties.
    pub addresses: Vec<IpAddr>,
    /// Its advertisements have a TTL of 256 − `hops` at least.
    pub hops: u8,
}

/// Which checksum is sent (RFC 9568 §5.2.8); both are accepted. IPv6 always has the pseudo-header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumMode {
    /// With the IPv4 pseudo-header, as keepalived and FRR do.
    Pseudo,
    /// Without, as the RFC says.
    Plain,
    /// As the peer last did; with it before anything was heard.
    Mirror,
}

/// What an advertisement with other addresses than ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressMismatch {
    /// Warned of; it still takes part in the election.
    Warn,
    /// Dropped.
    Drop,
}

/// Something that the priority depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// What.
    pub object: Tracked,
    /// Added to the priority while it is missing, −253 to −1; absent: a fault.
    pub weight: Option<i16>,
}

/// What is tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracked {
    /// An interface that must be up.
    Interface(String),
    /// An address that this host must have.
    Address(IpAddr),
}

/// Addresses whose silence means that this node, not its peer, is cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Asked by ARP or neighbour solicitation where on-link, else by ICMP echo.
    pub addresses: Vec<IpAddr>,
    /// How many must answer.
    pub need: Need,
    /// How often each is asked.
    pub every: Duration,
    /// So many questions in a row without an answer are a loss.
    pub misses: u32,
    /// A witness that never answered counts as lost; else it counts from its first answer.
    pub required: bool,
}

/// How many of several must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// One.
    Any,
    /// Each.
    All,
}

/// The valid lifetime of addresses on the interface; renewed at a third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// The longer of 10 s and 3 × Active_Down.
    Auto,
    /// For ever.
    Forever,
    /// So long.
    For(Duration),
}

/// When gratuitous ARP and unsolicited neighbour advertisements are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArpSchedule {
    /// How many for each address in a burst.
    pub burst: u8,
    /// Further bursts, so long after the first.
    pub again: Vec<Duration>,
    /// One for each address every so often; absent: never.
    pub refresh: Option<Duration>,
}

/// A program that is run at each transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The program and its first arguments; `TYPE NAME STATE PRIORITY` follow. No shell.
    pub command: Vec<String>,
    /// It is killed after so long.
    pub timeout: Duration,
}

impl Priority {
    /// Releases the role (RFC 9568 §5.2.4).
    pub const RELEASE: Self = Self(0);
    /// The owner of the addresses.
    pub const OWNER: Self = Self(255);
}

impl Version {
    /// As it stands in the first four bits of an advertisement.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

impl Vrid {
    /// Absent for 0.
    #[must_use]
    pub fn new(id: u8) -> Option<Self> {
        NonZeroU8::new(id).map(Self)
    }
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl Config {
    /// The families of the addresses: one or two, that of the first address first.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let mut families = Vec::with_capacity(2);
        for family in self.addresses.iter().copied().map(Family::of) {
            if !families.contains(&family) {
                families.push(family);
            }
        }
        families
    }

    /// The addresses of one family, in order.
    #[must_use]
    pub fn of_family(&self, family: Family) -> Vec<IpAddr> {
        self.addresses.iter().copied().filter(|&a| Family::of(a) == family).collect()
    }

    /// The longest silence of an Active that advertises at our interval (Active_Down_Interval,
    /// RFC 9568 §6.1; RFC 3768 §6.1).
    #[must_use]
    pub fn active_down(&self) -> Duration {
        active_down(self.version, self.priority, self.advertise)
    }

    /// The valid lifetime of an address on the interface; absent: for ever.
    #[must_use]
    pub fn lease(&self) -> Option<Duration> {
        match self.lease {
            Lease::Auto => Some((self.active_down() * 3).max(Duration::from_secs(10))),
            Lease::Forever => None,
            Lease::For(span) => Some(span),
        }
    }
}

/// Skew_Time: version 3 (256 − priority) × interval / 256 (RFC 9568 §6.1), version 2
/// (256 − priority) / 256 s (RFC 3768 §6.1).
#[must_use]
pub fn skew(version: Version, priority: Priority, interval: Duration) -> Duration {
    let unit = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => interval,
    };
    unit * (256 - u32::from(priority.0)) / 256
}

/// Active_Down_Interval: 3 × interval + skew.
#[must_use]
pub fn active_down(version: Version, priority: Priority, interval: Duration) -> Duration {
    interval * 3 + skew(version, priority, interval)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}
