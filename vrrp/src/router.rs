//! The driver of a group: the machine, its sockets, and what it does to the kernel.
//!
//! A [`Router`] lives in an [`event_loop::Loop`](crate::event_loop::Loop), and is told what to do
//! through a [`RouterHandle`]. Nothing in the loop's thread waits:
//!
//! ```text
//!   RouterHandle ──────────▶ mailbox ─┐                    ┌─▶ sockets, netlink, ARP
//!   kernel ──▶ monitor ───────────────┼──▶ Driver ─────────┼─▶ Keeper    (a thread: the record)
//!   other nodes ──▶ sockets ──────────┤    Machine         ├─▶ Notifier  (a thread: commands)
//!   neighbours ──▶ Watch ─────────────┘                    ├─▶ Observer  (a thread: logs)
//!   RouterHandle::status ◀──────────────── Board ◀─────────┘
//! ```
//!
//! The interface need not be there: the group waits for it, takes part while it is there, and
//! starts anew when it comes back. Before a group takes part on an interface the keeper has written
//! down which addresses it may put there; so a take-over waits for no disk.

mod act;
mod driver;
mod ground;
mod hear;
mod keeper;
mod neighbourhood;
mod paths;
mod status;
mod surroundings;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod warnings;
mod wire;
mod worker;

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use self::keeper::KeepError;
pub use self::status::{Status, Traffic};
pub use self::warnings::StandingWarning;

use self::driver::{Driver, Order, Told};
use self::ground::Ground;
use self::keeper::Keeper;
use self::neighbourhood::Neighbourhood;
use self::status::Board;
use self::surroundings::Surroundings;
use self::warnings::Warnings;
use self::wire::Wire;
use self::worker::Worker;
use crate::auth::{Sequence, Stamp};
use crate::conditions::{Conditions, Health, InterfaceState, Unhealthy, standing};
use crate::config::{Config, Priority};
use crate::event_loop::{Lateness, LoopHandle};
use crate::linux::KernelError;
use crate::linux::neighbour::Announcer;
use crate::linux::netlink::{Monitor, Netlink};
use crate::linux::record::{LastSequence, Record};
use crate::linux::sysctl::Sysctls;
use crate::machine::{BfdHint, Machine, Outcome, State, Transition};
use crate::mailbox::{Post, mailbox};
use crate::notify::{Notifier, Report};
use crate::witness::Watcher;

/// Who is told what happens to the groups, as it happens. Called in a thread of its own: whoever
/// waits in it holds up nothing but the further news.
pub trait Observer: Send + Sync {
    /// A group's state has changed.
    fn transition(&self, group: &str, transition: &Transition);

    /// What a group advertises while Active has changed; `unhealthy` says why it stands at the
    /// floor, if it does.
    fn standing(&self, group: &str, priority: Priority, unhealthy: Option<&Unhealthy>);

    /// Something that an operator should know; a sentence without its full stop.
    fn warning(&self, group: &str, text: &str);

    /// A notify command has ended.
    fn notified(&self, group: &str, report: &Report);
}

/// What all groups of a process share.
#[derive(Clone)]
pub struct Environment {
    keeper: Keeper,
    observer: Arc<dyn Observer>,
    worker: Worker,
}

/// A group in an event loop; see [`RouterHandle`].
pub enum Router {}

/// A group that runs. When this is dropped without [`RouterHandle::stop`] the group goes on.
pub struct RouterHandle {
    config: Mutex<Config>,
    keeper: Keeper,
    post: Post<Order>,
    board: Board,
    lateness: Arc<Lateness>,
}

