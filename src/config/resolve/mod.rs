//! Names to indices over all files; loops, duplicates, "did you mean".
//!
//! A [`Resolver`] takes the steering sections of every file, shared and of zones, and the policies
//! that names route to; then [`Resolver::finish`] looks up everything at once:
//!
//! 1. `names`: what is defined where, and what a name means in a file.
//! 2. `target`: pools and probes to members and what is probed.
//! 3. `rtt`: known round-trip times, a table for each pool as one file sees it.
//! 4. `order`: named policies so that children come first; loops.
//! 5. `build`: policies as written to nodes of the `arena`, whose texts `label` makes.
//! 6. `advice`: what is allowed and probably not meant.
//!
//! Mistakes never end it early: what could not be resolved is left out, what depends on it is left
//! out in silence, and everything else is still checked.

use std::collections::BTreeSet;

use crate::config::Known;
use crate::config::diagnostic::Report;
use crate::config::read::fields::Fields;
use crate::config::read::policy::{self, PolicyShape};
use crate::config::read::rtt::RttRow;
use crate::config::read::steering::Steering;
use crate::config::tree::Node;
use crate::dns::Name;
use crate::health::Target;
use crate::policy::{Policies, PolicyId};

mod advice;
mod arena;
mod build;
mod label;
mod names;
mod order;
mod rtt;
mod target;
#[cfg(test)]
mod tests;

use names::Names;

/// Where names are looked up: in a zone, then in what is shared; or in what is shared alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub(super) u32);

impl ScopeId {
    /// That of all files without `zone:`.
    pub const SHARED: Self = Self(0);
}

/// An index into [`Resolved::routes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteRef(pub u32);

/// Collects what the files say.
#[derive(Debug, Default)]
pub struct Resolver {
    names: Names,
    rtt: Vec<(ScopeId, RttRow)>,
    routes: Vec<(ScopeId, PolicyShape)>,
    /// Pools used outside the files.
    outside: BTreeSet<Box<str>>,
}

/// Everything looked up. What a mistake is in is left out.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    /// Every pool, member and policy.
    pub policies: Policies,
    /// What is probed, by `TargetId`; no two equal.
    pub targets: Vec<Target>,
    /// Each target's probe by name, `NAME` or `ZONE/NAME`, by `TargetId`.
    pub target_names: Vec<String>,
    /// By [`RouteRef`]; `None` where there was a mistake, reported.
    pub routes: Vec<Option<PolicyId>>,
}

impl Resolver {
    /// Reads the steering sections of a file: of a zone's, or of a shared one.
    /// All shared files are one scope, every zone file is one of its own.
    pub fn add_scope(
        &mut self,
        zone: Option<&Name>,
        fields: &Fields<'_>,
        report: &mut Report,
    ) -> ScopeId {
        let steering = Steering::read(fields, report);
        let scope = match zone {
            None => ScopeId::SHARED,
            Some(zone) => self.names.add_zone(zone),
        };
        self.rtt.extend(steering.rtt.into_iter().map(|row| (scope, row)));
        self.names.define(scope, steering.probes, steering.pools, steering.policies, report);
        scope
    }

    /// Reads the policy that a name of a zone routes to.
    pub fn add_route(&mut self, scope: ScopeId, node: &Node, report: &mut Report) -> RouteRef {
        self.routes.push((scope, policy::read(node, report)));
        RouteRef(self.routes.len() as u32 - 1)
    }

    /// Takes note that a pool, `ZONE/POOL` or a shared one, is used outside the files. One that is
    /// not there is for whoever speaks of it to report.
    pub fn use_pool(&mut self, qualified: &str) {
        self.outside.insert(qualified.into());
    }

    /// Looks up every name of every file; reports every mistake that is left, and warnings.
    #[must_use]
    pub fn finish(self, known: Known, report: &mut Report) -> Resolved {
        let Self { names, rtt, routes, outside } = self;
        names.check_redefinitions(report);
        names.use_pools(&outside);
        let target::Probed { pools, members, targets, target_names } =
            target::build(&names, report);
        let rtt = rtt::Book::new(&names, &rtt, known, report);
        let arena = arena::Arena::new(&names, pools, members, known);
        let mut builder = build::Builder::new(&names, rtt, arena);
        for policy in order::children_first(&names, report) {
            builder.define(policy, report);
        }
        let routes = routes.iter().map(|(scope, shape)| builder.policy(*scope, shape, report));
        let routes = routes.collect();
        let (policies, rtt) = builder.finish();
        if report.errors() == 0 && names.has_zones() {
            advice::unused(&names, &rtt, report);
        }
        Resolved { policies, targets, target_names, routes }
    }
}
