//! The doubt in the prober itself, when too much falls at once; pure.
//!
//! With at least [`LEAST_TARGETS`] probed, when more than half of those that were up go down within
//! one interval, it is likelier that this node lost its own network than that the world ended: the
//! brake goes on, and what is published stays as it is. It comes off when half of those that were up
//! are up again, at the latest after [`LONGEST`] (POLICY.md, The brake).
//!
//! "One interval" is each target's own `every`: a fall counts for that long. So a slow probe beside
//! a fast one neither hides the fast one's falls nor stretches their window.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::State;

/// With fewer targets, half of them is an everyday failure.
pub const LEAST_TARGETS: usize = 10;

/// After this long the prober is believed.
pub const LONGEST: Duration = Duration::from_secs(60);

/// A target, as the brake's owner numbers them.
pub type Key = u64;

/// Watches every target's state as tracked (not as published).
#[derive(Debug, Default)]
pub struct Brake {
    targets: HashMap<Key, Watched>,
    on: Option<On>,
}

/// A target with a result.
#[derive(Clone, Copy, Debug)]
struct Watched {
    standing: Standing,
    /// It was up when the brake was put on, which waits for it.
    awaited: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Up,
    /// Down; the fall counts until then.
    Fell {
        until: Instant,
    },
    /// Down from the first result on, or since a fall that is spent.
    Down,
}

#[derive(Debug)]
struct On {
    since: Instant,
    /// How many are awaited.
    of: usize,
    /// How many of them are up.
    up: usize,
}

/// What became of the brake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was put on.
    On {
        /// How many fell within one interval.
        fell: usize,
        /// Of how many that were up.
        of: usize,
    },
    /// It was taken off.
    Off(Release),
}

/// Why it was taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// At least half of those that were up are up again.
    Recovered {
        /// How many are up.
        up: usize,
        /// Of how many that were up.
        of: usize,
    },
    /// It was on for [`LONGEST`].
    Expired,
}

impl Brake {
    /// Since when it is on.
    #[must_use]
    pub fn since(&self) -> Option<Instant> {
        self.on.as_ref().map(|on| on.since)
    }

    /// When [`Self::handle_time`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.since().map(|since| since + LONGEST)
    }

    /// Whether a target published as `published` and tracked as `tracked` must stay as published.
    /// Only a first success passes: nothing was known before, and a suspect prober's failures are
    /// in doubt, not its successes.
    #[must_use]
    pub fn holds(&self, published: State, tracked: State) -> bool {
        self.on.is_some() && !(published == State::Unknown && tracked == State::Up)
    }

    /// Takes a target's state in after each result, or when it is restored. `every` is its interval.
    pub fn handle_state(
        &mut self,
        key: Key,
        state: State,
        every: Duration,
        now: Instant,
    ) -> Option<Change> {
        let before = self.targets.get(&key).copied();
        let standing = match (before.map(|b| b.standing), state) {
            (_, State::Unknown) => return None,
            (_, State::Up | State::Degraded) => Standing::Up,
            (Some(Standing::Up), State::Down) => Standing::Fell { until: now + every },
            (Some(fell @ Standing::Fell { .. }), State::Down) => fell,
            (None | Some(Standing::Down), State::Down) => Standing::Down,
        };
        let was_up = before.is_some_and(|b| b.standing == Standing::Up);
        let awaited = before.is_some_and(|b| b.awaited);
        self.targets.insert(key, Watched { standing, awaited });
        match (was_up, standing == Standing::Up) {
            (false, true) => self.count_awaited(awaited, |on| on.up += 1),
            (true, false) => {
                self.count_awaited(awaited, |on| on.up -= 1);
                self.engage_if_fallen(now)
            }
            (false, false) | (true, true) => None,
        }
    }

    /// Forgets a target that is probed no more.
    pub fn remove(&mut self, key: Key) -> Option<Change> {
        let Watched { standing, awaited } = self.targets.remove(&key)?;
        self.count_awaited(awaited, |on| {
            on.of -= 1;
            on.up -= usize::from(standing == Standing::Up);
        })
    }

    /// Takes the brake off when it was on for long enough.
    pub fn handle_time(&mut self, now: Instant) -> Option<Change> {
        (self.deadline()? <= now).then(|| self.release(Release::Expired))
    }

    fn engage_if_fallen(&mut self, now: Instant) -> Option<Change> {
        if self.on.is_some() || self.targets.len() < LEAST_TARGETS {
            return None;
        }
        let fell = self.targets.values().filter(|t| t.standing.fell_lately(now)).count();
        let up = self.targets.values().filter(|t| t.standing == Standing::Up).count();
        if fell <= up {
            return None;
        }
        for target in self.targets.values_mut() {
            target.awaited = target.standing == Standing::Up || target.standing.fell_lately(now);
        }
        self.on = Some(On { since: now, of: fell + up, up });
        Some(Change::On { fell, of: fell + up })
    }

    /// Corrects the count of those awaited when one of them changed, and releases at the half.
    fn count_awaited(&mut self, awaited: bool, correct: impl FnOnce(&mut On)) -> Option<Change> {
        let on = self.on.as_mut().filter(|_| awaited)?;
        correct(on);
        let On { up, of, .. } = *on;
        (up * 2 >= of).then(|| self.release(Release::Recovered { up, of }))
    }

    /// The falls that put it on are spent: they must not put it on again at the next one.
    fn release(&mut self, release: Release) -> Change {
        self.on = None;
        for target in self.targets.values_mut() {
            target.awaited = false;
            if matches!(target.standing, Standing::Fell { .. }) {
                target.standing = Standing::Down;
            }
        }
        Change::Off(release)
    }
}

