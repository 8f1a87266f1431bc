//! Our two intervals: what is announced, what is in force, and the poll between them.
//!
//! A change is announced in packets with the Poll bit until one with the Final bit comes back (RFC
//! 5880 §6.5). Two changes of a session that is Up wait for that (§6.8.3): to send less often, since
//! the neighbour must lengthen its detection time first; and to receive more often, which makes our
//! own detection time shorter, since the neighbour must send faster first. The two opposite ones are
//! harmless and in force at once, and so is everything while the session is not Up.

use std::time::Duration;

/// The least transmit interval of a session that is not Up (RFC 5880 §6.8.3).
pub(super) const SLOW: Duration = Duration::from_secs(1);

/// Two intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intervals {
    /// bfd.DesiredMinTxInterval.
    pub(super) desired_min_tx: Duration,
    /// bfd.RequiredMinRxInterval.
    pub(super) required_min_rx: Duration,
}

/// Our side of the negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timers {
    announced: Intervals,
    in_force: Intervals,
    poll: Poll,
}

/// A poll sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poll {
    Idle,
    /// The Poll bit is set until the Final bit comes.
    Running,
    /// As before, but what is announced has changed since: the Final bit that comes may answer a
    /// packet from before that.
    Outdated,
    /// An outdated one has ended. The next begins after a packet without the Final bit: until then
    /// there may be more answers to the old one.
    Settling,
}

/// Whether the session is Up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Slow,
    Up,
}

impl Timers {
    /// Of a session that has sent nothing yet and is not Up.
    pub(super) fn new(wanted: Intervals) -> Self {
        let slow = wanted.at(Pace::Slow);
        Self { announced: slow, in_force: slow, poll: Poll::Idle }
    }

    /// The wish or the pace may have changed.
    pub(super) fn set(&mut self, wanted: Intervals, pace: Pace) {
        let wanted = wanted.at(pace);
        if wanted != self.announced {
            self.announced = wanted;
            self.poll = match self.poll {
                Poll::Idle => Poll::Running,
                Poll::Running | Poll::Outdated => Poll::Outdated,
                Poll::Settling => Poll::Settling,
            };
        }
        self.in_force = match pace {
            Pace::Slow => wanted,
            Pace::Up => Intervals {
                desired_min_tx: self.in_force.desired_min_tx.min(wanted.desired_min_tx),
                required_min_rx: self.in_force.required_min_rx.max(wanted.required_min_rx),
            },
        };
        if self.poll == Poll::Idle {
            self.in_force = wanted;
        }
    }

    /// A packet with the Final bit came.
    pub(super) fn handle_final(&mut self) {
        match self.poll {
            Poll::Running => {
                self.poll = Poll::Idle;
                self.in_force = self.announced;
            }
            Poll::Outdated => self.poll = Poll::Settling,
            Poll::Idle | Poll::Settling => {}
        }
    }

    /// A packet without the Final bit came.
    pub(super) fn handle_plain(&mut self) {
        match self.poll {
            Poll::Settling => self.poll = Poll::Running,
            Poll::Idle | Poll::Running | Poll::Outdated => {}
        }
    }

    /// What packets say.
    pub(super) fn announced(&self) -> Intervals {
        self.announced
    }

    /// What we go by.
    pub(super) fn in_force(&self) -> Intervals {
        self.in_force
    }

    /// Whether packets have the Poll bit.
    pub(super) fn is_polling(&self) -> bool {
        match self.poll {
            Poll::Running | Poll::Outdated => true,
            Poll::Idle | Poll::Settling => false,
        }
    }
}

