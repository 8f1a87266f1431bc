//! How a node takes its leave, and how far it is.

use std::cmp::Ordering;
use std::time::Instant;

/// How a node ends; a later, less patient word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stop {
    /// As a drained one: draining, withdrawn, lingering.
    Drain,
    /// Withdrawn now, then lingering.
    Withdraw,
    /// Withdrawn now, and no waiting.
    AtOnce,
}

/// Who wants an announcement withdrawn although this node can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leave {
    /// Its pool is down.
    Pool,
    /// The operator has drained the node.
    Drain,
    /// The node ends.
    Stop,
}

/// How far a node is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It is not to go.
    Staying,
    /// It should be withdrawn, and is not while no sibling answers.
    Held,
    /// Announced as draining. If nothing comes between, it has lingered then.
    Draining {
        /// Gone by then.
        until: Instant,
    },
    /// Withdrawn; it still answers what is on its way.
    Lingering {
        /// Gone by then.
        until: Instant,
    },
    /// Gone: nobody misses its answers.
    Finished,
}

impl Departure {
    /// That of both: of the one that has further to go.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self.rank().cmp(&other.rank()) {
            Ordering::Less => self,
            Ordering::Greater => other,
            Ordering::Equal => {
                if other.until() > self.until() {
                    other
                } else {
                    self
                }
            }
        }
    }

    /// Whether no route is announced any more: the moment to end what draws traffic otherwise.
    #[must_use]
    pub fn is_withdrawn(self) -> bool {
        match self {
            Self::Staying | Self::Held | Self::Draining { .. } => false,
            Self::Lingering { .. } | Self::Finished => true,
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Staying => 0,
            Self::Held => 1,
            Self::Draining { .. } => 2,
            Self::Lingering { .. } => 3,
            Self::Finished => 4,
        }
    }

    fn until(self) -> Option<Instant> {
        match self {
            Self::Draining { until } | Self::Lingering { until } => Some(until),
            Self::Staying | Self::Held | Self::Finished => None,
        }
    }
}
