//! The driver's part in the loop: what is heard is given to the sessions, and what they want is done.

mod hear;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use fastrand::Rng;
use vrrp::event_loop::{Context, Handler, Token};
use vrrp::linux::netlink::{Monitor, Netlink};
use vrrp::mailbox::Mailbox;

use self::hear::Inlet;
use super::Order;
use super::links::Links;
use super::outlet::Ports;
use super::quiet::Quiet;
use super::registry::Plan;
use super::scribe::{Line, Scribe};
use super::status::{Board, Counts};
use super::wire::{Tools, Wire};
use crate::bfd::packet::Discriminator;
use crate::bfd::session::Session;
use crate::bfd::table::{Path, SessionId, Table};

/// A timer that is this late is late, however short the interval.
const LEAST_TOLERANCE: Duration = Duration::from_millis(1);

/// Without a session nothing is late.
const MOST_TOLERANCE: Duration = Duration::from_secs(1);

const MAILBOX: Token = Token(0);
const MONITOR: Token = Token(1);
/// The receive sockets follow.
const INLETS: u32 = 2;

/// What it is made of.
pub(super) struct Parts {
    pub(super) orders: Mailbox<Order>,
    pub(super) monitor: Monitor,
    pub(super) netlink: Netlink,
    pub(super) scribe: Scribe,
    pub(super) strangers: Arc<Counts>,
}

/// All sessions.
pub(super) struct Engine {
    orders: Mailbox<Order>,
    links: Links,
    inlets: Vec<Inlet>,
    table: Table,
    wires: BTreeMap<SessionId, Wire>,
    tools: Tools,
    strangers: Arc<Counts>,
    quiet: Quiet,
    /// When it was called last.
    now: Instant,
    /// Something came in since the last time-out: another one is due, once everything is read.
    unsettled: bool,
    /// Who waits for the end of all sessions.
    stopping: Vec<Sender<()>>,
    stopped: bool,
    quitting: bool,
}

impl Handler for Engine {
    fn added(&mut self, context: &mut Context<'_>) {
        let watched = context
            .watch(&self.orders, MAILBOX)
            .and_then(|()| context.watch(&self.links.monitor, MONITOR));
        if let Err(error) = watched {
            self.trouble(format!("cannot be spoken: {error}"));
        }
        if let Err(error) = self.links.list() {
            self.trouble(error);
        }
    }

    fn readable(&mut self, context: &mut Context<'_>, token: Token) {
        self.now = context.now();
        match token {
            MAILBOX => self.read_orders(context),
            MONITOR => self.hear_kernel(),
            Token(number) => self.hear_neighbours(number.saturating_sub(INLETS)),
        }
        self.unsettled = true;
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        self.now = context.now();
        // What waits in a socket is never overtaken by a timer.
        self.hear_backlog();
        for wire in self.wires.values_mut() {
            wire.session.handle_timeout(self.now);
        }
        self.settle(context);
    }

    fn deadline(&self) -> Option<Instant> {
        if self.unsettled {
            return Some(self.now);
        }
        self.wires.values().filter_map(|wire| wire.next_deadline(self.now)).min()
    }

    fn tolerance(&self) -> Duration {
        let intervals = self.wires.values().map(|wire| wire.plan.config.desired_min_tx);
        intervals.min().map_or(MOST_TOLERANCE, |least| (least / 10).max(LEAST_TOLERANCE))
    }
}

