//! The sender's sequence: a clock that never goes back.
//!
//! A stamp is the time of the wall clock, and a counter for when that does not move. Receivers
//! believe only stamps that grow; a sender whose stamps went back would be silent to them until it
//! caught up. So when the wall clock is set back, the sequence stays where it was and counts.

use std::time::Duration;

/// A place in a sequence; its order is that of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Seconds since the epoch, to the year 2106.
    pub seconds: u32,
    /// In 1/65536 s.
    pub fraction: u16,
    /// Tells apart what was sent in one fraction.
    pub counter: u16,
}

/// The stamps of one sender under one key. A key that was never sent with may start a sequence of
/// its own: receivers keep their places by sender and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    last: Option<Stamp>,
}

impl Stamp {
    /// The first of the fraction that `wall`, the time since the epoch, is in.
    #[must_use]
    pub fn at(wall: Duration) -> Self {
        let fraction = u64::from(wall.subsec_nanos()) * 65_536 / 1_000_000_000;
        Self {
            seconds: u32::try_from(wall.as_secs()).unwrap_or(u32::MAX),
            fraction: u16::try_from(fraction).unwrap_or(u16::MAX),
            counter: 0,
        }
    }

    /// Since the epoch, without the counter.
    #[must_use]
    pub fn time(self) -> Duration {
        let nanoseconds = u64::from(self.fraction) * 1_000_000_000 / 65_536;
        Duration::from_secs(u64::from(self.seconds)) + Duration::from_nanos(nanoseconds)
    }

    /// The next: a full counter carries into the fraction, a full fraction into the seconds. The
    /// last of all stamps is its own successor.
    fn successor(self) -> Self {
        let (seconds, fraction, counter) = (self.seconds, self.fraction, self.counter);
        if let Some(counter) = counter.checked_add(1) {
            Self { counter, ..self }
        } else if let Some(fraction) = fraction.checked_add(1) {
            Self { seconds, fraction, counter: 0 }
        } else if let Some(seconds) = seconds.checked_add(1) {
            Self { seconds, fraction: 0, counter: 0 }
        } else {
            self
        }
    }
}

impl Sequence {
    /// Nothing was sent yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// After a restart: the next stamp is after `stamp`, which must not be before the last that was
    /// sent.
    #[must_use]
    pub fn resume(stamp: Stamp) -> Self {
        Self { last: Some(stamp) }
    }

    /// The next stamp. `wall` is the time since the epoch by the wall clock, wherever it jumps.
    #[must_use]
    pub fn next(&mut self, wall: Duration) -> Stamp {
        let now = Stamp::at(wall);
        let next = match self.last {
            Some(last) => now.max(last.successor()),
            None => now,
        };
        self.last = Some(next);
        next
    }

    /// The last stamp, to be kept for [`Sequence::resume`].
    #[must_use]
    pub fn last(&self) -> Option<Stamp> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(seconds: u32, fraction: u16, counter: u16) -> Stamp {
        Stamp { seconds, fraction, counter }
    }

    #[test]
    fn a_stamp_is_the_time_of_the_wall_clock() {
        let half = Duration::from_millis(1500);
        assert_eq!(Sequence::new().next(half), stamp(1, 0x8000, 0));
        assert_eq!(stamp(1, 0x8000, 7).time(), half);
        assert_eq!(Stamp::at(Duration::new(5, 999_999_999)), stamp(5, 0xffff, 0));
        assert_eq!(Stamp::at(Duration::MAX).seconds, u32::MAX);
    }

    #[test]
    fn a_clock_that_stands_still_is_counted() {
        let mut sequence = Sequence::new();
        let wall = Duration::from_secs(9);
        let stamps = [sequence.next(wall), sequence.next(wall), sequence.next(wall)];
        assert_eq!(stamps, [stamp(9, 0, 0), stamp(9, 0, 1), stamp(9, 0, 2)]);
    }

    #[test]
    fn a_clock_set_back_does_not_take_the_sequence_back() {
        let mut sequence = Sequence::new();
        assert_eq!(sequence.next(Duration::from_secs(3600)), stamp(3600, 0, 0));
        assert_eq!(sequence.next(Duration::from_secs(10)), stamp(3600, 0, 1));
        assert_eq!(sequence.next(Duration::ZERO), stamp(3600, 0, 2));
        assert_eq!(sequence.next(Duration::from_secs(3601)), stamp(3601, 0, 0));
    }

    #[test]
    fn a_restart_goes_on_after_the_last_stamp() {
        let mut sequence = Sequence::resume(stamp(100, 5, 7));
        assert_eq!(sequence.last(), Some(stamp(100, 5, 7)));
        assert_eq!(sequence.next(Duration::from_secs(50)), stamp(100, 5, 8));
        assert_eq!(sequence.next(Duration::from_secs(101)), stamp(101, 0, 0));
    }

    #[test]
    fn a_full_counter_carries() {
        let table = [
            (stamp(1, 2, 3), stamp(1, 2, 4)),
            (stamp(1, 2, u16::MAX), stamp(1, 3, 0)),
            (stamp(1, u16::MAX, u16::MAX), stamp(2, 0, 0)),
            (stamp(u32::MAX, u16::MAX, u16::MAX), stamp(u32::MAX, u16::MAX, u16::MAX)),
        ];
        for (last, next) in table {
            assert_eq!(Sequence::resume(last).next(Duration::ZERO), next);
        }
    }

    proptest! {
        #[test]
        fn stamps_grow_wherever_the_clock_jumps(
            last in (0..u32::MAX - 100, any::<u16>(), any::<u16>()),
            clocks in proptest::collection::vec(0..u64::from(u32::MAX - 100) * 1000, 1..50),
        ) {
            let mut last = stamp(last.0, last.1, last.2);
            let mut sequence = Sequence::resume(last);
            for milliseconds in clocks {
                let next = sequence.next(Duration::from_millis(milliseconds));
                prop_assert!(next > last, "{next:?} after {last:?}");
                last = next;
            }
        }
    }
}
