//! The driver of one group in the event loop: what it holds, and when it is called.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::Observer;
use super::ground::Ground;
use super::keeper::{Keeper, Prepared};
use super::neighbourhood::Neighbourhood;
use super::paths::Plan;
use super::status::{Board, Status};
use super::surroundings::Surroundings;
use super::warnings::{Topic, Warnings};
use super::wire::Wire;
use super::worker::Worker;
use crate::conditions::{Conditions, Health, InterfaceState, standing};
use crate::config::{Config, Notify};
use crate::event_loop::{Context, Handler, Token};
use crate::linux::netlink::{Monitor, Netlink};
use crate::machine::{BfdHint, Command, Machine, Outcome, State};
use crate::mailbox::{Mailbox, Post};
use crate::notify::Notifier;
use crate::witness::{Watcher, WitnessState};

/// What failed for a passing reason is tried again after so long.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// A reader held the status: it is put there after so long.
const PUBLISH_AGAIN: Duration = Duration::from_millis(10);

/// A timer that is this late is late, however short the interval.
const LEAST_TOLERANCE: Duration = Duration::from_millis(1);

/// The kind of the warning that a group waits.
const WAITING: &str = "waiting";

pub(super) const MAILBOX: Token = Token(0);
pub(super) const MONITOR: Token = Token(1);
pub(super) const NEIGHBOURS: Token = Token(2);
/// The sockets of the members follow.
pub(super) const MEMBERS: Token = Token(3);

/// What other threads tell the driver.
pub(super) enum Order {
    /// What the node would serve is up, or is not.
    Ready(bool),
    /// Whether it can serve it.
    Health(Health),
    /// Another configuration of the same group.
    Reconfigure(Box<Config>),
    /// Give the role away.
    Failover(Sender<Outcome>),
    /// Take part as before again.
    Release,
    /// Give the role away and end.
    Stop(Sender<()>),
    /// What BFD says.
    Bfd(BfdHint),
    /// The interface is ready.
    Prepared(Box<Prepared>),
}

/// One group in the event loop.
pub(super) struct Driver {
    pub(super) config: Config,
    /// To be taken when its addresses are written down.
    pub(super) next_config: Option<Box<Config>>,
    pub(super) machine: Machine,
    pub(super) ready: bool,
    pub(super) health: Health,
    pub(super) monitor: Monitor,
    pub(super) netlink: Netlink,
    pub(super) host: Surroundings,
    pub(super) ground: Ground,
    pub(super) wire: Wire,
    pub(super) neighbours: Neighbourhood,
    pub(super) witness: Option<Watcher>,
    /// The addresses are on the interface.
    pub(super) owned: bool,
    /// The kernel refused the addresses; they are not tried again before.
    pub(super) refused_until: Option<Instant>,
    /// Something is to be tried again.
    pub(super) again: Option<Instant>,
    pub(super) told: Told,
    pub(super) keeper: Keeper,
    pub(super) notifier: Option<Notifier>,
    pub(super) notify: Option<Arc<Notify>>,
    pub(super) mailbox: Mailbox<Order>,
    pub(super) post: Post<Order>,
    /// Who waits for the end of a hand-over, and of the group.
    pub(super) failing_over: Vec<Sender<Outcome>>,
    pub(super) stopping: Vec<Sender<()>>,
    pub(super) stopped: bool,
}

/// What is told to others.
pub(super) struct Told {
    pub(super) board: Board,
    pub(super) warnings: Warnings,
    pub(super) transitions: BTreeMap<&'static str, u64>,
    pub(super) dropped: BTreeMap<&'static str, u64>,
    pub(super) checksums: BTreeMap<&'static str, u64>,
    pub(super) since: Instant,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) worker: Worker,
    pub(super) realtime: Result<(), String>,
    pub(super) resident: Result<(), String>,
    /// The last saved place of the authentication's sequence was written at this time.
    pub(super) saved: Option<Instant>,
    /// The board was held by a reader.
    pub(super) unpublished: Option<Instant>,
}

impl Handler for Driver {
    fn added(&mut self, context: &mut Context<'_>) {
        let watched = context
            .watch(&self.mailbox, MAILBOX)
            .and_then(|()| context.watch(&self.monitor, MONITOR));
        if let Err(error) = watched {
            let text = format!("cannot be watched: {error}");
            self.stand(context.now(), Topic::own("descriptors"), text);
        }
        self.survey(context);
        self.settle(context);
    }

    fn readable(&mut self, context: &mut Context<'_>, token: Token) {
        match token {
            MAILBOX => self.read_mailbox(context),
            MONITOR => self.hear_kernel(context),
            NEIGHBOURS => self.hear_neighbours(context.now()),
            Token(number) => self.hear_routers(context.now(), member(number)),
        }
        self.settle(context);
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        let now = context.now();
        if self.machine.next_deadline().is_some_and(|at| at <= now) {
            self.machine.handle_timeout(now);
            self.act(now);
        }
        self.ask_witness(now);
        self.judge_claims(now);
        self.told.warnings.expire(now);
        if self.again.is_some_and(|at| at <= now) {
            self.again = None;
            self.refused_until = self.refused_until.filter(|&until| now < until);
            self.survey(context);
        }
        self.settle(context);
    }

