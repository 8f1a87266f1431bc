//! Backup: another node has the addresses, and is listened to (RFC 9568 §6.4.2).

use std::time::{Duration, Instant};

use super::{
    Action, Advert, Displaces, Machine, Phase, Reason, Warning, down_after, learned, release_delay,
};
use crate::config::{Config, Priority, skew};
use crate::receive::Sender;

/// The state Backup.
#[derive(Debug)]
pub(super) struct Backup {
    /// By member.
    members: Vec<Listener>,
    /// After a fault, no one is replaced or displaced before.
    hold: Option<Instant>,
    /// Since when the Active has had a lower priority.
    lower_since: Option<Instant>,
    /// A late wake-up has been forgiven since the last advertisement.
    forgiven: bool,
    /// A silence was put down to our own network since the last advertisement.
    cut_off: bool,
}

/// What one member has heard.
#[derive(Debug)]
struct Listener {
    /// Active_Down_Timer.
    down: Instant,
    /// Active_Adver_Interval.
    interval: Duration,
    active: Option<Sender>,
    cause: Cause,
}

/// Why the timer runs out, the weakest first: one that is heard of by any member is the group's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Silence,
    BfdDown,
    Preempted,
    Relieved,
    Released,
}

impl Cause {
    /// Whether the Active itself said that the role is to be taken.
    fn is_invited(self) -> bool {
        match self {
            Self::Released | Self::Relieved | Self::Preempted => true,
            Self::Silence | Self::BfdDown => false,
        }
    }
}

impl Backup {
    pub(super) fn new(now: Instant, config: &Config, priority: Priority) -> Self {
        let listener = || Listener::new(now, config, priority);
        Self {
            members: config.families().iter().map(|_| listener()).collect(),
            hold: None,
            lower_since: None,
            forgiven: false,
            cut_off: false,
        }
    }

    pub(super) fn hold_until(&mut self, until: Instant) {
        self.hold = Some(until);
    }

    /// Who is Active, as far as it was heard.
    pub(super) fn active(&self) -> Option<Sender> {
        self.members.iter().find_map(|member| member.active)
    }

    /// When the group takes over unless something is heard: when every member's timer has run out.
    pub(super) fn due(&self) -> Instant {
        let timers = self.members.iter().map(|member| member.down).max();
        let timers = timers.expect("a group has one member at least");
        match (self.hold, self.cause()) {
            (Some(hold), cause) if cause < Cause::Released => timers.max(hold),
            (Some(_) | None, _) => timers,
        }
    }

    /// An Active is there and stays: every timer of the group starts as this member's.
    pub(super) fn follow(
        &mut self,
        now: Instant,
        advert: &Advert,
        config: &Config,
        priority: Priority,
    ) {
        for member in &mut self.members {
            member.interval = learned(config, advert);
            member.down = now + down_after(config, priority, member.interval);
        }
        if let Some(member) = self.members.get_mut(advert.member) {
            member.active = Some(advert.sender);
        }
    }

    /// This node has become worse: what made it displace the Active may no longer hold, and the
    /// next advertisement tells.
    pub(super) fn think_again(&mut self, now: Instant, config: &Config, priority: Priority) {
        for member in &mut self.members {
            match member.cause {
                Cause::Relieved | Cause::Preempted => member.restart(now, config, priority),
                Cause::Silence | Cause::BfdDown | Cause::Released => {}
            }
        }
    }

    /// One Active_Down more: after a time without the witness its silence says nothing.
    pub(super) fn witness_is_back(&mut self, now: Instant, config: &Config, priority: Priority) {
        for member in &mut self.members {
            if !member.cause.is_invited() {
                let patience = down_after(config, priority, member.interval);
                member.down = member.down.max(now + patience);
            }
        }
    }

    pub(super) fn bfd_down(&mut self, now: Instant, config: &Config, priority: Priority) {
        for member in &mut self.members {
            let soon = now + skew(config.version, priority, member.interval);
            if soon < member.down {
                member.down = soon;
                member.cause = member.cause.max(Cause::BfdDown);
            }
        }
    }

    pub(super) fn reconfigure(&mut self, now: Instant, config: &Config, priority: Priority) {
        let members = config.families().len();
        self.members.resize_with(members, || Listener::new(now, config, priority));
    }

