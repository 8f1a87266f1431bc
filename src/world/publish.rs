//! The one writer of snapshots.
//!
//! A [`Publisher`] is a thread with an inbox. Health changes rebuild only what depends on the
//! members that changed; the first publishes at once, those that follow within [`COALESCE`] are
//! published together; a change of the node's own state rebuilds nothing. A new world comes built, with the health of its targets, and is swapped in.
//! Retired snapshots are kept until nobody else holds them, so that no UDP thread ever frees one.
#![allow(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::members::{member_health, remember_last_served};
use super::news;
use super::{Snapshot, World};
use crate::health::{MemberHealth, Target, TargetHealth, TargetId};
use crate::node::{NodeChange, NodeState};
use crate::policy::choice::{PolicyChoices, PoolTables};
use crate::policy::{MemberId, PoolId};

/// Changes that come this soon after a publish are published together.
const COALESCE: Duration = Duration::from_millis(10);
/// How often retired snapshots are looked at while there are any.
const RETIRE: Duration = Duration::from_millis(250);

/// The snapshot that queries are answered from.
pub type Published = arc_swap::ArcSwap<Snapshot>;

/// Answers by pool: one row for each counting thread, each row with a single writer, relaxed.
#[derive(Debug, Default)]
pub struct PoolCounters {
    rows: Box<[Box<[AtomicU64]>]>,
}

impl PoolCounters {
    /// Zeros for `threads` writers and `pools` pools.
    #[must_use]
    pub fn new(threads: usize, pools: usize) -> Self {
        let row = || (0..pools).map(|_| AtomicU64::new(0)).collect();
        Self { rows: (0..threads).map(|_| row()).collect() }
    }

    /// Counts one answer; only `thread`'s own writer may call this for its row.
    pub fn add(&self, thread: usize, pool: PoolId) {
        if let Some(cell) = self.rows.get(thread).and_then(|row| row.get(pool.0 as usize)) {
            cell.store(cell.load(Relaxed).wrapping_add(1), Relaxed);
        }
    }

    /// The sum of all threads.
    #[must_use]
    pub fn total(&self, pool: PoolId) -> u64 {
        self.rows.iter().filter_map(|row| row.get(pool.0 as usize)).map(|c| c.load(Relaxed)).sum()
    }
}

/// What the publisher is told.
enum Change {
    Health(Arc<Target>, TargetHealth),
    Node(NodeChange),
    Follow(OnSnapshot),
    World(Arc<World>, Vec<TargetHealth>, oneshot::Sender<u64>),
    Flush(oneshot::Sender<()>),
    Stop,
}

/// What hears of snapshots.
pub type OnSnapshot = Box<dyn FnMut(&Arc<Snapshot>) + Send>;

/// What hears of retired worlds: called once for each, when nobody holds it any more.
pub type OnRetire = Box<dyn Fn(&World) + Send>;

/// The handle on the publishing thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Publisher {
    inbox: Sender<Change>,
}

impl Publisher {
    /// Publishes a first world and starts the thread.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        world: Arc<World>,
        targets: Vec<TargetHealth>,
        on_retire: OnRetire,
    ) -> std::io::Result<(Self, Arc<Published>, JoinHandle<()>)> {
        let state = Current::new(world, targets, HashMap::new());
        let node = Arc::new(NodeState::default());
        let published = Published::from_pointee(state.snapshot(Arc::clone(&node), 1));
        let published = Arc::new(published);
        let (inbox, changes) = channel();
        let writer = Writer {
            state,
            node,
            node_changed: false,
            published: Arc::clone(&published),
            generation: 1,
            retired: Vec::new(),
            on_retire,
            followers: Vec::new(),
        };
        let spawn = std::thread::Builder::new().name("publish".into());
        let thread = spawn.spawn(move || writer.run(&changes))?;
        Ok((Self { inbox }, published, thread))
    }

    /// Tells of a target's health; unknown targets are ignored (a world may have gone since).
    pub fn health(&self, target: &Arc<Target>, health: TargetHealth) {
        let _ = self.inbox.send(Change::Health(Arc::clone(target), health));
    }

    /// Tells of the node itself.
    pub fn node(&self, change: NodeChange) {
        let _ = self.inbox.send(Change::Node(change));
    }

    /// Has every snapshot told to `follower`: the present one at once, then each as soon as it is
    /// published. It is called on the publisher's thread, must not block, and must not keep what it
    /// is given for long: a world lives as long as its snapshots.
    pub fn follow(&self, follower: OnSnapshot) {
        let _ = self.inbox.send(Change::Follow(follower));
    }

    /// Swaps a new world in, with the health of its targets; gives the generation of its first
    /// snapshot once that is published.
    pub async fn world(&self, world: Arc<World>, targets: Vec<TargetHealth>) -> Option<u64> {
        let (done, published) = oneshot::channel();
        self.inbox.send(Change::World(world, targets, done)).ok()?;
        published.await.ok()
    }

    /// Waits until everything that was told before is published.
    pub async fn flush(&self) {
        let (done, published) = oneshot::channel();
        if self.inbox.send(Change::Flush(done)).is_ok() {
            // An error is the end of the thread: nothing more is published.
            let _ = published.await;
        }
    }

    /// Ends the thread once it has published what it was told before.
    pub fn stop(&self) {
        let _ = self.inbox.send(Change::Stop);
    }
}

