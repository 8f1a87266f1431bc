//! Joins Rhumb to the `vrrp` crate: the node's floating addresses.
//!
//! A [`Pair`] has a [`Group`] for each entry of `vrrp:`. It is told what the node knows of itself
//! with every snapshot in which that has changed ([`Pair::react`]); what follows from it is decided
//! in [`reaction`](crate::reaction), and what becomes of it by the `vrrp` crate, on a real-time
//! thread of its own.
//!
//! A group joins the election when this node has first answered its own question on the group's
//! addresses: by then the zones are loaded, the sockets bound and the first probes over.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{info, warn};
use vrrp::conditions::Unhealthy;
use vrrp::config::{Config, Peer, Priority};
use vrrp::linux::sysctl::{Knob, Sysctls};
use vrrp::machine::{Outcome, State, Transition};
use vrrp::notify::{End, Report};
use vrrp::router::{Environment, Observer, Router, RouterHandle, Status};

use crate::bfd::driver::{Distance, OnEvent, Watched};
use crate::bfd::{BfdOptions, Paths, hint};
use crate::config::node::vrrp::{HealthQuestion, VrrpEntry};
use crate::events::{Events, Kind};
use crate::ground::Ground;
use crate::node::{NodeState, Service};
use crate::reaction;

/// The floating addresses of a node; without any it does nothing. Cheap to clone.
#[derive(Clone)]
pub struct Pair {
    inner: Arc<Inner>,
}

struct Inner {
    ground: Ground,
    events: Events,
    /// What all groups share; present once there was a group.
    environment: Mutex<Option<Environment>>,
    groups: Mutex<Vec<Arc<Group>>>,
}

/// One entry of `vrrp:`, running.
pub struct Group {
    config: Mutex<Config>,
    handle: Arc<RouterHandle>,
    /// The paths to its peers, if BFD watches them.
    paths: Mutex<Paths>,
    /// Why its addresses do not stay on the host although they should.
    not_resident: Option<String>,
    /// It has nothing to ask itself: there is no address of its own to ask.
    unasked: bool,
}

impl Pair {
    /// Puts the addresses on `lo` and starts the groups, which wait to be ready.
    ///
    /// # Errors
    /// When a capability is missing, or the state directory cannot be written: the message says
    /// what to do.
    pub fn start(entries: &[VrrpEntry], ground: Ground, events: Events) -> Result<Self, String> {
        let (environment, groups) = (Mutex::default(), Mutex::default());
        let pair = Self { inner: Arc::new(Inner { ground, events, environment, groups }) };
        let started = entries.iter().try_for_each(|entry| {
            let group = pair.begin(entry)?;
            pair.lock().push(group);
            Ok::<_, String>(())
        });
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
        let mut groups = self.lock();
        let wanted = |group: &Arc<Group>| {
            let entry = entries.iter().find(|entry| entry.group.name == group.name());
            entry.is_some_and(|entry| group.become_as(&entry.group))
        };
        let (stay, go): (Vec<_>, Vec<_>) = groups.drain(..).partition(wanted);
        *groups = stay;
        let ends: Vec<_> = go.iter().map(|group| group.stop()).collect();
        wait(ends);
        let mut refused = Vec::new();
        for entry in entries {
            let present = groups.iter().find(|group| group.name() == entry.group.name);
            let begun = match present {
                Some(group) => group.watch(entry, &self.inner),
                None => self.begin(entry).map(|group| groups.push(group)),
            };
            refused.extend(begun.err());
        }
        if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) }
    }

    /// Hands every address over. Blocks for as long as a hand-over takes: at most four intervals.
    pub fn stop(&self) {
        let groups = std::mem::take(&mut *self.lock());
        let ends: Vec<_> = groups.iter().map(|group| group.stop()).collect();
        wait(ends);
    }

    /// Ends hand-overs that are under way: the operator is in a hurry.
    pub fn stop_at_once(&self) {
        for group in self.groups() {
            drop(group.stop());
        }
    }

    /// Starts a group.
    fn begin(&self, entry: &VrrpEntry) -> Result<Arc<Group>, String> {
        let (event_loop, environment) = (self.inner.ground.event_loop()?, self.environment()?);
        let config = entry.group.clone();
        let handle = Router::start(config.clone(), &event_loop, &environment)
            .map_err(|error| format!("{}: {error}", entry.place))?;
        let unasked = entry.questions.is_empty();
        let not_resident = entry.not_resident.clone();
        let (config, paths) = (Mutex::new(config), Mutex::default());
        let handle = Arc::new(handle);
        let group = Group { config, handle, paths, not_resident, unasked };
        group.watch(entry, &self.inner).inspect_err(|_| wait(vec![group.stop()]))?;
        Ok(Arc::new(group))
    }

    fn environment(&self) -> Result<Environment, String> {
        let mut present = self.inner.environment.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(environment) = &*present {
            return Ok(environment.clone());
        }
        let record = self.inner.ground.record()?;
        let environment =
            Environment::new(record, Sysctls::of_host(), Arc::new(Log(self.inner.events.clone())));
        let environment = environment.map_err(|error| format!("vrrp: {error}"))?;
        Ok(present.insert(environment).clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Group>>> {
        self.inner.groups.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Has BFD watch the paths to the peers, as the entry says; what it says of them is a hint that
    /// the Active is gone.
    fn watch(&self, entry: &VrrpEntry, Inner { ground, events, .. }: &Inner) -> Result<(), String> {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        let on_event =
            |watched: &Watched| hint_of(Arc::clone(&self.handle), watched, events.clone());
        let set = paths.set(watched(entry), || ground.bfd(), on_event);
        set.map_err(|error| format!("{}: {error}", entry.place))
    }

    /// Gives the addresses away and ends; something comes when it has.
    fn stop(&self) -> Receiver<()> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).end();
        self.handle.stop()
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

/// The first path to each peer of an entry that wants BFD.
fn watched(entry: &VrrpEntry) -> Vec<Watched> {
    let (group, options) = (&entry.group, entry.bfd.as_ref());
    let path = |(peer, options): (&Peer, &BfdOptions)| {
        let neighbour = *peer.addresses.first()?;
        let distance = match peer.hops {
            1 => Distance::SingleHop,
            hops => Distance::Multihop { hops },
        };
        Some(Watched {
            name: group.name.as_str().into(),
            neighbour,
            interface: (peer.hops == 1).then(|| group.interface.as_str().into()),
            source: None,
            distance,
            options: options.clone(),
        })
    };
    options.iter().flat_map(|o| group.peers.iter().map(move |p| (p, *o))).filter_map(path).collect()
}

/// Tells the election what BFD says of the path to a peer, unless another one is Active.
fn hint_of(handle: Arc<RouterHandle>, watched: &Watched, events: Events) -> OnEvent {
    let (name, peer) = (Arc::clone(&watched.name), watched.neighbour);
    Box::new(move |event| {
        let active = handle.status().active.map(|active| active.address);
        if let Some(hint) = hint(event)
            && active.is_none_or(|active| active == peer)
        {
            handle.set_bfd(hint);
        }
        events.tell(Kind::Bfd, &*name, format_args!("{peer}: {event}"));
    })
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
struct Log(Events);

impl Observer for Log {
    fn transition(&self, group: &str, transition: &Transition) {
        let Transition { from, to, reason, priority, at: _ } = transition;
        let label = reason.label();
        let priority = priority.0;
        self.0.tell(Kind::Vrrp, group, format_args!("{from} → {to}: {reason}"));
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
