//! One wake-up of the loop, in its order.

#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use super::poller::{Poller, Wait};
use super::{Context, Handler, HandlerId, Lateness, Token, mark, unmark};
use crate::mailbox::Mailbox;

/// What other threads ask of the loop.
pub(super) enum Order {
    /// A handler moves in.
    Add(HandlerId, Box<dyn Handler>, Arc<Lateness>),
    /// A handler is dropped.
    Remove(HandlerId),
    /// The thread ends.
    Stop,
}

/// The loop's thread, without the thread.
pub(super) struct Turner {
    poller: Poller,
    orders: Mailbox<Order>,
    residents: BTreeMap<HandlerId, Resident>,
    marks: Vec<u64>,
}

struct Resident {
    handler: Box<dyn Handler>,
    lateness: Arc<Lateness>,
}

/// The id of the loop itself.
const SELF: HandlerId = HandlerId(0);

impl Turner {
    /// A loop without handlers.
    pub(super) fn new(orders: Mailbox<Order>) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.watch(&orders, mark(SELF, Token(0)))?;
        Ok(Self { poller, orders, residents: BTreeMap::new(), marks: Vec::new() })
    }

    /// Turns until it is told to stop.
    pub(super) fn run(mut self) -> io::Result<()> {
        while self.turn()?.is_continue() {}
        Ok(())
    }

    /// Sleeps until there is something to do, and does it.
    pub(super) fn turn(&mut self) -> io::Result<ControlFlow<()>> {
        self.poller.arm(self.deadline())?;
        if self.read(Wait::Sleep)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if self.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            if self.read(Wait::Look)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.time_out();
        }
        Ok(ControlFlow::Continue(()))
    }

    fn deadline(&self) -> Option<Instant> {
        self.residents.values().filter_map(|resident| resident.handler.deadline()).min()
    }

    fn read(&mut self, wait: Wait) -> io::Result<ControlFlow<()>> {
        let mut marks = std::mem::take(&mut self.marks);
        self.poller.wait(wait, &mut marks)?;
        let mut ordered = false;
        for &mark in &marks {
            match unmark(mark) {
                (SELF, _) => ordered = true,
                (id, token) => self.call(id, |handler, context| handler.readable(context, token)),
            }
        }
        self.marks = marks;
        // Last: a packet is never kept waiting by a handler that moves in.
        Ok(if ordered { self.obey() } else { ControlFlow::Continue(()) })
    }

    fn time_out(&mut self) {
        let ids: Vec<HandlerId> = self.residents.keys().copied().collect();
        for id in ids {
            if self.is_due(id) {
                self.call(id, |handler, context| handler.timeout(context));
            }
        }
    }

    /// Whether the deadline of a handler is over; how far is noted.
    fn is_due(&self, id: HandlerId) -> bool {
        let Some(Resident { handler, lateness }) = self.residents.get(&id) else { return false };
        let now = Instant::now();
        let Some(deadline) = handler.deadline().filter(|&deadline| deadline <= now) else {
            return false;
        };
        lateness.note(now - deadline, handler.tolerance());
        true
    }

    /// Calls a handler, unless it left earlier in the same wake-up.
    fn call(&mut self, id: HandlerId, what: impl FnOnce(&mut dyn Handler, &mut Context<'_>)) {
        let Some(resident) = self.residents.get_mut(&id) else { return };
        let mut context = Context::new(id, Instant::now(), &self.poller);
        what(&mut *resident.handler, &mut context);
        if context.finished {
            self.residents.remove(&id);
        }
    }

    fn obey(&mut self) -> ControlFlow<()> {
        for order in self.orders.take() {
            match order {
                Order::Add(id, handler, lateness) => {
                    self.residents.insert(id, Resident { handler, lateness });
                    self.call(id, |handler, context| handler.added(context));
                }
                Order::Remove(id) => drop(self.residents.remove(&id)),
                Order::Stop => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    }
}
