//! Joins Rhumb to its routers: the node's anycast addresses.
//!
//! ```text
//! snapshots ─┐                    ┌─▶ bgp::speaker ──▶ routers
//! siblings ──┼─▶ announce::Board ─┤        ▲
//! operators ─┘      (in `desk`)   └─▶ log  └── bfd::driver (in `ears`)
//! ```
//!
//! The addresses are on `lo` from start to exit (`resident`): whether a prefix is announced decides
//! who attracts its traffic, not who accepts it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::sync::Mutex as AsyncMutex;
use tracing::warn;

use crate::announce::board::{self, Insistence, Refusal};
use crate::announce::ladder::{Departure, Stop};
use crate::announce::siblings::{Asked, Siblings};
use crate::announce::{Announcement, Board, Drain, OnStop};
use crate::bfd::Paths;
use crate::bgp::config::SpeakerConfig;
use crate::bgp::message::Cease;
use crate::bgp::speaker::{PeerStatus, Speaker};
use crate::config::node::BgpConfig;
use crate::events::Events;
use crate::ground::Ground;
use crate::world::Snapshot;
use crate::world::publish::Published;

mod desk;
mod ears;
mod guard;
mod paths;
mod resident;

use desk::Desk;
use ears::Log;
use resident::Residents;

/// What the operators of routers are told when the process ends (RFC 9003).
const FAREWELL: &str = "rhumb stops";

/// Beyond what a departure takes by its own timers.
const SLACK: Duration = Duration::from_secs(1);

/// The anycast addresses of a node; without `bgp:` it does nothing. Cheap to clone.
#[derive(Clone)]
pub struct Anycast {
    shared: Arc<Shared>,
}

struct Shared {
    ground: Ground,
    published: Arc<Published>,
    events: Events,
    /// Held while parts begin, change or end; true once the node stops.
    changing: AsyncMutex<bool>,
    parts: Mutex<Option<Arc<Parts>>>,
}

/// Everything that runs because of a `bgp:` section.
struct Parts {
    config: Mutex<BgpConfig>,
    /// What all of it is as wanted by; absent after a change of which something failed.
    settled: Mutex<Option<Wanted>>,
    desk: Desk,
    speaker: Speaker,
    residents: Residents,
    siblings: Siblings,
    paths: Mutex<Paths>,
}

/// What an operator can ask for.
#[derive(Clone, PartialEq, Eq)]
struct Wanted {
    config: BgpConfig,
    /// Addresses that move between hosts.
    floating: BTreeSet<IpAddr>,
}

/// Everything of it at one moment.
#[derive(Debug)]
pub struct Status {
    /// Our AS, and our BGP Identifier.
    pub speaker: SpeakerConfig,
    /// How far the node is on its way out.
    pub departure: Departure,
    /// In the order of the configuration.
    pub announcements: Vec<board::Status>,
    /// In the order of their names.
    pub peers: Vec<PeerStatus>,
    /// Connections of strangers that were reset.
    pub strangers: u64,
    /// When this was so.
    pub now: Instant,
}

impl Anycast {
    /// Puts the addresses on `lo`, listens for peers and connects to them; nothing is announced
    /// before [`Self::ready`] and a snapshot in which the node can answer. `floating` are addresses
    /// that move between hosts: nothing of ours is sent from them.
    ///
    /// # Errors
    /// What the system refuses, for people; nothing but what the record lists is left then.
    pub async fn start(
        config: Option<BgpConfig>,
        floating: BTreeSet<IpAddr>,
        ground: Ground,
        published: Arc<Published>,
        events: Events,
    ) -> Result<Self, String> {
        let (changing, parts) = (AsyncMutex::default(), Mutex::default());
        let anycast =
            Self { shared: Arc::new(Shared { ground, published, events, changing, parts }) };
        if let Some(config) = config {
            anycast.begin(config, floating).await?;
        }
        Ok(anycast)
    }

    /// Everything can be served: the sockets are open.
    pub fn ready(&self) {
        if let Some(parts) = self.parts() {
            parts.ready();
        }
    }

    /// The world or its health, or what the node knows of itself, is another.
    pub fn react(&self, snapshot: &Snapshot) {
        if let Some(parts) = self.parts() {
            parts.desk.tell(|board, now| board.handle_snapshot(now, snapshot));
        }
    }

    /// Makes this the configuration. Sessions with peers that stay as they are go on.
    ///
    /// # Errors
    /// What could not be done, for people; all else is as wanted.
    pub async fn set(
        &self,
        config: Option<BgpConfig>,
        floating: BTreeSet<IpAddr>,
    ) -> Result<(), String> {
        let stopped = self.shared.changing.lock().await;
        if *stopped {
            return Err("bgp: the node stops, so nothing of it was changed".to_owned());
        }
        match (self.parts(), config) {
            (None, None) => Ok(()),
            (Some(parts), Some(config)) => {
                parts.change(config, floating, &self.shared).await?;
                self.react(&self.shared.published.load_full());
                Ok(())
            }
            (Some(parts), None) => {
                parts.end(OnStop::Withdraw, Cease::PeerDeconfigured).await;
                parts.residents.set(BTreeSet::new(), Duration::ZERO)?;
                *self.lock() = None;
                Ok(())
            }
            (None, Some(config)) => {
                self.begin(config, floating).await?;
                self.ready();
                self.react(&self.shared.published.load_full());
                Ok(())
            }
        }
    }

