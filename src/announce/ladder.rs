//! One announcement's way up and down; pure.
//!
//! ```text
//!             fine ┌───────────────┐ an operator, a pool     ┌──────────┐
//!          ┌──────▶│   Announced   │────────────────────────▶│          │ gshut over,
//!          │       └───────────────┘◀────── undrained ───────│          │ not the last
//!  ┌───────┴───┐       lesser │ ▲ fine for up_hold           │ Draining │────────────┐
//!  │  Waiting  │              ▼ │                            │          │            ▼
//!  └───────┬───┘   ┌───────────────┐                         │          │     ┌───────────┐
//!          └──────▶│  Depreferred  │────────────────────────▶│          │     │ Withdrawn │
//!           lesser └───────────────┘◀────── undrained ───────└──────────┘     └──┬────────┘
//!                          ▲                                                     │   ▲
//!                          └── fine (or lesser) for up_hold, and not damped ─────┘   │
//!            from everywhere: this node cannot answer, or it stops at once ──────────┘
//! ```
//!
//! Down is fast and up is slow; what cannot be judged ([`Verdict::Unknown`]) leaves everything as
//! it is. A withdrawal that somebody wants, rather than one that this node needs because it cannot
//! answer, does not happen while no sibling answers: the route stays on the table, marked with
//! GRACEFUL_SHUTDOWN, until one does.
//!
//! The caller tells of everything with `handle_*`, of the passing of time too: when
//! [`Ladder::next_deadline`] is due, [`Ladder::handle_timeout`]. After each call [`Ladder::stage`]
//! is how the routes are to be announced, and [`Ladder::poll_transition`] what to tell people.

mod departure;
mod trouble;
mod why;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use departure::{Departure, Leave, Stop};
pub use why::Why;

use super::damping::Penalty;
use super::siblings::Company;
use super::standing::{Doubt, Standing, Verdict};
use super::{Announcement, Damping, Drain, Stage};
use trouble::Trouble;

/// One announcement's way up and down.
#[derive(Debug)]
pub struct Ladder {
    rules: Rules,
    phase: Phase,
    facts: Facts,
    /// What would withdraw it: an announcement that was withdrawn waits after it.
    failure: Trouble,
    /// What made it less preferred than others: it stays so for a while after it.
    weakness: Trouble,
    penalty: Penalty,
    /// Why it is where it is, and since when it has been there.
    why: Why,
    since: Instant,
    /// The time of the last call: deadlines until then are dealt with.
    now: Instant,
    transitions: VecDeque<Transition>,
}

/// What an operator has decided about an announcement's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// See [`Announcement::up_hold`].
    pub up_hold: Duration,
    /// See [`Announcement::keep_last`].
    pub keep_last: bool,
    /// See [`Announcement::damping`].
    pub damping: Damping,
    /// How the node takes its leave.
    pub drain: Drain,
}

/// A change worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Before.
    pub from: Stage,
    /// After; the same when only the reason is another.
    pub to: Stage,
    /// Why it is there.
    pub why: Why,
}

/// Where an announcement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Never announced since the start.
    Waiting,
    Announced,
    Depreferred,
    Draining {
        since: Instant,
        leave: Leave,
        /// What it was before.
        from: Strength,
    },
    Withdrawn {
        since: Instant,
    },
}

/// Which attributes a route has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strength {
    /// Its normal ones.
    Normal,
    /// Those of `deprefer`.
    Lesser,
}

/// What all that is known asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    Announce(Strength),
    /// To go on as before.
    Hold,
    /// To be withdrawn, if there is another.
    Leave(Leave),
    /// To be withdrawn.
    Withdraw,
}

/// What the ladder was told.
#[derive(Debug)]
struct Facts {
    /// The addresses are on the host and the sockets open.
    ready: bool,
    standing: Standing,
    company: Company,
    /// The operator knows that this node may be the last.
    forced: bool,
    stop: Option<Stop>,
}

impl Rules {
    /// Those of an announcement of a node that leaves like this.
    #[must_use]
    pub fn of(announcement: &Announcement, drain: Drain) -> Self {
        let Announcement { up_hold, keep_last, damping, .. } = *announcement;
        Self { up_hold, keep_last, damping, drain }
    }

    /// How long a route is marked before it is withdrawn. When its pool is down nobody is served by
    /// waiting.
    fn gshut(&self, leave: Leave) -> Duration {
        match leave {
            Leave::Pool => Duration::ZERO,
            Leave::Drain | Leave::Stop => self.drain.gshut,
        }
    }
}

impl Ladder {
    /// An announcement that was never made, of which nothing is known.
    #[must_use]
    pub fn new(rules: Rules, now: Instant) -> Self {
        let standing = Standing { verdict: Verdict::Unknown(Doubt::NoVerdict), drained: false };
        Self {
            rules,
            phase: Phase::Waiting,
            facts: Facts {
                ready: false,
                standing,
                company: Company::default(),
                forced: false,
                stop: None,
            },
            failure: Trouble::Never,
            weakness: Trouble::Never,
            penalty: Penalty::new(rules.damping, now),
            why: Why::NotReady,
            since: now,
            now,
            transitions: VecDeque::new(),
        }
    }

