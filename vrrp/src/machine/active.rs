//! Active: this node has the addresses (RFC 9568 §6.4.3).

use std::cmp::Ordering;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{Action, Advert, Machine, Phase, Reason, Warning, beats, learned};
use crate::conditions::Fault;
use crate::config::{Config, Preempt, Priority};

/// Another Active is told at once that it loses, but no more often than a quarter of the interval:
/// two nodes that both believe to win must not answer each other without end.
const ASSERTIONS_PER_INTERVAL: u32 = 4;

/// Neighbours are told again after another Active was heard, once in this time.
const ANNOUNCE_AFTER_CONFLICT: Duration = Duration::from_secs(1);

/// A virtual address that other programs remove so often…
const REMOVALS: usize = 3;

/// …within this time is given up.
const REMOVALS_WITHIN: Duration = Duration::from_secs(10);

/// The state Active.
#[derive(Debug)]
pub(super) struct Active {
    /// Adver_Timer.
    next: Instant,
    interval: Duration,
    /// The last advertisement.
    sent: Instant,
    /// After a stall: nothing is sent before.
    listening: Option<Instant>,
    /// When another Active was last answered.
    asserted: Option<Instant>,
    /// When another Active was last heard on the group's first member.
    first_heard: Option<Instant>,
    announcements: Announcements,
    /// When the kernel is told again that the addresses are wanted.
    renew: Option<Instant>,
    conflict: Option<Conflict>,
}

/// When neighbours are told where the addresses are.
#[derive(Debug)]
struct Announcements {
    /// Further bursts, the last first.
    again: Vec<Instant>,
    refresh: Option<Instant>,
    after_conflict: Option<Instant>,
}

/// Another node is Active too.
#[derive(Debug)]
struct Conflict {
    since: Instant,
    last: Instant,
    /// The other's.
    interval: Duration,
}

impl Conflict {
    /// It is over when nothing more was heard for so long.
    fn patience(&self) -> Duration {
        self.interval * 3
    }

    fn lasts(&self, now: Instant) -> bool {
        now <= self.last + self.patience()
    }

    /// The other one may have ended it right after its last word, and has within an interval.
    fn span(&self, now: Instant) -> Duration {
        now.min(self.last + self.interval).saturating_duration_since(self.since)
    }
}

impl Announcements {
    fn new(now: Instant, config: &Config) -> Self {
        let mut again: Vec<_> = config.arp.again.iter().map(|&after| now + after).collect();
        again.sort_unstable_by(|a, b| b.cmp(a));
        let refresh = config.arp.refresh.map(|every| now + every);
        Self { again, refresh, after_conflict: None }
    }

    fn deadline(&self) -> Option<Instant> {
        self.again.last().copied().into_iter().chain(self.refresh).min()
    }

    /// How many for each address are due.
    fn due(&mut self, now: Instant, config: &Config) -> u8 {
        let mut count = 0;
        while self.again.pop_if(|at| *at <= now).is_some() {
            count = config.arp.burst;
        }
        if self.refresh.is_some_and(|at| at <= now) {
            self.refresh = config.arp.refresh.map(|every| now + every);
            count = count.max(1);
        }
        count
    }
}

impl Active {
    pub(super) fn new(now: Instant, config: &Config) -> Self {
        Self {
            next: now + config.advertise,
            interval: config.advertise,
            sent: now,
            listening: None,
            asserted: None,
            first_heard: None,
            announcements: Announcements::new(now, config),
            renew: renewal(now, config),
            conflict: None,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        let next = self.listening.unwrap_or(self.next);
        let others = [self.announcements.deadline(), self.renew];
        match self.listening {
            Some(until) => until,
            None => others.into_iter().flatten().fold(next, Instant::min),
        }
    }

    /// Whether it has been silent for so long that another node may have taken over.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        self.listening.is_some() || now.saturating_duration_since(self.sent) > self.interval * 3
    }

