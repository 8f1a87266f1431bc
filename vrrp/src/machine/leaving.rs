//! HandingOver: make before break.
//!
//! A node that gives the role away says so with priority 0 and goes on serving until the other one
//! is heard; the addresses leave the interface only then.

use std::time::{Duration, Instant};

use super::active::renewal;
use super::{Action, Advert, Machine, Outcome, Phase, Reason};
use crate::config::{Config, Priority, Version};

/// Where the addresses do not stay on `lo`, they stay on the interface for so long after another
/// node has taken over: what a stale ARP entry still sends here is answered.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// The state HandingOver.
#[derive(Debug)]
pub(super) struct HandingOver {
    pub(super) purpose: Purpose,
    /// Nobody takes over any more; or, once somebody has, the end.
    until: Instant,
    /// What was heard of the node that took over.
    taken: Option<Advert>,
    /// When priority 0 is said once more.
    again: Option<Instant>,
    /// When the kernel is told again that the addresses are wanted.
    renew: Option<Instant>,
}

/// What comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Failover,
    Stop,
}

impl HandingOver {
    fn new(now: Instant, purpose: Purpose, config: &Config) -> Self {
        // The slowest Backup waits for its skew, which is less than one interval (version 2: than
        // one second), and may miss the first word.
        let patience = match config.version {
            Version::V2 => config.advertise * 3 + Duration::from_secs(1),
            Version::V3 => config.advertise * 4,
        };
        // After more than one interval: within it, the timer that the first word set is running.
        let again = now + config.advertise * 5 / 4;
        let (until, renew) = (now + patience, renewal(now, config));
        Self { purpose, until, taken: None, again: Some(again), renew }
    }

    /// Whether another node has taken over.
    pub(super) fn is_taken(&self) -> bool {
        self.taken.is_some()
    }

    pub(super) fn deadline(&self) -> Instant {
        self.again.into_iter().chain(self.renew).fold(self.until, Instant::min)
    }
}

impl Machine {
    pub(super) fn failover(&mut self, now: Instant) {
        match self.phase {
            Phase::Active(_) => self.hand_over(now, Purpose::Failover, Reason::Failover),
            // The first one's end is told to all who wait for it.
            Phase::HandingOver(_) => {}
            Phase::Initialize | Phase::Stopped | Phase::Fault | Phase::Backup(_) => {
                let state = self.state();
                self.actions.push_back(Action::Ended(Outcome::NotActive(state)));
            }
        }
    }

    pub(super) fn stop(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Active(_) => self.hand_over(now, Purpose::Stop, Reason::Stop),
            Phase::HandingOver(leaving) => match leaving.purpose {
                Purpose::Failover => leaving.purpose = Purpose::Stop,
                Purpose::Stop => {
                    self.actions.push_back(Action::Disown);
                    self.stopped(now);
                }
            },
            Phase::Initialize | Phase::Stopped | Phase::Fault | Phase::Backup(_) => {
                self.stopped(now);
            }
        }
    }

    fn hand_over(&mut self, now: Instant, purpose: Purpose, reason: Reason) {
        self.actions.push_back(Action::Advertise { priority: Priority::RELEASE });
        if self.config.vmac {
            // The other node will use the same MAC address: not on two ports of a switch.
            self.actions.push_back(Action::Disown);
        }
        let leaving = HandingOver::new(now, purpose, &self.config);
        self.enter(now, Phase::HandingOver(leaving), reason);
    }

    pub(super) fn heard_while_leaving(&mut self, now: Instant, advert: &Advert) {
        let Phase::HandingOver(leaving) = &mut self.phase else { return };
        if advert.priority == Priority::RELEASE || leaving.taken.is_some() {
            return;
        }
        leaving.taken = Some(*advert);
        leaving.again = None;
        leaving.until = match self.config.resident || self.config.vmac {
            true => now,
            false => now + STRAGGLERS,
        };
        if leaving.purpose == Purpose::Failover {
            self.held = true;
            self.actions.push_back(Action::Ended(Outcome::TookOver(advert.sender)));
        }
        self.leaving_timeout(now);
    }

    pub(super) fn leaving_timeout(&mut self, now: Instant) {
        let Phase::HandingOver(leaving) = &mut self.phase else { return };
        if now >= leaving.until {
            return match (leaving.purpose, leaving.taken) {
                (Purpose::Failover, Some(advert)) => {
                    self.yield_to(now, &advert, Reason::TakenOver { by: advert.sender });
                }
                (Purpose::Failover, None) => {
                    self.actions.push_back(Action::Ended(Outcome::NobodyTookOver));
                    self.become_active(now, Reason::NobodyTookOver);
                }
                (Purpose::Stop, Some(_) | None) => {
                    self.actions.push_back(Action::Disown);
                    self.stopped(now);
                }
            };
        }
        if leaving.again.take_if(|at| *at <= now).is_some() {
            self.actions.push_back(Action::Advertise { priority: Priority::RELEASE });
        }
        if leaving.renew.is_some_and(|at| at <= now) {
            leaving.renew = renewal(now, &self.config);
            if !self.config.vmac {
                self.actions.push_back(Action::Own);
            }
        }
    }

    /// The end of the machine.
    pub(super) fn stopped(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Stopped) {
            self.enter(now, Phase::Stopped, Reason::Stop);
        }
        self.actions.push_back(Action::Ended(Outcome::Stopped));
    }
}
