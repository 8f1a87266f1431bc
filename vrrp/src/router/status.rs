//! What a group is and has seen, for other threads.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::warnings::StandingWarning;
use crate::conditions::{Fault, InterfaceState, Unhealthy};
use crate::config::{Family, Priority};
use crate::machine::State;
use crate::receive::Sender;

/// A group at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The group's name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Since when it is in that state.
    pub since: Instant,
    /// What it advertises while Active.
    pub priority: Priority,
    /// Who is Active, where that is another node which was heard.
    pub active: Option<Sender>,
    /// What keeps it out of the election.
    pub fault: Option<Fault>,
    /// Why it stands at the floor.
    pub unhealthy: Option<Unhealthy>,
    /// An operator's `failover` keeps it from displacing others.
    pub held: bool,
    /// Its interface.
    pub interface: InterfaceState,
    /// Where it sends from, by path.
    pub sources: Vec<IpAddr>,
    /// How often its state has changed, by reason ([`crate::machine::Reason::label`]).
    pub transitions: BTreeMap<&'static str, u64>,
    /// Packets that were not heard, by reason ([`crate::receive::Dropped::reason`]).
    pub dropped: BTreeMap<&'static str, u64>,
    /// Advertisements heard, by what their checksum covers: `pseudo` or `plain` (RFC 9568 §5.2.8).
    pub checksums: BTreeMap<&'static str, u64>,
    /// What each member has sent and heard.
    pub traffic: Vec<Traffic>,
    /// For how long in all it was Active and heard another Active.
    pub dual_active: Duration,
    /// Timers that were handled late, by more than a tenth of the interval and 1 ms.
    pub late_wake_ups: u64,
    /// The latest of them.
    pub latest_wake_up: Duration,
    /// What is wrong now.
    pub warnings: Vec<StandingWarning>,
    /// The thread is real-time, or why it is not.
    pub realtime: Result<(), String>,
    /// The addresses stay on `lo` and the interface is quiet about them; or why not.
    pub resident: Result<(), String>,
}

/// What one member of a group has sent and heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Which.
    pub family: Family,
    /// Advertisements sent, on all paths.
    pub sent: u64,
    /// Advertisements that could not be sent.
    pub unsent: u64,
    /// Advertisements heard.
    pub received: u64,
}

/// Where the loop's thread puts a status, and others find it.
#[derive(Clone, Debug)]
pub(super) struct Board {
    status: Arc<Mutex<Arc<Status>>>,
    counters: Arc<Vec<Counters>>,
}

/// What changes with every packet, by member.
#[derive(Debug)]
pub(super) struct Counters {
    family: Family,
    pub(super) sent: AtomicU64,
    pub(super) unsent: AtomicU64,
    pub(super) received: AtomicU64,
}

/// A reader held the board; the status is to be put there a little later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Board {
    pub(super) fn new(status: Status, families: &[Family]) -> Self {
        let counters = families.iter().map(|&family| Counters::of(family)).collect();
        Self { status: Arc::new(Mutex::new(Arc::new(status))), counters: Arc::new(counters) }
    }

    /// Puts a status there, if it is a new one; never waits for a reader.
    pub(super) fn publish(&self, status: Status) -> Result<(), Busy> {
        let mut place = match self.status.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Busy),
        };
        if **place != status {
            *place = Arc::new(status);
        }
        Ok(())
    }

    /// The last status, with the counters as they are now.
    pub(super) fn read(&self) -> Status {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let traffic = self.counters.iter().map(Counters::read).collect();
        Status { traffic, ..(*status).clone() }
    }

    /// The counters of a member.
    pub(super) fn counters(&self, member: usize) -> Option<&Counters> {
        self.counters.get(member)
    }
}

impl Counters {
    fn of(family: Family) -> Self {
        let (sent, unsent, received) = Default::default();
        Self { family, sent, unsent, received }
    }

    fn read(&self) -> Traffic {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic {
            family: self.family,
            sent: value(&self.sent),
            unsent: value(&self.unsent),
            received: value(&self.received),
        }
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