    /// For how long another Active has been heard; of the conflict that is not counted yet.
    pub(super) fn dual(&self, now: Instant) -> Duration {
        self.conflict.as_ref().map_or(Duration::ZERO, |conflict| conflict.span(now))
    }

    /// Whether a conflict has lasted for long without a word on the group's first member, whose
    /// addresses decide ties. Two that begin to hear each other hear the second first at times.
    fn first_is_silent(&self, now: Instant) -> bool {
        let Some(conflict) = &self.conflict else { return false };
        let silent = |since| now.saturating_duration_since(since) > conflict.patience();
        let first = self.first_heard.is_none_or(silent);
        conflict.lasts(now) && silent(conflict.since) && first
    }

    fn reconfigure(&mut self, now: Instant, before: &Config, config: &Config) {
        self.interval = config.advertise;
        self.next = self.next.min(now + config.advertise);
        if before.arp != config.arp {
            self.announcements = Announcements::new(now, config);
        }
        // The lease that the kernel was told of last may be the shorter one.
        self.renew = match (self.renew, renewal(now, config)) {
            (Some(planned), Some(renewal)) => Some(planned.min(renewal)),
            (_, renewal) => renewal,
        };
    }

    pub(super) fn announce_again(&mut self, now: Instant, config: &Config) {
        self.announcements = Announcements::new(now, config);
    }

    fn sent(&mut self, now: Instant) {
        self.sent = now;
        self.next = now + self.interval;
    }

    /// Whether another Active is to be answered now.
    fn may_assert(&mut self, now: Instant) -> bool {
        let pause = self.interval / ASSERTIONS_PER_INTERVAL;
        let may = self.asserted.is_none_or(|at| now.saturating_duration_since(at) >= pause);
        if may {
            self.asserted = Some(now);
        }
        may
    }

    fn may_announce(&mut self, now: Instant) -> bool {
        let last = self.announcements.after_conflict;
        let may =
            last.is_none_or(|at| now.saturating_duration_since(at) >= ANNOUNCE_AFTER_CONFLICT);
        if may {
            self.announcements.after_conflict = Some(now);
        }
        may
    }
}

/// A third of the lease: two renewals may be lost.
pub(super) fn renewal(now: Instant, config: &Config) -> Option<Instant> {
    config.lease().map(|lease| now + lease / 3)
}

impl Machine {
    pub(super) fn heard_as_active(&mut self, now: Instant, advert: &Advert) {
        let priority = self.standing.priority;
        let Phase::Active(active) = &mut self.phase else { return };
        if advert.priority == Priority::RELEASE {
            return self.answer_release(now);
        }
        let first_is_silent = active.first_is_silent(now);
        if advert.member == 0 {
            active.first_heard = Some(now);
        }
        let sender = advert.sender;
        match beats(advert, priority, first_is_silent) {
            Ordering::Greater if advert.priority > priority => {
                let reason = Reason::Higher { sender, priority: advert.priority };
                self.yield_to(now, advert, reason);
            }
            Ordering::Greater => self.yield_to(now, advert, Reason::Tie { sender }),
            Ordering::Less | Ordering::Equal if self.was_replaced_by(now, advert) => {
                self.yield_to(now, advert, Reason::Replaced { sender });
            }
            Ordering::Less => {
                self.conflict(now, advert);
                self.assert(now);
            }
            Ordering::Equal => self.conflict(now, advert),
        }
    }

    /// An Active that stood still for long, and that does not displace healthy ones, leaves the
    /// role where it went meanwhile.
    fn was_replaced_by(&self, now: Instant, advert: &Advert) -> bool {
        let Phase::Active(active) = &self.phase else { return false };
        let healthy = advert.priority > self.config.floor;
        active.is_stalled(now) && self.preempt() != Preempt::Always && healthy
    }

    /// Another node gave the role away: who waits to take it, if only for its skew, must hear at
    /// once that it is taken. A release answers nothing, so this cannot go on without end.
    fn answer_release(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        if active.is_stalled(now) {
            return;
        }
        active.asserted = None;
        self.assert(now);
    }

