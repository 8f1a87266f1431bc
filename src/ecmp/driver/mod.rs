//! The handle on the thread that keeps the kernel in step.

mod look;
mod report;
mod thread;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vrrp::event_loop::{Loop, Scheduling};
use vrrp::mailbox::{Post, mailbox};

use self::report::Reports;
use self::thread::Thread;
use super::members::{self, Pools};
use super::record::Record;
use super::{EcmpConfig, EntryStatus, release};
use crate::world::Snapshot;

/// What is published of every entry, in the order of the configuration.
type Published = Arc<Mutex<Vec<EntryStatus>>>;

/// Hears of what changed of an entry: its name, and a sentence; on the thread that made the change.
pub type OnChange = Box<dyn Fn(&str, &str) + Send>;

/// Who hears, if anybody.
type Listener = Arc<Mutex<Option<OnChange>>>;

/// Routes over pools, kept in step with health. A clone is the same.
///
/// Dropping the last one ends the thread and leaves the kernel as it is: that is a crash. For a good
/// end there is [`Ecmp::stop`].
#[derive(Clone)]
pub struct Ecmp {
    inner: Arc<Mutex<Inner>>,
    published: Published,
    listener: Listener,
}

struct Inner {
    state: PathBuf,
    entries: Vec<EcmpConfig>,
    /// What the thread was told last.
    pools: Option<Pools>,
    /// Absent while there are no entries.
    worker: Option<Worker>,
}

struct Worker {
    orders: Post<Order>,
    _thread: Loop,
}

/// What the thread is told.
enum Order {
    Entries(Vec<EcmpConfig>, Pools),
    Pools(Pools),
    Stop(Sender<()>),
}

impl Ecmp {
    /// Starts the thread, if there are entries; without any, what a run before this one left is
    /// removed. Nothing is changed for an entry before its pool is known ([`Ecmp::react`]); what a
    /// run before left for it works on meanwhile.
    ///
    /// `state` is the state directory, which is made if need be.
    ///
    /// # Errors
    /// Without CAP_NET_ADMIN, on a kernel without next-hop objects, when another process keeps the
    /// state directory; in words for people.
    pub fn start(entries: &[EcmpConfig], state: &Path) -> Result<Self, String> {
        let (published, listener) = (Published::default(), Listener::default());
        let worker = if entries.is_empty() {
            clean(state)?;
            None
        } else {
            Some(Worker::start(entries, state, &published, &listener)?)
        };
        let inner =
            Inner { state: state.to_owned(), entries: entries.to_vec(), pools: None, worker };
        Ok(Self { inner: Arc::new(Mutex::new(inner)), published, listener })
    }

    /// Has every change told to `listener` from now on. It must not block.
    pub fn on_change(&self, listener: OnChange) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    /// Makes these the entries, with the pools of this snapshot: groups of entries that are as
    /// before are not touched, changed ones are changed with the least disturbance, those of entries
    /// that are gone are removed. The first entry starts the thread.
    ///
    /// # Errors
    /// As [`Ecmp::start`], when the thread had to be started.
    pub fn set(&self, entries: &[EcmpConfig], snapshot: &Snapshot) -> Result<(), String> {
        let pools = members::pools(snapshot, entries);
        let mut inner = self.lock();
        if inner.worker.is_none() && !entries.is_empty() {
            inner.worker =
                Some(Worker::start(entries, &inner.state, &self.published, &self.listener)?);
        }
        inner.entries = entries.to_vec();
        inner.pools = Some(pools.clone());
        inner.tell(Order::Entries(entries.to_vec(), pools));
        Ok(())
    }

    /// Tells what a snapshot says of the pools. From any thread; does not wait for the kernel.
    pub fn react(&self, snapshot: &Snapshot) {
        let mut inner = self.lock();
        let pools = members::pools(snapshot, &inner.entries);
        if inner.pools.as_ref() != Some(&pools) {
            inner.pools = Some(pools.clone());
            inner.tell(Order::Pools(pools));
        }
    }

    /// Every entry, in the order of the configuration, as it was when something changed last.
    #[must_use]
    pub fn status(&self) -> Vec<EntryStatus> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Undoes what was done in the kernel, but for entries that are to stay (`on_exit: keep`), and
    /// ends the thread. Blocks until that is done.
    pub fn stop(&self) {
        let worker = self.lock().worker.take();
        if let Some(worker) = worker {
            let (done, ended) = channel();
            worker.orders.post(Order::Stop(done));
            // An error is the end of the thread, too.
            let _ = ended.recv();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn tell(&self, order: Order) {
        if let Some(worker) = &self.worker {
            worker.orders.post(order);
        }
    }
}

impl Worker {
    fn start(
        entries: &[EcmpConfig],
        state: &Path,
        published: &Published,
        listener: &Listener,
    ) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("ecmp: {error}");
        let (orders, inbox) = mailbox().map_err(failed)?;
        let thread =
            Thread::new(entries.to_vec(), state, inbox, Reports::new(published, listener))?;
        let event_loop = Loop::spawn("ecmp", Scheduling::Normal).map_err(failed)?;
        event_loop.handle().add(Box::new(thread));
        Ok(Self { orders, _thread: event_loop })
    }
}

/// What a run with entries left behind when there are none now, even what was to stay.
fn clean(state: &Path) -> Result<(), String> {
    if Record::exists(state) {
        for undone in release::undo_all(state)? {
            tracing::info!("ecmp: {undone}");
        }
    }
    Ok(())
}

impl std::fmt::Debug for Ecmp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ecmp").field("entries", &self.status()).finish_non_exhaustive()
    }
}
