//! What speaks for and against an announcement right now.

use std::fmt;
use std::sync::Arc;

use crate::node::Reason;

/// What speaks for and against an announcement right now, whatever was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What the health says.
    pub verdict: Verdict,
    /// What the operator says.
    pub drained: bool,
}

/// What the health says of an announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it.
    Fine,
    /// Another node should be preferred.
    Lesser(Lesser),
    /// Its pool is down, for which it is to be withdrawn. A voluntary withdrawal: this node could
    /// still answer.
    PoolDown,
    /// This node cannot answer, and why: it must be withdrawn.
    CannotAnswer(Option<Reason>),
    /// Nothing can be said. No result is not a failure: what was goes on.
    Unknown(Doubt),
}

/// Why another node should be preferred.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lesser {
    /// The configuration on disk was refused: an older one is in force.
    StaleConfig,
    /// The pool of this name is down.
    PoolDown(Arc<str>),
}

/// Why nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// This node has not found out yet whether it can answer.
    NoVerdict,
    /// There is no pool of this name (any more).
    NoSuchPool(Arc<str>),
}

impl Verdict {
    /// Whether it asks for a withdrawal; absent when nothing can be said.
    pub(super) const fn is_failure(&self) -> Option<bool> {
        match self {
            Self::PoolDown | Self::CannotAnswer(_) => Some(true),
            Self::Fine | Self::Lesser(_) => Some(false),
            Self::Unknown(_) => None,
        }
    }

    /// Whether something is wrong for which another should be preferred; absent when nothing can be
    /// said. A refused configuration is none: what is in force is good, and comes back at once.
    pub(super) const fn is_weakness(&self) -> Option<bool> {
        match self {
            Self::Lesser(Lesser::PoolDown(_)) => Some(true),
            Self::Fine | Self::Lesser(Lesser::StaleConfig) => Some(false),
            Self::PoolDown | Self::CannotAnswer(_) | Self::Unknown(_) => None,
        }
    }
}

impl fmt::Display for Lesser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StaleConfig => f.write_str(
                "the configuration on disk was refused at the last reload: an older one is in force",
            ),
            Self::PoolDown(pool) => write!(f, "pool {pool} is down"),
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVerdict => f.write_str("this node does not know yet whether it can answer"),
            Self::NoSuchPool(pool) => write!(f, "there is no pool {pool}: its health is unknown"),
        }
    }
}
