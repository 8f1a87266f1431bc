//! One target's state from its results; pure.
//!
//! ```text
//!             success                      failure (failures < fall)
//!   Unknown ───────────▶ Up{failures: 0} ◀──────────────────────────▶ Up{failures: f}
//!      │                     ▲             rise successes in a row         │
//!      │ failure             │ rise successes in a row                     │ failures = fall
//!      └────────────────▶ Down{successes} ◀────────────────────────────────┘
//! ```
//!
//! The first result decides at once. The count of failures is leaky: a success alone does not clear
//! it, `rise` in a row do, so a target that fails every other time goes down too (POLICY.md,
//! Member).

use super::{ProbeSpec, State, TargetHealth};

/// What one probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The target answered as it should.
    Success,
    /// It did not.
    Failure,
}

/// How many results it takes to change a target's state; both at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Failures that take it down.
    pub fall: u32,
    /// Successes in a row that bring it up, or clear its failures.
    pub rise: u32,
}

impl Thresholds {
    /// Those of a probe; a 0 counts as 1.
    #[must_use]
    pub fn of(probe: &ProbeSpec) -> Self {
        Self { fall: probe.fall.max(1), rise: probe.rise.max(1) }
    }
}

/// One target's state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracker {
    thresholds: Thresholds,
    phase: Phase,
}

/// `successes` are those in a row since the last failure, always fewer than `rise`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Unknown,
    /// `failures` < `fall`; `successes` is 0 when `failures` is.
    Up {
        failures: u32,
        successes: u32,
    },
    Down {
        successes: u32,
    },
}

impl Tracker {
    /// A target without a result.
    #[must_use]
    pub fn new(thresholds: Thresholds) -> Self {
        Self { thresholds, phase: Phase::Unknown }
    }

    /// A target whose health was known before; counts that do not fit the thresholds are bent.
    #[must_use]
    pub fn restore(thresholds: Thresholds, health: &TargetHealth) -> Self {
        let Thresholds { fall, rise } = thresholds;
        let phase = match health.state {
            State::Unknown => Phase::Unknown,
            State::Up => Phase::Up { failures: 0, successes: 0 },
            State::Degraded => {
                // With a fall of 1 no failure can be counted and the target still be up.
                let left = health.results_to_change.clamp(1, (fall - 1).max(1));
                Phase::Up { failures: fall - left, successes: 0 }
            }
            State::Down => {
                Phase::Down { successes: rise - health.results_to_change.clamp(1, rise) }
            }
        };
        Self { thresholds, phase }
    }

    /// Takes one result in.
    pub fn handle(&mut self, verdict: Verdict) {
        let Thresholds { fall, rise } = self.thresholds;
        let up = Phase::Up { failures: 0, successes: 0 };
        let down = Phase::Down { successes: 0 };
        self.phase = match (self.phase, verdict) {
            (Phase::Unknown, Verdict::Success) => up,
            (Phase::Unknown, Verdict::Failure) => down,
            (Phase::Up { failures: 0, .. }, Verdict::Success) => up,
            (Phase::Up { successes, .. }, Verdict::Success) if successes + 1 >= rise => up,
            (Phase::Up { failures, successes }, Verdict::Success) => {
                Phase::Up { failures, successes: successes + 1 }
            }
            (Phase::Up { failures, .. }, Verdict::Failure) if failures + 1 >= fall => down,
            (Phase::Up { failures, .. }, Verdict::Failure) => {
                Phase::Up { failures: failures + 1, successes: 0 }
            }
            (Phase::Down { successes }, Verdict::Success) if successes + 1 >= rise => up,
            (Phase::Down { successes }, Verdict::Success) => {
                Phase::Down { successes: successes + 1 }
            }
            (Phase::Down { .. }, Verdict::Failure) => down,
        };
    }

