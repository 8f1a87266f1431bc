//! Policies as written to nodes of the arena.

use std::collections::HashMap;
use std::sync::Arc;

use super::ScopeId;
use super::advice;
use super::arena::Arena;
use super::names::{Meaning, Names, PolicyIndex};
use super::rtt::Book;
use crate::config::diagnostic::{Report, Span};
use crate::config::read::client::ClientKey;
use crate::config::read::policy::{
    Child, Fence, GeoShape, NearestOptions, PolicyKind, PolicyShape,
};
use crate::config::read::pool::Soundness;
use crate::config::tree::quote;
use crate::geo::Coordinates;
use crate::policy::{
    FailoverChild, Geo, GeoChild, LatencyChild, NearestChild, Policies, Policy, PolicyId, PoolId,
    RttTable,
};

/// Builds policies, children before parents.
#[derive(Debug)]
pub(super) struct Builder<'n> {
    names: &'n Names,
    rtt: Book,
    arena: Arena<'n>,
    /// What each named policy became: `None` before its turn, and after a mistake in it.
    named: Vec<Option<PolicyId>>,
}

impl<'n> Builder<'n> {
    pub(super) fn new(names: &'n Names, rtt: Book, arena: Arena<'n>) -> Self {
        Self { names, rtt, arena, named: vec![None; names.policies.len()] }
    }

    /// Builds a named policy. One that is a name alone is another name for the same node.
    pub(super) fn define(&mut self, index: PolicyIndex, report: &mut Report) {
        let defined = &self.names.policies[index.0];
        let (scope, shape) = (defined.scope, &defined.shape);
        self.named[index.0] = match &shape.kind {
            PolicyKind::Name(name) => self.name(scope, shape.span, name, report),
            _ => self.method(scope, shape, report).and_then(|policy| {
                let name = self.names.qualified(scope, &defined.name.value);
                self.arena.add_named(name, policy, shape, report)
            }),
        };
    }

    /// Builds a policy; `None` when there is a mistake in it, reported.
    pub(super) fn policy(
        &mut self,
        scope: ScopeId,
        shape: &PolicyShape,
        report: &mut Report,
    ) -> Option<PolicyId> {
        match &shape.kind {
            PolicyKind::Name(name) => self.name(scope, shape.span, name, report),
            _ => {
                let policy = self.method(scope, shape, report)?;
                self.arena.add_in_place(scope, policy, shape, report)
            }
        }
    }

    /// The arena and the book, when all is built.
    pub(super) fn finish(self) -> (Policies, Book) {
        (self.arena.into_policies(), self.rtt)
    }

    fn name(
        &mut self,
        scope: ScopeId,
        span: Span,
        name: &str,
        report: &mut Report,
    ) -> Option<PolicyId> {
        match self.names.find(scope, span, name, report)? {
            Meaning::Pool(pool) => Some(self.arena.pool(pool)),
            // `order` has it built before, unless it is part of a loop.
            Meaning::Policy(policy) => self.named[policy.0],
        }
    }

    fn method(
        &mut self,
        scope: ScopeId,
        shape: &PolicyShape,
        report: &mut Report,
    ) -> Option<Policy> {
        match &shape.kind {
            PolicyKind::Broken | PolicyKind::Name(_) => None,
            PolicyKind::Weighted(children) => {
                self.children(scope, children, report).map(Policy::Weighted)
            }
            PolicyKind::Failover(children) => {
                let children = self.children(scope, children, report)?.into_iter();
                let child = |(to, degraded)| FailoverChild { to, degraded };
                Some(Policy::Failover(children.map(child).collect()))
            }
            PolicyKind::Geo(shape) => self.geo(scope, shape, report).map(Policy::Geo),
            PolicyKind::Nearest(children) => {
                self.nearest(scope, children, report).map(Policy::Nearest)
            }
            PolicyKind::Latency { children, within } => {
                let children = self.latency(scope, shape.span, children, report)?;
                Some(Policy::Latency { children, within: *within })
            }
            PolicyKind::Sticky { children, by } => {
                let children = self.children(scope, children, report)?;
                Some(Policy::Sticky { children, by: *by })
            }
            PolicyKind::All(children) => {
                let children = self.children(scope, children, report)?.into_iter();
                Some(Policy::All(children.map(|(to, ())| to).collect()))
            }
        }
    }

    /// Every child of a list, each once.
    fn children<O: Copy>(
        &mut self,
        scope: ScopeId,
        children: &[Child<O>],
        report: &mut Report,
    ) -> Option<Vec<(PolicyId, O)>> {
        let built = self.distinct(scope, children, report);
        built.into_iter().zip(children).map(|(to, child)| Some((to?, child.options))).collect()
    }

    /// Builds every child and reports those that are listed twice. `None` where a mistake is.
    fn distinct<O>(
        &mut self,
        scope: ScopeId,
        children: &[Child<O>],
        report: &mut Report,
    ) -> Vec<Option<PolicyId>> {
        let mut first: HashMap<PolicyId, Span> = HashMap::new();
        let mut built = Vec::with_capacity(children.len());
        for child in children {
            let id = self.policy(scope, &child.to, report);
            if let Some(id) = id
                && let Some(first) = first.insert(id, child.to.span)
            {
                let label = quote(&self.arena.node(id).label);
                report
                    .error(child.to.span, format!("{label} is listed twice"))
                    .label(first, "the first is here");
            }
            built.push(id);
        }
        built
    }

