//! What is defined where, and what a name means in a file.
//!
//! Pools and policies share one namespace for each scope, probes have their own. What is shared is
//! visible in every zone, and no zone may define it again: a name never means two things.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::ScopeId;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::read::fields::did_you_mean;
use crate::config::read::policy::PolicyShape;
use crate::config::read::pool::PoolShape;
use crate::config::read::probe::ProbeShape;
use crate::config::read::steering::Definition;
use crate::config::tree::quote;
use crate::dns::Name;
use crate::policy::PoolId;

/// A search for what was meant looks at every name. Who has made more mistakes than this has made
/// one of another kind, and would wait for long.
const SEARCHES: u32 = 100;

/// An index into [`Names::probes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProbeIndex(pub(super) usize);

/// An index into [`Names::policies`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PolicyIndex(pub(super) usize);

/// What the name of a policy means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Pool(PoolId),
    Policy(PolicyIndex),
}

/// A definition and its scope.
#[derive(Debug)]
pub(super) struct Defined<T> {
    pub(super) scope: ScopeId,
    pub(super) name: Spanned<Box<str>>,
    pub(super) shape: T,
    /// Whether anything refers to it.
    pub(super) used: Cell<bool>,
}

impl<T> Defined<T> {
    fn new(scope: ScopeId, definition: Definition<T>) -> Self {
        let Definition { name, shape } = definition;
        Self { scope, name, shape, used: Cell::new(false) }
    }
}

/// The names of one scope.
#[derive(Debug, Default)]
struct Scope {
    /// The zone without its final dot; absent: shared.
    zone: Option<Box<str>>,
    meanings: BTreeMap<Box<str>, Meaning>,
    probes: BTreeMap<Box<str>, ProbeIndex>,
}

/// Every definition of every file. Of several under one name the first counts.
#[derive(Debug)]
pub(super) struct Names {
    scopes: Vec<Scope>,
    pub(super) probes: Vec<Defined<Option<ProbeShape>>>,
    /// By `PoolId`.
    pub(super) pools: Vec<Defined<PoolShape>>,
    pub(super) policies: Vec<Defined<PolicyShape>>,
    /// How many more searches there may be.
    searches: Cell<u32>,
}

impl Default for Names {
    fn default() -> Self {
        let scopes = vec![Scope::default()];
        let searches = Cell::new(SEARCHES);
        Self { scopes, probes: Vec::new(), pools: Vec::new(), policies: Vec::new(), searches }
    }
}

impl Names {
    pub(super) fn add_zone(&mut self, zone: &Name) -> ScopeId {
        let text = zone.to_string();
        let zone = Some(text.strip_suffix('.').unwrap_or(&text).into());
        self.scopes.push(Scope { zone, ..Scope::default() });
        ScopeId(self.scopes.len() as u32 - 1)
    }

    pub(super) fn has_zones(&self) -> bool {
        self.scopes.len() > 1
    }

    /// Takes the definitions of one file.
    pub(super) fn define(
        &mut self,
        scope: ScopeId,
        probes: Vec<Definition<Option<ProbeShape>>>,
        pools: Vec<Definition<PoolShape>>,
        policies: Vec<Definition<PolicyShape>>,
        report: &mut Report,
    ) {
        for probe in probes {
            self.define_probe(scope, probe, report);
        }
        for pool in pools {
            let meaning = Meaning::Pool(PoolId(self.pools.len() as u32));
            if self.claim(scope, &pool.name, meaning, report) {
                self.pools.push(Defined::new(scope, pool));
            }
        }
        for policy in policies {
            let meaning = Meaning::Policy(PolicyIndex(self.policies.len()));
            if self.claim(scope, &policy.name, meaning, report) {
                self.policies.push(Defined::new(scope, policy));
            }
        }
    }

    fn define_probe(
        &mut self,
        scope: ScopeId,
        probe: Definition<Option<ProbeShape>>,
        report: &mut Report,
    ) {
        let index = ProbeIndex(self.probes.len());
        match self.scopes[scope.0 as usize].probes.get(&probe.name.value) {
            Some(first) => twice("probe", &probe.name, self.probes[first.0].name.span, report),
            None => {
                self.scopes[scope.0 as usize].probes.insert(probe.name.value.clone(), index);
                self.probes.push(Defined::new(scope, probe));
            }
        }
    }

    /// Whether a name was free for a pool or a policy; reported when it was not.
    fn claim(
        &mut self,
        scope: ScopeId,
        name: &Spanned<Box<str>>,
        meaning: Meaning,
        report: &mut Report,
    ) -> bool {
        if let Some(first) = self.scopes[scope.0 as usize].meanings.get(&name.value) {
            twice("pool or policy", name, self.span(*first), report);
            return false;
        }
        self.scopes[scope.0 as usize].meanings.insert(name.value.clone(), meaning);
        true
    }

    /// Reports what a zone defines though it is shared. Files come in any order, so this is last.
    pub(super) fn check_redefinitions(&self, report: &mut Report) {
        let shared = &self.scopes[0];
        let of_zones = |scope: ScopeId| scope != ScopeId::SHARED;
        for probe in self.probes.iter().filter(|probe| of_zones(probe.scope)) {
            if let Some(first) = shared.probes.get(&probe.name.value) {
                redefined("probe", &probe.name, self.probes[first.0].name.span, report);
            }
        }
        let pools = self.pools.iter().map(|pool| (pool.scope, &pool.name));
        let policies = self.policies.iter().map(|policy| (policy.scope, &policy.name));
        for (_, name) in pools.chain(policies).filter(|(scope, _)| of_zones(*scope)) {
            if let Some(first) = shared.meanings.get(&name.value) {
                redefined("pool or policy", name, self.span(*first), report);
            }
        }
    }

