//! A plan under today's health: the tables that a query reads.
//!
//! Two kinds of tables, so that a change of health rebuilds little: a [`PolicyChoices`] leads from
//! a client's class to a pool, a [`PoolTables`] from a pool to its members.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::alias::AliasTable;
use super::decide::{Decided, Decider, Decision, Silent, Trace};
use super::plan::{PlanId, Plans};
use super::{Family, Policies, PoolId, PrefixLengths, hash};
use crate::geo::partition::ClassId;
use crate::health::{Forced, MemberHealth};
use crate::world::Route;

/// Which members of a pool are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Those that serve.
    Serving,
    /// Those neither drained nor forced down.
    Allowed,
    /// All.
    Every,
    /// Of those allowed, the ones that served before they went down.
    LastHealthy,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Serving, Self::Allowed, Self::Every, Self::LastHealthy];

    /// Whether a member is one of these.
    #[must_use]
    pub fn includes(self, health: MemberHealth) -> bool {
        let allowed = !matches!(health.forced, Some(Forced::Drain | Forced::Down));
        match self {
            Self::Serving => health.serves(),
            Self::Allowed => allowed,
            Self::Every => true,
            Self::LastHealthy => allowed && health.last_served,
        }
    }
}

/// The members of one pool to draw from, per family and kind of need.
#[derive(Debug)]
pub struct PoolTables {
    /// By [`Family::index`] and kind.
    tables: [[MemberTable; Kind::ALL.len()]; 2],
}

/// Members to draw from.
#[derive(Debug)]
pub struct MemberTable {
    /// In the order of the configuration.
    pub members: Box<[Drawable]>,
    /// Draws an index by weight.
    pub draw: AliasTable,
}

/// A member as a draw needs it.
#[derive(Clone, Copy, Debug)]
pub struct Drawable {
    /// What is answered.
    pub address: IpAddr,
    /// Above 0.
    pub weight: u16,
    /// What the client's hash is mixed with.
    pub key: u64,
}

impl PoolTables {
    /// Builds a pool's tables. `health` is by `MemberId`.
    #[must_use]
    pub fn build(policies: &Policies, pool: PoolId, health: &[MemberHealth]) -> Self {
        let table = |family, kind| MemberTable::build(policies, pool, health, family, kind);
        let tables = Family::BOTH.map(|family| Kind::ALL.map(|kind| table(family, kind)));
        Self { tables }
    }

    /// The members of a family and kind.
    #[must_use]
    pub fn members(&self, family: Family, kind: Kind) -> &MemberTable {
        &self.tables[family.index()][kind as usize]
    }
}

impl MemberTable {
    fn build(
        policies: &Policies,
        pool: PoolId,
        health: &[MemberHealth],
        family: Family,
        kind: Kind,
    ) -> Self {
        let health = |id: super::MemberId| health.get(id.0 as usize).copied().unwrap_or_default();
        let ids = policies.pool(pool).member_ids().filter(|id| kind.includes(health(*id)));
        let members: Box<[Drawable]> = ids
            .map(|id| policies.member(id))
            .filter(|member| Family::of(member.address) == family)
            .map(|member| Drawable {
                address: member.address,
                weight: member.weight.get(),
                key: hash::member(member.address),
            })
            .collect();
        let weights: Vec<u32> = members.iter().map(|member| member.weight.into()).collect();
        Self { members, draw: AliasTable::new(&weights) }
    }
}

/// An index into an [`Arena`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChoiceId(u32);

/// One step of the way from a client's class to a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// Draw from these members of a pool.
    Leaf(PoolId, Kind),
    /// Go on with one of these, by a random word.
    Draw {
        /// Draws an index into `of`.
        table: AliasTable,
        /// Two at least.
        of: Box<[ChoiceId]>,
    },
    /// Go on with one of these, by the client's hash.
    Hash {
        /// Hash this much of the client's address, here and below; absent: the hash made above.
        by: Option<PrefixLengths>,
        /// One at least.
        of: Box<[HashChild]>,
    },
    /// Go on with every one of these; none is an `All` itself.
    All(Box<[ChoiceId]>),
}

/// A child of [`Choice::Hash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashChild {
    /// What the client's hash is mixed with.
    pub key: u64,
    /// Above 0.
    pub weight: u32,
    /// Where it leads.
    pub to: ChoiceId,
}

/// Choices, each once. **A child stands before its parent.**
#[derive(Debug, Default)]
pub struct Arena {
    choices: Vec<Choice>,
    known: HashMap<Choice, ChoiceId>,
}

impl Arena {
    /// The id of a choice, its children already among these.
    pub(super) fn add(&mut self, choice: Choice) -> ChoiceId {
        let next = ChoiceId(self.choices.len() as u32);
        *self.known.entry(choice).or_insert_with_key(|choice| {
            self.choices.push(choice.clone());
            next
        })
    }

