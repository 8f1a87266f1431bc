//! Waits that grow, and are never quite the same.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A wait that doubles.
#[derive(Debug)]
pub(super) struct Backoff {
    range: RangeInclusive<Duration>,
    current: Duration,
}

impl Backoff {
    pub(super) fn new(range: RangeInclusive<Duration>) -> Self {
        Self { current: *range.start(), range }
    }

    /// The wait, with jitter; the one after it is twice as long.
    pub(super) fn next(&mut self, rng: &mut fastrand::Rng) -> Duration {
        let wait = self.current.mul_f64(jitter(rng));
        self.current = (self.current * 2).min(*self.range.end());
        wait
    }

    /// Begins anew after what has lasted longer than the longest wait; what did not is a symptom of
    /// the same trouble.
    pub(super) fn forget_after(&mut self, lasted: Duration) {
        if lasted >= *self.range.end() {
            self.current = *self.range.start();
        }
    }
}

/// From 75 to 100 % (RFC 4271 §10).
pub(super) fn jitter(rng: &mut fastrand::Rng) -> f64 {
    0.75 + 0.25 * rng.f64()
}
