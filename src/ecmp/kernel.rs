//! What of the kernel is ours: next hops, groups of them, and routes that lead to groups.
//!
//! Ours is a next hop or a group whose id is in [`IDS`] and whose protocol is [`PROTOCOL`], and a
//! route whose protocol is [`PROTOCOL`]. Nothing else is ever changed: an id of the range that
//! somebody else uses is passed over, and so is a place in a table where somebody's route stands.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{EcmpConfig, Spreading};

/// The routing protocol number (`rtm_protocol`, `nh_protocol`) of all that is made here. Free in
/// `/etc/iproute2/rt_protos` and in the kernel's `rtnetlink.h`.
pub const PROTOCOL: u8 = 82;

/// The ids of our next hops and groups. Far from those that the kernel gives out itself (from 1 up)
/// and from FRR's blocks (multiples of 2^32 / the number of its protocols); easy to know in the
/// output of `ip nexthop`.
pub const IDS: RangeInclusive<u32> = 820_000_000..=820_999_999;

/// The id of a next hop or of a group.
pub type Id = u32;

/// The metric that the kernel gives an IPv6 route for 0 (`IP6_RT_PRIO_USER`).
const IPV6_DEFAULT_METRIC: u32 = 1024;

/// A gateway on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NextHop {
    /// Its address.
    pub gateway: IpAddr,
    /// The index of the interface.
    pub interface: u32,
}

/// How a group spreads flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// By hash threshold.
    Multipath,
    /// Over buckets.
    Resilient {
        /// How many; fixed for the group's life.
        buckets: u16,
        /// In 1/100 s.
        idle: u32,
        /// In 1/100 s; 0: never.
        unbalanced: u32,
    },
}

impl Shape {
    /// Whether a group of this shape can be given the other one in place: type and number of
    /// buckets cannot change, timers can.
    #[must_use]
    pub fn can_become(self, other: Self) -> bool {
        match (self, other) {
            (Self::Multipath, Self::Multipath) => true,
            (Self::Resilient { buckets: ours, .. }, Self::Resilient { buckets, .. }) => {
                ours == buckets
            }
            (Self::Multipath, Self::Resilient { .. })
            | (Self::Resilient { .. }, Self::Multipath) => false,
        }
    }
}

impl From<Spreading> for Shape {
    fn from(spreading: Spreading) -> Self {
        // A timer that is not whole in the kernel's unit is never shorter than asked for.
        let hundredths = |span: std::time::Duration| {
            u32::try_from(span.as_millis().div_ceil(10)).unwrap_or(u32::MAX)
        };
        match spreading {
            Spreading::Multipath => Self::Multipath,
            Spreading::Resilient { buckets, idle, unbalanced } => Self::Resilient {
                buckets,
                idle: hundredths(idle),
                unbalanced: hundredths(unbalanced),
            },
        }
    }
}

/// A group: its shape, and its next hops with their weights (1 to 256).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How it spreads flows.
    pub shape: Shape,
    /// By the id of the next hop.
    pub members: BTreeMap<Id, u16>,
}

impl Group {
    /// Whether the other one differs in weights alone.
    #[must_use]
    pub fn differs_in_weights_alone(&self, other: &Self) -> bool {
        self.shape == other.shape
            && self.members != other.members
            && self.members.keys().eq(other.members.keys())
    }
}

/// What an id of our range stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A next hop.
    NextHop(NextHop),
    /// A group.
    Group(Group),
    /// Ours, but nothing that we make: a blackhole, a group of another type.
    Stray,
    /// Somebody else's, by this protocol number.
    Foreign(u8),
}

/// Where a route stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteKey {
    /// The table.
    pub table: u32,
    /// The destination, without bits beyond its length.
    pub prefix: IpNet,
    /// The metric, as the kernel lists it.
    pub metric: u32,
}

impl RouteKey {
    /// The place that an entry asks for.
    #[must_use]
    pub fn of(entry: &EcmpConfig) -> Self {
        let metric = match (entry.prefix, entry.metric) {
            (IpNet::V6(_), 0) => IPV6_DEFAULT_METRIC,
            (IpNet::V4(_) | IpNet::V6(_), metric) => metric,
        };
        Self { table: entry.table, prefix: entry.prefix.trunc(), metric }
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, prefix, metric } = self;
        write!(f, "{prefix} metric {metric} in table {table}")
    }
}

