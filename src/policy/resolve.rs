//! A policy for one client: its geography resolved to a plan.

use std::collections::{HashMap, HashSet};

use super::decide::{Because, Candidate, Place, Silent, Trace};
use super::geo::KeyIndex;
use super::plan::{Drawing, Plan, PlanId, Plans, Step};
use super::{Geo, Policies, Policy, PolicyId, RttTable, hash};
use crate::geo::partition::Who;

/// Resolves one policy for any number of clients. What does not depend on the client is resolved
/// once; keys are found by hash.
#[derive(Debug)]
pub struct Resolver<'a> {
    pub(super) policies: &'a Policies,
    pub(super) plans: &'a mut Plans,
    root: PolicyId,
    /// Policies that are the same for every client.
    settled: HashSet<PolicyId>,
    /// The plans of this round's client; those of settled policies stay from round to round.
    known: HashMap<At, (PlanId, u64)>,
    round: u64,
    pub(super) geo_keys: HashMap<PolicyId, KeyIndex<super::GeoChild>>,
    /// By the address of the shared table, which outlives this.
    pub(super) rtt_keys: HashMap<*const RttTable, KeyIndex<f64>>,
}

/// A policy where it stands: below a `sticky` every draw uses the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct At {
    pub(super) policy: PolicyId,
    pub(super) under: Under,
}

/// What decides draws that stand here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Under {
    Chance,
    Hash,
}

/// The client that a policy is resolved for, and who listens.
pub(super) struct Visit<'v, T> {
    pub(super) who: Who<'v>,
    pub(super) trace: &'v mut T,
}

impl<'a> Resolver<'a> {
    /// Prepares to resolve `root`.
    #[must_use]
    pub fn new(policies: &'a Policies, root: PolicyId, plans: &'a mut Plans) -> Self {
        let mut made = Self {
            policies,
            plans,
            root,
            settled: HashSet::new(),
            known: HashMap::new(),
            round: 0,
            geo_keys: HashMap::new(),
            rtt_keys: HashMap::new(),
        };
        for id in policies.reachable(root) {
            made.prepare(id);
        }
        made
    }

    /// Indexes a policy's keys, its children being prepared.
    fn prepare(&mut self, id: PolicyId) {
        let policies = self.policies;
        let same_for_all = match &policies.node(id).policy {
            Policy::Geo(geo) => {
                self.geo_keys.insert(id, KeyIndex::of_geo(geo));
                geo.has_default_only()
            }
            Policy::Nearest(children) => children.len() < 2,
            Policy::Latency { children, .. } => {
                for child in children {
                    let table = &*child.rtt;
                    self.rtt_keys.entry(table).or_insert_with(|| KeyIndex::of_rtt(table));
                }
                children.iter().all(|c| c.rtt.is_empty())
                    && children.iter().filter(|c| c.at.is_some()).count() < 2
            }
            _ => true,
        };
        if same_for_all && policies.children(id).iter().all(|c| self.settled.contains(c)) {
            self.settled.insert(id);
        }
    }

    /// The plan for the clients that look like `who`.
    pub fn plan_for(&mut self, who: Who<'_>) -> PlanId {
        self.trace_for(who, &mut Silent)
    }

    /// As [`Self::plan_for`]; `trace` hears of every policy once, children first, unless an earlier
    /// round settled it.
    pub fn trace_for(&mut self, who: Who<'_>, trace: &mut impl Trace) -> PlanId {
        self.round += 1;
        let root = At { policy: self.root, under: Under::Chance };
        self.plan_of(root, &mut Visit { who, trace })
    }

    /// The plan of a policy that stands somewhere below the root. Recursion is as deep as policies
    /// nest, at most [`super::MAX_DEPTH`].
    pub(super) fn plan_of(&mut self, at: At, visit: &mut Visit<'_, impl Trace>) -> PlanId {
        let settled = self.settled.contains(&at.policy);
        if let Some((plan, round)) = self.known.get(&at)
            && (settled || *round == self.round)
        {
            return *plan;
        }
        let policies = self.policies;
        let plan = match &policies.node(at.policy).policy {
            Policy::Pool(pool) => {
                let plan = self.plans.intern(Plan::Pool(*pool));
                visit.trace.resolved(at.policy, plan, Vec::new);
                plan
            }
            Policy::Weighted(children) => self.weighted(at, children, visit),
            Policy::Sticky { children, by } => self.sticky(at, children, *by, visit),
            Policy::Failover(children) => self.failover(at, children, visit),
            Policy::Geo(geo) => self.geo(at, geo, visit),
            Policy::Nearest(children) => self.nearest(at, children, visit),
            Policy::Latency { children, within } => self.latency(at, children, *within, visit),
            Policy::All(children) => self.all(at, children, visit),
        };
        self.known.insert(at, (plan, self.round));
        plan
    }

    /// The plan that tries children one after the other. One that stands already is left out: it
    /// would not be tried a second time.
    pub(super) fn in_order(
        &mut self,
        at: At,
        children: Vec<(PolicyId, Because)>,
        behind_fence: Vec<(PolicyId, Because)>,
        visit: &mut Visit<'_, impl Trace>,
    ) -> PlanId {
        let mut steps: Vec<Step> = Vec::new();
        let mut candidates = Vec::new();
        for (policy, because) in children {
            let to = self.plan_of(At { policy, ..at }, visit);
            let place = match steps.iter().position(|step| step.to == to) {
                Some(earlier) => Place::SameAs(earlier),
                None => {
                    steps.push(Step { to, degraded: None, key: 0 });
                    Place::Step(steps.len() - 1)
                }
            };
            candidates.push(Candidate { policy, because, place });
        }
        candidates.extend(behind_fence.into_iter().map(|(policy, because)| Candidate {
            policy,
            because,
            place: Place::BehindFence,
        }));
        let plan = self.plans.intern(Plan::Ordered { steps: steps.into(), by: Drawing::Random });
        visit.trace.resolved(at.policy, plan, || candidates);
        plan
    }

    /// What a draw at this level hashes for a child; 0 where chance decides.
    pub(super) fn key(&self, at: At, child: PolicyId) -> u64 {
        match at.under {
            Under::Chance => 0,
            Under::Hash => {
                let level = hash::text(self.policies.called(at.policy));
                hash::join(level, hash::text(self.policies.called(child)))
            }
        }
    }
}

impl Under {
    /// What draws here.
    pub(super) fn drawing(self) -> Drawing {
        match self {
            Self::Chance => Drawing::Random,
            Self::Hash => Drawing::Hashed,
        }
    }
}

impl Geo {
    /// Whether every client gets the default.
    fn has_default_only(&self) -> bool {
        self.children().count() == 1
    }
}

impl RttTable {
    /// Whether it knows nothing.
    fn is_empty(&self) -> bool {
        self.cidrs.is_empty() && self.asns.is_empty() && self.countries.is_empty()
    }
}
