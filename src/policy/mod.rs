//! What a policy is and what it decides; pure.
//!
//! The model here is what a configuration resolves to: pools, members and policies as arenas,
//! every name already an index. A policy goes three steps on its way to an answer:
//!
//! 1. [`plan`]: the policy for one class of clients, its geography resolved; equal plans are one.
//! 2. [`choice`]: a plan under today's health: the tables that a query reads.
//! 3. [`pick`]: one query's walk through those tables, with its random word or its hash.
//!
//! [`resolve`] makes the plan and [`decide`] the choice; each method has a file with its part in
//! both. They tell a [`decide::Trace`] what they do; [`explain`] listens.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use ipnet::IpNet;

use crate::geo::{Asn, Continent, Coordinates, Country, FactSet, Subdivision};
use crate::health::TargetId;

pub mod alias;
pub mod choice;
pub mod decide;
pub mod explain;
pub mod hash;
pub mod pick;
pub mod plan;
pub mod resolve;
pub mod standing;

mod all;
mod draw;
mod failover;
pub mod geo;
mod latency;
pub mod nearest;
mod weighted;

#[cfg(test)]
mod tests;

/// An index into [`Policies::pools`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(pub u32);

/// An index into [`Policies::members`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u32);

/// An index into [`Policies::policies`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyId(pub u32);

/// An address family, as A and AAAA ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Family {
    V4,
    V6,
}

impl Family {
    /// Both, in the order of their index.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }

    /// The word of logs and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }

    /// 0 or 1, for tables of both.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Every pool, member and policy of one configuration.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// By [`PoolId`].
    pub pools: Vec<Pool>,
    /// By [`MemberId`]; a pool's members stand together.
    pub members: Vec<Member>,
    /// By [`PolicyId`]. **A child stands before its parent**, so there are no loops and a pass in
    /// order sees children first. Nesting is at most [`MAX_DEPTH`] deep.
    pub policies: Vec<PolicyNode>,
}

/// How deep policies may nest, named ones included: recursion on them is bounded by this.
pub const MAX_DEPTH: usize = 64;

/// A regional cluster of load balancers.
#[derive(Clone, Debug)]
pub struct Pool {
    /// `NAME` when shared, else `ZONE/NAME` (the zone without its final dot).
    pub name: Box<str>,
    /// Where it stands, for `nearest` and for `latency` without a known RTT.
    pub at: Option<Coordinates>,
    /// The least serving weight that makes it up.
    pub min_healthy: MinHealthy,
    /// Both families are up only together.
    pub linked: bool,
    /// What it can carry, in a unit that the operator chose.
    pub capacity: Option<f64>,
    /// Its members: `members[first..end]`.
    pub members: std::ops::Range<u32>,
}

impl Pool {
    /// The ids of its members.
    pub fn member_ids(&self) -> impl Iterator<Item = MemberId> + use<> {
        self.members.clone().map(MemberId)
    }
}

/// The least configured weight, of that of all members not drained, that must serve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MinHealthy {
    /// Any one member of weight above 0.
    AnyOne,
    /// A share of the weight, above 0 and at most 1.
    Fraction(f64),
}

/// A load balancer's address.
#[derive(Clone, Debug)]
pub struct Member {
    /// The pool it is part of.
    pub pool: PoolId,
    /// What is answered.
    pub address: IpAddr,
    /// Its share inside the pool, 1 to 65535.
    pub weight: NonZeroU16,
    /// What is probed; none: always up. The worst verdict counts.
    pub targets: Vec<TargetId>,
}

/// A policy and what it is called.
#[derive(Clone, Debug)]
pub struct PolicyNode {
    /// The name it was defined under: `NAME`, or `ZONE/NAME`; absent when written in place.
    pub name: Option<Box<str>>,
    /// A canonical text of the policy, equal for equal policies: what `sticky` hashes and
    /// `explain` prints. A pool's is its name.
    pub label: Box<str>,
    /// What it does.
    pub policy: Policy,
}

/// One policy; children are ids of nodes that stand before it.
#[derive(Clone, Debug)]
pub enum Policy {
    /// A pool.
    Pool(PoolId),
    /// An up child in proportion to its weight; weight 0 is never picked. At least one is above 0.
    Weighted(Vec<(PolicyId, u16)>),
    /// The first up child.
    Failover(Vec<FailoverChild>),
    /// By the most specific key that matches the client.
    Geo(Geo),
    /// The up child closest by biased great-circle distance.
    Nearest(Vec<NearestChild>),
    /// The up child with the lowest known RTT.
    Latency {
        /// In the order listed.
        children: Vec<LatencyChild>,
        /// Children within this fraction of the best RTT are its equals (0.1 is 10 %).
        within: f64,
    },
    /// By weighted rendezvous hashing of the client's prefix.
    Sticky {
        /// Weights of 0 are never picked; unweighted lists have 1 each.
        children: Vec<(PolicyId, u16)>,
        /// How many bits of the client's address are hashed.
        by: PrefixLengths,
    },
    /// Every serving member of the up children.
    All(Vec<PolicyId>),
}

