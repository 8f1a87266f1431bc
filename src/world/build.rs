//! A checked configuration to a world: every table that does not depend on health.

use std::collections::HashMap;
use std::sync::Arc;

use super::publish::PoolCounters;
use super::{Route, RouteId, World};
use crate::answer::identity::Identity;
use crate::config::Config;
use crate::geo::FactSet;
use crate::geo::mmdb::Databases;
use crate::geo::partition::{ClassId, Partition};
use crate::geo::places::Places;
use crate::policy::plan::{PlanId, Plans};
use crate::policy::resolve::Resolver;
use crate::policy::{Policies, PolicyId};
use crate::zone::{ZoneSource, Zones};

impl World {
    /// Builds a world. The configuration is checked, so this cannot fail. `rows` is how many
    /// threads will count answers; `configuration` numbers the worlds of this process.
    #[must_use]
    pub fn build(config: Config, databases: &Databases, rows: usize, configuration: u64) -> Self {
        let sources: Vec<_> = config.zones.into_iter().map(|zone| zone.source).collect();
        let policies = config.policies;
        let mut plans = Plans::default();
        let mut maps = Maps { databases, built: HashMap::new() };
        let mut routes = Vec::new();
        let mut route_of = vec![None; policies.policies.len()];
        for policy in routed_policies(&sources) {
            route_of[policy.0 as usize] = Some(RouteId(routes.len() as u32));
            routes.push(route(&policies, policy, &mut maps, &mut plans));
        }
        Self {
            zones: Zones::build(sources),
            answers: PoolCounters::new(rows, policies.pools.len()),
            policies,
            plans,
            routes,
            route_of,
            targets: config.targets.into_iter().map(Arc::new).collect(),
            target_names: config.target_names,
            identity: Identity::default(),
            configuration,
        }
    }

    /// This world as served by a node of this name; without it nobody is told who answers.
    #[must_use]
    pub fn named(self, node: &str) -> Self {
        Self { identity: Identity::new(node), ..self }
    }
}

/// The policies that names route to, each once, in the order of their ids.
fn routed_policies(zones: &[ZoneSource]) -> Vec<PolicyId> {
    let names = zones.iter().flat_map(|zone| &zone.names);
    let mut found: Vec<_> = names.filter_map(|n| n.routed.as_ref()).map(|r| r.policy).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The maps built so far: policies that ask for the same facts share one.
struct Maps<'d> {
    databases: &'d Databases,
    built: HashMap<FactSet, Arc<Places>>,
}

impl Maps<'_> {
    fn of(&mut self, facts: FactSet) -> Arc<Places> {
        let build = || Arc::new(Places::build(self.databases, facts));
        Arc::clone(self.built.entry(facts).or_insert_with(build))
    }
}

/// Resolves one policy for every class of clients that it tells apart: equal plans, one class.
fn route(policies: &Policies, policy: PolicyId, maps: &mut Maps<'_>, plans: &mut Plans) -> Route {
    let mut classes: HashMap<PlanId, ClassId> = HashMap::new();
    let mut of_class = Vec::new();
    let places = maps.of(policies.facts_of(policy));
    let mut resolver = Resolver::new(policies, policy, plans);
    let partition = Partition::build(places, &policies.cidrs_of(policy), |who| {
        let plan = resolver.plan_for(who);
        *classes.entry(plan).or_insert_with(|| {
            of_class.push(plan);
            ClassId(of_class.len() as u32 - 1)
        })
    });
    Route { policy, partition, plans: of_class, sticky: policies.sticky_of(policy) }
}
