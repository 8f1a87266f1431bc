//! The admin address: metrics, health checks, status, explain, reload.
//!
//! [`Control`] is all that it may touch of the running node.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use crate::health::schedule::Prober;
use crate::health::{Target, TargetHealth};
use crate::server::counters::Counters;
use crate::world::publish::Published;

/// The handles on a running node. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    /// The node's name.
    pub node: Arc<str>,
    /// What is being served.
    pub published: Arc<Published>,
    /// What was answered.
    pub counters: Arc<Counters>,
    /// What is probed.
    pub prober: Prober,
    /// The health of each target of a world, by `TargetId`, with its last reason.
    pub targets: Arc<dyn Fn() -> Vec<(Arc<Target>, TargetHealth)> + Send + Sync>,
    /// Asks for a reload; the answer comes when it is published or refused.
    pub reload: mpsc::Sender<oneshot::Sender<Result<Reloaded, ReloadRefused>>>,
    /// When the process started serving.
    pub started: Instant,
    /// Whether the first answer may be given: the first round of probes is over.
    pub ready: Arc<std::sync::atomic::AtomicBool>,
}

/// A reload that was published.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Reloaded {
    /// The snapshot's generation.
    pub generation: u64,
    /// How many zones are served.
    pub zones: usize,
    /// Warnings, each as one text for people.
    pub warnings: Vec<String>,
}

/// A reload that changed nothing.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ReloadRefused {
    /// Each mistake, as one text for people.
    pub errors: Vec<String>,
}