/// A child of `failover`.
#[derive(Clone, Copy, Debug)]
pub struct FailoverChild {
    /// The child.
    pub to: PolicyId,
    /// The percentage (0 to 100) that it keeps while up but not whole; absent: all.
    pub degraded: Option<u8>,
}

/// A child of `geo`.
#[derive(Clone, Copy, Debug)]
pub struct GeoChild {
    /// The child.
    pub to: PolicyId,
    /// `fence: hard`: when it is down, less specific keys are not tried.
    pub fence: bool,
}

/// The keys of a `geo` policy.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Geo {
    pub cidrs: Vec<(IpNet, GeoChild)>,
    pub asns: Vec<(Asn, GeoChild)>,
    pub subdivisions: Vec<(Subdivision, GeoChild)>,
    pub countries: Vec<(Country, GeoChild)>,
    pub continents: Vec<(Continent, GeoChild)>,
    pub default: GeoChild,
}

/// A child of `nearest`.
#[derive(Clone, Copy, Debug)]
pub struct NearestChild {
    /// The child.
    pub to: PolicyId,
    /// Its place: its own `at`, else its pool's.
    pub at: Coordinates,
    /// −99 to 99; positive draws clients in.
    pub bias: i8,
}

/// A child of `latency`.
#[derive(Clone, Debug)]
pub struct LatencyChild {
    /// The child.
    pub to: PolicyId,
    /// Its place, when it has one.
    pub at: Option<Coordinates>,
    /// The known round-trip times from clients to it.
    pub rtt: Arc<RttTable>,
}

/// Known round-trip times in milliseconds from clients to one pool.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RttTable {
    pub cidrs: Vec<(IpNet, f64)>,
    pub asns: Vec<(Asn, f64)>,
    pub countries: Vec<(Country, f64)>,
}

/// How many leading bits of an address count, per family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub struct PrefixLengths {
    pub v4: u8,
    pub v6: u8,
}

impl PrefixLengths {
    /// The longer of both, in each family.
    #[must_use]
    pub fn longer(self, other: Self) -> Self {
        Self { v4: self.v4.max(other.v4), v6: self.v6.max(other.v6) }
    }

    /// The length for a family.
    #[must_use]
    pub fn of(self, family: Family) -> u8 {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }
}

/// A name whose A and AAAA come from a policy.
#[derive(Clone, Debug)]
pub struct Routed {
    /// The policy.
    pub policy: PolicyId,
    /// How many members an answer carries, 1 to 16; absent: 1, or every one under `all`.
    pub answers: Option<u8>,
    /// The ends between which its TTL follows health.
    pub ttl: TtlRange,
    /// What is answered when the policy is down.
    pub when_down: WhenDown,
    /// Whether the client's ECS option is used.
    pub ecs: bool,
}

/// The two ends of a TTL that follows health, in seconds; equal ends fix it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct TtlRange {
    pub longest: u32,
    pub shortest: u32,
}

/// What a name answers when its policy would pick nothing, `min_healthy` ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhenDown {
    /// The decision as if all were up, except drained and forced-down members, and with them only
    /// if nothing else is left.
    ServeAll,
    /// The members of the first choice's pool that were up last.
    LastHealthy,
    /// These addresses.
    Fallback(Arc<[IpAddr]>),
    /// An empty answer.
    NoData,
    /// SERVFAIL.
    ServFail,
    /// REFUSED.
    Refused,
}

impl fmt::Display for WhenDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServeAll => "serve_all",
            Self::LastHealthy => "last_healthy",
            Self::Fallback(_) => "fallback",
            Self::NoData => "nodata",
            Self::ServFail => "servfail",
            Self::Refused => "refused",
        })
    }
}

impl Policies {
    /// The node of a policy.
    #[must_use]
    pub fn node(&self, id: PolicyId) -> &PolicyNode {
        &self.policies[id.0 as usize]
    }

    /// The pool of an id.
    #[must_use]
    pub fn pool(&self, id: PoolId) -> &Pool {
        &self.pools[id.0 as usize]
    }

    /// The member of an id.
    #[must_use]
    pub fn member(&self, id: MemberId) -> &Member {
        &self.members[id.0 as usize]
    }

    /// What a policy is called: its name, a pool's, else its canonical text.
    #[must_use]
    pub fn called(&self, id: PolicyId) -> &str {
        let node = self.node(id);
        match node.policy {
            Policy::Pool(pool) => &self.pool(pool).name,
            _ => node.name.as_deref().unwrap_or(&node.label),
        }
    }