    /// How the routes are to be announced.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.phase.stage()
    }

    /// Which attributes it has there. One that was already less preferred than others is not
    /// preferred again because it leaves.
    #[must_use]
    pub fn strength(&self) -> Strength {
        match self.phase {
            Phase::Waiting | Phase::Announced | Phase::Withdrawn { .. } => Strength::Normal,
            Phase::Depreferred => Strength::Lesser,
            Phase::Draining { from, .. } => from,
        }
    }

    /// Why so.
    #[must_use]
    pub fn why(&self) -> &Why {
        &self.why
    }

    /// Since when the stage is what it is.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }

    /// The penalty for flapping now.
    #[must_use]
    pub fn penalty(&self, now: Instant) -> u32 {
        self.penalty.value(now)
    }

    /// Whether a withdrawal that is only wanted would be one too many.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.rules.keep_last && self.facts.company.is_alone() && !self.facts.forced
    }

    /// How far it is on its way out.
    #[must_use]
    pub fn departure(&self) -> Departure {
        if self.facts.stop.is_none() && !self.facts.standing.drained {
            return Departure::Staying;
        }
        match self.phase {
            Phase::Waiting => Departure::Finished,
            Phase::Announced | Phase::Depreferred => Departure::Staying,
            Phase::Draining { since, leave, .. } => {
                let end = since + self.rules.gshut(leave);
                match self.is_last() && end <= self.now {
                    true => Departure::Held,
                    false => Departure::Draining { until: end + self.linger() },
                }
            }
            Phase::Withdrawn { since } => {
                let until = since + self.linger();
                match until > self.now {
                    true => Departure::Lingering { until },
                    false => Departure::Finished,
                }
            }
        }
    }

    /// When [`Self::handle_timeout`] is to be called, if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let demand = self.demand();
        let rises = |trouble: Trouble| trouble.over_at(self.rules.up_hold);
        let deadlines = match (self.phase, demand) {
            (Phase::Draining { since, leave, .. }, _) => {
                [Some(since + self.rules.gshut(leave)), None, None]
            }
            (Phase::Withdrawn { .. }, Demand::Announce(_)) => {
                [rises(self.failure), rises(self.weakness), self.penalty.reuse_at(self.now)]
            }
            (Phase::Withdrawn { since }, Demand::Hold | Demand::Leave(_) | Demand::Withdraw) => {
                [Some(since + self.linger()), None, None]
            }
            (Phase::Waiting | Phase::Announced | Phase::Depreferred, _) => {
                [rises(self.failure), rises(self.weakness), None]
            }
        };
        deadlines.into_iter().flatten().filter(|&at| at > self.now).min()
    }

    /// What happened next; ask until there is nothing.
    pub fn poll_transition(&mut self) -> Option<Transition> {
        self.transitions.pop_front()
    }

    /// The addresses are on the host and the sockets open: from now on it may be announced.
    pub fn handle_ready(&mut self, now: Instant) {
        self.facts.ready = true;
        self.step(now);
    }

    /// What speaks for and against it now.
    pub fn handle_standing(&mut self, now: Instant, standing: Standing) {
        self.failure.handle(now, standing.verdict.is_failure());
        self.weakness.handle(now, standing.verdict.is_weakness());
        let undrained = self.facts.standing.drained && !standing.drained;
        self.facts.forced &= !undrained;
        self.facts.standing = standing;
        self.step(now);
    }

    /// How many others answer.
    pub fn handle_company(&mut self, now: Instant, company: Company) {
        self.facts.company = company;
        self.step(now);
    }

    /// The operator lets this node go even if it is the last; until it is undrained.
    pub fn handle_force(&mut self, now: Instant) {
        self.facts.forced = true;
        self.step(now);
    }

    /// The operator wants it back now: nothing that is over counts any more.
    pub fn handle_forgiveness(&mut self, now: Instant) {
        self.forgive();
        self.penalty.clear();
        self.step(now);
    }

    /// The node ends.
    pub fn handle_stop(&mut self, now: Instant, stop: Stop) {
        self.facts.stop = self.facts.stop.max(Some(stop));
        self.step(now);
    }

    /// Other rules from now on.
    pub fn handle_rules(&mut self, now: Instant, rules: Rules) {
        self.penalty.set(now, rules.damping);
        self.rules = rules;
        self.step(now);
    }

    /// Does what is due; any time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.step(now);
    }

    /// Goes as far as everything known leads, and tells of it.
    fn step(&mut self, now: Instant) {
        self.now = now;
        let from = self.stage();
        while let Some(phase) = self.next_phase() {
            self.enter(phase);
        }
        let (to, why) = (self.stage(), self.reason());
        if from != to {
            self.since = now;
        }
        if from != to || !self.why.is_as(&why) {
            self.transitions.push_back(Transition { from, to, why: why.clone() });
        }
        self.why = why;
    }

    /// Where it goes next; absent where it stays. For one and the same demand every way ends.
    fn next_phase(&self) -> Option<Phase> {
        use Demand::{Announce, Hold, Withdraw};
        use Phase::{Announced, Depreferred, Draining, Waiting, Withdrawn};
        use Strength::{Lesser, Normal};
        let since = self.now;
        match (self.phase, self.demand()) {
            (Waiting, Announce(strength)) => Some(strength.phase()),
            (Waiting, Hold | Demand::Leave(_) | Withdraw) => None,

            (Announced, Announce(Normal) | Hold) => None,
            (Announced, Announce(Lesser)) => Some(Depreferred),
            (Announced, Demand::Leave(leave)) => Some(Draining { since, leave, from: Normal }),
            (Announced, Withdraw) => Some(Withdrawn { since }),

            (Depreferred, Announce(Normal)) => Some(Announced),
            (Depreferred, Announce(Lesser) | Hold) => None,
            (Depreferred, Demand::Leave(leave)) => Some(Draining { since, leave, from: Lesser }),
            (Depreferred, Withdraw) => Some(Withdrawn { since }),

            (Draining { .. }, Announce(strength)) => Some(strength.phase()),
            (Draining { leave: Leave::Pool, .. }, Hold) => None,
            (Draining { leave: Leave::Drain | Leave::Stop, from, .. }, Hold) => Some(from.phase()),
            (Draining { leave, since, from }, Demand::Leave(wanted)) if leave != wanted => {
                Some(Draining { leave: wanted, since, from })
            }
            (Draining { leave, since: begun, .. }, Demand::Leave(_)) => {
                let over = begun + self.rules.gshut(leave) <= self.now;
                (over && !self.is_last()).then_some(Withdrawn { since })
            }
            (Draining { .. }, Withdraw) => Some(Withdrawn { since }),

            (Withdrawn { .. }, Announce(strength)) => self.may_return().then_some(strength.phase()),
            (Withdrawn { .. }, Hold | Demand::Leave(_) | Withdraw) => None,
        }
    }

    fn enter(&mut self, phase: Phase) {
        match (self.phase, phase) {
            // What was before the first announcement delays nothing.
            (Phase::Waiting, _) => self.forgive(),
            (_, Phase::Withdrawn { .. }) => self.penalty.charge(self.now),
            (
                Phase::Announced
                | Phase::Depreferred
                | Phase::Draining { .. }
                | Phase::Withdrawn { .. },
                Phase::Waiting | Phase::Announced | Phase::Depreferred | Phase::Draining { .. },
            ) => {}
        }
        self.phase = phase;
    }

    fn forgive(&mut self) {
        self.failure.forgive();
        self.weakness.forgive();
    }

    fn demand(&self) -> Demand {
        let Facts { ready, standing, stop, .. } = &self.facts;
        match (stop, &standing.verdict) {
            (Some(Stop::Withdraw | Stop::AtOnce), _) | (_, Verdict::CannotAnswer(_)) => {
                Demand::Withdraw
            }
            (Some(Stop::Drain), _) => Demand::Leave(Leave::Stop),
            (None, _) if standing.drained => Demand::Leave(Leave::Drain),
            (None, Verdict::PoolDown) => Demand::Leave(Leave::Pool),
            (None, Verdict::Unknown(_)) => Demand::Hold,
            (None, Verdict::Fine | Verdict::Lesser(_)) if !ready => Demand::Hold,
            (None, Verdict::Lesser(_)) => Demand::Announce(Strength::Lesser),
            (None, Verdict::Fine) => Demand::Announce(self.deserved()),
        }
    }

    /// How strongly it is announced when nothing speaks against it: a while after something did,
    /// not yet as strongly as others, unless it is the first time.
    fn deserved(&self) -> Strength {
        let first = self.phase == Phase::Waiting;
        let calm = self.is_over(self.weakness) && self.is_over(self.failure);
        if first || calm { Strength::Normal } else { Strength::Lesser }
    }

    /// Whether an announcement that was withdrawn may be made again.
    fn may_return(&self) -> bool {
        self.is_over(self.failure) && !self.is_damped()
    }

    fn is_damped(&self) -> bool {
        self.penalty.reuse_at(self.now).is_some() && !self.facts.company.is_alone()
    }

    fn is_over(&self, trouble: Trouble) -> bool {
        trouble.is_over(self.now, self.rules.up_hold)
    }

    fn linger(&self) -> Duration {
        match self.facts.stop {
            Some(Stop::AtOnce) => Duration::ZERO,
            Some(Stop::Drain | Stop::Withdraw) | None => self.rules.drain.linger,
        }
    }
}

impl Phase {
    const fn stage(self) -> Stage {
        match self {
            Self::Waiting | Self::Withdrawn { .. } => Stage::Withdrawn,
            Self::Announced => Stage::Announced,
            Self::Depreferred => Stage::Depreferred,
            Self::Draining { .. } => Stage::Draining,
        }
    }
}

impl Strength {
    const fn phase(self) -> Phase {
        match self {
            Self::Normal => Phase::Announced,
            Self::Lesser => Phase::Depreferred,
        }
    }
}

#[cfg(test)]
mod tests;
