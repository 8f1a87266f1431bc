//! The election, pure: one group of virtual routers, its time and its packets as arguments.
//!
//! ```text
//!                        ┌────────────┐
//!          joined ┌──────│ Initialize │◀──────────────┐ stopped
//!                 ▼      └────────────┘               │
//!           ┌────────┐  silence, release, relief ┌────────┐
//!    ┌─────▶│ Backup │──────────────────────────▶│ Active │
//!    │      └────────┘◀──────────────────────────└────────┘
//!    │ recovered  ▲ ▲    a better Active is heard    │  ▲ nobody took over
//!    │            │ │ taken over                     ▼  │
//!    │            │ └───────────────────────┌─────────────┐
//! ┌───────┐       │                         │ HandingOver │ failover, stop
//! │ Fault │◀──────┴── from every state      └─────────────┘
//! └───────┘
//! ```
//!
//! The states are those of RFC 9568 §6.4 and RFC 3768 §6.4. Two are ours: in `HandingOver` a node
//! that has given the role away goes on serving until the other one is heard, and `Fault` is an
//! Initialize that has a reason.
//!
//! The driver calls a `handle_*` for all that happens, then [`Machine::poll_action`] until nothing
//! is left, and [`Machine::handle_timeout`] at [`Machine::next_deadline`]. Before a time-out it
//! reads every socket: a silence is only a silence when nothing waits to be read, and a release may
//! have been taken back.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::conditions::{Fault, Standing, Unhealthy};
use crate::config::{Config, Preempt, Priority, Version, skew};
use crate::receive::Sender;

mod active;
mod backup;
pub mod event;
mod leaving;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
pub mod tie;

use self::active::Active;
use self::backup::Backup;
pub use self::event::{Action, BfdHint, Command, Outcome, Reason, State, Transition, Warning};
use self::leaving::{HandingOver, Purpose};

/// A node that is not ready joins at the floor after so long: when both are at a loss, one of them
/// must still have the addresses.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// The shortest interval that version 3 can name; a sender that says 0 is taken to mean it.
const SHORTEST: Duration = Duration::from_millis(10);

/// An advertisement that has passed the receive checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert {
    /// The member that it is for: an index into `Config::families`.
    pub member: usize,
    /// Who sent it.
    pub sender: Sender,
    /// Its priority; 0 releases the role.
    pub priority: Priority,
    /// The sender's interval (Max Advertise Interval).
    pub interval: Duration,
    /// How the sender stands to this node when priorities are equal; see [`tie`].
    pub rank: tie::Rank,
}

/// One group in the election.
#[derive(Debug)]
pub struct Machine {
    config: Config,
    standing: Standing,
    started: Instant,
    /// An operator gave the role away: it displaces nobody healthy.
    held: bool,
    /// A fault of the machine's own finding lasts until then.
    quarantine: Option<Instant>,
    phase: Phase,
    /// Which virtual addresses were removed by another program lately.
    removals: VecDeque<(Instant, IpAddr)>,
    /// Time during which another Active was heard, of all conflicts but the present one.
    dual: Duration,
    actions: VecDeque<Action>,
}

/// A state, with what belongs to it alone.
#[derive(Debug)]
enum Phase {
    Initialize,
    Stopped,
    Fault,
    Backup(Backup),
    Active(Active),
    HandingOver(HandingOver),
}

