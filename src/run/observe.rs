//! What the prober sees, on its way to the publisher, the log and the metrics.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::admin::Metrics;
use crate::health::schedule::Observer;
use crate::health::{State, Target, TargetHealth};
use crate::world::publish::Publisher;

/// Hears the prober for the rest of the node.
pub(super) struct Watcher {
    pub(super) publisher: Publisher,
    pub(super) metrics: Arc<Metrics>,
}

impl Observer for Watcher {
    fn probed(&self, target: &Target, took: Duration, failure: Option<&str>) {
        self.metrics.probed(target.probe.kind.word(), took, failure.is_some());
    }

    fn changed(&self, target: &Arc<Target>, before: &TargetHealth, now: &TargetHealth) {
        log_change(target, before, now);
        self.publisher.health(target, now.clone());
    }

    fn brake(&self, on: bool, reason: &str) {
        self.metrics.brake(on);
        if on {
            warn!(
                reason,
                "brake on: so much fell at once that the prober is suspect; states are frozen"
            );
        } else {
            info!(reason, "brake off: states follow the probes again");
        }
    }
}

/// One line for each change of state, with its reason; and for a warning that is new.
fn log_change(target: &Target, before: &TargetHealth, now: &TargetHealth) {
    let (probe, address) = (target.probe.kind.word(), target.address);
    let (from, to) = (before.state.word(), now.state.word());
    let reason = now.reason.as_deref().unwrap_or("");
    match (before.state, now.state) {
        (a, b) if a == b => {}
        (_, State::Down) => warn!(probe, %address, from, to, reason, "target is down"),
        (_, State::Degraded) => info!(probe, %address, from, to, reason, "target fails"),
        (_, State::Up | State::Unknown) => info!(probe, %address, from, to, "target is up"),
    }
    if let Some(warning) = now.warning.as_deref().filter(|_| now.warning != before.warning) {
        warn!(probe, %address, "{warning}");
    }
}
