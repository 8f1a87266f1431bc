//! Which of its anycast prefixes a node announces, and how strongly: the ladder
//! announced → de-preferred → draining → withdrawn.
//!
//! Withdrawing is the dangerous act: a fleet whose nodes all withdraw at once, each for a good
//! reason of its own, is gone. So a node that can answer withdraws only when an operator wants it,
//! and not even then when it is the last one.

//!
//! - [`standing`]: what speaks for and against an announcement now; worked out of a snapshot in
//!   [`reaction`](crate::reaction).
//! - [`ladder`]: one announcement's way up and down (pure); [`damping`]: its penalty for flapping.
//! - [`board`]: the ladders of a node (pure); [`routes`]: what a peer is told of them.
//! - [`siblings`]: whether other nodes answer: what counts (pure), and the thread that asks.

pub mod board;
mod config;
pub mod damping;
#[cfg(test)]
pub(crate) mod fixture;
pub mod ladder;
pub mod routes;
pub mod siblings;
pub mod standing;

pub use board::Board;
pub use config::{Announcement, Damping, Deprefer, Drain, OnDown, OnStop, When};
pub use siblings::Siblings;

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