/// Why a group cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something of the kernel's is missing, or permission for it.
    #[error("VRRP group {group}: {source}")]
    Kernel {
        /// The group.
        group: String,
        /// What was tried, and what is missing.
        source: KernelError,
    },
    /// What is to be changed cannot be written down, or not be changed.
    #[error("VRRP group {group}: {source}")]
    Keep {
        /// The group.
        group: String,
        /// What was tried, and what is missing.
        source: KeepError,
    },
    /// No thread or descriptor is left.
    #[error("VRRP group {group}: {source}")]
    System {
        /// The group.
        group: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Why a running group cannot take a configuration; it goes on with the one that it has.
#[derive(Debug, thiserror::Error)]
pub enum ReconfigureError {
    /// It must be stopped, and another one started.
    #[error("a group keeps its {0} as long as it runs")]
    Fixed(&'static str),
    /// New addresses cannot be kept on `lo`.
    #[error(transparent)]
    Keep(#[from] KeepError),
}

impl Environment {
    /// Starts the threads for the record and the observer.
    ///
    /// # Errors
    ///
    /// No thread is left.
    pub fn new(
        record: Arc<Mutex<Record>>,
        sysctls: Sysctls,
        observer: Arc<dyn Observer>,
    ) -> io::Result<Self> {
        let keeper = Keeper::spawn(record, sysctls)?;
        Ok(Self { keeper, observer, worker: Worker::spawn("vrrp-observer")? })
    }
}

impl Router {
    /// Puts the addresses on `lo` and a group into the loop. It waits for its interface there, and
    /// for [`RouterHandle::set_ready`].
    ///
    /// # Errors
    ///
    /// A capability is missing, the record cannot be written, or no descriptor is left.
    pub fn start(
        config: Config,
        event_loop: &LoopHandle,
        environment: &Environment,
    ) -> Result<RouterHandle, StartError> {
        let start = Start { config: &config, environment };
        let (post, driver) = start.driver(event_loop.realtime())?;
        let board = driver.told.board.clone();
        let (_, lateness) = event_loop.add(Box::new(driver));
        let keeper = environment.keeper.clone();
        Ok(RouterHandle { config: Mutex::new(config), keeper, post, board, lateness })
    }
}

impl RouterHandle {
    /// What the node would serve at the addresses is up, or is not; at first it is not.
    pub fn set_ready(&self, ready: bool) {
        self.post.post(Order::Ready(ready));
    }

    /// Whether the node can serve what stands behind the addresses.
    pub fn set_health(&self, health: Health) {
        self.post.post(Order::Health(health));
    }

    /// What BFD says of the way to the Active.
    pub fn set_bfd(&self, hint: BfdHint) {
        self.post.post(Order::Bfd(hint));
    }

    /// Another configuration of the same group, from now on. Waits for the disk.
    ///
    /// # Errors
    ///
    /// The VRID, the interface, the version, the families, or multicast and unicast differ; or the
    /// addresses cannot be kept on `lo`.
    pub fn reconfigure(&self, config: Config) -> Result<(), ReconfigureError> {
        let mut present = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(what) = fixed_difference(&present, &config) {
            return Err(ReconfigureError::Fixed(what));
        }
        if config.resident {
            self.keeper.take_residence(&config)?;
        }
        *present = config.clone();
        self.post.post(Order::Reconfigure(Box::new(config)));
        Ok(())
    }

    /// Gives the role away, and displaces nobody from then on; how it ends comes later, within
    /// about four intervals.
    pub fn failover(&self) -> Receiver<Outcome> {
        let (end, ends) = channel();
        self.post.post(Order::Failover(end));
        ends
    }

    /// Takes part as before [`RouterHandle::failover`] again.
    pub fn release(&self) {
        self.post.post(Order::Release);
    }

    /// Gives the role away, ends the group and undoes what it has changed; something comes when all
    /// of it is done. A second time: at once.
    pub fn stop(&self) -> Receiver<()> {
        let (end, ends) = channel();
        self.post.post(Order::Stop(end));
        ends
    }

    /// The group as it is. Never holds up the loop.
    #[must_use]
    pub fn status(&self) -> Status {
        let late_wake_ups = self.lateness.count();
        let latest_wake_up = self.lateness.worst();
        Status { late_wake_ups, latest_wake_up, ..self.board.read() }
    }
}

/// What is fixed as long as a group runs, and differs.
fn fixed_difference(a: &Config, b: &Config) -> Option<&'static str> {
    let unicast = |config: &Config| !config.peers.is_empty();
    let checks = [
        (a.name != b.name, "name"),
        (a.id != b.id, "VRID"),
        (a.interface != b.interface, "interface"),
        (a.version != b.version, "version"),
        (a.families() != b.families(), "address families"),
        (unicast(a) != unicast(b), "multicast or unicast"),
        (a.vmac != b.vmac, "virtual MAC address"),
        (a.resident != b.resident, "resident addresses"),
    ];
    checks.into_iter().find_map(|(differs, what)| differs.then_some(what))
}

/// The making of a driver, in steps that can fail.
struct Start<'a> {
    config: &'a Config,
    environment: &'a Environment,
}

impl Start<'_> {
    fn driver(&self, realtime: Result<(), String>) -> Result<(Post<Order>, Driver), StartError> {
        let config = self.config.clone();
        // Listening begins before the listing: what changes in between is heard of.
        let monitor = Monitor::open().map_err(|error| self.kernel(error))?;
        let mut netlink = Netlink::open().map_err(|error| self.kernel(error))?;
        let host = self.list(&mut netlink).map_err(|error| self.kernel(error))?;
        let announcer = Announcer::open().map_err(|error| self.kernel(error))?;
        self.take_residence()?;
        let (post, mailbox) = mailbox().map_err(|error| self.system(error))?;
        let now = now();
        let standing = standing(&config, &at_first(&config));
        let machine = Machine::new(config.clone(), standing, now);
        let driver = Driver {
            next_config: None,
            machine,
            ready: false,
            health: Health::Good,
            monitor,
            netlink,
            host,
            ground: Ground::Missing,
            wire: Wire::new(&config, resumed(self.environment.keeper.sequence(), wire::wall())),
            neighbours: Neighbourhood::new(announcer),
            witness: config.witness.as_ref().map(|witness| Watcher::new(witness, now)),
            owned: false,
            refused_until: None,
            again: None,
            told: self.told(realtime, now),
            keeper: self.environment.keeper.clone(),
            notifier: Some(self.notifier().map_err(|error| self.system(error))?),
            notify: config.notify.clone().map(Arc::new),
            mailbox,
            post: post.clone(),
            failing_over: Vec::new(),
            stopping: Vec::new(),
            stopped: false,
            config,
        };
        Ok((post, driver))
    }

    fn list(&self, netlink: &mut Netlink) -> Result<Surroundings, KernelError> {
        Ok(Surroundings::new(netlink.links()?, netlink.addresses()?))
    }

    fn take_residence(&self) -> Result<(), StartError> {
        if !self.config.resident {
            return Ok(());
        }
        let taken = self.environment.keeper.take_residence(self.config);
        taken.map_err(|source| StartError::Keep { group: self.config.name.clone(), source })
    }

    fn notifier(&self) -> io::Result<Notifier> {
        let (worker, group) = (self.environment.worker.clone(), self.config.name.clone());
        let observer = self.environment.observer.clone();
        Notifier::spawn(move |report| {
            let (observer, group) = (observer.clone(), group.clone());
            // An observer that hangs misses something.
            let _ = worker.run(move || observer.notified(&group, &report));
        })
    }

    fn told(&self, realtime: Result<(), String>, now: Instant) -> Told {
        let status = first_status(self.config, realtime.clone(), now);
        Told {
            resident: status.resident.clone(),
            board: Board::new(status, &self.config.families()),
            warnings: Warnings::default(),
            transitions: BTreeMap::new(),
            dropped: BTreeMap::new(),
            checksums: BTreeMap::new(),
            since: now,
            observer: self.environment.observer.clone(),
            worker: self.environment.worker.clone(),
            realtime,
            saved: None,
            unpublished: None,
        }
    }

    fn kernel(&self, source: KernelError) -> StartError {
        StartError::Kernel { group: self.config.name.clone(), source }
    }

    fn system(&self, source: io::Error) -> StartError {
        StartError::System { group: self.config.name.clone(), source }
    }
}