    /// The ids of a policy's children, in the order listed.
    #[must_use]
    pub fn children(&self, id: PolicyId) -> Vec<PolicyId> {
        match &self.node(id).policy {
            Policy::Pool(_) => Vec::new(),
            Policy::Weighted(of) | Policy::Sticky { children: of, .. } => {
                of.iter().map(|(to, _)| *to).collect()
            }
            Policy::Failover(of) => of.iter().map(|c| c.to).collect(),
            Policy::Geo(geo) => geo.children().map(|c| c.to).collect(),
            Policy::Nearest(of) => of.iter().map(|c| c.to).collect(),
            Policy::Latency { children, .. } => children.iter().map(|c| c.to).collect(),
            Policy::All(of) => of.clone(),
        }
    }

    /// Every node that a policy can reach, itself included, each once; children before parents.
    #[must_use]
    pub fn reachable(&self, root: PolicyId) -> Vec<PolicyId> {
        // A child's id is below its parent's, so the largest id left has no parent left.
        let mut left = BTreeSet::from([root]);
        let mut found = Vec::new();
        while let Some(id) = left.pop_last() {
            found.push(id);
            left.extend(self.children(id));
        }
        found.reverse();
        found
    }

    /// Every pool that a policy can reach.
    #[must_use]
    pub fn pools_of(&self, root: PolicyId) -> Vec<PoolId> {
        let mut pools: Vec<_> = self
            .reachable(root)
            .into_iter()
            .filter_map(|id| match self.node(id).policy {
                Policy::Pool(pool) => Some(pool),
                _ => None,
            })
            .collect();
        pools.sort_unstable();
        pools.dedup();
        pools
    }

    /// Every CIDR that a policy tells clients apart by, its own and those of known RTTs; sorted,
    /// each once.
    #[must_use]
    pub fn cidrs_of(&self, root: PolicyId) -> Vec<IpNet> {
        let mut cidrs = Vec::new();
        for id in self.reachable(root) {
            match &self.node(id).policy {
                Policy::Geo(geo) => cidrs.extend(geo.cidrs.iter().map(|(net, _)| *net)),
                Policy::Latency { children, .. } => {
                    cidrs.extend(children.iter().flat_map(|c| c.rtt.cidrs.iter().map(|r| r.0)));
                }
                _ => {}
            }
        }
        cidrs.sort_unstable();
        cidrs.dedup();
        cidrs
    }

    /// The facts that a policy asks for.
    #[must_use]
    pub fn facts_of(&self, root: PolicyId) -> FactSet {
        let of = |policy: &Policy| match policy {
            Policy::Geo(geo) => FactSet {
                continent: !geo.continents.is_empty(),
                country: !geo.countries.is_empty(),
                subdivision: !geo.subdivisions.is_empty(),
                asn: !geo.asns.is_empty(),
                coordinates: false,
            },
            Policy::Nearest(children) => {
                FactSet { coordinates: children.len() > 1, ..FactSet::default() }
            }
            Policy::Latency { children, .. } => FactSet {
                country: children.iter().any(|c| !c.rtt.countries.is_empty()),
                asn: children.iter().any(|c| !c.rtt.asns.is_empty()),
                coordinates: children.iter().filter(|c| c.at.is_some()).count() > 1,
                ..FactSet::default()
            },
            _ => FactSet::default(),
        };
        self.reachable(root)
            .into_iter()
            .fold(FactSet::default(), |set, id| set.union(of(&self.node(id).policy)))
    }

    /// The longest prefix that a `sticky` policy below `root` hashes, per family.
    #[must_use]
    pub fn sticky_of(&self, root: PolicyId) -> Option<PrefixLengths> {
        self.reachable(root)
            .into_iter()
            .filter_map(|id| match self.node(id).policy {
                Policy::Sticky { by, .. } => Some(by),
                _ => None,
            })
            .reduce(PrefixLengths::longer)
    }

    /// Whether the answer can depend on who asks.
    #[must_use]
    pub fn client_dependent(&self, root: PolicyId) -> bool {
        self.facts_of(root) != FactSet::default()
            || !self.cidrs_of(root).is_empty()
            || self.sticky_of(root).is_some()
    }
}

impl Geo {
    /// Every child, the default last.
    pub fn children(&self) -> impl Iterator<Item = GeoChild> + '_ {
        let cidrs = self.cidrs.iter().map(|c| c.1);
        let asns = self.asns.iter().map(|c| c.1);
        let subdivisions = self.subdivisions.iter().map(|c| c.1);
        let countries = self.countries.iter().map(|c| c.1);
        let continents = self.continents.iter().map(|c| c.1);
        cidrs
            .chain(asns)
            .chain(subdivisions)
            .chain(countries)
            .chain(continents)
            .chain([self.default])
    }
}
