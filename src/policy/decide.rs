//! The one evaluation of a policy under a state of health, with a recorder for `explain`.
//!
//! A [`Decider`] goes down a plan and finds, for one family and in one [`Mode`], what it would pick
//! and whether it would pick anything at all. Of every plan it also says two things:
//!
//! - *whole*: each child that it looks at in order to pick is up and whole (a pool is whole when
//!   every member not drained serves). A `failover` child that is up but not whole may keep only a
//!   part of what comes to it.
//! - *hint*: the least number of seconds in which a member looked at could change: TTLs follow it.
//!
//! It looks at as little as it needs: a pool behind the one picked has no say in either.

use std::collections::HashMap;

use serde::Serialize;

use super::choice::{Arena, Choice, ChoiceId, HashChild, Kind};
use super::geo::Key;
use super::nearest::Distance;
use super::plan::{Drawing, Plan, PlanId, Plans};
use super::resolve::Resolver;
use super::standing::Standing;
use super::{Family, Policies, PolicyId, PoolId, alias::AliasTable};
use crate::geo::partition::Who;
use crate::health::MemberHealth;

/// What counts as up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Pools by their serving members and `min_healthy`.
    Normal,
    /// Pools with any serving member.
    IgnoringMinHealthy,
    /// Every member, except those drained or forced down.
    AsIfUp,
    /// Every member.
    AsIfAllUp,
}

impl Mode {
    /// The members that a pool picks from.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Normal | Self::IgnoringMinHealthy => Kind::Serving,
            Self::AsIfUp => Kind::Allowed,
            Self::AsIfAllUp => Kind::Every,
        }
    }
}

/// Hears what an evaluation does and why. Every method does nothing by default.
pub trait Trace {
    /// A policy became a plan; the candidates are its children, in the order of the plan where they
    /// have one.
    fn resolved(
        &mut self,
        _policy: PolicyId,
        _plan: PlanId,
        _candidates: impl FnOnce() -> Vec<Candidate>,
    ) {
    }

    /// An evaluation begins.
    fn deciding(&mut self, _mode: Mode) {}

    /// A pool was looked at, for its members of these families.
    fn looked_at(&mut self, _pool: PoolId, _families: &[Family]) {}

    /// A child was looked at: the `child`th of the plan's.
    fn found(&mut self, _plan: PlanId, _child: usize, _finding: Finding) {}
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Trace for Silent {}

/// A child that a policy weighs for one client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The child.
    pub policy: PolicyId,
    /// Why it stands where it stands.
    pub because: Because,
    /// Where that is.
    pub place: Place,
}

/// Why a child stands where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Because {
    /// It is listed there.
    Listed {
        /// The percentage that it keeps while up but not whole.
        degraded: Option<u8>,
    },
    /// It is one of `all`.
    Member,
    /// Its weight.
    Weight(u16),
    /// The key that matches the client.
    Key(Key),
    /// Its distance from the client.
    Distance(Distance),
    /// The order listed, the client having no known place.
    ClientWithoutPlace,
    /// Its round-trip time.
    RoundTrip {
        /// In milliseconds.
        ms: f64,
        /// The key that it is known by.
        key: Key,
    },
}

/// A candidate's place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its index among the plan's children.
    Step(usize),
    /// What it leads to stands there already, under this index.
    SameAs(usize),
    /// Nowhere: weight 0 is never picked.
    WeightZero,
    /// Nowhere: a more specific key has `fence: hard`.
    BehindFence,
}

/// What was found out about a child that was looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// It would pick nothing.
    Down,
    /// It gets this share of what comes to its policy.
    Picked(f64),
    /// It is up but not whole.
    Degraded {
        /// The part it keeps of what comes to it, 0 to 1.
        kept: f64,
        /// What that is of what comes to its policy, 0 to 1.
        share: f64,
    },
}

/// Resolves a policy's geography for one client (or class of clients). A [`Resolver`] does it for
/// many.
pub fn resolve(
    policies: &Policies,
    root: PolicyId,
    who: Who<'_>,
    plans: &mut Plans,
    trace: &mut impl Trace,
) -> PlanId {
    Resolver::new(policies, root, plans).trace_for(who, trace)
}

/// What a plan would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evaluated {
    /// What it picks; absent: it is down.
    pub(super) choice: Option<ChoiceId>,
    /// Whether everything that it looked at is up and whole.
    pub(super) whole: bool,
    /// The least hint of the members that it looked at, in seconds.
    pub(super) hint: Option<u32>,
}

impl Evaluated {
    pub(super) fn is_up(&self) -> bool {
        self.choice.is_some()
    }
}

/// What a policy has seen of its children so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    whole: bool,
    hint: Option<u32>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { whole: true, hint: None }
    }
}

impl Seen {
    /// Counts a child and hands it on.
    pub(super) fn add(&mut self, child: Evaluated) -> Evaluated {
        self.whole &= child.is_up() && child.whole;
        self.hint = least(self.hint, child.hint);
        child
    }

    /// Ends the look around with what is picked.
    pub(super) fn picks(self, choice: Option<ChoiceId>) -> Evaluated {
        Evaluated { choice, whole: self.whole && choice.is_some(), hint: self.hint }
    }
}

/// The lesser of two hints; an absent one sets no limit.
pub(super) fn least(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    [a, b].into_iter().flatten().min()
}

/// What a plan's clients get, in one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The choice to walk, and whether that takes a `when_down`.
    pub verdict: Decided,
    /// The mode in which it was found.
    pub mode: Mode,
    /// In how many seconds a consulted member could change at the earliest; absent: none is due.
    pub hint: Option<u32>,
}

