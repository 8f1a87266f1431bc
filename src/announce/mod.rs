//! Which of its anycast prefixes a node announces, and how strongly: the ladder
//! announced → de-preferred → draining → withdrawn.
//!
//! Withdrawing is the dangerous act: a fleet whose nodes all withdraw at once, each for a good
//! reason of its own, is gone. So a node that can answer withdraws only when an operator wants it,
//! and not even then when it is the last one.

mod config;

pub use config::{Announcement, Damping, Deprefer, Drain, OnDown, OnStop, When};

/// How strongly a prefix is announced, from the most to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// With its normal attributes.
    Announced,
    /// With those of `deprefer`.
    Depreferred,
    /// With GRACEFUL_SHUTDOWN (RFC 8326): routers that have another path move to it.
    Draining,
    /// Not at all.
    Withdrawn,
}

impl Stage {
    /// The lower-case word of status, metrics and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Depreferred => "de-preferred",
            Self::Draining => "draining",
            Self::Withdrawn => "withdrawn",
        }
    }
}