    /// The state now.
    #[must_use]
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Unknown => State::Unknown,
            Phase::Up { failures: 0, .. } => State::Up,
            Phase::Up { .. } => State::Degraded,
            Phase::Down { .. } => State::Down,
        }
    }

    /// The least number of results after which the target could serve no more, or again; 0 when
    /// up with no failure counted: nothing is due.
    #[must_use]
    pub fn results_to_change(&self) -> u32 {
        match self.phase {
            Phase::Unknown => 1,
            Phase::Up { failures: 0, .. } => 0,
            Phase::Up { failures, .. } => self.thresholds.fall - failures,
            Phase::Down { successes } => self.thresholds.rise - successes,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const THREE_TWO: Thresholds = Thresholds { fall: 3, rise: 2 };

    fn up(failures: u32, successes: u32) -> Phase {
        Phase::Up { failures, successes }
    }

    fn down(successes: u32) -> Phase {
        Phase::Down { successes }
    }

    fn at(thresholds: Thresholds, phase: Phase) -> Tracker {
        Tracker { thresholds, phase }
    }

    #[test]
    fn every_state_and_event() {
        use Phase::Unknown;
        use Verdict::{Failure, Success};
        let table = [
            // fall 3, rise 2: every phase that can be, both events.
            (3, 2, Unknown, Success, up(0, 0), State::Up, 0),
            (3, 2, Unknown, Failure, down(0), State::Down, 2),
            (3, 2, up(0, 0), Success, up(0, 0), State::Up, 0),
            (3, 2, up(0, 0), Failure, up(1, 0), State::Degraded, 2),
            (3, 2, up(1, 0), Success, up(1, 1), State::Degraded, 2),
            (3, 2, up(1, 0), Failure, up(2, 0), State::Degraded, 1),
            (3, 2, up(1, 1), Success, up(0, 0), State::Up, 0),
            (3, 2, up(1, 1), Failure, up(2, 0), State::Degraded, 1),
            (3, 2, up(2, 0), Success, up(2, 1), State::Degraded, 1),
            (3, 2, up(2, 0), Failure, down(0), State::Down, 2),
            (3, 2, up(2, 1), Success, up(0, 0), State::Up, 0),
            (3, 2, up(2, 1), Failure, down(0), State::Down, 2),
            (3, 2, down(0), Success, down(1), State::Down, 1),
            (3, 2, down(0), Failure, down(0), State::Down, 2),
            (3, 2, down(1), Success, up(0, 0), State::Up, 0),
            (3, 2, down(1), Failure, down(0), State::Down, 2),
            // fall 1, rise 1: every result decides.
            (1, 1, Unknown, Success, up(0, 0), State::Up, 0),
            (1, 1, Unknown, Failure, down(0), State::Down, 1),
            (1, 1, up(0, 0), Success, up(0, 0), State::Up, 0),
            (1, 1, up(0, 0), Failure, down(0), State::Down, 1),
            (1, 1, down(0), Success, up(0, 0), State::Up, 0),
            (1, 1, down(0), Failure, down(0), State::Down, 1),
        ];
        for (fall, rise, before, verdict, after, state, due) in table {
            let mut tracker = at(Thresholds { fall, rise }, before);
            tracker.handle(verdict);
            let found = (tracker.phase, tracker.state(), tracker.results_to_change());
            assert_eq!(found, (after, state, due), "{fall}/{rise}: {before:?} × {verdict:?}");
        }
    }

    #[test]
    fn a_target_without_a_result_is_unknown_and_one_result_from_a_change() {
        let tracker = Tracker::new(THREE_TWO);
        assert_eq!((tracker.state(), tracker.results_to_change()), (State::Unknown, 1));
    }

    #[test]
    fn a_target_that_fails_every_other_time_goes_down() {
        let mut tracker = at(THREE_TWO, up(0, 0));
        for verdict in [Verdict::Failure, Verdict::Success].into_iter().cycle().take(5) {
            assert_ne!(tracker.state(), State::Down);
            tracker.handle(verdict);
        }
        assert_eq!(tracker.state(), State::Down);
    }

    #[test]
    fn restored_counts_are_bent_to_the_thresholds() {
        let health = |state, results_to_change| TargetHealth {
            state,
            results_to_change,
            ..TargetHealth::default()
        };
        let table = [
            (3, 2, health(State::Unknown, 1), Phase::Unknown),
            (3, 2, health(State::Up, 0), up(0, 0)),
            (3, 2, health(State::Degraded, 2), up(1, 0)),
            (3, 2, health(State::Degraded, 1), up(2, 0)),
            (3, 2, health(State::Degraded, 0), up(2, 0)),
            (3, 2, health(State::Degraded, 9), up(1, 0)),
            (1, 2, health(State::Degraded, 1), up(0, 0)),
            (3, 2, health(State::Down, 2), down(0)),
            (3, 2, health(State::Down, 1), down(1)),
            (3, 2, health(State::Down, 0), down(1)),
            (3, 2, health(State::Down, 9), down(0)),
        ];
        for (fall, rise, health, phase) in table {
            let tracker = Tracker::restore(Thresholds { fall, rise }, &health);
            assert_eq!(tracker.phase, phase, "{fall}/{rise} {health:?}");
        }
    }

    proptest! {
        #[test]
        fn invariants_hold_after_any_results(
            fall in 1_u32..6,
            rise in 1_u32..6,
            results in prop::collection::vec(any::<bool>(), 1..200),
        ) {
            let mut tracker = Tracker::new(Thresholds { fall, rise });
            for (i, &success) in results.iter().enumerate() {
                let before = tracker;
                let verdict = if success { Verdict::Success } else { Verdict::Failure };
                tracker.handle(verdict);
                let (was, is) = (before.state().serves(), tracker.state().serves());
                let due = tracker.results_to_change();
                prop_assert!(due <= fall.max(rise));
                prop_assert_eq!(due == 0, tracker.state() == State::Up);
                // A state changes only in the direction of the result, and only when it was due.
                if was != is {
                    prop_assert_eq!(is, success);
                    prop_assert!(before.results_to_change() <= 1);
                }
                // `rise` successes in a row always end in a clean up, whatever came before.
                let streak = results[..=i].iter().rev().take_while(|s| **s).count();
                if streak >= rise as usize {
                    prop_assert_eq!(tracker.state(), State::Up);
                }
                // `fall` failures in a row always end in down.
                let streak = results[..=i].iter().rev().take_while(|s| !**s).count();
                if streak >= fall as usize {
                    prop_assert_eq!(tracker.state(), State::Down);
                }
                // What is published can be restored without changing what is shown.
                let health = TargetHealth {
                    state: tracker.state(),
                    results_to_change: due,
                    ..TargetHealth::default()
                };
                let restored = Tracker::restore(tracker.thresholds, &health);
                prop_assert_eq!(restored.state(), tracker.state());
                prop_assert_eq!(restored.results_to_change(), due);
            }
        }
    }
}