impl Intervals {
    fn at(self, pace: Pace) -> Self {
        match pace {
            Pace::Slow => Self { desired_min_tx: self.desired_min_tx.max(SLOW), ..self },
            Pace::Up => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn intervals(tx: u64, rx: u64) -> Intervals {
        Intervals {
            desired_min_tx: Duration::from_millis(tx),
            required_min_rx: Duration::from_millis(rx),
        }
    }

    fn up(tx: u64, rx: u64) -> Timers {
        let mut timers = Timers::new(intervals(tx, rx));
        timers.set(intervals(tx, rx), Pace::Up);
        timers.handle_final();
        timers.handle_plain();
        timers.handle_final();
        timers
    }

    #[test]
    fn what_could_take_the_session_down_waits_for_the_final_bit_and_nothing_else_does() {
        // Wanted, then in force before the Final bit: less often waits, more often does not.
        let table = [
            ((200, 100), (100, 100)),
            ((50, 100), (50, 100)),
            ((100, 50), (100, 100)),
            ((100, 200), (100, 200)),
            ((200, 200), (100, 200)),
            ((50, 50), (50, 100)),
        ];
        for (wanted, before) in table {
            let mut timers = up(100, 100);
            let wanted = intervals(wanted.0, wanted.1);
            timers.set(wanted, Pace::Up);
            assert!(timers.is_polling(), "{wanted:?}");
            assert_eq!(timers.announced(), wanted);
            assert_eq!(timers.in_force(), intervals(before.0, before.1), "{wanted:?}");
            timers.handle_plain();
            assert_eq!(timers.in_force(), intervals(before.0, before.1), "{wanted:?}");
            timers.handle_final();
            assert_eq!(timers.in_force(), wanted);
            assert!(!timers.is_polling());
        }
    }

    #[test]
    fn a_change_during_a_poll_is_polled_again_after_a_packet_that_is_no_answer() {
        let mut timers = up(100, 100);
        timers.set(intervals(300, 100), Pace::Up);
        timers.set(intervals(400, 100), Pace::Up);
        timers.handle_final();
        assert!(!timers.is_polling());
        timers.handle_final();
        assert_eq!(timers.in_force(), intervals(100, 100));
        timers.handle_plain();
        assert!(timers.is_polling());
        timers.handle_final();
        assert_eq!(timers.in_force(), intervals(400, 100));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Set(u64, u64, Pace),
        Final,
        Plain,
    }

    fn step() -> impl Strategy<Value = Step> {
        let pace = prop_oneof![Just(Pace::Slow), Just(Pace::Up)];
        prop_oneof![
            (10..5000_u64, 10..5000_u64, pace).prop_map(|(tx, rx, pace)| Step::Set(tx, rx, pace)),
            Just(Step::Final),
            Just(Step::Plain),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_every_announcement_is_polled_for_until_it_is_in_force(
            steps in prop::collection::vec(step(), 0..40)
        ) {
            let mut timers = Timers::new(intervals(100, 100));
            for step in steps {
                let before = timers;
                let mut slow = false;
                match step {
                    Step::Set(tx, rx, pace) => {
                        timers.set(intervals(tx, rx), pace);
                        slow = pace == Pace::Slow;
                        prop_assert_eq!(timers.announced(), intervals(tx, rx).at(pace));
                    }
                    Step::Final => timers.handle_final(),
                    Step::Plain => timers.handle_plain(),
                }
                let (announced, now) = (timers.announced(), timers.in_force());
                if slow {
                    prop_assert_eq!(announced, now);
                    prop_assert!(now.desired_min_tx >= SLOW);
                }
                if timers.poll == Poll::Idle {
                    prop_assert_eq!(announced, now);
                }
                // What is in force is never riskier than what the neighbour was told.
                prop_assert!(now.desired_min_tx <= announced.desired_min_tx);
                prop_assert!(now.required_min_rx >= announced.required_min_rx);
                let longer = now.desired_min_tx > before.in_force.desired_min_tx;
                let shorter = now.required_min_rx < before.in_force.required_min_rx;
                if !slow && (longer || shorter) {
                    prop_assert!(matches!(step, Step::Final) && before.poll == Poll::Running);
                }
            }
            timers.handle_final();
            timers.handle_plain();
            timers.handle_final();
            prop_assert_eq!(timers.announced(), timers.in_force());
        }
    }
}