/// The two ways a decision ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Something serves.
    Up(ChoiceId),
    /// Nothing serves: `when_down` of the name decides.
    Down {
        /// The choice as if all were up; absent when there is no member at all.
        as_if_up: Option<ChoiceId>,
    },
}

/// Evaluates plans under one state of health. The plans' choices go to an [`Arena`].
pub(super) struct Decider<'a, T> {
    policies: &'a Policies,
    plans: &'a Plans,
    health: &'a [MemberHealth],
    arena: &'a mut Arena,
    pub(super) trace: &'a mut T,
    family: Family,
    mode: Mode,
    evaluated: HashMap<(PlanId, Family, Mode), Evaluated>,
    standings: HashMap<PoolId, Standing>,
}

impl<'a, T: Trace> Decider<'a, T> {
    pub(super) fn new(
        policies: &'a Policies,
        plans: &'a Plans,
        health: &'a [MemberHealth],
        arena: &'a mut Arena,
        trace: &'a mut T,
    ) -> Self {
        Self {
            policies,
            plans,
            health,
            arena,
            trace,
            family: Family::V4,
            mode: Mode::Normal,
            evaluated: HashMap::new(),
            standings: HashMap::new(),
        }
    }

    /// Decides: with `min_healthy`; if that finds nothing, without; if that finds nothing either,
    /// as if all were up.
    pub(super) fn decide(&mut self, plan: PlanId, family: Family) -> Decision {
        self.family = family;
        let mut hint = None;
        for mode in [Mode::Normal, Mode::IgnoringMinHealthy] {
            let found = self.in_mode(plan, mode);
            hint = least(hint, found.hint);
            if let Some(choice) = found.choice {
                return Decision { verdict: Decided::Up(choice), mode, hint };
            }
        }
        let found = self.in_mode(plan, Mode::AsIfUp);
        let (mode, as_if_up) = match found.choice {
            Some(choice) => (Mode::AsIfUp, Some(choice)),
            None => (Mode::AsIfAllUp, self.in_mode(plan, Mode::AsIfAllUp).choice),
        };
        Decision { verdict: Decided::Down { as_if_up }, mode, hint }
    }

    fn in_mode(&mut self, plan: PlanId, mode: Mode) -> Evaluated {
        self.mode = mode;
        self.trace.deciding(mode);
        self.evaluate(plan)
    }

    /// What a plan would do. Recursion is as deep as policies nest.
    pub(super) fn evaluate(&mut self, id: PlanId) -> Evaluated {
        let about = (id, self.family, self.mode);
        if let Some(known) = self.evaluated.get(&about) {
            return *known;
        }
        let plans = self.plans;
        let found = match plans.plan(id) {
            Plan::Pool(pool) => self.pool(*pool),
            Plan::Split { of, by } => self.split(id, of, *by),
            Plan::Ordered { steps, by } => self.ordered(id, steps, *by),
            Plan::Latency { ranked, rest, by } => self.latency(id, ranked, rest, *by),
            Plan::All(of) => self.every(id, of),
        };
        self.evaluated.insert(about, found);
        found
    }

    fn pool(&mut self, id: PoolId) -> Evaluated {
        let (policies, health) = (self.policies, self.health);
        let standing =
            self.standings.entry(id).or_insert_with(|| Standing::of(policies, id, health));
        let families = standing.consulted(self.family);
        self.trace.looked_at(id, families);
        let up = standing.is_up(self.family, self.mode);
        let (whole, hint) =
            (up && standing.is_whole(self.family, self.mode), standing.hint(self.family));
        let choice = up.then(|| self.arena.add(Choice::Leaf(id, self.mode.kind())));
        Evaluated { choice, whole, hint }
    }

    /// A draw among children that are up, each with its key and weight.
    pub(super) fn draw(&mut self, by: Drawing, up: &[(u64, u32, ChoiceId)]) -> Option<ChoiceId> {
        let up: Vec<_> = up.iter().filter(|(_, weight, _)| *weight > 0).collect();
        let hashed = |by| Choice::Hash {
            by,
            of: up
                .iter()
                .map(|(key, weight, to)| HashChild { key: *key, weight: *weight, to: *to })
                .collect(),
        };
        let choice = match (by, &up[..]) {
            (_, []) => return None,
            // Alone: nothing to draw. The hash of a `sticky` is still needed below it.
            (Drawing::Random | Drawing::Hashed, [(_, _, only)]) => return Some(*only),
            (Drawing::Hashed, _) => hashed(None),
            (Drawing::HashedBy(by), _) => hashed(Some(by)),
            (Drawing::Random, _) => {
                let weights: Vec<u32> = up.iter().map(|(_, weight, _)| *weight).collect();
                let of = up.iter().map(|(_, _, to)| *to).collect();
                Choice::Draw { table: AliasTable::new(&weights), of }
            }
        };
        Some(self.arena.add(choice))
    }

    /// Every one of these; those that are several themselves are taken apart.
    pub(super) fn together(&mut self, up: &[ChoiceId]) -> Option<ChoiceId> {
        let mut of: Vec<ChoiceId> = Vec::new();
        for id in up {
            let inner = match self.arena.get(*id) {
                Some(Choice::All(inner)) => inner.to_vec(),
                _ => vec![*id],
            };
            of.extend(inner);
        }
        of.sort_unstable();
        of.dedup();
        (!of.is_empty()).then(|| self.arena.add(Choice::All(of.into())))
    }
}
