//! Who the peers are, and what each is to know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::directory::{Directory, Entry, WAITING};
use super::observer::Observer;
use super::peer::{Inbox, Leave, Peer, Surroundings};
use super::status::PeerStatus;
use super::wanted::Wanted;
use crate::bgp::config::{PeerConfig, Selection, SpeakerConfig};
use crate::bgp::message::Cease;
use crate::bgp::routes::RouteSet;
use crate::bgp::session::Bfd;

/// The peers, and what is wanted of them.
pub(super) struct Roster {
    surroundings: Surroundings,
    directory: Arc<Directory>,
    allow: BTreeSet<IpNet>,
    peers: BTreeMap<Arc<str>, Member>,
    /// What each is to know, whether there is such a peer or not; absent: that is not decided yet.
    routes: Option<BTreeMap<Arc<str>, RouteSet>>,
    /// What was refused of it, and complained about.
    forbidden: BTreeSet<(Arc<str>, IpNet)>,
}

/// A peer's task, seen from outside.
struct Member {
    config: PeerConfig,
    wanted: watch::Sender<Wanted>,
    entry: Entry,
    status: Arc<Mutex<PeerStatus>>,
    /// Absent once it was told to leave.
    running: Option<Running>,
}

struct Running {
    leave: oneshot::Sender<Leave>,
    task: JoinHandle<()>,
}

/// Tasks that end.
pub(super) struct Leaving(Vec<JoinHandle<()>>);

impl Leaving {
    /// Waits until they have.
    pub(super) async fn ended(self) {
        for task in self.0 {
            // Nothing in it can panic; and what has, has ended.
            let _ = task.await;
        }
    }
}

impl Roster {
    pub(super) fn new(observer: Arc<dyn Observer>) -> Self {
        Self {
            surroundings: Surroundings { observer, services: Arc::default() },
            directory: Arc::default(),
            allow: BTreeSet::new(),
            peers: BTreeMap::new(),
            routes: None,
            forbidden: BTreeSet::new(),
        }
    }

    pub(super) fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory)
    }

    pub(super) fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.surroundings.observer)
    }

    pub(super) fn status(&self) -> Vec<PeerStatus> {
        let status =
            |member: &Member| member.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.peers.values().map(status).collect()
    }

    pub(super) fn set_routes(&mut self, routes: BTreeMap<Arc<str>, RouteSet>) {
        self.routes = Some(routes);
        self.tell_routes();
    }

    pub(super) fn set_bfd(&mut self, peer: &str, bfd: Bfd) {
        if let Some(member) = self.peers.get(peer) {
            member.wanted.send_modify(|wanted| wanted.hear_bfd(bfd));
        }
    }

    /// Ends the peers that a configuration has no longer, or otherwise. What is wanted of the latter
    /// stays known.
    pub(super) fn part(&mut self, config: &SpeakerConfig) -> Leaving {
        let mut leaving = Vec::new();
        for member in self.peers.values_mut() {
            let new = config.peers.iter().find(|new| new.name == member.config.name);
            match new {
                Some(new) if member.can_be(new) => {}
                Some(_) => leaving.extend(member.part(Cease::OtherConfigurationChange, "")),
                None => leaving.extend(member.part(Cease::PeerDeconfigured, "")),
            }
        }
        Leaving(leaving)
    }

    /// Ends all peers.
    pub(super) fn part_all(&mut self, cease: Cease, reason: &str) -> Leaving {
        self.directory.set(Vec::new());
        let peers = std::mem::take(&mut self.peers).into_values();
        Leaving(peers.filter_map(|mut member| member.part(cease, reason)).collect())
    }

    /// Begins the peers of a configuration that are new, or have parted.
    pub(super) fn set_config(&mut self, config: SpeakerConfig) {
        self.allow = config.allow;
        self.surroundings.services.store(Arc::new(config.services));
        let mut before = std::mem::take(&mut self.peers);
        for config in config.peers {
            let name = Arc::clone(&config.name);
            let member = match before.remove(&name) {
                Some(member) if member.can_be(&config) => Member { config, ..member },
                Some(member) => Member::start(config, member.wanted, self.surroundings.clone()),
                None => Member::start(config, watch::Sender::default(), self.surroundings.clone()),
            };
            self.peers.insert(name, member);
        }
        self.directory.set(self.peers.values().map(|member| member.entry.clone()).collect());
        self.tell_routes();
    }

    /// Tells every task what its peer is to know, if that is decided and is not what it was.
    fn tell_routes(&mut self) {
        let Some(routes) = &self.routes else { return };
        let mut forbidden = BTreeSet::new();
        for (name, member) in &self.peers {
            let wanted = routes.get(name).into_iter().flatten();
            let (allowed, others): (Vec<_>, Vec<_>) =
                wanted.partition(|(prefix, _)| self.allow.contains(prefix));
            forbidden.extend(others.iter().map(|(prefix, _)| (Arc::clone(name), **prefix)));
            let allowed: RouteSet =
                allowed.into_iter().map(|(prefix, route)| (*prefix, route.clone())).collect();
            member.wanted.send_if_modified(|wanted| wanted.set_routes(allowed));
        }
        for (name, prefix) in forbidden.difference(&self.forbidden) {
            self.surroundings.observer.forbidden(name, prefix);
        }
        self.forbidden = forbidden;
    }
}

impl Member {
    fn start(
        config: PeerConfig,
        wanted: watch::Sender<Wanted>,
        surroundings: Surroundings,
    ) -> Self {
        let (door, accepted) = mpsc::channel(WAITING);
        let (leave, left) = oneshot::channel();
        let inbox = Inbox { wanted: wanted.subscribe(), accepted, left };
        let entry = Entry::new(&config, door);
        let peer = Peer::new(config.clone(), inbox, surroundings);
        let status = peer.status();
        let running = Some(Running { leave, task: tokio::spawn(peer.run()) });
        Self { config, wanted, entry, status, running }
    }

    /// Whether it can go on so.
    fn can_be(&self, config: &PeerConfig) -> bool {
        self.running.is_some() && is_same_session(config, &self.config)
    }

    /// Tells the task to leave, if it was not told before.
    fn part(&mut self, cease: Cease, reason: &str) -> Option<JoinHandle<()>> {
        let Running { leave, task } = self.running.take()?;
        // A task that is not there any more has nothing to end.
        let _ = leave.send(Leave { cease, reason: reason.to_owned() });
        Some(task)
    }
}

/// Whether a session may go on: what is announced over it, and whether BFD watches it, may change.
fn is_same_session(a: &PeerConfig, b: &PeerConfig) -> bool {
    let of_session =
        |peer: &PeerConfig| PeerConfig { announce: Selection::All, bfd: None, ..peer.clone() };
    of_session(a) == of_session(b)
}
