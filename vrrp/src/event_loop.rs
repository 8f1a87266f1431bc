//! The one thread of protocols that must not be late.
//!
//! A [`Handler`] is a protocol's driver: it has descriptors and a deadline. The order of work is
//! what keeps a loop that was held up from doing harm. In each wake-up every readable descriptor
//! is read first; if then a deadline is over, the loop looks once more, so that nothing that came
//! in during the reading is overtaken by a timer; only then deadlines are handled. So an
//! advertisement that waits in a socket always restarts Active_Down before its expiry is noticed,
//! however long the thread did not run.
//!
//! Deadlines are absolute on CLOCK_MONOTONIC: a busy loop is late, but never drifts. How often it
//! was late by more than a handler tolerates is counted ([`Lateness`]).
//!
//! Nothing in the thread blocks, so a few groups and sessions share it without harm to each other.

mod poller;
mod turn;

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::linux::sched;
use crate::mailbox::{Post, mailbox};
use poller::Poller;
use turn::{Order, Turner};

/// A driver that lives in a [`Loop`].
pub trait Handler: Send {
    /// It is in the loop now: the time to watch descriptors.
    fn added(&mut self, context: &mut Context<'_>);

    /// The descriptor watched as `token` is readable (or broken: reading tells). Reads until it
    /// would block or a fair share was read; what is left brings it here again.
    fn readable(&mut self, context: &mut Context<'_>, token: Token);

    /// The deadline is over.
    fn timeout(&mut self, context: &mut Context<'_>);

    /// When [`Handler::timeout`] is wanted; asked after every call.
    fn deadline(&self) -> Option<Instant>;

    /// How late a timeout may be before it is counted as late.
    fn tolerance(&self) -> Duration;
}

/// A handler's own name for one of its descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u32);

/// A handler in a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HandlerId(u32);

/// What a handler can do to the loop while it is called.
pub struct Context<'a> {
    now: Instant,
    id: HandlerId,
    poller: &'a Poller,
    finished: bool,
}

/// How often, and how much, the timeouts of a handler came late. Read from any thread.
#[derive(Debug, Default)]
pub struct Lateness {
    count: AtomicU64,
    worst: AtomicU64,
}

/// Whether the thread asks for real-time scheduling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// SCHED_FIFO where it is permitted.
    RealTime,
    /// As every other thread.
    Normal,
}

/// A running loop; it ends when this is dropped.
pub struct Loop {
    handle: LoopHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Adds handlers to a loop, and removes them, from any thread.
#[derive(Clone)]
pub struct LoopHandle {
    orders: Post<Order>,
    next: Arc<AtomicU32>,
    realtime: Result<(), String>,
}

impl Loop {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// No descriptor or thread is left.
    pub fn spawn(name: &str, scheduling: Scheduling) -> io::Result<Self> {
        let (orders, inbox) = mailbox()?;
        let turner = Turner::new(inbox)?;
        let (scheduled, realtime) = mpsc::channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Nobody waits for it only if `spawn` itself is gone.
            let _ = scheduled.send(schedule(scheduling));
            turner.run()
        })?;
        let realtime = realtime.recv().map_err(io::Error::other)?;
        Ok(Self { handle: LoopHandle::new(orders, realtime), thread: Some(thread) })
    }

    /// For everybody who has something to add.
    #[must_use]
    pub fn handle(&self) -> LoopHandle {
        self.handle.clone()
    }

    /// Whether the thread still runs: it ends early only by a bug or a kernel out of memory.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Ends the thread, and drops its handlers, in it. They are not asked to clean up.
    ///
    /// # Errors
    ///
    /// What ended the thread before, if something did.
    pub fn stop(mut self) -> io::Result<()> {
        self.join()
    }

    fn join(&mut self) -> io::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.handle.orders.post(Order::Stop);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the loop's thread panicked")))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // Who wants to know calls `stop`.
        let _ = self.join();
    }
}

/// The loop's own descriptors have the ids below.
const FIRST: u32 = 1;

impl LoopHandle {
    fn new(orders: Post<Order>, realtime: Result<(), String>) -> Self {
        Self { orders, next: Arc::new(AtomicU32::new(FIRST)), realtime }
    }

    /// Whether the thread is real-time, or why it is not.
    ///
    /// # Errors
    ///
    /// It was not asked for, or what is missing.
    pub fn realtime(&self) -> Result<(), String> {
        self.realtime.clone()
    }

    /// Moves a handler into the loop.
    pub fn add(&self, handler: Box<dyn Handler>) -> (HandlerId, Arc<Lateness>) {
        let id = HandlerId(self.next.fetch_add(1, Ordering::Relaxed));
        let lateness = Arc::new(Lateness::default());
        self.orders.post(Order::Add(id, handler, lateness.clone()));
        (id, lateness)
    }

    /// Drops a handler, in the loop's thread. It is not asked to clean up.
    pub fn remove(&self, id: HandlerId) {
        self.orders.post(Order::Remove(id));
    }
}

impl<'a> Context<'a> {
    fn new(id: HandlerId, now: Instant, poller: &'a Poller) -> Self {
        Self { now, id, poller, finished: false }
    }

    /// When the loop began this call.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Calls [`Handler::readable`] with `token` whenever `fd` is readable, until it is closed or
    /// unwatched.
    ///
    /// # Errors
    ///
    /// It is watched already, or it is a plain file.
    pub fn watch(&self, fd: impl AsFd, token: Token) -> io::Result<()> {
        self.poller.watch(fd, mark(self.id, token))
    }

    /// Undoes [`Context::watch`].
    ///
    /// # Errors
    ///
    /// It was not watched.
    pub fn unwatch(&self, fd: impl AsFd) -> io::Result<()> {
        self.poller.unwatch(fd)
    }

    /// Drops the handler after this call.
    pub fn finish(&mut self) {
        self.finished = true;
    }
}

impl Lateness {
    /// How many timeouts came later than their handler tolerates.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// The latest of them.
    #[must_use]
    pub fn worst(&self) -> Duration {
        Duration::from_nanos(self.worst.load(Ordering::Relaxed))
    }

    fn note(&self, late: Duration, tolerance: Duration) {
        if late > tolerance {
            self.count.fetch_add(1, Ordering::Relaxed);
            let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
            self.worst.fetch_max(nanos, Ordering::Relaxed);
        }
    }
}

fn schedule(scheduling: Scheduling) -> Result<(), String> {
    match scheduling {
        Scheduling::RealTime => sched::real_time().map_err(|error| error.to_string()),
        Scheduling::Normal => Err("real-time scheduling was not asked for".to_owned()),
    }
}

/// A descriptor of a handler, as the poller knows it.
fn mark(id: HandlerId, token: Token) -> u64 {
    u64::from(id.0) << 32 | u64::from(token.0)
}

fn unmark(mark: u64) -> (HandlerId, Token) {
    let [a, b, c, d, w, x, y, z] = mark.to_be_bytes();
    (HandlerId(u32::from_be_bytes([a, b, c, d])), Token(u32::from_be_bytes([w, x, y, z])))
}

#[cfg(test)]
mod tests;