    pub(super) fn get(&self, id: ChoiceId) -> Option<&Choice> {
        self.choices.get(id.0 as usize)
    }
}

/// One routed policy under one state of health: a decision for each class and family.
#[derive(Debug)]
pub struct PolicyChoices {
    choices: Box<[Choice]>,
    /// By class, then by [`Family::index`].
    roots: Box<[[Decision; 2]]>,
}

impl PolicyChoices {
    /// Decides every class and family of a routed policy. `health` is by `MemberId`.
    #[must_use]
    pub fn build(
        policies: &Policies,
        plans: &Plans,
        route: &Route,
        health: &[MemberHealth],
    ) -> Self {
        Self::of_plans(policies, plans, &route.plans, health, &mut Silent)
    }

    /// Decides these plans, by class. `trace` hears of it.
    #[must_use]
    pub fn of_plans(
        policies: &Policies,
        plans: &Plans,
        by_class: &[PlanId],
        health: &[MemberHealth],
        trace: &mut impl Trace,
    ) -> Self {
        let mut arena = Arena::default();
        let mut decider = Decider::new(policies, plans, health, &mut arena, trace);
        let roots = by_class
            .iter()
            .map(|plan| Family::BOTH.map(|family| decider.decide(*plan, family)))
            .collect();
        Self { choices: arena.choices.into(), roots }
    }

    /// Decides one plan in one family, apart from any class. `trace` hears of it.
    #[must_use]
    pub fn of_one(
        policies: &Policies,
        plans: &Plans,
        (plan, family): (PlanId, Family),
        health: &[MemberHealth],
        trace: &mut impl Trace,
    ) -> (Self, Decision) {
        let mut arena = Arena::default();
        let decision =
            Decider::new(policies, plans, health, &mut arena, trace).decide(plan, family);
        (Self { choices: arena.choices.into(), roots: Box::default() }, decision)
    }

    /// The decision for a class and family.
    #[must_use]
    pub fn decision(&self, class: ClassId, family: Family) -> Option<&Decision> {
        Some(&self.roots.get(class.0 as usize)?[family.index()])
    }

    /// The choice of an id.
    #[must_use]
    pub fn choice(&self, id: ChoiceId) -> Option<&Choice> {
        self.choices.get(id.0 as usize)
    }

    /// The share of answers that carry members of each pool, exactly, when everything is decided
    /// from `root` on. Shares add up to 1, but for `all`, where each of its pools is in every
    /// answer. Draws that stand beside each other in an `all` count as independent.
    #[must_use]
    pub fn shares(&self, root: ChoiceId) -> Vec<(PoolId, f64)> {
        let mut of: HashMap<ChoiceId, HashMap<PoolId, f64>> = HashMap::new();
        for id in self.below(root) {
            let mut shares: HashMap<PoolId, f64> = HashMap::new();
            let mut add = |child: &ChoiceId, part: f64| {
                for (pool, share) in of.get(child).into_iter().flatten() {
                    *shares.entry(*pool).or_default() += part * share;
                }
            };
            match &self.choices[id.0 as usize] {
                Choice::Leaf(pool, _) => drop(shares.insert(*pool, 1.0)),
                Choice::Draw { table, of } => {
                    table.shares().iter().zip(of).for_each(|(part, child)| add(child, *part));
                }
                Choice::Hash { of, .. } => {
                    let total: f64 = of.iter().map(|child| f64::from(child.weight)).sum();
                    of.iter().for_each(|child| add(&child.to, f64::from(child.weight) / total));
                }
                Choice::All(children) => {
                    for (pool, share) in children.iter().flat_map(|child| &of[child]) {
                        let missed = 1.0 - shares.get(pool).copied().unwrap_or_default();
                        shares.insert(*pool, 1.0 - missed * (1.0 - share));
                    }
                }
            }
            of.insert(id, shares);
        }
        let mut shares: Vec<_> = of.remove(&root).unwrap_or_default().into_iter().collect();
        shares.sort_by_key(|(pool, _)| *pool);
        shares
    }

    /// Every choice that a root can reach, itself included, children before parents.
    fn below(&self, root: ChoiceId) -> Vec<ChoiceId> {
        let mut left = BTreeSet::from([root]);
        let mut found = Vec::new();
        while let Some(id) = left.pop_last() {
            found.push(id);
            match &self.choices[id.0 as usize] {
                Choice::Leaf(..) => {}
                Choice::Draw { of, .. } | Choice::All(of) => left.extend(of.iter().copied()),
                Choice::Hash { of, .. } => left.extend(of.iter().map(|child| child.to)),
            }
        }
        found.reverse();
        found
    }
}

impl Decision {
    /// The choice to walk, as if all were up when nothing serves.
    #[must_use]
    pub fn choice(&self) -> Option<ChoiceId> {
        match self.verdict {
            Decided::Up(choice) => Some(choice),
            Decided::Down { as_if_up } => as_if_up,
        }
    }
}
