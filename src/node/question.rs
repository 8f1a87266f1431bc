//! Can this node answer? Results in, verdict out; pure.
//!
//! A [`Question`] is the state of one service. What one round of asking found is judged together
//! with its circumstances ([`Round::event`]), and the event moves the verdict:
//!
//! ```text
//!             Answered          fall × Failed, or Stuck
//!   Unknown ───────────► Yes ─────────────────────────► No      Overloaded and NoResult
//!      │                  ▲                             ▲ │      leave the verdict alone
//!      │                  └──── rise × Answered ────────│─┘
//!      └────────────── fall × Failed, or Stuck ─────────┘
//! ```
//!
//! To say "no" moves an address to another host, so whatever leaves room for doubt is no failure:
//! an asker that slept may have slept with the whole host; silence while others are answered is a
//! flood, and would follow the address to the next host.

use std::time::Duration;

use super::{Answering, Reason, Service, ServiceState};

/// What a round of questions found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Every question was answered as it should be.
    Answered,
    /// A question could not be asked.
    NoResult(Reason),
    /// A question got no answer in time.
    Silent(Reason),
    /// A question was answered, but not as it should be, or the address refused it.
    Wrong(Reason),
}

/// A round of questions and its circumstances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// The worst that was found.
    pub finding: Finding,
    /// How much later than planned the asker woke.
    pub late: Duration,
    /// Whether UDP threads answered anybody but the askers since the first round of this row of
    /// failures began.
    pub others_answered: bool,
    /// The UDP thread that is stuck.
    pub stuck: Option<usize>,
}

/// What a round means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This node can answer.
    Answered,
    /// It did not.
    Failed(Reason),
    /// It answers others, but had no time for us.
    Overloaded(Reason),
    /// A UDP thread hangs.
    Stuck(Reason),
    /// Nothing can be said.
    NoResult(Reason),
}

/// When a verdict changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Between two rounds.
    pub every: Duration,
    /// Failures in a row to a "no"; also what raises an alarm.
    pub fall: u32,
    /// Answers in a row to a "yes" after a "no"; also what ends an alarm.
    pub rise: u32,
}

/// The state of one service.
#[derive(Clone, Debug)]
pub struct Question {
    limits: Limits,
    answering: Answering,
    failure: Option<Reason>,
    /// Answers and failures in a row; one of them is 0.
    answers: u32,
    failures: u32,
    overloaded: Alarm,
    no_result: Alarm,
    tcp_failing: Alarm,
}

/// On after `fall` bad occasions in a row, off after `rise` good ones in a row.
#[derive(Clone, Debug, Default)]
struct Alarm {
    bad: u32,
    good: u32,
    raised: Option<Reason>,
}

impl Finding {
    /// The worse of two: what decides, when several addresses are asked.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Answered => 0,
            Self::NoResult(_) => 1,
            Self::Silent(_) => 2,
            Self::Wrong(_) => 3,
        }
    }
}

impl Round {
    /// What the round means for a service that is asked this often.
    #[must_use]
    pub fn event(self, every: Duration) -> Event {
        if self.is_late(every) {
            return Event::NoResult("the asker was woken too late to judge".into());
        }
        if let Some(thread) = self.stuck {
            return Event::Stuck(format!("thread udp-{thread} is stuck").into());
        }
        match self.finding {
            Finding::Answered => Event::Answered,
            Finding::NoResult(reason) => Event::NoResult(reason),
            Finding::Silent(reason) if self.others_answered => Event::Overloaded(reason),
            Finding::Silent(reason) | Finding::Wrong(reason) => Event::Failed(reason),
        }
    }

    /// More than half an interval late: the host, not the server, may have stood still.
    fn is_late(&self, every: Duration) -> bool {
        self.late > every / 2
    }
}

impl Limits {
    /// Those of a service; less than once is once.
    #[must_use]
    pub fn of(service: &Service) -> Self {
        let Service { every, fall, rise, .. } = *service;
        Self { every, fall: fall.max(1), rise: rise.max(1) }
    }
}

