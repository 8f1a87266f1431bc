//! The world that queries are answered from.
//!
//! A [`World`] is everything a configuration fixes: zones, policies, maps, targets. A [`Snapshot`]
//! is a world under one state of health, its members' and the node's own; a new one is published
//! with every change and never altered. [`build`] makes worlds, [`publish`] is the one writer.

use std::sync::Arc;

use crate::answer::identity::Identity;
use crate::geo::partition::Partition;
use crate::health::{MemberHealth, Target};
use crate::node::NodeState;
use crate::policy::choice::{PolicyChoices, PoolTables};
use crate::policy::plan::Plans;
use crate::policy::{Policies, PolicyId};
use crate::zone::Zones;

pub mod build;
mod members;
mod news;
pub mod publish;
#[cfg(test)]
mod tests;

/// An index into a world's routed policies: those that some name routes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub u32);

/// What one configuration fixes; built beside the old one, then swapped.
#[derive(Debug)]
pub struct World {
    /// Names and records.
    pub zones: Zones,
    /// Pools, members, policies.
    pub policies: Policies,
    /// Every policy for every class of clients, geography resolved.
    pub plans: Plans,
    /// The policies that names route to, by [`RouteId`].
    pub routes: Vec<Route>,
    /// By `PolicyId`; absent where no name routes to the policy itself.
    pub route_of: Vec<Option<RouteId>>,
    /// What is probed, by `TargetId`.
    pub targets: Vec<Arc<Target>>,
    /// Each target's probe by name.
    pub target_names: Vec<String>,
    /// Answers by pool, one row for each counting thread.
    pub answers: publish::PoolCounters,
    /// What the node calls itself.
    pub identity: Identity,
    /// Grows with every world of this process.
    pub configuration: u64,
}

/// A policy that names route to, and the clients it tells apart.
#[derive(Debug)]
pub struct Route {
    /// The policy.
    pub policy: PolicyId,
    /// Client → class; the class is an index into `Route::plans`.
    pub partition: Partition,
    /// Class → plan.
    pub plans: Vec<crate::policy::plan::PlanId>,
    /// The longest prefix that it hashes clients by.
    pub sticky: Option<crate::policy::PrefixLengths>,
}

/// A world under one state of health. Immutable; the hot path reads nothing else.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What the configuration fixes.
    pub world: Arc<World>,
    /// By [`RouteId`]: the choice for each class and family. Unchanged ones are shared with the
    /// snapshot before.
    pub choices: Arc<[Arc<PolicyChoices>]>,
    /// By `PoolId`: the members to draw from.
    pub pools: Arc<[Arc<PoolTables>]>,
    /// By `MemberId`.
    pub health: Arc<[MemberHealth]>,
    /// What the node knows of itself; no answer depends on it.
    pub node: Arc<NodeState>,
    /// Grows with every snapshot of this process.
    pub generation: u64,
}