    /// The place of a definition's name.
    pub(super) fn span(&self, meaning: Meaning) -> Span {
        match meaning {
            Meaning::Pool(pool) => self.pools[pool.0 as usize].name.span,
            Meaning::Policy(policy) => self.policies[policy.0].name.span,
        }
    }

    /// `NAME` when shared, else `ZONE/NAME`.
    pub(super) fn qualified(&self, scope: ScopeId, name: &str) -> Box<str> {
        match &self.scopes[scope.0 as usize].zone {
            None => name.into(),
            Some(zone) => format!("{zone}/{name}").into(),
        }
    }

    /// The scopes that a scope sees, nearest first.
    fn visible(&self, scope: ScopeId) -> impl Iterator<Item = &Scope> {
        let shared = (scope != ScopeId::SHARED).then(|| &self.scopes[0]);
        std::iter::once(&self.scopes[scope.0 as usize]).chain(shared)
    }

    /// What a name means; reports nothing.
    pub(super) fn meaning(&self, scope: ScopeId, name: &str) -> Option<Meaning> {
        self.visible(scope).find_map(|scope| scope.meanings.get(name).copied())
    }

    /// What the name of a pool or a policy means, from now on used; reported when nothing.
    pub(super) fn find(
        &self,
        scope: ScopeId,
        span: Span,
        name: &str,
        report: &mut Report,
    ) -> Option<Meaning> {
        let meaning = self.meaning(scope, name);
        match meaning {
            Some(Meaning::Pool(pool)) => self.pools[pool.0 as usize].used.set(true),
            Some(Meaning::Policy(policy)) => self.policies[policy.0].used.set(true),
            None => {
                let known = self.visible(scope).flat_map(|scope| scope.meanings.keys());
                let help = self.search(name, known).or_else(|| name_help(name));
                let message = format!("unknown pool or policy {}", quote(name));
                report.error(span, message).help_if(help);
            }
        }
        meaning
    }

    /// Marks pools as used that are known by their qualified names.
    pub(super) fn use_pools(&self, qualified: &BTreeSet<Box<str>>) {
        if qualified.is_empty() {
            return;
        }
        for pool in &self.pools {
            if qualified.contains(&*self.qualified(pool.scope, &pool.name.value)) {
                pool.used.set(true);
            }
        }
    }

    /// The pool of a name; reported when there is none. To be known is not to be used.
    pub(super) fn find_pool(
        &self,
        scope: ScopeId,
        name: &Spanned<Box<str>>,
        report: &mut Report,
    ) -> Option<PoolId> {
        let shown = quote(&name.value);
        match self.meaning(scope, &name.value) {
            Some(Meaning::Pool(pool)) => return Some(pool),
            Some(policy) => {
                report
                    .error(name.span, format!("{shown} is a policy, not a pool"))
                    .label(self.span(policy), "defined here");
            }
            None => {
                let is_pool = |(_, meaning): &(_, &Meaning)| matches!(meaning, Meaning::Pool(_));
                let pools = self.visible(scope).flat_map(|s| s.meanings.iter().filter(is_pool));
                let help = self.search(&name.value, pools.map(|(name, _)| name));
                report.error(name.span, format!("unknown pool {shown}")).help_if(help);
            }
        }
        None
    }

    /// The probe of a name, from now on used; reported when there is none.
    pub(super) fn find_probe(
        &self,
        scope: ScopeId,
        name: &Spanned<Box<str>>,
        report: &mut Report,
    ) -> Option<ProbeIndex> {
        let found = self.visible(scope).find_map(|scope| scope.probes.get(&name.value).copied());
        match found {
            Some(probe) => self.probes[probe.0].used.set(true),
            None => {
                let known = self.visible(scope).flat_map(|scope| scope.probes.keys());
                let help = self.search(&name.value, known);
                let message = format!("unknown probe {}", quote(&name.value));
                report.error(name.span, message).help_if(help);
            }
        }
        found
    }

    /// What was meant by an unknown name: another zone's, or one that is spelt like it.
    fn search<'s>(&self, name: &str, known: impl Iterator<Item = &'s Box<str>>) -> Option<String> {
        self.searches.set(self.searches.get().checked_sub(1)?);
        let near = || did_you_mean(name, known.map(|name| &**name));
        self.elsewhere(name).or_else(|| near().map(|near| format!("did you mean `{near}`?")))
    }

    /// Where a pool or a policy that is not visible is defined.
    fn elsewhere(&self, name: &str) -> Option<String> {
        let scope = self.scopes.iter().find(|scope| scope.meanings.contains_key(name))?;
        let zone = scope.zone.as_ref()?;
        Some(format!(
            "zone {zone} defines {}: to use it here, define it in a shared file (one without \
             `zone:`)",
            quote(name)
        ))
    }
}

/// What was meant by a name that looks like something else.
fn name_help(name: &str) -> Option<String> {
    let address = name.parse::<std::net::IpAddr>().ok()?;
    Some(format!(
        "an address is a member of a pool: `pools: {{ NAME: {{ members: [\"{address}\"] }} }}`"
    ))
}

fn twice(what: &str, name: &Spanned<Box<str>>, first: Span, report: &mut Report) {
    report
        .error(name.span, format!("{what} {} is defined twice", quote(&name.value)))
        .label(first, "first defined here");
}

fn redefined(what: &str, name: &Spanned<Box<str>>, shared: Span, report: &mut Report) {
    report
        .error(name.span, format!("{what} {} is already shared", quote(&name.value)))
        .label(shared, "the shared definition")
        .help("every zone sees what is shared: give this one another name");
}
