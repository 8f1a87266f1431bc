//! When each target is probed, and how many at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Target, TargetHealth};

/// Hears the prober. Calls are short and must not block.
pub trait Observer: Send + Sync + 'static {
    /// A probe ended; `failure` says why it counts against the target.
    fn probed(&self, target: &Target, took: Duration, failure: Option<&str>);
    /// A target's health is no longer what it was: its state, its count, its reason.
    fn changed(&self, target: &Arc<Target>, before: &TargetHealth, now: &TargetHealth);
    /// The brake (POLICY.md, Flapping) was put on or taken off.
    fn brake(&self, on: bool, reason: &str);
}

/// One target's health that can be carried over a restart.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The target.
    pub target: Target,
    /// Its health.
    pub health: TargetHealth,
}

/// Probes a set of targets. Cheap to clone; the work stops when [`Prober::stop`] is called.
#[derive(Clone, Debug)]
pub struct Prober {}

impl Prober {
    /// Starts with no targets, on the current tokio runtime.
    #[must_use]
    pub fn start(_observer: Arc<dyn Observer>) -> Self {
        todo!()
    }

    /// Makes `targets` the ones that are probed. Those probed already keep their health; of the
    /// rest, those in `carried` start with that; every other one is probed once, all at once
    /// within a bound on concurrency, and this returns when all have a result or `patience` is
    /// over. Targets no longer wanted are still probed until [`Self::retain`] is called, so that a
    /// reload that is given up after this call has lost nothing.
    pub async fn prepare(
        &self,
        _targets: Vec<Arc<Target>>,
        _carried: Vec<Carried>,
        _patience: Duration,
    ) {
        todo!()
    }

    /// Stops probing everything but `targets`.
    pub fn retain(&self, _targets: &[Arc<Target>]) {
        todo!()
    }

    /// The health of each of these targets now (unknown for one that is not probed).
    #[must_use]
    pub fn health(&self, _targets: &[Arc<Target>]) -> Vec<TargetHealth> {
        todo!()
    }

    /// Whether the brake is on, and since when.
    #[must_use]
    pub fn brake(&self) -> Option<Instant> {
        todo!()
    }

    /// Ends every probe.
    pub async fn stop(&self) {
        todo!()
    }
}
