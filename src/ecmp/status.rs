//! What became of an entry, for `status`, metrics and logs.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::kernel::{Id, RouteKey};
use super::{Spreading, WhenDown};

/// An entry and what the kernel has of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Its pool.
    pub pool: Arc<str>,
    /// Where its route stands.
    pub route: RouteKey,
    /// Where that leads.
    pub leads: Leads,
    /// How flows are to be spread.
    pub spreading: Spreading,
    /// What happens when no member is up.
    pub when_down: WhenDown,
    /// The pool's members of the route's family, in the order of the configuration.
    pub members: Vec<MemberStatus>,
    /// When this process changed the group or the route last; absent: never, it was as it had to be.
    pub last_change: Option<Instant>,
    /// How often this process changed the group or the route.
    pub changes: u64,
    /// What is not as it should be, a sentence each.
    pub alarms: Vec<String>,
}

/// Where a route leads, as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To this group.
    Group {
        /// Its id, as in `ip nexthop show id ID`.
        id: Id,
        /// How many next hops it has.
        next_hops: usize,
        /// How many buckets; absent in a multipath group.
        buckets: Option<u16>,
    },
    /// Nowhere, and senders are told so.
    Unreachable,
    /// There is no route of ours.
    Absent,
}

/// A member and its part in the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    /// Its address.
    pub address: IpAddr,
    /// Its next hop: its own address, or as `via` says.
    pub gateway: IpAddr,
    /// The interface that leads to the next hop; absent when none does.
    pub interface: Option<Arc<str>>,
    /// Its weight in the pool.
    pub weight: u16,
    /// The weight of its next hop in the kernel's group, 1 to 256; absent when it is not in it.
    pub share: Option<u16>,
    /// Whether it is wanted in the group, and why (not).
    pub standing: Standing,
}

/// Whether a member is wanted in the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It serves.
    In,
    /// It does not serve, but none does, and it was among those that served last
    /// ([`WhenDown::Keep`]).
    Kept,
    /// It is left out.
    Out(Why),
}

/// Why a member is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its probes fail, or an operator says it is down.
    Down,
    /// An operator drained it.
    Drained,
    /// It was not probed yet, and others serve: it waits for its first result.
    Unproven,
    /// Its next hop is behind another router.
    Beyond(IpAddr),
    /// Its next hop is an address of this host.
    OwnAddress,
    /// Its next hop is a link-local address, which says nothing without an interface.
    LinkLocal,
    /// The link to its next hop is down.
    LinkDown(Arc<str>),
    /// No route leads to its next hop.
    NoWay,
    /// The kernel refuses its next hop, in these words.
    Refused(Arc<str>),
    /// The group is full.
    TooMany,
}

impl Standing {
    /// The lower-case word of `status` and metrics.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Kept => "kept",
            Self::Out(_) => "out",
        }
    }

    /// Whether it is wanted in the group.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        match self {
            Self::In | Self::Kept => true,
            Self::Out(_) => false,
        }
    }
}

impl Leads {
    /// The lower-case word of `status` and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Group { .. } => "group",
            Self::Unreachable => "unreachable",
            Self::Absent => "absent",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In => f.write_str("in"),
            Self::Kept => f.write_str("kept: no member is up, and it was up last"),
            Self::Out(why) => write!(f, "out: {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("down"),
            Self::Drained => f.write_str("drained"),
            Self::Unproven => f.write_str("waits for the first result of its probes"),
            Self::Beyond(router) => write!(
                f,
                "its next hop is not on a link of this host but behind {router}: name one that is \
                 in `via`"
            ),
            Self::OwnAddress => f.write_str("its next hop is an address of this host"),
            Self::LinkLocal => f.write_str(
                "its next hop is a link-local address, which needs an interface: name a global \
                 address of it in `via`",
            ),
            Self::LinkDown(interface) => write!(f, "the link {interface} to its next hop is down"),
            Self::NoWay => f.write_str(
                "no link of this host leads to its next hop: name one that is on a link in `via`",
            ),
            Self::Refused(words) => write!(f, "the kernel refuses its next hop: {words}"),
            Self::TooMany => f.write_str("the group is full"),
        }
    }
}