impl Machine {
    /// A group that is not in the election yet.
    #[must_use]
    pub fn new(config: Config, standing: Standing, now: Instant) -> Self {
        let mut machine = Self {
            config,
            standing,
            started: now,
            held: false,
            quarantine: None,
            phase: Phase::Initialize,
            removals: VecDeque::new(),
            dual: Duration::ZERO,
            actions: VecDeque::new(),
        };
        machine.try_join(now);
        machine
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Initialize | Phase::Stopped => State::Initialize,
            Phase::Fault => State::Fault,
            Phase::Backup(_) => State::Backup,
            Phase::Active(_) => State::Active,
            Phase::HandingOver(_) => State::HandingOver,
        }
    }

    /// What it advertises while Active.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.standing.priority
    }

    /// This node's part in the election, as last told.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What keeps it out of the election: what it was told, or what it has found itself.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        let found = self.quarantine.filter(|_| matches!(self.phase, Phase::Fault));
        self.standing.fault.clone().or_else(|| found.map(|_| Fault::AddressesTaken))
    }

    /// Whether an operator's `failover` keeps it from displacing others.
    #[must_use]
    pub fn held(&self) -> bool {
        self.held
    }

    /// Who is Active, when it is another node and has been heard.
    #[must_use]
    pub fn other_active(&self) -> Option<Sender> {
        match &self.phase {
            Phase::Backup(backup) => backup.active(),
            Phase::Initialize | Phase::Stopped | Phase::Fault => None,
            Phase::Active(_) | Phase::HandingOver(_) => None,
        }
    }

    /// For how long in all this node was Active and heard another Active.
    #[must_use]
    pub fn dual_active(&self, now: Instant) -> Duration {
        match &self.phase {
            Phase::Active(active) => self.dual + active.dual(now),
            Phase::Initialize
            | Phase::Stopped
            | Phase::Fault
            | Phase::Backup(_)
            | Phase::HandingOver(_) => self.dual,
        }
    }

    /// What is to be done next; ask until there is nothing.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Initialize => self.join_at(),
            Phase::Stopped => None,
            Phase::Fault if self.standing.fault.is_some() => None,
            Phase::Fault => self.quarantine,
            Phase::Backup(backup) => Some(backup.due()),
            Phase::Active(active) => Some(active.deadline()),
            Phase::HandingOver(leaving) => Some(leaving.deadline()),
        }
    }

    /// Does what is due; any time. Every socket must have been read before.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.phase {
            Phase::Initialize => self.try_join(now),
            Phase::Stopped => {}
            Phase::Fault => self.try_recover(now),
            Phase::Backup(_) => self.backup_timeout(now),
            Phase::Active(_) => self.active_timeout(now),
            Phase::HandingOver(_) => self.leaving_timeout(now),
        }
    }

    /// An advertisement for one member of the group was heard.
    pub fn handle_advertisement(&mut self, now: Instant, advert: &Advert) {
        match self.phase {
            Phase::Initialize | Phase::Stopped | Phase::Fault => {}
            Phase::Backup(_) => self.heard_as_backup(now, advert),
            Phase::Active(_) => self.heard_as_active(now, advert),
            Phase::HandingOver(_) => self.heard_while_leaving(now, advert),
        }
    }

    /// This node's part in the election, whenever it may have changed.
    pub fn handle_standing(&mut self, now: Instant, standing: Standing) {
        let before = std::mem::replace(&mut self.standing, standing);
        if self.standing == before {
            return;
        }
        let said = |s: &Standing| (s.priority, s.unhealthy.clone());
        if said(&before) != said(&self.standing) {
            let (priority, unhealthy) = said(&self.standing);
            self.actions.push_back(Action::Warning(Warning::Standing { unhealthy, priority }));
        }
        if let Some(fault) = self.standing.fault.clone() {
            return self.fail(now, fault);
        }
        match &mut self.phase {
            Phase::Initialize => self.try_join(now),
            Phase::Fault => self.try_recover(now),
            Phase::Backup(backup) => {
                let (is, was, config) = (&self.standing, &before, &self.config);
                if is.priority < was.priority {
                    backup.think_again(now, config, is.priority);
                }
                if is.witness && !was.witness {
                    backup.witness_is_back(now, config, is.priority);
                }
            }
            Phase::Active(active) => {
                if before.priority != self.standing.priority && !active.is_stalled(now) {
                    self.advertise(now);
                }
            }
            Phase::Stopped | Phase::HandingOver(_) => {}
        }
    }

    /// A new configuration of the same group: the same VRID, interface and version.
    pub fn handle_config(&mut self, now: Instant, config: Config) {
        let before = std::mem::replace(&mut self.config, config);
        match &mut self.phase {
            Phase::Backup(backup) => backup.reconfigure(now, &self.config, self.standing.priority),
            Phase::Active(_) => self.reconfigure_active(now, &before),
            Phase::Initialize | Phase::Stopped | Phase::Fault | Phase::HandingOver(_) => {}
        }
    }

    /// Another program removed these virtual addresses from the interface.
    pub fn handle_addresses_removed(&mut self, now: Instant, removed: &[IpAddr]) {
        match &self.phase {
            // The kernel may have, when the lease ran out; it is added again if this node goes on.
            Phase::Active(active) if active.is_stalled(now) => {}
            Phase::Active(_) => self.addresses_removed(now, removed),
            Phase::Initialize
            | Phase::Stopped
            | Phase::Fault
            | Phase::Backup(_)
            | Phase::HandingOver(_) => {}
        }
    }

    /// The interface's link came up again: switches may have forgotten the addresses.
    pub fn handle_link_up(&mut self, now: Instant) {
        match &mut self.phase {
            // Another node may have them; if not, they are announced when this one goes on.
            Phase::Active(active) if active.is_stalled(now) => {}
            Phase::Active(active) => {
                active.announce_again(now, &self.config);
                self.actions.push_back(Action::Announce { count: self.config.arp.burst });
            }
            Phase::Initialize
            | Phase::Stopped
            | Phase::Fault
            | Phase::Backup(_)
            | Phase::HandingOver(_) => {}
        }
    }

    /// What BFD says of the way to the Active.
    pub fn handle_bfd(&mut self, now: Instant, hint: BfdHint) {
        match (&mut self.phase, hint) {
            (Phase::Backup(backup), BfdHint::Down) => {
                backup.bfd_down(now, &self.config, self.standing.priority);
            }
            (Phase::Backup(_), BfdHint::Up | BfdHint::AdminDown)
            | (
                Phase::Initialize
                | Phase::Stopped
                | Phase::Fault
                | Phase::Active(_)
                | Phase::HandingOver(_),
                BfdHint::Down | BfdHint::Up | BfdHint::AdminDown,
            ) => {}
        }
    }

    /// What an operator asks for. Its end comes as [`Action::Ended`].
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Failover => self.failover(now),
            Command::Release => {
                self.held = false;
                self.actions.push_back(Action::Ended(Outcome::Unheld));
            }
            Command::Stop => self.stop(now),
        }
    }

    /// When it may join the election; absent while a fault keeps it out.
    fn join_at(&self) -> Option<Instant> {
        if self.standing.fault.is_some() {
            return None;
        }
        let wait = match self.standing.unhealthy {
            Some(Unhealthy::NotReady) => READY_WITHIN.max(self.config.startup_delay),
            _ => self.config.startup_delay,
        };
        Some(self.started + wait)
    }

    fn try_join(&mut self, now: Instant) {
        if self.join_at().is_none_or(|at| now < at) {
            return;
        }
        if self.standing.priority == Priority::OWNER {
            return self.become_active(now, Reason::Owner);
        }
        let reason = match self.standing.unhealthy {
            Some(Unhealthy::NotReady) => Reason::JoinedUnready,
            _ => Reason::Joined,
        };
        let backup = Backup::new(now, &self.config, self.standing.priority);
        self.enter(now, Phase::Backup(backup), reason);
    }

    /// Out of the election. Before the first election there is nothing to leave.
    fn fail(&mut self, now: Instant, fault: Fault) {
        match &self.phase {
            Phase::Initialize | Phase::Stopped | Phase::Fault => return,
            Phase::Backup(_) => {}
            Phase::Active(_) | Phase::HandingOver(_) => {
                self.actions.push_back(Action::Advertise { priority: Priority::RELEASE });
                self.actions.push_back(Action::Disown);
            }
        }
        if let Phase::HandingOver(leaving) = &self.phase {
            match leaving.purpose {
                Purpose::Stop => return self.stopped(now),
                Purpose::Failover if leaving.is_taken() => {}
                Purpose::Failover => {
                    self.actions.push_back(Action::Ended(Outcome::NobodyTookOver));
                }
            }
        }
        self.enter(now, Phase::Fault, Reason::Fault(fault));
    }

    /// Back in the election, and patient at first: whoever took over meanwhile is left alone, and a
    /// link that comes and goes moves nothing.
    fn try_recover(&mut self, now: Instant) {
        if self.standing.fault.is_some() || self.quarantine.is_some_and(|until| now < until) {
            return;
        }
        self.quarantine = None;
        let mut backup = Backup::new(now, &self.config, self.standing.priority);
        backup.hold_until(now + self.config.active_down().max(self.config.fault_hold));
        self.enter(now, Phase::Backup(backup), Reason::Recovered);
    }

    /// The order is the order of the actions: who waits for us hears it first.
    fn become_active(&mut self, now: Instant, reason: Reason) {
        self.held = false;
        let priority = self.standing.priority;
        self.actions.push_back(Action::Advertise { priority });
        self.own_and_announce();
        self.enter(now, Phase::Active(Active::new(now, &self.config)), reason);
    }

    fn own_and_announce(&mut self) {
        self.actions.push_back(Action::Own);
        self.actions.push_back(Action::Announce { count: self.config.arp.burst });
    }

    /// Backup of an Active that was heard.
    fn yield_to(&mut self, now: Instant, advert: &Advert, reason: Reason) {
        self.actions.push_back(Action::Disown);
        let mut backup = Backup::new(now, &self.config, self.standing.priority);
        backup.follow(now, advert, &self.config, self.standing.priority);
        self.enter(now, Phase::Backup(backup), reason);
    }

    fn enter(&mut self, now: Instant, phase: Phase, reason: Reason) {
        self.dual = self.dual_active(now);
        let from = self.state();
        self.phase = phase;
        let (to, priority) = (self.state(), self.standing.priority);
        if from != to {
            let transition = Transition { from, to, reason, at: now, priority };
            self.actions.push_back(Action::Transition(transition));
        }
    }

    /// As configured, but an owner always pre-empts (RFC 9568 §6.1).
    fn preempt(&self) -> Preempt {
        match self.standing.priority {
            Priority::OWNER => Preempt::Always,
            _ => self.config.preempt,
        }
    }

    /// Whether this node may displace an Active of `priority` that it hears, and why.
    fn displaces(&self, advert: &Advert) -> Displaces {
        let healthy = self.standing.unhealthy.is_none();
        let lower = advert.priority < self.standing.priority;
        match self.preempt() {
            Preempt::Never => Displaces::No,
            Preempt::Unhealthy | Preempt::Always
                if healthy && lower && advert.priority <= self.config.floor =>
            {
                Displaces::Relieves
            }
            Preempt::Always if lower && !self.held => Displaces::Preempts,
            Preempt::Unhealthy | Preempt::Always => Displaces::No,
        }
    }
}

