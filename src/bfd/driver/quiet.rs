//! What is said again and again is said rarely; pure.

use std::time::{Duration, Instant};

/// Between two lines on the same kind of thing.
const SILENCE: Duration = Duration::from_secs(60);

/// Lets one of many through, then none for a minute.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quiet {
    until: Option<Instant>,
    unsaid: u64,
}

impl Quiet {
    /// Whether it is to be said now, and how many were not since the last that was.
    pub(super) fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.until.is_some_and(|until| now < until) {
            self.unsaid += 1;
            return None;
        }
        self.until = Some(now + SILENCE);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_minute_is_said_with_the_number_of_the_others() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let said = [0, 1, 59, 60, 61, 500].map(|seconds| quiet.admit(at(seconds)));
        assert_eq!(said, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