    /// Tells another node, and the neighbours, who is Active.
    fn assert(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        if active.is_stalled(now) {
            return;
        }
        let (assert, announce) = (active.may_assert(now), active.may_announce(now));
        if assert {
            self.advertise(now);
        }
        if announce {
            self.actions.push_back(Action::Announce { count: 1 });
        }
    }

    fn conflict(&mut self, now: Instant, advert: &Advert) {
        let interval = learned(&self.config, advert);
        let Phase::Active(active) = &mut self.phase else { return };
        match &mut active.conflict {
            Some(conflict) if conflict.lasts(now) => {
                (conflict.last, conflict.interval) = (now, interval);
            }
            ended => {
                if let Some(before) = ended.take() {
                    self.dual += before.span(now);
                }
                *ended = Some(Conflict { since: now, last: now, interval });
                self.actions.push_back(Action::Warning(Warning::DualActive {
                    with: advert.sender,
                    priority: advert.priority,
                }));
            }
        }
    }

    /// Sends an advertisement out of turn or in turn.
    pub(super) fn advertise(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        active.sent(now);
        self.actions.push_back(Action::Advertise { priority: self.standing.priority });
    }

    pub(super) fn active_timeout(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        match active.listening {
            Some(until) if now < until => return,
            Some(_) => return self.resume(now),
            None => {}
        }
        if active.is_stalled(now) {
            return self.listen(now);
        }
        let (advertise, count) = (now >= active.next, active.announcements.due(now, &self.config));
        let renew = active.renew.is_some_and(|at| at <= now);
        if advertise {
            self.advertise(now);
        }
        if renew {
            self.renew(now);
        }
        if count > 0 {
            self.actions.push_back(Action::Announce { count });
        }
    }

    /// Says nothing after a stall until another Active had the time to be heard.
    fn listen(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        let silent = now.saturating_duration_since(active.sent);
        active.listening = Some(now + active.interval);
        self.actions.push_back(Action::Warning(Warning::Stalled { silent }));
    }

    /// Nobody spoke up after a stall: goes on. The lease may have run out meanwhile.
    fn resume(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        active.listening = None;
        active.announce_again(now, &self.config);
        active.renew = renewal(now, &self.config);
        self.advertise(now);
        self.own_and_announce();
    }

    fn renew(&mut self, now: Instant) {
        let Phase::Active(active) = &mut self.phase else { return };
        active.renew = renewal(now, &self.config);
        self.actions.push_back(Action::Own);
    }

    /// What others see of a change is advertised at once, unless a stall has to be sorted out first.
    pub(super) fn reconfigure_active(&mut self, now: Instant, before: &Config) {
        let Phase::Active(active) = &mut self.phase else { return };
        let (listening, stalled) = (active.listening.is_some(), active.is_stalled(now));
        active.reconfigure(now, before, &self.config);
        match (listening, stalled) {
            (true, _) => return,
            (false, true) => return self.listen(now),
            (false, false) => {}
        }
        let seen = |c: &Config| (c.addresses.clone(), c.advertise);
        if seen(before) != seen(&self.config) {
            self.advertise(now);
            self.own_and_announce();
        } else if before.lease() != self.config.lease() {
            self.renew(now);
        }
    }

    /// Puts addresses back, but does not fight for ever with whoever removes them.
    pub(super) fn addresses_removed(&mut self, now: Instant, removed: &[IpAddr]) {
        self.removals.retain(|(at, _)| now.saturating_duration_since(*at) < REMOVALS_WITHIN);
        self.removals.extend(removed.iter().map(|&address| (now, address)));
        let times = |address| self.removals.iter().filter(|(_, gone)| gone == address).count();
        match removed.iter().map(times).max() {
            Some(REMOVALS..) => {
                self.removals.clear();
                self.quarantine = Some(now + self.config.fault_hold);
                self.fail(now, Fault::AddressesTaken);
            }
            Some(_) => {
                self.actions.push_back(Action::Warning(Warning::AddressRemoved));
                self.own_and_announce();
            }
            None => {}
        }
    }
}
