//! From files to a world, at start and at every reload; all or nothing.
//!
//! A reload reads everything anew, builds a whole world beside the old one on a niced thread,
//! probes the targets that are new, and swaps. Whatever goes wrong before the swap changes nothing.
#![allow(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tracing::{error, info, warn};

use super::StartError;
use super::files::Files;
use crate::admin::{ReloadRefused, Reloaded};
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::node::{NodeConfig, PoolReference};
use crate::health::Target;
use crate::health::schedule::{Carried, Prober};
use crate::state::{self, Saved, StateFile, Stored};
use crate::sys;
use crate::world::World;
use crate::world::publish::Publisher;

/// How long new targets may hold a reload back (POLICY.md, Start).
pub(super) const FIRST_ROUND: Duration = Duration::from_secs(3);

/// How many mistakes of a refused reload are logged one by one.
const LOGGED: usize = 20;

/// How polite a build is beside the threads that answer: the value of `nice`.
const NICE: i32 = 10;

/// Makes worlds from the files, remembers serials, and saves what survives a restart.
pub(super) struct Loader {
    /// As given at the start; listen addresses and the like are read at the start only.
    node: NodeConfig,
    file: StateFile,
    saved: Saved,
    /// Rows of counters, one for each thread that counts.
    rows: usize,
    worlds: u64,
    targets: Vec<Arc<Target>>,
    /// The files read last: what is watched.
    pub(super) watched: Vec<PathBuf>,
}

/// A world built, not yet served.
pub(super) struct Built {
    pub(super) world: Arc<World>,
    pub(super) warnings: Vec<Diagnostic>,
    zones: BTreeMap<String, Stored>,
    paths: Vec<PathBuf>,
}

impl Loader {
    pub(super) fn new(node: NodeConfig, rows: usize) -> Self {
        let file = StateFile::of(&node.state);
        let saved = file.load();
        Self { node, file, saved, rows, worlds: 0, targets: Vec::new(), watched: Vec::new() }
    }

    /// The health of the last run, when it is young enough.
    pub(super) fn carried(&self) -> Vec<Carried> {
        self.saved.restore(now())
    }

    /// [`Self::build_with`] the pools that the node's file spoke of at the start.
    ///
    /// # Errors
    /// Every mistake, and the warnings.
    pub(super) async fn build(&mut self) -> Result<Built, Vec<Diagnostic>> {
        let pools = self.node.pools.clone();
        self.build_with(pools).await
    }

    /// Reads the files and builds a world of them on a niced thread; these pools must be there.
    async fn build_with(&mut self, pools: Vec<PoolReference>) -> Result<Built, Vec<Diagnostic>> {
        self.worlds += 1;
        let node = NodeConfig { pools, ..self.node.clone() };
        let stored = self.saved.zones.clone();
        let (rows, number) = (self.rows, self.worlds);
        let (done, built) = tokio::sync::oneshot::channel();
        let work = move || {
            sys::nice_this_thread(NICE);
            let _ = done.send(build(&node, &stored, rows, number));
        };
        let thread = std::thread::Builder::new().name("build".into()).spawn(work);
        match thread {
            Ok(_) => built.await.unwrap_or_else(|_| Err(vec![fault("the build panicked")])),
            Err(error) => Err(vec![fault(&format!("no thread to build on: {error}"))]),
        }
    }

    /// Takes note of a world that is now served: its serials, targets and files.
    pub(super) fn served(&mut self, built: &Built) {
        self.saved.zones.clone_from(&built.zones);
        self.targets.clone_from(&built.world.targets);
        self.watched.clone_from(&built.paths);
    }

    /// Reads, builds, probes what is new, and swaps.
    pub(super) async fn reload(
        &mut self,
        prober: &Prober,
        publisher: &Publisher,
    ) -> Result<(Reloaded, NodeConfig), ReloadRefused> {
        let started = Instant::now();
        let (node, of_node) = self.node_file().await.map_err(refused)?;
        let built = self.build_with(node.pools.clone()).await.map_err(refused)?;
        let targets = built.world.targets.clone();
        prober.prepare(targets.clone(), Vec::new(), FIRST_ROUND).await;
        let health = prober.health(&targets);
        let Some(generation) = publisher.world(Arc::clone(&built.world), health).await else {
            return Err(refused(vec![fault("the node is stopping")]));
        };
        // What changed between the two calls above went to the world before.
        tell(publisher, prober, &targets);
        prober.retain(&targets);
        self.served(&built);
        let zones = built.world.zones.len();
        let warnings = of_node.iter().chain(&built.warnings).map(Diagnostic::one_line).collect();
        let milliseconds = started.elapsed().as_millis() as u64;
        info!(generation, zones, milliseconds, "reloaded");
        let _ = self.save(prober).await;
        Ok((Reloaded { generation, zones, warnings, incomplete: Vec::new() }, node))
    }