impl Question {
    /// A service of which `state` was the last that was known.
    #[must_use]
    pub fn new(limits: Limits, state: ServiceState) -> Self {
        let alarm = |raised| Alarm { raised, ..Alarm::default() };
        Self {
            limits,
            answering: state.answering,
            failure: state.failure,
            answers: 0,
            failures: 0,
            overloaded: alarm(state.overloaded),
            no_result: alarm(state.no_result),
            tcp_failing: alarm(state.tcp_failing),
        }
    }

    /// Takes in a round of questions over UDP.
    pub fn handle_round(&mut self, round: Round) {
        let event = round.event(self.limits.every);
        self.handle_alarms(&event);
        match (self.answering, event) {
            (Answering::Unknown | Answering::Yes, Event::Answered) => {
                self.count_answer();
                self.answering = Answering::Yes;
            }
            (Answering::No, Event::Answered) => {
                self.count_answer();
                if self.answers >= self.limits.rise {
                    self.answering = Answering::Yes;
                    self.failure = None;
                }
            }
            (Answering::Unknown | Answering::Yes, Event::Failed(reason)) => {
                self.count_failure();
                if self.failures >= self.limits.fall {
                    self.fail(reason);
                }
            }
            (Answering::No, Event::Failed(reason))
            | (Answering::Unknown | Answering::Yes | Answering::No, Event::Stuck(reason)) => {
                self.count_failure();
                self.fail(reason);
            }
            (Answering::Unknown | Answering::Yes | Answering::No, Event::Overloaded(_)) => {
                (self.answers, self.failures) = (0, 0);
            }
            (Answering::Unknown | Answering::Yes | Answering::No, Event::NoResult(_)) => {}
        }
    }

    /// Takes in what the addresses said over TCP; an alarm is all that follows.
    pub fn handle_tcp(&mut self, finding: Finding) {
        match finding {
            Finding::Answered => self.tcp_failing.ease(self.limits),
            Finding::NoResult(_) => {}
            Finding::Silent(reason) | Finding::Wrong(reason) => {
                self.tcp_failing.raise(self.limits, reason);
            }
        }
    }

    /// Whether the last round that had a result was a failure: those that follow are of its row.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// What is known now.
    #[must_use]
    pub fn state(&self) -> ServiceState {
        ServiceState {
            answering: self.answering,
            failure: self.failure.clone(),
            overloaded: self.overloaded.raised.clone(),
            no_result: self.no_result.raised.clone(),
            tcp_failing: self.tcp_failing.raised.clone(),
        }
    }

    fn handle_alarms(&mut self, event: &Event) {
        match event {
            Event::NoResult(reason) => return self.no_result.raise(self.limits, reason.clone()),
            Event::Overloaded(reason) => self.overloaded.raise(self.limits, reason.clone()),
            Event::Answered | Event::Failed(_) | Event::Stuck(_) => {
                self.overloaded.ease(self.limits);
            }
        }
        self.no_result.ease(self.limits);
    }

    fn count_answer(&mut self) {
        (self.answers, self.failures) = (self.answers.saturating_add(1), 0);
    }

    fn count_failure(&mut self) {
        (self.answers, self.failures) = (0, self.failures.saturating_add(1));
    }

    fn fail(&mut self, reason: Reason) {
        self.answering = Answering::No;
        self.failure = Some(reason);
    }
}

impl Alarm {
    fn raise(&mut self, limits: Limits, reason: Reason) {
        (self.bad, self.good) = (self.bad.saturating_add(1), 0);
        if self.bad >= limits.fall || self.raised.is_some() {
            self.raised = Some(reason);
        }
    }

    fn ease(&mut self, limits: Limits) {
        (self.bad, self.good) = (0, self.good.saturating_add(1));
        if self.good >= limits.rise {
            self.raised = None;
        }
    }
}

#[cfg(test)]
mod tests;