    fn deadline(&self) -> Option<Instant> {
        let others = [
            self.machine.next_deadline(),
            self.witness.as_ref().map(Watcher::next_deadline),
            self.neighbours.deadline(self.patience()),
            self.told.warnings.next_expiry(),
            self.told.unpublished,
            self.again,
        ];
        others.into_iter().flatten().min()
    }

    fn tolerance(&self) -> Duration {
        (self.config.advertise / 10).max(LEAST_TOLERANCE)
    }
}

fn member(token: u32) -> usize {
    usize::try_from(token.saturating_sub(MEMBERS.0)).unwrap_or(usize::MAX)
}

impl Driver {
    /// The end of every call: what follows from what was learnt.
    fn settle(&mut self, context: &mut Context<'_>) {
        let now = context.now();
        let standing = standing(&self.config, &self.conditions());
        if standing != *self.machine.standing() {
            self.machine.handle_standing(now, standing);
            self.act(now);
        }
        self.tell_waiting(now);
        self.publish(now);
        if self.stopped {
            context.finish();
        }
    }

    /// A group that waits for something longer than it takes to look for it says so. Once it has
    /// been in the election, its transitions do.
    fn tell_waiting(&mut self, now: Instant) {
        let fault = self.machine.standing().fault.clone();
        match fault.filter(|_| self.machine.state() == State::Initialize) {
            Some(_) if now < self.told.since + AGAIN => self.try_again(now),
            Some(fault) => self.stand(now, Topic::own(WAITING), format!("waiting: {fault}")),
            None => self.clear(&Topic::own(WAITING)),
        }
    }

    /// What the election is told of this node.
    pub(super) fn conditions(&self) -> Conditions {
        let Plan { without_source, only_virtual, tentative, .. } = self.wire.plan();
        Conditions {
            interface: self.interface_state(),
            without_source: without_source.clone(),
            only_virtual: only_virtual.clone(),
            tentative: *tentative,
            ready: self.ready,
            health: self.health,
            tracked: self.config.track.iter().map(|track| self.host.has(&track.object)).collect(),
            witness: self.witness.as_ref().is_none_or(|w| w.state() != WitnessState::Lost),
        }
    }

    /// An interface is as good as down until it is prepared, and while it takes no addresses.
    fn interface_state(&self) -> InterfaceState {
        match (self.host.state(&self.config.interface), &self.ground) {
            (InterfaceState::Up, Ground::Ready(_)) if self.refused_until.is_none() => {
                InterfaceState::Up
            }
            (InterfaceState::Up | InterfaceState::Down, _) => InterfaceState::Down,
            (InterfaceState::Missing, _) => InterfaceState::Missing,
        }
    }

    /// How long a silence is believed to be none.
    pub(super) fn patience(&self) -> Duration {
        self.config.active_down()
    }

    pub(super) fn try_again(&mut self, now: Instant) {
        let at = now + AGAIN;
        self.again = Some(self.again.map_or(at, |before| before.min(at)));
    }

    fn publish(&mut self, now: Instant) {
        let status = self.status(now);
        self.told.unpublished = self.told.board.publish(status).err().map(|_| now + PUBLISH_AGAIN);
    }

    fn status(&self, now: Instant) -> Status {
        let standing = self.machine.standing();
        Status {
            name: self.config.name.clone(),
            state: self.machine.state(),
            since: self.told.since,
            priority: self.machine.priority(),
            active: self.machine.other_active(),
            fault: self.machine.fault(),
            unhealthy: standing.unhealthy.clone(),
            held: self.machine.held(),
            interface: self.interface_state(),
            sources: self.wire.plan().paths.iter().map(|path| path.source).collect(),
            transitions: self.told.transitions.clone(),
            dropped: self.told.dropped.clone(),
            checksums: self.told.checksums.clone(),
            traffic: Vec::new(),
            dual_active: self.machine.dual_active(now),
            late_wake_ups: 0,
            latest_wake_up: Duration::ZERO,
            warnings: self.told.warnings.list(),
            realtime: self.told.realtime.clone(),
            resident: self.told.resident.clone(),
        }
    }

    fn read_mailbox(&mut self, context: &mut Context<'_>) {
        for order in self.mailbox.take() {
            self.obey(context, order);
        }
    }

    fn obey(&mut self, context: &mut Context<'_>, order: Order) {
        let now = context.now();
        match order {
            Order::Ready(ready) => self.ready = ready,
            Order::Health(health) => self.health = health,
            Order::Reconfigure(config) => self.reconfigure(context, config),
            Order::Failover(waiter) => {
                self.failing_over.push(waiter);
                self.machine.handle_command(now, Command::Failover);
            }
            Order::Release => self.machine.handle_command(now, Command::Release),
            Order::Stop(waiter) => {
                self.stopping.push(waiter);
                self.machine.handle_command(now, Command::Stop);
            }
            Order::Bfd(hint) => self.machine.handle_bfd(now, hint),
            Order::Prepared(prepared) => self.settle_down(context, *prepared),
        }
        self.act(now);
    }
}