    fn cause(&self) -> Cause {
        let causes = self.members.iter().map(|member| member.cause);
        causes.max().unwrap_or(Cause::Silence)
    }

    /// The longest of the members' intervals.
    fn interval(&self) -> Duration {
        self.members.iter().map(|member| member.interval).max().unwrap_or_default()
    }

    fn reason(&self) -> Reason {
        let active = self.active();
        match (self.cause(), active) {
            (Cause::Silence, of) => Reason::Silence { of },
            (Cause::BfdDown, of) => Reason::BfdDown { of },
            (Cause::Preempted, Some(of)) => Reason::Preempted { of },
            (Cause::Relieved, Some(of)) => Reason::Relieved { of },
            (Cause::Released, Some(by)) => Reason::Released { by },
            (Cause::Preempted | Cause::Relieved | Cause::Released, None) => {
                Reason::Silence { of: None }
            }
        }
    }

    fn rearm(&mut self, at: Instant) {
        for member in &mut self.members {
            member.down = at;
            member.cause = Cause::Silence;
        }
    }
}

impl Listener {
    fn new(now: Instant, config: &Config, priority: Priority) -> Self {
        Self {
            down: now + down_after(config, priority, config.advertise),
            interval: config.advertise,
            active: None,
            cause: Cause::Silence,
        }
    }

    /// The Active is to be left alone.
    fn restart(&mut self, now: Instant, config: &Config, priority: Priority) {
        self.down = now + down_after(config, priority, self.interval);
        self.cause = Cause::Silence;
    }

    /// The Active wants to be rid of the role.
    fn invited(&mut self, now: Instant, cause: Cause, config: &Config, priority: Priority) {
        let soon = now + release_delay(config, priority, self.interval);
        self.down = self.down.min(soon);
        self.cause = self.cause.max(cause);
    }
}

impl Machine {
    /// Sets timers only, be they for now: what is still to be read may speak against a take-over.
    pub(super) fn heard_as_backup(&mut self, now: Instant, advert: &Advert) {
        let (displaces, priority) = (self.displaces(advert), self.standing.priority);
        let Phase::Backup(backup) = &mut self.phase else { return };
        let Some(member) = backup.members.get_mut(advert.member) else { return };
        member.active = Some(advert.sender);
        let holding = backup.hold.is_some_and(|until| now < until);
        if advert.priority == Priority::RELEASE {
            return member.invited(now, Cause::Released, &self.config, priority);
        }
        (backup.forgiven, backup.cut_off) = (false, false);
        member.interval = learned(&self.config, advert);
        match displaces {
            Displaces::Relieves if !holding => {
                member.invited(now, Cause::Relieved, &self.config, priority);
            }
            Displaces::Preempts if !holding => {
                let since = *backup.lower_since.get_or_insert(now);
                if now.saturating_duration_since(since) < self.config.preempt_delay {
                    member.restart(now, &self.config, priority);
                } else {
                    // Discarded, as RFC 9568 §6.4.2 has it: the timer goes on.
                    member.cause = member.cause.max(Cause::Preempted);
                }
            }
            Displaces::No | Displaces::Relieves | Displaces::Preempts => {
                backup.lower_since = None;
                member.restart(now, &self.config, priority);
            }
        }
    }

    /// Takes over when every member's timer has run out and nothing speaks against it.
    pub(super) fn backup_timeout(&mut self, now: Instant) {
        let (config, priority) = (&self.config, self.standing.priority);
        let Phase::Backup(backup) = &mut self.phase else { return };
        let (due, cause, interval) = (backup.due(), backup.cause(), backup.interval());
        if now < due {
            return;
        }
        if !cause.is_invited() && !self.standing.witness {
            backup.rearm(now + down_after(config, priority, interval));
            if !std::mem::replace(&mut backup.cut_off, true) {
                self.actions.push_back(Action::Warning(Warning::CutOff));
            }
            return;
        }
        let late = now.saturating_duration_since(due);
        if !cause.is_invited() && late > interval && !backup.forgiven {
            // Longer than an Active that stood still too listens before it goes on.
            backup.rearm(now + interval + skew(config.version, priority, interval));
            backup.forgiven = true;
            return self.actions.push_back(Action::Warning(Warning::LateWakeUp { late }));
        }
        let reason = backup.reason();
        self.become_active(now, reason);
    }
}
