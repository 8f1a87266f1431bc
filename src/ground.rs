//! What the protocols of the network tier stand on together: the record of what was changed in the
//! kernel, and the real-time thread.
//!
//! Both start when something first needs them. The record can be open once, so what an earlier run
//! left behind is undone before anything else uses it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{error, info, warn};
use vrrp::event_loop::{Loop, LoopHandle, Scheduling};
use vrrp::linux::record::{Record, RecordError};
use vrrp::linux::sysctl::Sysctls;

use crate::bfd::driver::Driver;

/// The record and the thread of a node. Cheap to clone.
#[derive(Clone)]
pub struct Ground {
    inner: Arc<Inner>,
}

struct Inner {
    state: PathBuf,
    record: Mutex<Option<Arc<Mutex<Record>>>>,
    /// Declared before the loop that it is in, to be let go of first.
    bfd: Mutex<Option<Driver>>,
    event_loop: Mutex<Option<Loop>>,
}

impl Ground {
    /// For a node with this state directory; nothing is opened or started yet.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        let (record, bfd, event_loop) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { state: state.to_owned(), record, bfd, event_loop }) }
    }

    /// Whether an earlier run has left a record.
    #[must_use]
    pub fn has_leftovers(state: &Path) -> bool {
        state.join("vrrp.json").exists()
    }

    /// The record. The first call opens it and undoes what it lists: the leftovers of a crash.
    ///
    /// # Errors
    /// When another process has it, or the state directory cannot be written.
    pub fn record(&self) -> Result<Arc<Mutex<Record>>, String> {
        let mut present = lock(&self.inner.record);
        if let Some(record) = &*present {
            return Ok(Arc::clone(record));
        }
        let record = Record::open(&self.inner.state).map_err(|error| unrecorded(&error))?;
        if let Some(complaint) = record.complaint() {
            warn!("{complaint}");
        }
        let record = Arc::new(Mutex::new(record));
        undo(&record);
        *present = Some(Arc::clone(&record));
        Ok(record)
    }

    /// The thread of everything that must not be late. The first call starts it.
    ///
    /// # Errors
    /// No descriptor or thread is left.
    pub fn event_loop(&self) -> Result<LoopHandle, String> {
        let mut present = lock(&self.inner.event_loop);
        if let Some(event_loop) = &*present {
            return Ok(event_loop.handle());
        }
        let event_loop = Loop::spawn("realtime", Scheduling::RealTime);
        let event_loop = event_loop.map_err(|error| format!("the real-time thread: {error}"))?;
        let handle = event_loop.handle();
        if let Err(reason) = handle.realtime() {
            warn!(reason, "VRRP and BFD are not real-time: load can delay what they send");
        }
        *present = Some(event_loop);
        Ok(handle)
    }

    /// BFD, for whoever relies on a path. The first call starts it.
    ///
    /// # Errors
    /// No descriptor or thread is left.
    pub fn bfd(&self) -> Result<Driver, String> {
        let mut present = lock(&self.inner.bfd);
        if let Some(driver) = &*present {
            return Ok(driver.clone());
        }
        let driver = Driver::start(&self.event_loop()?)?;
        Ok(present.insert(driver).clone())
    }

    /// BFD, if somebody has needed it.
    #[must_use]
    pub fn bfd_if_started(&self) -> Option<Driver> {
        lock(&self.inner.bfd).clone()
    }

    /// Undoes everything that the record lists: the last thing a node does.
    pub fn undo(&self) {
        if let Some(record) = &*lock(&self.inner.record) {
            undo(record);
        }
    }
}

/// Says what a record that cannot be opened is for.
fn unrecorded(error: &RecordError) -> String {
    match error {
        RecordError::Locked(_) => error.to_string(),
        RecordError::File { .. } => format!(
            "{error}: `vrrp:` and `bgp:` need a `state:` directory that can be written: what is changed in \
             the kernel is written down there first, so that a crash can be undone"
        ),
    }
}

fn undo(record: &Mutex<Record>) {
    let mut record = lock(record);
    match vrrp::release::undo(&mut record, &Sysctls::of_host()) {
        Ok(undone) => undone.iter().for_each(|undone| info!("{undone}")),
        Err(error) => error!("{error}"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