/// Where a route of ours leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To a group, or a single next hop, of this id.
    NextHop(Id),
    /// Nowhere, and senders are told.
    Unreachable,
    /// Elsewhere: nothing that we make.
    Stray,
}

/// Our part of the kernel's tables, as listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Every id of our range that is in use, by whomever.
    pub objects: BTreeMap<Id, Object>,
    /// The routes of our protocol.
    pub routes: BTreeMap<RouteKey, Target>,
}

impl Tables {
    /// The group that a route leads to.
    #[must_use]
    pub fn group_of(&self, route: &RouteKey) -> Option<(Id, &Group)> {
        match self.routes.get(route) {
            Some(Target::NextHop(id)) => self.group(*id).map(|group| (*id, group)),
            Some(Target::Unreachable | Target::Stray) | None => None,
        }
    }

    /// Our group of that id.
    #[must_use]
    pub fn group(&self, id: Id) -> Option<&Group> {
        match self.objects.get(&id) {
            Some(Object::Group(group)) => Some(group),
            Some(Object::NextHop(_) | Object::Stray | Object::Foreign(_)) | None => None,
        }
    }

    /// Our next hop of that id.
    #[must_use]
    pub fn next_hop(&self, id: Id) -> Option<NextHop> {
        match self.objects.get(&id) {
            Some(Object::NextHop(next_hop)) => Some(*next_hop),
            Some(Object::Group(_) | Object::Stray | Object::Foreign(_)) | None => None,
        }
    }

    /// The ids of our range that somebody else uses, with their protocol.
    pub fn foreign(&self) -> impl Iterator<Item = (Id, u8)> + '_ {
        self.objects.iter().filter_map(|(id, object)| match object {
            Object::Foreign(protocol) => Some((*id, *protocol)),
            Object::NextHop(_) | Object::Group(_) | Object::Stray => None,
        })
    }
}

/// One step from what the kernel has to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new next hop.
    AddNextHop(Id, NextHop),
    /// A new group.
    AddGroup(Id, Group),
    /// A group is given other members, weights or timers in place; its routes follow at once.
    ReplaceGroup(Id, Group),
    /// A route where none of ours stands; refused where somebody else's does.
    AddRoute(RouteKey, Target),
    /// A route of ours is led elsewhere, without a moment in between.
    ReplaceRoute(RouteKey, Target),
    /// A route of ours is removed.
    RemoveRoute(RouteKey, Target),
    /// A group or a next hop is removed, when nothing of ours needs it.
    RemoveObject(Id),
}

impl Change {
    /// Whether it takes something away: only done when all that stands before it was.
    #[must_use]
    pub fn is_removal(&self) -> bool {
        match self {
            Self::RemoveRoute(..) | Self::RemoveObject(_) => true,
            Self::AddNextHop(..)
            | Self::AddGroup(..)
            | Self::ReplaceGroup(..)
            | Self::AddRoute(..)
            | Self::ReplaceRoute(..) => false,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddNextHop(id, hop) => {
                write!(f, "add the next hop {} as {id}", hop.gateway)
            }
            Self::AddGroup(id, group) => {
                write!(f, "add a group of {} next hops as {id}", group.members.len())
            }
            Self::ReplaceGroup(id, group) => {
                write!(f, "give the group {id} {} next hops", group.members.len())
            }
            Self::AddRoute(route, target) => write!(f, "add the route {route} to {target}"),
            Self::ReplaceRoute(route, target) => write!(f, "lead the route {route} to {target}"),
            Self::RemoveRoute(route, _) => write!(f, "remove the route {route}"),
            Self::RemoveObject(id) => write!(f, "remove the next hop or group {id}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NextHop(id) => write!(f, "the group {id}"),
            Self::Unreachable => f.write_str("nowhere (unreachable)"),
            Self::Stray => f.write_str("elsewhere"),
        }
    }
}
