//! Joins Rhumb to the `vrrp` crate: the node's floating addresses.
//!
//! A [`Pair`] has a [`Group`] for each entry of `vrrp:`. It is told what the node knows of itself
//! with every snapshot in which that has changed ([`Pair::react`]); what follows from it is decided
//! in [`reaction`](crate::reaction), and what becomes of it by the `vrrp` crate, on a real-time
//! thread of its own.
//!
//! A group joins the election when this node has first answered its own question on the group's
//! addresses: by then the zones are loaded, the sockets bound and the first probes over.

use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{error, info, warn};
use vrrp::conditions::Unhealthy;
use vrrp::config::{Config, Priority};
use vrrp::event_loop::{Loop, Scheduling};
use vrrp::linux::record::Record;
use vrrp::linux::sysctl::{Knob, Sysctls};
use vrrp::machine::{Outcome, State, Transition};
use vrrp::notify::{End, Report};
use vrrp::router::{Environment, Observer, Router, RouterHandle, Status};

use crate::config::node::vrrp::{HealthQuestion, VrrpEntry};
use crate::node::{NodeState, Service};
use crate::reaction;

/// The floating addresses of a node; without any it does nothing. Cheap to clone.
#[derive(Clone, Default)]
pub struct Pair {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Present when there are groups.
    speaker: Option<Speaker>,
    groups: Mutex<Vec<Arc<Group>>>,
}

/// What all groups share.
struct Speaker {
    event_loop: Loop,
    environment: Environment,
    record: Arc<Mutex<Record>>,
}

/// One entry of `vrrp:`, running.
pub struct Group {
    config: Mutex<Config>,
    handle: RouterHandle,
    /// Why its addresses do not stay on the host although they should.
    not_resident: Option<String>,
    /// It has nothing to ask itself: there is no address of its own to ask.
    unasked: bool,
}

impl Pair {
    /// Undoes what an earlier run left behind, puts the addresses on `lo` and starts the groups,
    /// which wait to be ready.
    ///
    /// # Errors
    /// When a capability is missing, or the state directory cannot be written: the message says
    /// what to do.
    pub fn start(entries: &[VrrpEntry], state: &Path) -> Result<Self, String> {
        if entries.is_empty() {
            return Ok(Self::default());
        }
        let speaker = Speaker::start(state)?;
        let mut groups = Vec::with_capacity(entries.len());
        let started = entries.iter().try_for_each(|entry| {
            groups.push(speaker.group(entry)?);
            Ok::<_, String>(())
        });
        let inner = Inner { speaker: Some(speaker), groups: Mutex::new(groups) };
        let pair = Self { inner: Arc::new(inner) };
        // Those that were started before one that was not have changed the kernel.
        started.inspect_err(|_| pair.stop())?;
        Ok(pair)
    }

    /// Every group, in the order of the configuration.
    #[must_use]
    pub fn groups(&self) -> Vec<Arc<Group>> {
        self.lock().clone()
    }