    /// Whether the node may be drained; if so, how long that takes until nobody misses its answers.
    ///
    /// # Errors
    /// When it would take away what no sibling serves.
    pub fn permit_drain(&self, insistence: Insistence) -> Result<Duration, Refusal> {
        let Some(parts) = self.parts() else { return Ok(Duration::ZERO) };
        parts.desk.tell(|board, now| board.permit_drain(now, insistence))
    }

    /// Flaps and failures that are over are forgotten: what is fine is announced at once.
    pub fn forgive(&self) {
        if let Some(parts) = self.parts() {
            parts.desk.tell(|board, now| board.forgive(now));
        }
    }

    /// What it is; absent without `bgp:`.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        let parts = self.parts()?;
        Some(Status {
            speaker: parts.config().speaker.clone(),
            departure: parts.desk.read(|board, _| board.departure()),
            announcements: parts.desk.read(Board::status),
            peers: parts.speaker.status(),
            strangers: parts.speaker.strangers(),
            now: now(),
        })
    }

    /// Takes leave as configured, then ends everything. The addresses stay on `lo` until the record
    /// is undone.
    pub async fn stop(&self) {
        let mut stopped = self.shared.changing.lock().await;
        *stopped = true;
        // They stay known while they leave: somebody may be in a hurry, and the node may become
        // unable to answer.
        let Some(parts) = self.parts() else { return };
        let on_stop = parts.config().drain.on_stop;
        parts.end(on_stop, Cease::AdministrativeShutdown).await;
        *self.lock() = None;
    }

    /// Ends a leave that is being taken: the operator is in a hurry.
    pub fn hurry(&self) {
        if let Some(parts) = self.parts() {
            parts.desk.tell(|board, now| board.handle_stop(now, Stop::AtOnce));
        }
    }

    async fn begin(&self, config: BgpConfig, floating: BTreeSet<IpAddr>) -> Result<(), String> {
        let parts = Parts::begin(config, floating, &self.shared).await?;
        *self.lock() = Some(Arc::new(parts));
        Ok(())
    }

    fn parts(&self) -> Option<Arc<Parts>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Parts>>> {
        self.shared.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parts {
    async fn begin(
        config: BgpConfig,
        floating: BTreeSet<IpAddr>,
        around: &Shared,
    ) -> Result<Self, String> {
        let Shared { ground, published, events, .. } = around;
        let residents = Residents::start(ground.record()?, addresses(&config))?;
        residents.guard(wide(&config))?;
        let board = Board::new(config.announcements.clone(), config.drain, now());
        let desk = Desk::start(board, events.clone()).map_err(|error| format!("bgp: {error}"))?;
        let shared = shared(&config, &floating);
        let speaker =
            Speaker::start(speaker(&config, &shared), Arc::new(Log(events.clone()))).await?;
        let mut paths = Paths::default();
        paths::watch(&mut paths, &config.speaker.peers, &speaker, ground, events)?;
        let ears = desk.clone();
        let asked = Asked { siblings: desk.read(|board, _| board.siblings()), shared };
        let siblings = Siblings::start(
            asked,
            Arc::clone(published),
            Box::new(move |known| ears.tell(|b, now| b.handle_siblings(now, known.clone()))),
        );
        let siblings = siblings.map_err(|error| format!("bgp: {error}"))?;
        desk.speak(speaker.clone(), config.speaker.peers.clone());
        let settled = Mutex::new(Some(Wanted { config: config.clone(), floating }));
        let (config, paths) = (Mutex::new(config), Mutex::new(paths));
        Ok(Self { config, settled, desk, speaker, residents, siblings, paths })
    }

    fn ready(&self) {
        let names: Vec<_> =
            self.config().announcements.iter().map(|a| Arc::clone(&a.name)).collect();
        self.desk.tell(|board, now| names.iter().for_each(|name| board.handle_ready(now, name)));
    }

    /// Does nothing if all is so already; what failed before is tried again.
    ///
    /// # Errors
    /// What could not be done, for people. Routers that cannot be met as wanted are met as before,
    /// and told the same.
    async fn change(
        &self,
        new: BgpConfig,
        floating: BTreeSet<IpAddr>,
        Shared { ground, events, .. }: &Shared,
    ) -> Result<(), String> {
        let wanted = Some(Wanted { config: new.clone(), floating: floating.clone() });
        if *lock(&self.settled) == wanted {
            return Ok(());
        }
        *lock(&self.settled) = None;
        let (old, shared) = (self.config().clone(), shared(&new, &floating));
        let speaker = speaker(&new, &shared);
        if let Err(error) = self.make_way(&old, &new, speaker.clone()).await {
            self.place(&old, Duration::ZERO).unwrap_or_else(|error| warn!("{error}"));
            return Err(error);
        }
        *self.config() = new.clone();
        self.desk.tell(|board, now| board.set(now, new.announcements.clone(), new.drain));
        self.desk.speak(self.speaker.clone(), new.speaker.peers.clone());
        self.ready();
        self.speaker.reconfigure(speaker).await?;
        self.siblings.set(Asked { siblings: self.desk.read(|board, _| board.siblings()), shared });
        let placed = self.place(&new, new.drain.gshut + new.drain.linger);
        let peers = &new.speaker.peers;
        paths::watch(&mut lock(&self.paths), peers, &self.speaker, ground, events)?;
        placed?;
        *lock(&self.settled) = wanted;
        Ok(())
    }

    /// What is announced changes between two configurations, in a state that is fit for both: new
    /// addresses are there before they are announced, and old ones go when they are no longer.
    async fn make_way(
        &self,
        old: &BgpConfig,
        new: &BgpConfig,
        mut speaker: SpeakerConfig,
    ) -> Result<(), String> {
        self.residents.set(&addresses(old) | &addresses(new), Duration::ZERO)?;
        self.residents.guard(&wide(old) | &wide(new))?;
        speaker.allow.extend(old.speaker.allow.iter().copied());
        self.speaker.reconfigure(speaker).await
    }

    /// The addresses and routes of this host that a configuration needs, and no others after
    /// `linger`.
    fn place(&self, config: &BgpConfig, linger: Duration) -> Result<(), String> {
        self.residents.set(addresses(config), linger)?;
        self.residents.guard(wide(config))
    }

    /// Takes leave of the routers. Blocks nobody but its caller.
    async fn end(&self, on_stop: OnStop, cease: Cease) {
        let (desk, drain) = (self.desk.clone(), self.config().drain);
        desk.tell(|board, now| board.handle_stop(now, stop(on_stop)));
        let waited = tokio::task::spawn_blocking({
            let desk = desk.clone();
            move || leave(&desk, drain)
        });
        let _ = waited.await;
        let gone = tokio::task::spawn_blocking({
            let desk = desk.clone();
            let patience = drain.linger + SLACK;
            move || desk.await_departure(patience, |departure| departure == Departure::Finished)
        });
        let _ = gone.await;
        // AdminDown before the end of the session, at which some routers say Down; and at once
        // before it, for others end the session for AdminDown.
        lock(&self.paths).end();
        self.speaker.stop(cease, FAREWELL).await;
        self.residents.guard(BTreeSet::new()).unwrap_or_else(|error| warn!("{error}"));
        desk.end();
    }

    fn config(&self) -> MutexGuard<'_, BgpConfig> {
        lock(&self.config)
    }
}