/// The thread's own.
struct Writer {
    state: Current,
    node: Arc<NodeState>,
    /// Since the last snapshot.
    node_changed: bool,
    published: Arc<Published>,
    generation: u64,
    retired: Vec<Arc<Snapshot>>,
    on_retire: OnRetire,
    followers: Vec<OnSnapshot>,
}

impl Writer {
    fn run(mut self, changes: &Receiver<Change>) {
        while let Some(change) = self.next(changes) {
            let more = self.apply(change);
            self.publish();
            if !(more && self.coalesce(changes)) {
                break;
            }
        }
        self.publish();
    }

    /// Waits for a change, freeing retired snapshots meanwhile; `None` when there will be no more.
    fn next(&mut self, changes: &Receiver<Change>) -> Option<Change> {
        while !self.retired.is_empty() {
            match changes.recv_timeout(RETIRE) {
                Ok(change) => return Some(change),
                Err(RecvTimeoutError::Timeout) => self.free_retired(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        changes.recv().ok()
    }

    /// Takes in what comes within [`COALESCE`] and publishes it together; false to stop.
    fn coalesce(&mut self, changes: &Receiver<Change>) -> bool {
        let until = Instant::now() + COALESCE;
        loop {
            match changes.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(change) => {
                    if !self.apply(change) {
                        return false;
                    }
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        self.publish();
        true
    }

    /// Takes one change in; false to stop.
    fn apply(&mut self, change: Change) -> bool {
        match change {
            Change::Health(target, health) => self.state.target_changed(&target, health),
            // The state as published is shared, so it is copied before it is changed.
            Change::Node(change) => {
                self.node_changed |= Arc::make_mut(&mut self.node).apply(change)
            }
            Change::Follow(mut follower) => {
                self.publish();
                follower(&self.published.load_full());
                self.followers.push(follower);
            }
            Change::World(world, targets, done) => {
                let last_served = self.state.last_served();
                self.state = Current::new(world, targets, last_served);
                self.swap();
                let _ = done.send(self.generation);
            }
            Change::Flush(done) => {
                self.publish();
                let _ = done.send(());
            }
            Change::Stop => return false,
        }
        true
    }

    /// Publishes if anything in a snapshot has changed.
    fn publish(&mut self) {
        if self.state.rebuild() || self.node_changed {
            self.swap();
        }
    }

    fn swap(&mut self) {
        self.generation += 1;
        let next = Arc::new(self.state.snapshot(Arc::clone(&self.node), self.generation));
        self.retired.push(self.published.swap(Arc::clone(&next)));
        self.followers.iter_mut().for_each(|follower| follower(&next));
        drop(next);
        self.node_changed = false;
        self.free_retired();
    }

    /// Frees the retired snapshots that nobody else holds; a world that goes with one is told of.
    fn free_retired(&mut self) {
        let (free, held) = std::mem::take(&mut self.retired)
            .into_iter()
            .partition(|snapshot| Arc::strong_count(snapshot) == 1);
        self.retired = held;
        for snapshot in free {
            let Ok(snapshot) = Arc::try_unwrap(snapshot) else { continue };
            if let Ok(world) = Arc::try_unwrap(snapshot.world) {
                (self.on_retire)(&world);
            }
        }
    }
}

/// The world as it stands now, and what of it is to be rebuilt.
struct Current {
    world: Arc<World>,
    index: HashMap<Arc<Target>, TargetId>,
    /// By `TargetId`: the members that it speaks for.
    members_of: Vec<Vec<MemberId>>,
    /// By `PoolId`: the routes that depend on it.
    routes_of: Vec<Vec<usize>>,
    targets: Vec<TargetHealth>,
    health: Vec<MemberHealth>,
    /// The health that was published last.
    told: Vec<MemberHealth>,
    dirty: Vec<PoolId>,
    pools: Vec<Arc<PoolTables>>,
    choices: Vec<Arc<PolicyChoices>>,
}

/// What a member is known by over reloads: its pool's name and its address.
type MemberKey = (Box<str>, std::net::IpAddr);

impl Current {
    /// Decides everything for a world. `last_served` is remembered from the world before.
    fn new(
        world: Arc<World>,
        targets: Vec<TargetHealth>,
        last_served: HashMap<MemberKey, bool>,
    ) -> Self {
        let index = world.targets.iter().enumerate();
        let index = index.map(|(i, target)| (Arc::clone(target), TargetId(i as u32))).collect();
        let mut health = Vec::with_capacity(world.policies.members.len());
        for (i, member) in world.policies.members.iter().enumerate() {
            let key = (world.policies.pool(member.pool).name.clone(), member.address);
            let last_served = last_served.get(&key).copied().unwrap_or(false);
            let before = MemberHealth { last_served, ..MemberHealth::default() };
            health.push(member_health(&world, MemberId(i as u32), &targets, before));
        }
        let mut current = Self {
            index,
            members_of: members_of(&world),
            routes_of: routes_of(&world),
            targets,
            told: health.clone(),
            health,
            dirty: Vec::new(),
            pools: Vec::new(),
            choices: Vec::new(),
            world,
        };
        current.build_all();
        current
    }

    fn build_all(&mut self) {
        let world = &self.world;
        for pool in (0..world.policies.pools.len() as u32).map(PoolId) {
            remember_last_served(&world.policies, pool, &mut self.health);
            let tables = PoolTables::build(&world.policies, pool, &self.health);
            self.pools.push(Arc::new(tables));
        }
        let choices = world.routes.iter().map(|route| {
            Arc::new(PolicyChoices::build(&world.policies, &world.plans, route, &self.health))
        });
        self.choices = choices.collect();
    }

    /// Notes a target's health and which pools it touches.
    fn target_changed(&mut self, target: &Arc<Target>, health: TargetHealth) {
        let Some(&id) = self.index.get(target) else { return };
        self.targets[id.0 as usize] = health;
        for &member in &self.members_of[id.0 as usize] {
            let before = self.health[member.0 as usize];
            let now = member_health(&self.world, member, &self.targets, before);
            if now != before {
                news::member(&self.world, member, (before, now), &self.targets);
                self.health[member.0 as usize] = now;
                self.dirty.push(self.world.policies.member(member).pool);
            }
        }
    }

    /// Rebuilds what depends on the pools that changed; false when none did.
    fn rebuild(&mut self) -> bool {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        dirty.dedup();
        let mut routes: Vec<usize> = Vec::new();
        for &pool in &dirty {
            news::pool(&self.world, pool, (&self.told, &self.health));
            remember_last_served(&self.world.policies, pool, &mut self.health);
            let tables = PoolTables::build(&self.world.policies, pool, &self.health);
            self.pools[pool.0 as usize] = Arc::new(tables);
            routes.extend(&self.routes_of[pool.0 as usize]);
        }
        routes.sort_unstable();
        routes.dedup();
        let World { policies, plans, routes: all, .. } = &*self.world;
        for route in routes {
            let choices = PolicyChoices::build(policies, plans, &all[route], &self.health);
            self.choices[route] = Arc::new(choices);
        }
        if !dirty.is_empty() {
            self.told.clone_from(&self.health);
        }
        !dirty.is_empty()
    }

    fn snapshot(&self, node: Arc<NodeState>, generation: u64) -> Snapshot {
        Snapshot {
            node,
            world: Arc::clone(&self.world),
            choices: self.choices.clone().into(),
            pools: self.pools.clone().into(),
            health: self.health.clone().into(),
            generation,
        }
    }

    fn last_served(&self) -> HashMap<MemberKey, bool> {
        let policies = &self.world.policies;
        let members = policies.members.iter().zip(&self.health);
        let key = |(member, health): (&crate::policy::Member, &MemberHealth)| {
            ((policies.pool(member.pool).name.clone(), member.address), health.last_served)
        };
        members.map(key).collect()
    }
}

/// By target, the members that it speaks for.
fn members_of(world: &World) -> Vec<Vec<MemberId>> {
    let mut members_of = vec![Vec::new(); world.targets.len()];
    for (i, member) in world.policies.members.iter().enumerate() {
        for target in &member.targets {
            members_of[target.0 as usize].push(MemberId(i as u32));
        }
    }
    members_of
}

/// By pool, the routes that can reach it.
fn routes_of(world: &World) -> Vec<Vec<usize>> {
    let mut routes_of = vec![Vec::new(); world.policies.pools.len()];
    for (i, route) in world.routes.iter().enumerate() {
        for pool in world.policies.pools_of(route.policy) {
            routes_of[pool.0 as usize].push(i);
        }
    }
    routes_of
}

impl Snapshot {
    /// A world under a given health, outside any publisher: for `explain`, checks and tests.
    /// `health` is by `MemberId`.
    #[must_use]
    pub fn of(world: Arc<World>, health: Vec<MemberHealth>) -> Self {
        let targets = vec![TargetHealth::default(); world.targets.len()];
        let mut current = Current::new(world, targets, HashMap::new());
        current.told.clone_from(&health);
        current.health = health;
        current.dirty = (0..current.world.policies.pools.len() as u32).map(PoolId).collect();
        current.rebuild();
        current.snapshot(Arc::default(), 0)
    }

    /// This snapshot's world with every member up, as a check of the files sees it.
    #[must_use]
    pub fn all_up(world: Arc<World>) -> Self {
        let up = MemberHealth { probed: crate::health::State::Up, ..MemberHealth::default() };
        let members = world.policies.members.len();
        Self::of(world, vec![up; members])
    }
}
