//! Whether something is wrong, and how long ago it was.

use std::time::{Duration, Instant};

/// Whether something is wrong, or since when it no longer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing was wrong that counts.
    Never,
    /// It is.
    Now,
    /// It was.
    Ended(Instant),
}

impl Trouble {
    /// Takes in whether it is; absent: nobody knows.
    pub(super) fn handle(&mut self, now: Instant, is: Option<bool>) {
        *self = match (*self, is) {
            (before, None) => before,
            (Self::Never | Self::Now | Self::Ended(_), Some(true)) => Self::Now,
            (Self::Now, Some(false)) => Self::Ended(now),
            (before @ (Self::Never | Self::Ended(_)), Some(false)) => before,
        }
    }

    /// What is over counts no longer.
    pub(super) fn forgive(&mut self) {
        match self {
            Self::Now => {}
            Self::Never | Self::Ended(_) => *self = Self::Never,
        }
    }

    /// Whether it has been over for `hold`.
    pub(super) fn is_over(self, now: Instant, hold: Duration) -> bool {
        match self {
            Self::Never => true,
            Self::Now => false,
            Self::Ended(at) => at + hold <= now,
        }
    }

    /// When it will have been over for `hold`, if it is over.
    pub(super) fn over_at(self, hold: Duration) -> Option<Instant> {
        match self {
            Self::Ended(at) => Some(at + hold),
            Self::Never | Self::Now => None,
        }
    }
}