/// Waits until no route is announced any more. Nobody can keep the last node from ending: it waits
/// for a sibling as long as it would have announced the end, and no longer.
fn leave(desk: &Desk, drain: Drain) {
    let departure = desk.await_departure(drain.gshut + SLACK, Departure::is_withdrawn);
    if !departure.is_withdrawn() {
        warn!("no sibling answers: what this node announced may be served by nobody now");
        desk.tell(|board, now| board.handle_stop(now, Stop::AtOnce));
    }
}

fn stop(on_stop: OnStop) -> Stop {
    match on_stop {
        OnStop::Drain => Stop::Drain,
        OnStop::Withdraw => Stop::Withdraw,
    }
}

/// What is on `lo`.
fn addresses(config: &BgpConfig) -> BTreeSet<IpAddr> {
    config.announcements.iter().flat_map(|entry| entry.addresses.iter().copied()).collect()
}

/// Prefixes that are more than this node has addresses of.
fn wide(config: &BgpConfig) -> BTreeSet<IpNet> {
    let of_entry = |entry: &Announcement| {
        let is_wide = |prefix: &&IpNet| {
            let host = prefix.prefix_len() == prefix.max_prefix_len();
            !(host && entry.addresses.contains(&prefix.addr()))
        };
        entry.prefixes.iter().filter(is_wide).map(IpNet::trunc).collect::<Vec<_>>()
    };
    config.announcements.iter().flat_map(of_entry).collect()
}

/// Undoes what a node that crashed left beside what the record lists: routes that lead nowhere.
///
/// # Errors
/// What the kernel refuses, for people.
pub fn release() -> Result<(), String> {
    guard::set(&BTreeSet::new()).map(|_| ())
}

/// [`release`], where nobody waits for how it ended.
pub(crate) fn forget() {
    if let Err(error) = release() {
        warn!("{error}");
    }
}

/// Addresses that other nodes have too, or may have in a moment.
fn shared(config: &BgpConfig, floating: &BTreeSet<IpAddr>) -> BTreeSet<IpAddr> {
    floating.iter().copied().chain(addresses(config)).collect()
}

fn speaker(config: &BgpConfig, shared: &BTreeSet<IpAddr>) -> SpeakerConfig {
    SpeakerConfig { services: shared.clone(), ..config.speaker.clone() }
}

#[expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]
fn now() -> Instant {
    Instant::now()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