impl Standing {
    fn fell_lately(self, now: Instant) -> bool {
        matches!(self, Self::Fell { until } if until >= now)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On { fell, of } => {
                write!(f, "{fell} of the {of} targets that were up went down within one interval")
            }
            Self::Off(Release::Recovered { up, of }) => {
                write!(f, "{up} of the {of} targets that were up are up again")
            }
            Self::Off(Release::Expired) => {
                write!(f, "it was on for {LONGEST:?}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(5);

    /// One step of a story: seconds from its start, the keys concerned, what they do, and what
    /// the brake says to the last of them.
    type Step = (f64, std::ops::Range<u64>, Do, Option<Change>);

    #[derive(Clone, Copy, Debug)]
    enum Do {
        Become(State),
        Leave,
        Wait,
    }

    use Do::{Become, Leave, Wait};
    use State::{Degraded, Down, Unknown, Up};

    fn on(fell: usize, of: usize) -> Option<Change> {
        Some(Change::On { fell, of })
    }

    fn recovered(up: usize, of: usize) -> Option<Change> {
        Some(Change::Off(Release::Recovered { up, of }))
    }

    fn expired() -> Option<Change> {
        Some(Change::Off(Release::Expired))
    }

    fn tell(steps: &[Step]) -> Brake {
        let start = Instant::now();
        let mut brake = Brake::default();
        for (seconds, keys, what, expected) in steps {
            let now = start + Duration::from_secs_f64(*seconds);
            let last = keys.end - 1;
            for key in keys.clone() {
                let change = match what {
                    Become(state) => brake.handle_state(key, *state, EVERY, now),
                    Leave => brake.remove(key),
                    Wait => brake.handle_time(now),
                };
                let expected = if key == last { expected.clone() } else { None };
                assert_eq!(change, expected, "at {seconds} s, target {key}, {what:?}");
            }
        }
        brake
    }

    #[test]
    fn more_than_half_within_one_interval_puts_it_on() {
        let brake = tell(&[(0.0, 0..10, Become(Up), None), (1.0, 0..6, Become(Down), on(6, 10))]);
        assert!(brake.since().is_some());
    }

    #[test]
    fn half_is_not_more_than_half() {
        tell(&[(0.0, 0..10, Become(Up), None), (1.0, 0..5, Become(Down), None)]);
    }

    #[test]
    fn nine_targets_are_too_few() {
        tell(&[(0.0, 0..9, Become(Up), None), (1.0, 0..9, Become(Down), None)]);
    }

    #[test]
    fn targets_without_a_result_do_not_count() {
        tell(&[
            (0.0, 0..9, Become(Up), None),
            (0.0, 9..20, Become(Unknown), None),
            (1.0, 0..9, Become(Down), None),
        ]);
    }

    #[test]
    fn only_those_that_were_up_are_counted() {
        tell(&[
            (0.0, 0..8, Become(Down), None),
            (0.0, 8..12, Become(Up), None),
            (9.0, 8..10, Become(Down), None),
            (9.5, 10..11, Become(Down), on(3, 4)),
        ]);
    }

    #[test]
    fn first_results_are_no_falls() {
        tell(&[(0.0, 0..20, Become(Down), None), (1.0, 0..20, Become(Down), None)]);
    }

    #[test]
    fn falls_spread_over_more_than_an_interval_do_not_add_up() {
        tell(&[
            (0.0, 0..12, Become(Up), None),
            (1.0, 0..4, Become(Down), None),
            (6.1, 4..8, Become(Down), None),
        ]);
    }

    #[test]
    fn a_fall_counts_to_the_end_of_the_interval() {
        tell(&[
            (0.0, 0..10, Become(Up), None),
            (1.0, 0..5, Become(Down), None),
            (6.0, 5..6, Become(Down), on(6, 10)),
        ]);
    }

    #[test]
    fn a_target_that_came_back_did_not_fall() {
        tell(&[
            (0.0, 0..10, Become(Up), None),
            (1.0, 0..5, Become(Down), None),
            (2.0, 0..1, Become(Up), None),
            (3.0, 5..6, Become(Down), None),
            (3.0, 6..7, Become(Down), on(6, 10)),
        ]);
    }

    #[test]
    fn failures_counted_are_no_fall() {
        tell(&[(0.0, 0..10, Become(Up), None), (1.0, 0..10, Become(Degraded), None)]);
    }

    #[test]
    fn released_when_half_are_up_again() {
        let brake = tell(&[
            (0.0, 0..10, Become(Up), None),
            (1.0, 0..6, Become(Down), on(6, 10)),
            (2.0, 6..10, Become(Down), None),
            (20.0, 0..5, Become(Up), recovered(5, 10)),
        ]);
        assert_eq!(brake.since(), None);
        assert_eq!(brake.deadline(), None);
    }

    #[test]
    fn others_that_come_up_do_not_release_it() {
        tell(&[
            (0.0, 0..10, Become(Up), None),
            (0.0, 10..20, Become(Down), None),
            (1.0, 0..6, Become(Down), on(6, 10)),
            (2.0, 10..20, Become(Up), None),
            (3.0, 0..1, Become(Up), recovered(5, 10)),
        ]);
    }

    #[test]
    fn released_after_sixty_seconds_and_not_put_on_by_the_same_falls() {
        tell(&[
            (0.0, 0..20, Become(Up), None),
            (1.0, 0..11, Become(Down), on(11, 20)),
            (60.9, 0..1, Wait, None),
            (60.9, 11..13, Become(Down), None),
            (61.0, 0..1, Wait, expired()),
            (61.1, 13..14, Become(Down), None),
            (61.2, 0..1, Wait, None),
        ]);
    }

    #[test]
    fn it_can_be_put_on_again() {
        tell(&[
            (0.0, 0..10, Become(Up), None),
            (1.0, 0..6, Become(Down), on(6, 10)),
            (9.0, 0..1, Become(Up), recovered(5, 10)),
            (10.0, 0..1, Become(Down), None),
            (10.0, 6..8, Become(Down), on(3, 5)),
        ]);
    }

    #[test]
    fn removed_targets_are_no_longer_waited_for() {
        tell(&[
            (0.0, 0..10, Become(Up), None),
            (1.0, 0..6, Become(Down), on(6, 10)),
            (2.0, 0..2, Leave, recovered(4, 8)),
            (3.0, 2..10, Leave, None),
        ]);
    }

    #[test]
    fn a_fallen_target_that_is_removed_no_longer_counts() {
        tell(&[
            (0.0, 0..12, Become(Up), None),
            (1.0, 0..5, Become(Down), None),
            (1.5, 0..1, Leave, None),
            (2.0, 5..6, Become(Down), None),
        ]);
    }

    #[test]
    fn what_it_holds_back() {
        let states = [Up, Degraded, Unknown, Down];
        let off = Brake::default();
        let engaged = tell(&[(0.0, 0..10, Become(Up), None), (1.0, 0..6, Become(Down), on(6, 10))]);
        for published in states {
            for tracked in states {
                assert!(!off.holds(published, tracked));
                let passes = (published, tracked) == (Unknown, Up);
                assert_eq!(engaged.holds(published, tracked), !passes, "{published:?} {tracked:?}");
            }
        }
    }
}