    fn geo(&mut self, scope: ScopeId, shape: &GeoShape, report: &mut Report) -> Option<Geo> {
        let mut keys: Vec<_> = Vec::with_capacity(shape.keys.len());
        for (key, child) in &shape.keys {
            let child = self.geo_child(scope, child, report);
            keys.push(key.map(|key| key.value).zip(child));
        }
        let default = shape.default.as_ref();
        let default = default.and_then(|child| self.geo_child(scope, child, report));
        let mut keys: Vec<(ClientKey, GeoChild)> = keys.into_iter().collect::<Option<_>>()?;
        keys.sort_unstable_by_key(|(key, _)| *key);
        Some(geo_of(keys, default?))
    }

    fn geo_child(
        &mut self,
        scope: ScopeId,
        child: &Child<Fence>,
        report: &mut Report,
    ) -> Option<GeoChild> {
        let to = self.policy(scope, &child.to, report)?;
        Some(GeoChild { to, fence: child.options == Fence::Hard })
    }

    fn nearest(
        &mut self,
        scope: ScopeId,
        children: &[Child<NearestOptions>],
        report: &mut Report,
    ) -> Option<Vec<NearestChild>> {
        let built = self.distinct(scope, children, report);
        let place = |(to, child): (Option<PolicyId>, &Child<NearestOptions>)| {
            let (to, NearestOptions { at, bias }) = (to?, child.options);
            let at = at.or_else(|| self.place(to));
            if at.is_none() {
                self.report_placeless(to, child.to.span, report);
            }
            Some(NearestChild { to, at: at?, bias })
        };
        let placed: Vec<_> = built.into_iter().zip(children).map(place).collect();
        placed.into_iter().collect()
    }

    fn latency(
        &mut self,
        scope: ScopeId,
        span: Span,
        children: &[Child<Option<Coordinates>>],
        report: &mut Report,
    ) -> Option<Vec<LatencyChild>> {
        let built = self.distinct(scope, children, report);
        let mut timed = Vec::with_capacity(children.len());
        for (to, child) in built.into_iter().zip(children) {
            timed.push(to.map(|to| LatencyChild {
                to,
                at: child.options.or_else(|| self.place(to)),
                rtt: self.times(scope, to),
            }));
        }
        let timed: Vec<LatencyChild> = timed.into_iter().collect::<Option<_>>()?;
        advice::blind_latency(&timed, &self.arena, span, report);
        Some(timed)
    }

    fn pool_of(&self, policy: PolicyId) -> Option<PoolId> {
        match self.arena.node(policy).policy {
            Policy::Pool(pool) => Some(pool),
            _ => None,
        }
    }

    /// The place of a pool.
    fn place(&self, policy: PolicyId) -> Option<Coordinates> {
        self.names.pools[self.pool_of(policy)?.0 as usize].shape.at
    }

    /// The known times to a pool.
    fn times(&mut self, scope: ScopeId, policy: PolicyId) -> Arc<RttTable> {
        match self.pool_of(policy) {
            Some(pool) => self.rtt.table(scope, pool),
            None => self.rtt.none(),
        }
    }

    fn report_placeless(&self, policy: PolicyId, span: Span, report: &mut Report) {
        let pool = self.pool_of(policy).map(|pool| &self.names.pools[pool.0 as usize]);
        match pool {
            Some(pool) if pool.shape.soundness == Soundness::Broken => {}
            Some(pool) => {
                let name = &pool.name.value;
                report
                    .error(span, format!("`nearest` needs a place for pool `{name}`"))
                    .label(pool.name.span, "this pool has no `at`")
                    .help(format!(
                        "give the pool `at: [latitude, longitude]`, or write \
                         `{{ to: {name}, at: [latitude, longitude] }}`"
                    ));
            }
            None => {
                let label = quote(&self.arena.node(policy).label);
                report
                    .error(span, format!("`nearest` needs a place for {label}, which is no pool"))
                    .help("write `{ to: policy, at: [latitude, longitude] }`");
            }
        }
    }
}

fn geo_of(keys: Vec<(ClientKey, GeoChild)>, default: GeoChild) -> Geo {
    let mut geo = Geo {
        cidrs: Vec::new(),
        asns: Vec::new(),
        subdivisions: Vec::new(),
        countries: Vec::new(),
        continents: Vec::new(),
        default,
    };
    for (key, child) in keys {
        match key {
            ClientKey::Cidr(network) => geo.cidrs.push((network, child)),
            ClientKey::Asn(asn) => geo.asns.push((asn, child)),
            ClientKey::Subdivision(subdivision) => geo.subdivisions.push((subdivision, child)),
            ClientKey::Country(country) => geo.countries.push((country, child)),
            ClientKey::Continent(continent) => geo.continents.push((continent, child)),
        }
    }
    geo
}