/// Before the interface was looked for.
fn at_first(config: &Config) -> Conditions {
    Conditions {
        interface: InterfaceState::Missing,
        without_source: config.families(),
        only_virtual: Vec::new(),
        tentative: false,
        ready: false,
        health: Health::Good,
        tracked: vec![true; config.track.len()],
        witness: true,
    }
}

fn first_status(config: &Config, realtime: Result<(), String>, now: Instant) -> Status {
    let standing = standing(config, &at_first(config));
    let resident = if config.resident { "the interface is missing" } else { "not configured" };
    Status {
        name: config.name.clone(),
        state: State::Initialize,
        since: now,
        priority: standing.priority,
        active: None,
        fault: standing.fault,
        unhealthy: standing.unhealthy,
        held: false,
        interface: InterfaceState::Missing,
        sources: Vec::new(),
        transitions: BTreeMap::new(),
        dropped: BTreeMap::new(),
        checksums: BTreeMap::new(),
        traffic: Vec::new(),
        dual_active: Duration::ZERO,
        late_wake_ups: 0,
        latest_wake_up: Duration::ZERO,
        warnings: Vec::new(),
        realtime,
        resident: Err(resident.to_owned()),
    }
}

/// After a restart the sequence goes on where it was saved last, and further by what may have been
/// sent since when the wall clock cannot be trusted to stand behind that.
fn resumed(saved: Option<LastSequence>, wall: Duration) -> Sequence {
    let Some(LastSequence { seconds, fraction, counter }) = saved else { return Sequence::new() };
    let margin = u32::try_from(act::SAVE_SEQUENCE.as_secs()).unwrap_or(u32::MAX);
    let saved = Stamp { seconds, fraction, counter };
    if wall >= saved.time() {
        return Sequence::resume(saved);
    }
    Sequence::resume(Stamp { seconds: seconds.saturating_add(margin), ..saved })
}

#[expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]
fn now() -> Instant {
    Instant::now()
}