    /// The node's file as it is now, and its warnings.
    async fn node_file(&self) -> Result<(NodeConfig, Vec<Diagnostic>), Vec<Diagnostic>> {
        let Some(file) = self.node.file.clone() else {
            return Ok((self.node.clone(), Vec::new()));
        };
        let read = move || NodeConfig::find(Some(&file));
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|_| Err(vec![fault("the read panicked")]))
    }

    /// Whether an operator has drained the node, in this run or before it.
    pub(super) fn drained(&self) -> bool {
        self.saved.drained
    }

    /// Remembers whether the node is drained.
    ///
    /// # Errors
    /// When it could not be written down: a restart forgets it.
    pub(super) async fn remember_drained(
        &mut self,
        drained: bool,
        prober: &Prober,
    ) -> Result<(), String> {
        self.saved.drained = drained;
        self.save(prober).await
    }

    /// Writes everything down; a failure is logged and costs nothing else.
    ///
    /// # Errors
    /// The failure, for whoever has something to tell.
    pub(super) async fn save(&mut self, prober: &Prober) -> Result<(), String> {
        let health = prober.health(&self.targets);
        let targets = self.targets.iter().map(|target| Target::clone(target));
        let carried = targets.zip(health).map(|(target, health)| Carried { target, health });
        let zones = std::mem::take(&mut self.saved.zones);
        let saved = std::mem::take(&mut self.saved).updated(zones, carried.collect(), now());
        let file = self.file.clone();
        let write = tokio::task::spawn_blocking(move || (file.save(&saved), saved));
        match write.await {
            Ok((result, saved)) => {
                self.saved = saved;
                result.map_err(|error| {
                    warn!("{error}; serials and health will not survive a restart");
                    error.to_string()
                })
            }
            Err(error) => {
                error!("the state was not saved: {error}");
                Err(error.to_string())
            }
        }
    }
}

/// Takes the state directory for this process alone: two nodes would overwrite each other's serials.
/// Absent where nothing can be written there, which is warned of.
///
/// # Errors
/// When another node holds it.
pub(super) fn lock(state: &Path) -> Result<Option<File>, StartError> {
    let open = || {
        std::fs::create_dir_all(state)?;
        File::create(state.join("lock"))
    };
    let file = match open() {
        Ok(file) => file,
        Err(error) => {
            let state = state.display();
            warn!(
                "state directory {state}: {error}: serials and health will not survive a restart"
            );
            return Ok(None);
        }
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(StartError::System(format!(
            "state directory {}: another node uses it; give each its own `state:`",
            state.display()
        ))),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}

/// Tells the publisher the health of every target, as it is now.
pub(super) fn tell(publisher: &Publisher, prober: &Prober, targets: &[Arc<Target>]) {
    for (target, health) in targets.iter().zip(prober.health(targets)) {
        publisher.health(target, health);
    }
}

/// Reads the files, derives the serials, builds the world.
fn build(
    node: &NodeConfig,
    stored: &BTreeMap<String, Stored>,
    rows: usize,
    number: u64,
) -> Result<Built, Vec<Diagnostic>> {
    let Files { config, databases, diagnostics, paths } = Files::read(node);
    let Some(mut config) = config else { return Err(diagnostics) };
    let mut zones = BTreeMap::new();
    for zone in &mut config.zones {
        let apex = zone.source.apex.to_string();
        let before = stored.get(&apex).copied();
        let serial = state::serial(before, zone.content, zone.modified, zone.serial);
        zone.source.soa.serial = serial;
        zones.insert(apex, Stored { serial, content: zone.content });
    }
    let world = Arc::new(World::build(config, &databases, rows, number).named(&node.node));
    drop(databases);
    sys::return_freed_memory();
    Ok(Built { world, warnings: diagnostics, zones, paths })
}

fn fault(text: &str) -> Diagnostic {
    Diagnostic::without_place(Severity::Error, text)
}

/// Every mistake as people read it.
fn refused(diagnostics: Vec<Diagnostic>) -> ReloadRefused {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let in_words = |d: &Diagnostic| match &d.help {
        Some(help) => format!("{} ({help})", d.one_line()),
        None => d.one_line(),
    };
    let errors: Vec<_> = errors.map(in_words).collect();
    errors.iter().take(LOGGED).for_each(|mistake| error!(mistake, "reload refused"));
    error!(mistakes = errors.len(), "reload refused: the old configuration keeps serving");
    ReloadRefused { errors }
}

pub(super) fn now() -> SystemTime {
    SystemTime::now()
}