impl Engine {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { orders, monitor, netlink, scribe, strangers } = parts;
        Self {
            orders,
            links: Links::new(monitor, netlink),
            inlets: Vec::new(),
            table: Table::default(),
            wires: BTreeMap::new(),
            tools: Tools { rng: Rng::new(), ports: Ports::default(), scribe },
            strangers,
            quiet: Quiet::default(),
            now: now(),
            unsettled: false,
            stopping: Vec::new(),
            stopped: false,
            quitting: false,
        }
    }

    /// The end of every wake-up.
    fn settle(&mut self, context: &mut Context<'_>) {
        self.unsettled = false;
        for wire in self.wires.values_mut() {
            wire.settle(self.now, &mut self.tools);
        }
        self.bury();
        if self.wires.is_empty() {
            for waiting in self.stopping.drain(..) {
                // Nobody has to wait.
                let _ = waiting.send(());
            }
            if self.quitting {
                context.finish();
            }
        }
    }

    /// Removes the sessions that have said farewell.
    fn bury(&mut self) {
        let over = |wire: &Wire| wire.ends.is_some_and(|ends| ends <= self.now);
        let ended = self.wires.iter().filter(|(_, wire)| over(wire));
        for session in ended.map(|(&session, _)| session).collect::<Vec<_>>() {
            self.remove(session);
        }
    }

    fn remove(&mut self, session: SessionId) {
        if let Some(mut wire) = self.wires.remove(&session) {
            self.table.remove(wire.session.status().discriminator);
            wire.close(&mut self.tools);
        }
    }

    fn read_orders(&mut self, context: &Context<'_>) {
        for order in self.orders.take() {
            self.obey(context, order);
        }
    }

    fn obey(&mut self, context: &Context<'_>, order: Order) {
        match order {
            Order::Listen(reach, receiver) => {
                let token = Token(INLETS + u32::try_from(self.inlets.len()).unwrap_or(u32::MAX));
                if let Err(error) = context.watch(&receiver, token) {
                    self.trouble(format!("cannot listen on port {}: {error}", reach.port()));
                }
                self.inlets.push(Inlet::new(reach, receiver));
            }
            Order::Plan(session, plan, board) => self.plan(session, *plan, board),
            Order::Tell(session, id, on_event) => self.with(session, |w| w.tell(id, on_event)),
            Order::Mute(session, id) => self.with(session, |wire| wire.mute(id, true)),
            Order::Unmute(session, id) => self.with(session, |wire| wire.mute(id, false)),
            Order::Forget(session, id) => self.with(session, |wire| wire.forget(id)),
            Order::End(session) => self.end(session),
            Order::Stop(waiting) => {
                self.wires.values_mut().for_each(|wire| wire.end(self.now));
                self.stopped = true;
                self.stopping.push(waiting);
            }
            Order::Quit => self.quitting = true,
        }
    }

    fn with(&mut self, session: SessionId, what: impl FnOnce(&mut Wire)) {
        // It is there, or was stopped meanwhile.
        self.wires.get_mut(&session).map(what);
    }

    fn end(&mut self, session: SessionId) {
        let now = self.now;
        self.with(session, |wire| wire.end(now));
    }

    fn plan(&mut self, session: SessionId, plan: Plan, board: Arc<Board>) {
        match self.wires.get_mut(&session) {
            Some(wire) => wire.replan(plan),
            None if self.stopped => return,
            None => self.begin(session, plan, board),
        }
        self.place(session);
    }

    /// Whoever is saying farewell to the same neighbour makes room.
    fn begin(&mut self, session: SessionId, plan: Plan, board: Arc<Board>) {
        let same = |wire: &Wire| {
            wire.ends.is_some()
                && (wire.plan.neighbour, wire.plan.reach) == (plan.neighbour, plan.reach)
        };
        let leaving = self.wires.iter().filter(|(_, wire)| same(wire)).map(|(&id, _)| id);
        for session in leaving.collect::<Vec<_>>() {
            self.remove(session);
        }
        let (name, sequence) = (self.free_name(), self.tools.rng.u32(..));
        let machine = Session::new(plan.config.clone(), name, sequence);
        let mut wire = Wire::new(plan.clone(), machine, board, self.now);
        wire.replan(plan);
        self.wires.insert(session, wire);
    }

    /// A discriminator that no session has: random, so that none is guessed or seen again soon.
    fn free_name(&mut self) -> Discriminator {
        loop {
            let Some(name) = Discriminator::new(self.tools.rng.u32(..)) else { continue };
            if !self.wires.values().any(|wire| wire.session.status().discriminator == name) {
                return name;
            }
        }
    }

    /// Finds out where a session is, and has its packets delivered to it.
    fn place(&mut self, session: SessionId) {
        let Some(wire) = self.wires.get_mut(&session) else { return };
        let path = locate(&wire.plan, &self.links);
        if path.is_ok() && path.as_ref().ok() == wire.path().as_ref() {
            return;
        }
        let name = wire.session.status().discriminator;
        self.table.remove(name);
        wire.put(path.and_then(|path| {
            let inserted = self.table.insert(session, name, path);
            inserted.map(|()| path).map_err(|taken| taken.to_string())
        }));
    }

    fn hear_kernel(&mut self) {
        let changes = match self.links.hear() {
            Ok(changes) => changes,
            Err(error) => return self.trouble(error),
        };
        for wire in self.wires.values_mut() {
            changes.gone.iter().for_each(|&gone| wire.lose_address(gone, &mut self.tools));
            wire.hurry();
        }
        for session in self.wires.keys().copied().collect::<Vec<_>>() {
            self.place(session);
        }
    }

    fn trouble(&self, text: String) {
        self.tools.scribe.say(Line::Trouble(text));
    }
}

fn locate(plan: &Plan, links: &Links) -> Result<Path, String> {
    let interface = plan
        .interface
        .as_ref()
        .map(|name| links.index(name).ok_or_else(|| format!("waits for the interface {name}")));
    let (neighbour, reach) = (plan.neighbour, plan.reach);
    Ok(Path { neighbour, reach, interface: interface.transpose()? })
}

#[expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]
fn now() -> Instant {
    Instant::now()
}
