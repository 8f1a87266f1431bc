//! What the prober and the askers see, on its way to the publisher, the log and the metrics.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::admin::Metrics;
use crate::events::{Events, Kind};
use crate::health::schedule::Observer;
use crate::health::{State, Target, TargetHealth};
use crate::node::question::Finding;
use crate::node::{self, Answering, NodeChange, Reason, ServiceState};
use crate::world::publish::Publisher;

/// Hears the prober and the askers for the rest of the node.
pub(super) struct Watcher {
    pub(super) publisher: Publisher,
    pub(super) metrics: Arc<Metrics>,
    pub(super) events: Events,
}

impl Observer for Watcher {
    fn probed(&self, target: &Target, took: Duration, failure: Option<&str>) {
        self.metrics.probed(target.probe.kind.word(), took, failure.is_some());
    }

    fn changed(&self, target: &Arc<Target>, before: &TargetHealth, now: &TargetHealth) {
        log_change(target, before, now);
        if before.state != now.state {
            let reason = now.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            let (from, to) = (before.state.word(), now.state.word());
            let name = format!("{} {}", target.probe.kind.word(), target.address);
            self.events.tell(Kind::Target, name, format_args!("{from} → {to}{reason}"));
        }
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

impl node::Observer for Watcher {
    fn added(&self, service: &Arc<str>, state: &ServiceState) {
        self.publisher.node(NodeChange::Service(Arc::clone(service), state.clone()));
    }

    fn asked(&self, service: &str, transport: node::Transport, finding: &Finding) {
        self.metrics.asked(service, transport, finding);
    }

    fn changed(&self, service: &Arc<str>, before: &ServiceState, now: &ServiceState) {
        log_service(service, before, now);
        if before.answering != now.answering {
            let reason = now.failure.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            let (from, to) = (before.answering.word(), now.answering.word());
            let text = format_args!("can answer: {from} → {to}{reason}");
            self.events.tell(Kind::Service, &**service, text);
        }
        self.publisher.node(NodeChange::Service(Arc::clone(service), now.clone()));
    }

    fn removed(&self, service: &Arc<str>) {
        self.publisher.node(NodeChange::Gone(Arc::clone(service)));
    }
}

/// One line for each change of the verdict on a service, with its reason, and for each alarm.
fn log_service(service: &str, before: &ServiceState, now: &ServiceState) {
    let reason = now.failure.as_deref().unwrap_or("");
    match (before.answering, now.answering) {
        (a, b) if a == b => {}
        (_, Answering::No) => warn!(service, reason, "this node cannot answer"),
        (_, Answering::Yes) => info!(service, "this node answers"),
        (_, Answering::Unknown) => info!(service, "whether this node answers is not known"),
    }
    let alarm = |was: &Option<Reason>, is: &Option<Reason>, what: &str| match (was, is) {
        (None, Some(reason)) => warn!(service, %reason, "alarm: {what}"),
        (Some(_), None) => info!(service, "alarm over: {what}"),
        (None, None) | (Some(_), Some(_)) => {}
    };
    alarm(&before.overloaded, &now.overloaded, OVERLOADED);
    alarm(&before.no_result, &now.no_result, NO_RESULT);
    alarm(&before.tcp_failing, &now.tcp_failing, TCP_FAILING);
}

const OVERLOADED: &str = "overloaded: other queries are answered, our own are not";
const NO_RESULT: &str = "this node cannot ask itself whether it answers: the last verdict stands";
const TCP_FAILING: &str = "this node does not answer itself over TCP";