    /// The group of that name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<Arc<Group>> {
        self.lock().iter().find(|group| group.name() == name).cloned()
    }

    /// Tells every group what the node knows of itself.
    pub fn react(&self, node: &NodeState) {
        for group in self.groups() {
            let name = group.name();
            if group.unasked || reaction::has_verdict(node, &name) {
                group.handle.set_ready(true);
            }
            group.handle.set_health(reaction::vrrp_health(node, &name));
        }
    }

    /// Makes these the groups: one that is as before goes on, one that differs in what can be
    /// changed is changed, any other is handed over and ended, or started.
    ///
    /// # Errors
    /// What could not be started, as one text for people; all else is as wanted.
    pub fn set(&self, entries: &[VrrpEntry]) -> Result<(), String> {
        let Some(speaker) = &self.inner.speaker else {
            return match entries {
                [] => Ok(()),
                _ => Err("vrrp: the first entry takes effect with a restart".to_owned()),
            };
        };
        let mut groups = self.lock();
        let wanted = |group: &Arc<Group>| {
            let entry = entries.iter().find(|entry| entry.group.name == group.name());
            entry.is_some_and(|entry| group.become_as(&entry.group))
        };
        let (stay, go): (Vec<_>, Vec<_>) = groups.drain(..).partition(wanted);
        *groups = stay;
        let ends: Vec<_> = go.iter().map(|group| group.handle.stop()).collect();
        wait(ends);
        let mut refused = Vec::new();
        for entry in entries {
            if groups.iter().any(|group| group.name() == entry.group.name) {
                continue;
            }
            match speaker.group(entry) {
                Ok(group) => groups.push(group),
                Err(error) => refused.push(error),
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) }
    }

    /// Hands every address over, undoes what was changed in the kernel, ends the thread. Blocks
    /// for as long as a hand-over takes: at most four intervals.
    pub fn stop(&self) {
        let groups = std::mem::take(&mut *self.lock());
        let ends: Vec<_> = groups.iter().map(|group| group.handle.stop()).collect();
        wait(ends);
        if let Some(speaker) = &self.inner.speaker {
            speaker.undo();
        }
    }

    /// Ends hand-overs that are under way: the operator is in a hurry.
    pub fn stop_at_once(&self) {
        for group in self.groups() {
            drop(group.handle.stop());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Group>>> {
        self.inner.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Speaker {
    fn start(state: &Path) -> Result<Self, String> {
        let record = Record::open(state).map_err(|error| error.to_string())?;
        if let Some(complaint) = record.complaint() {
            warn!("{complaint}");
        }
        let record = Arc::new(Mutex::new(record));
        let environment = Environment::new(Arc::clone(&record), Sysctls::of_host(), Arc::new(Log));
        let environment = environment.map_err(|error| format!("vrrp: {error}"))?;
        let event_loop = Loop::spawn("vrrp", Scheduling::RealTime);
        let event_loop = event_loop.map_err(|error| format!("vrrp: {error}"))?;
        if let Err(reason) = event_loop.handle().realtime() {
            warn!(reason, "the VRRP thread is not real-time: load can delay advertisements");
        }
        let speaker = Self { event_loop, environment, record };
        speaker.undo();
        Ok(speaker)
    }

    fn group(&self, entry: &VrrpEntry) -> Result<Arc<Group>, String> {
        let config = entry.group.clone();
        let handle = Router::start(config.clone(), &self.event_loop.handle(), &self.environment)
            .map_err(|error| format!("{}: {error}", entry.place))?;
        let unasked = entry.questions.is_empty();
        let not_resident = entry.not_resident.clone();
        Ok(Arc::new(Group { config: Mutex::new(config), handle, not_resident, unasked }))
    }

    /// Undoes what the record lists: at the start the leftovers of a crash, at the end all.
    fn undo(&self) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let undone = vrrp::release::undo(&mut record, &Sysctls::of_host());
        match undone {
            Ok(undone) => undone.iter().for_each(|undone| info!("{undone}")),
            Err(error) => error!("{error}"),
        }
    }
}

impl Group {
    /// Its name in `vrrp:`.
    #[must_use]
    pub fn name(&self) -> String {
        self.config().name
    }

    /// What it was told to be.
    #[must_use]
    pub fn config(&self) -> Config {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it is.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut status = self.handle.status();
        if let Some(why) = &self.not_resident {
            status.resident = Err(why.clone());
        }
        status
    }

    /// Gives the addresses to the other node; how it ended, absent when the group ended meanwhile.
    pub async fn failover(&self) -> Option<Outcome> {
        let ends = self.handle.failover();
        tokio::task::spawn_blocking(move || ends.recv().ok()).await.ok().flatten()
    }

    /// Takes part in the election as before a failover.
    pub fn release(&self) {
        self.handle.release();
    }

    /// Takes another configuration, where a running group can.
    fn become_as(&self, config: &Config) -> bool {
        let mut present = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if *present == *config {
            return true;
        }
        let taken = self.handle.reconfigure(config.clone());
        if taken.is_ok() {
            *present = config.clone();
        }
        taken.is_ok()
    }
}

/// Waits for groups to end. One whose thread has ended has nothing left to hand over.
fn wait(ends: Vec<Receiver<()>>) {
    for end in ends {
        let _ = end.recv();
    }
}

/// Entries as they can be on this host: an address that stays on `lo` while another node has it
/// must not be answered for on the network, and where the kernel cannot be told so it does not stay.
#[must_use]
pub fn fitted(entries: Vec<VrrpEntry>) -> Vec<VrrpEntry> {
    let sysctls = Sysctls::of_host();
    let fit = |entry: VrrpEntry| {
        let knobs = [(Knob::ArpIgnore, 1), (Knob::ArpAnnounce, 2)];
        let turn = |(knob, value)| sysctls.may_turn(&entry.group.interface, knob, value);
        match knobs.into_iter().try_for_each(turn) {
            Err(error) if entry.group.resident => {
                warn!(group = entry.group.name, "the addresses do not stay on the host: {error}");
                entry.without_residence(error.to_string())
            }
            Ok(()) | Err(_) => entry,
        }
    };
    entries.into_iter().map(fit).collect()
}

/// What the node is to ask itself for these entries.
#[must_use]
pub fn services(entries: &[VrrpEntry]) -> Vec<Service> {
    let asked = entries.iter().filter(|entry| !entry.questions.is_empty());
    let service = |entry: &VrrpEntry| {
        let HealthQuestion { every, timeout, fall, rise } = entry.health;
        let (name, addresses) = (entry.group.name.clone(), entry.questions.clone());
        Service { name, addresses, every, timeout, fall, rise }
    };
    asked.map(service).collect()
}

/// One line of log for everything that happens to a group.
struct Log;

impl Observer for Log {
    fn transition(&self, group: &str, transition: &Transition) {
        let Transition { from, to, reason, priority, at: _ } = transition;
        let label = reason.label();
        let priority = priority.0;
        match to {
            State::Fault => {
                warn!(group, %from, %to, priority, reason = label, "{from} → {to}: {reason}");
            }
            State::Initialize | State::Backup | State::Active | State::HandingOver => {
                info!(group, %from, %to, priority, reason = label, "{from} → {to}: {reason}");
            }
        }
    }

    fn standing(&self, group: &str, priority: Priority, unhealthy: Option<&Unhealthy>) {
        let priority = priority.0;
        match unhealthy {
            Some(why) => warn!(group, priority, "should not be Active: {why}"),
            None => info!(group, priority, "fit to be Active"),
        }
    }

    fn warning(&self, group: &str, text: &str) {
        warn!(group, "{text}");
    }

    fn notified(&self, group: &str, report: &Report) {
        match &report.end {
            End::Succeeded => {}
            end => warn!(group, "notify: {end}"),
        }
    }
}
