//! The nodes that policies become: equal ones are one, none nests too deep.

use std::collections::HashMap;

use super::names::Names;
use super::{ScopeId, advice, label};
use crate::config::Known;
use crate::config::diagnostic::Report;
use crate::config::read::policy::PolicyShape;
use crate::config::read::pool::Soundness;
use crate::policy::{
    Family, MAX_DEPTH, Member, Policies, Policy, PolicyId, PolicyNode, Pool, PoolId,
};

/// What is known of a node beside what the node itself says.
#[derive(Clone, Copy, Debug, Default)]
struct Summary {
    /// 1 for a pool.
    depth: usize,
    /// By [`Family::index`].
    reach: [Reach; 2],
}

/// Pools that a policy can pick, by whether they have members of one family: one of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    pub(super) with: Option<PoolId>,
    pub(super) without: Option<PoolId>,
}

impl Reach {
    fn union(self, other: Self) -> Self {
        Self { with: self.with.or(other.with), without: self.without.or(other.without) }
    }

    /// Under `all`, where one pool with members of the family is enough.
    fn together(self) -> Self {
        Self { without: self.without.filter(|_| self.with.is_none()), ..self }
    }

    /// A pool with members of the family and one without, when there are both.
    fn mixed(self) -> Option<(PoolId, PoolId)> {
        self.with.zip(self.without)
    }
}

/// Policies as they are built.
#[derive(Debug)]
pub(super) struct Arena<'n> {
    names: &'n Names,
    known: Known,
    policies: Policies,
    /// By `PolicyId`.
    summaries: Vec<Summary>,
    /// The node of each pool, by `PoolId`; made when it is first asked for.
    pools: Vec<Option<PolicyId>>,
    /// Those without a name, by label. The scope counts: what a zone knows of round-trip times is
    /// part of a policy and not of its label.
    in_place: HashMap<(ScopeId, Box<str>), PolicyId>,
}

impl<'n> Arena<'n> {
    pub(super) fn new(
        names: &'n Names,
        pools: Vec<Pool>,
        members: Vec<Member>,
        known: Known,
    ) -> Self {
        Self {
            names,
            known,
            pools: vec![None; pools.len()],
            policies: Policies { pools, members, policies: Vec::new() },
            summaries: Vec::new(),
            in_place: HashMap::new(),
        }
    }

    pub(super) fn into_policies(self) -> Policies {
        self.policies
    }

    pub(super) fn node(&self, id: PolicyId) -> &PolicyNode {
        self.policies.node(id)
    }

    /// The node of a pool.
    pub(super) fn pool(&mut self, pool: PoolId) -> PolicyId {
        if let Some(id) = self.pools[pool.0 as usize] {
            return id;
        }
        let label = self.policies.pool(pool).name.clone();
        let reach = Family::BOTH.map(|family| self.reach_of_pool(pool, family));
        let node = PolicyNode { name: None, label, policy: Policy::Pool(pool) };
        let id = self.push(node);
        self.summaries.push(Summary { depth: 1, reach });
        self.pools[pool.0 as usize] = Some(id);
        id
    }

    /// Of a broken pool nothing is known.
    fn reach_of_pool(&self, pool: PoolId, family: Family) -> Reach {
        let shape = &self.names.pools[pool.0 as usize].shape;
        match (shape.soundness, shape.has(family)) {
            (Soundness::Broken, _) => Reach::default(),
            (Soundness::Sound, true) => Reach { with: Some(pool), without: None },
            (Soundness::Sound, false) => Reach { with: None, without: Some(pool) },
        }
    }

    /// Adds a policy under its full name, which is its label too: whoever refers to it, and whoever
    /// hashes over it, means the name and not what it says today.
    pub(super) fn add_named(
        &mut self,
        name: Box<str>,
        policy: Policy,
        shape: &PolicyShape,
        report: &mut Report,
    ) -> Option<PolicyId> {
        let node = PolicyNode { label: name.clone(), name: Some(name), policy };
        self.add(node, shape, report)
    }

    /// Adds a policy that is written where it is used, or finds the equal one.
    pub(super) fn add_in_place(
        &mut self,
        scope: ScopeId,
        policy: Policy,
        shape: &PolicyShape,
        report: &mut Report,
    ) -> Option<PolicyId> {
        let key = (scope, label::of(&policy, &self.policies));
        if let Some(id) = self.in_place.get(&key) {
            return Some(*id);
        }
        let node = PolicyNode { name: None, label: key.1.clone(), policy };
        let id = self.add(node, shape, report)?;
        self.in_place.insert(key, id);
        Some(id)
    }

    fn add(
        &mut self,
        node: PolicyNode,
        shape: &PolicyShape,
        report: &mut Report,
    ) -> Option<PolicyId> {
        let id = self.push(node);
        let summary = self.summarize(id);
        if summary.depth > MAX_DEPTH {
            self.policies.policies.pop();
            let message = format!("policies nest deeper than {MAX_DEPTH} levels here");
            report.error(shape.span, message).help("those that are named elsewhere count as well");
            return None;
        }
        advice::policy(&self.node(id).policy, shape, self.known, report);
        self.warn_of_families(id, summary, shape, report);
        self.summaries.push(summary);
        Some(id)
    }

    /// Adds a node, whose summary is to follow.
    fn push(&mut self, node: PolicyNode) -> PolicyId {
        self.policies.policies.push(node);
        PolicyId(self.policies.policies.len() as u32 - 1)
    }

    fn summary(&self, id: PolicyId) -> Summary {
        self.summaries[id.0 as usize]
    }

    fn summarize(&self, id: PolicyId) -> Summary {
        let children = self.policies.children(id).into_iter();
        let depth = children.map(|child| self.summary(child).depth).max().unwrap_or(0) + 1;
        let pickable = self.pickable(id).into_iter().map(|child| self.summary(child).reach);
        let union = |a: [Reach; 2], b: [Reach; 2]| [a[0].union(b[0]), a[1].union(b[1])];
        let mut reach = pickable.fold(Default::default(), union);
        if matches!(self.node(id).policy, Policy::All(_)) {
            reach = reach.map(Reach::together);
        }
        Summary { depth, reach }
    }

    /// The children that can be picked: those of weight 0 cannot.
    fn pickable(&self, id: PolicyId) -> Vec<PolicyId> {
        match &self.node(id).policy {
            Policy::Weighted(children) | Policy::Sticky { children, .. } => {
                children.iter().filter(|(_, weight)| *weight > 0).map(|(to, _)| *to).collect()
            }
            _ => self.policies.children(id),
        }
    }

    /// Warns of a family that some of the pools have and some have not, at the innermost policy.
    fn warn_of_families(
        &self,
        id: PolicyId,
        summary: Summary,
        shape: &PolicyShape,
        report: &mut Report,
    ) {
        for family in Family::BOTH {
            let mixed = |summary: Summary| summary.reach[family.index()].mixed();
            let Some((with, without)) = mixed(summary) else { continue };
            if self.pickable(id).into_iter().all(|child| mixed(self.summary(child)).is_none()) {
                let [with, without] = [with, without].map(|id| &self.names.pools[id.0 as usize]);
                advice::families(family, &with.name, &without.name, shape.span, report);
            }
        }
    }
}
