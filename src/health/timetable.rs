//! When each target is probed next; pure.
//!
//! From start to start is `every`, shortened by up to [`SHORTENED`] at random, so that targets and
//! nodes that started together drift apart and never march in step (POLICY.md, A zone, whole).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::brake::Key;

/// The largest part of `every` that is left out.
pub const SHORTENED: f64 = 0.1;

/// Who is due when. What is under way is not in it.
#[derive(Debug, Default)]
pub struct Timetable {
    due: BinaryHeap<Reverse<(Instant, Key)>>,
}

impl Timetable {
    /// Puts a target in; it must not be in already.
    pub fn insert(&mut self, key: Key, at: Instant) {
        self.due.push(Reverse((at, key)));
    }

    /// When the first is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the first out when it is due.
    pub fn poll(&mut self, now: Instant) -> Option<Key> {
        if self.next_deadline()? > now {
            return None;
        }
        self.due.pop().map(|Reverse((_, key))| key)
    }
}

/// The first turn of a target that is in no hurry: anywhere in one interval.
#[must_use]
pub fn spread(now: Instant, every: Duration, rng: &mut Rng) -> Instant {
    now + every.mul_f64(rng.f64())
}

/// The turn after one that began at `started`; at once when that is past.
#[must_use]
pub fn following(started: Instant, every: Duration, now: Instant, rng: &mut Rng) -> Instant {
    let interval = every.mul_f64(1.0 - SHORTENED * rng.f64());
    (started + interval).max(now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_due_comes_first_and_none_early() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut timetable = Timetable::default();
        for (key, seconds) in [(1, 3), (2, 1), (3, 2), (4, 1)] {
            timetable.insert(key, at(seconds));
        }
        assert_eq!(timetable.next_deadline(), Some(at(1)));
        assert_eq!(timetable.poll(start), None);
        assert_eq!(timetable.poll(at(1)), Some(2));
        assert_eq!(timetable.poll(at(1)), Some(4));
        assert_eq!(timetable.poll(at(1)), None);
        assert_eq!(timetable.poll(at(9)), Some(3));
        assert_eq!(timetable.poll(at(9)), Some(1));
        assert_eq!((timetable.poll(at(9)), timetable.next_deadline()), (None, None));
    }

    proptest! {
        #[test]
        fn intervals_are_shortened_by_at_most_a_tenth(seed: u64, millis in 1_u64..600_000) {
            let (start, every) = (Instant::now(), Duration::from_millis(millis));
            let mut rng = fastrand::Rng::with_seed(seed);
            let next = following(start, every, start, &mut rng) - start;
            prop_assert!(next <= every && next >= every.mul_f64(0.899_999), "{next:?}");
            let first = spread(start, every, &mut rng) - start;
            prop_assert!(first <= every, "{first:?}");
        }

        #[test]
        fn a_late_target_is_due_at_once_and_not_before(seed: u64, late in 5_u64..1_000) {
            let start = Instant::now();
            let now = start + Duration::from_secs(late);
            let mut rng = fastrand::Rng::with_seed(seed);
            prop_assert_eq!(following(start, Duration::from_secs(5), now, &mut rng), now);
        }
    }
}
