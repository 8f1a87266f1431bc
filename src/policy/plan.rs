//! A policy for one class of clients, its geography resolved; equal plans are one.
//!
//! A plan keeps what health can still decide about, and nothing else: no key, no distance, no
//! round-trip time. So clients for whom a policy does the same share a plan, and a plan's id is
//! the class of its clients.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::{PoolId, PrefixLengths};

/// An index into a [`Plans`]; equal plans have equal ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlanId(pub u32);

/// What is left of a policy once the client is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Plan {
    /// A pool.
    Pool(PoolId),
    /// An up child in proportion: `weighted` and `sticky`.
    Split {
        /// Weights are above 0; no child stands twice.
        of: Box<[Share]>,
        /// What draws.
        by: Drawing,
    },
    /// The first up child: `failover`, `geo`, `nearest`.
    Ordered {
        /// The best first.
        steps: Box<[Step]>,
        /// What splits between a degraded child and the rest.
        by: Drawing,
    },
    /// The best up child and its equals: `latency`.
    Latency {
        /// Those with a known round-trip time, the best first.
        ranked: Box<[Ranked]>,
        /// Those without, the best first.
        rest: Box<[PlanId]>,
        /// What draws among equals.
        by: Drawing,
    },
    /// Every up child; none stands twice.
    All(Box<[PlanId]>),
}

/// What decides a draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Drawing {
    /// A random word.
    Random,
    /// The client's hash, made by the `sticky` above.
    Hashed,
    /// The hash of this much of the client's address, here and below.
    HashedBy(PrefixLengths),
}

/// A child of [`Plan::Split`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Share {
    /// The child.
    pub to: PlanId,
    /// Above 0.
    pub weight: u32,
    /// What the client's hash is mixed with; 0 where nothing is hashed.
    pub key: u64,
}

/// A child of [`Plan::Ordered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The child.
    pub to: PlanId,
    /// The percentage that it keeps while up but not whole.
    pub degraded: Option<u8>,
    /// As in [`Share::key`].
    pub key: u64,
}

/// A child of [`Plan::Latency`] with a known round-trip time. The times themselves are gone: what
/// they decide is the order, and who are equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ranked {
    /// The child.
    pub to: PlanId,
    /// When this one is the best that is up, those ranked before `reach` are its equals.
    pub reach: u32,
    /// As in [`Share::key`].
    pub key: u64,
}

/// Every plan of a world, each once.
#[derive(Debug, Default)]
pub struct Plans {
    plans: Vec<Plan>,
    /// By [`PlanId`]: the longest prefix that the plan hashes.
    sticky: Vec<Option<PrefixLengths>>,
    known: HashTable<PlanId>,
    hasher: RandomState,
}

impl Plans {
    /// The id of a plan, its children already among these.
    pub fn intern(&mut self, plan: Plan) -> PlanId {
        let Self { plans, known, hasher, .. } = self;
        let hash = hasher.hash_one(&plan);
        if let Some(id) = known.find(hash, |id| plans[id.0 as usize] == plan) {
            return *id;
        }
        let id = PlanId(plans.len() as u32);
        known.insert_unique(hash, id, |id| hasher.hash_one(&plans[id.0 as usize]));
        self.sticky.push(self.sticky_in(&plan));
        self.plans.push(plan);
        id
    }

    /// The plan of an id.
    #[must_use]
    pub fn plan(&self, id: PlanId) -> &Plan {
        &self.plans[id.0 as usize]
    }

    /// The longest prefix that a plan hashes clients by, per family; absent when it hashes none.
    #[must_use]
    pub fn sticky(&self, id: PlanId) -> Option<PrefixLengths> {
        self.sticky.get(id.0 as usize).copied().flatten()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.plans.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    fn sticky_in(&self, plan: &Plan) -> Option<PrefixLengths> {
        let own = match plan {
            Plan::Split { by: Drawing::HashedBy(by), .. } => Some(*by),
            _ => None,
        };
        let below = plan.children().into_iter().filter_map(|child| self.sticky(child));
        below.chain(own).reduce(PrefixLengths::longer)
    }
}

impl Plan {
    /// The children, in order.
    #[must_use]
    pub fn children(&self) -> Vec<PlanId> {
        match self {
            Self::Pool(_) => Vec::new(),
            Self::Split { of, .. } => of.iter().map(|share| share.to).collect(),
            Self::Ordered { steps, .. } => steps.iter().map(|step| step.to).collect(),
            Self::Latency { ranked, rest, .. } => {
                ranked.iter().map(|child| child.to).chain(rest.iter().copied()).collect()
            }
            Self::All(of) => of.to_vec(),
        }
    }
}