/// Whether a Backup displaces an Active that it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Displaces {
    No,
    /// The Active stands at the floor and asks for it. An operator's hold does not forbid it: the
    /// Active is as good as lost.
    Relieves,
    /// It has a lower priority.
    Preempts,
}

/// Active_Down_Interval for an Active that advertises at `interval`.
fn down_after(config: &Config, priority: Priority, interval: Duration) -> Duration {
    crate::config::active_down(config.version, priority, interval)
}

/// How long after a release the role is taken: at once where there is nobody to be ordered with.
fn release_delay(config: &Config, priority: Priority, interval: Duration) -> Duration {
    match config.pair_mode {
        true => Duration::ZERO,
        false => skew(config.version, priority, interval),
    }
}

/// The interval that a Backup goes by: the Active's in version 3 (RFC 9568 §6.4.2); in version 2
/// all have the same.
fn learned(config: &Config, advert: &Advert) -> Duration {
    match config.version {
        Version::V2 => config.advertise,
        Version::V3 => advert.interval.max(SHORTEST),
    }
}

/// Whether the sender wins against an Active of `priority`; `first_is_silent` when nothing was
/// heard on the group's first member.
fn beats(advert: &Advert, priority: Priority, first_is_silent: bool) -> Ordering {
    advert.priority.cmp(&priority).then_with(|| match advert.rank {
        tie::Rank::Decides(rank) => rank,
        tie::Rank::Follows(rank) if first_is_silent => rank,
        tie::Rank::Follows(_) => Ordering::Equal,
    })
}
