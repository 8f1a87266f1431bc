//! What is counted beside the answers, and `GET /metrics`.
//!
//! [`Metrics`] hears of probes, own questions, reloads and the brake; [`answers`] keeps the answers of pools over
//! reloads; [`collect`] reads everything else from the running node when a scrape asks for it. The
//! text is OpenMetrics, which Prometheus reads.

pub mod answers;
mod collect;
mod pair;
mod tier;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::answers::PoolAnswers;
use super::failure::Failure;
use super::{Control, ReloadRefused, Reloaded};
use crate::node::Transport;
use crate::node::question::Finding;
use crate::world::World;

/// The media type of the text that [`handle`] answers with.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper ends of the buckets of probe durations, in seconds: from a connection on the same
/// host to the longest timeouts in use.
const PROBE_SECONDS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

type Label = (&'static str, &'static str);
type OwnedLabel = (&'static str, String);

/// What the parts of a node tell of as it happens.
#[derive(Debug)]
pub struct Metrics {
    /// Answers by pool, kept over reloads.
    pub answers: PoolAnswers,
    probes: Family<[Label; 2], Histogram>,
    asks: Family<[OwnedLabel; 3], Counter>,
    reloads: Family<[Label; 1], Counter>,
    reload_succeeded: Gauge,
    brake: Gauge,
    brakes: Counter<u64, AtomicU64>,
    last_reload: Mutex<Option<LastReload>>,
}

/// The last reload that was asked for.
#[derive(Clone, Debug)]
pub struct LastReload {
    /// When it ended.
    pub at: Instant,
    /// How.
    pub outcome: Result<Reloaded, ReloadRefused>,
}

impl Default for Metrics {
    fn default() -> Self {
        let reload_succeeded = Gauge::default();
        // The node started, so its configuration was good.
        reload_succeeded.set(1);
        let reloads = Family::default();
        for result in [PUBLISHED, REFUSED] {
            drop(reloads.get_or_create(&[("result", result)]));
        }
        Self {
            answers: PoolAnswers::default(),
            probes: Family::new_with_constructor(|| Histogram::new(PROBE_SECONDS)),
            asks: Family::default(),
            reloads,
            reload_succeeded,
            brake: Gauge::default(),
            brakes: Counter::default(),
            last_reload: Mutex::default(),
        }
    }
}

const PUBLISHED: &str = "published";
const REFUSED: &str = "refused";

impl Metrics {
    /// A probe of this kind ([`ProbeKind::word`](crate::health::ProbeKind::word)) ended.
    pub fn probed(&self, kind: &'static str, took: Duration, failed: bool) {
        let result = if failed { "failure" } else { "success" };
        let series = self.probes.get_or_create(&[("kind", kind), ("result", result)]);
        series.observe(took.as_secs_f64());
    }

    /// A question of the node to itself ended.
    pub fn asked(&self, service: &str, transport: Transport, finding: &Finding) {
        let result = match finding {
            Finding::Answered => "answered",
            Finding::NoResult(_) => "no_result",
            Finding::Silent(_) => "silent",
            Finding::Wrong(_) => "wrong",
        };
        let labels = [("service", service), ("transport", transport.word()), ("result", result)];
        self.asks.get_or_create(&labels.map(|(key, value)| (key, value.to_owned()))).inc();
    }

    /// The brake was put on or taken off.
    pub fn brake(&self, on: bool) {
        self.brake.set(on.into());
        if on {
            self.brakes.inc();
        }
    }

    /// A reload ended.
    pub fn reload(&self, outcome: &Result<Reloaded, ReloadRefused>) {
        let result = if outcome.is_ok() { PUBLISHED } else { REFUSED };
        self.reloads.get_or_create(&[("result", result)]).inc();
        self.reload_succeeded.set(outcome.is_ok().into());
        #[expect(
            clippy::disallowed_methods,
            reason = "the moment is told to people, not decided on"
        )]
        let at = Instant::now();
        let last = LastReload { at, outcome: outcome.clone() };
        *self.last_reload.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }

    /// The last reload, when there was one.
    #[must_use]
    pub fn last_reload(&self) -> Option<LastReload> {
        self.last_reload.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the answers of a world that is retired: nobody counts in it any more, and it is never
    /// passed twice.
    pub fn fold(&self, world: &World) {
        self.answers.fold(world);
    }

    fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "probe_duration",
            "Time from the start of a probe to its verdict",
            Unit::Seconds,
            self.probes.clone(),
        );
        registry.register(
            "node_asks",
            "Questions of the node to itself, by what came of them",
            self.asks.clone(),
        );
        registry.register("reloads", "Reloads that ended", self.reloads.clone());
        registry.register(
            "last_reload_success",
            "Whether the last reload was published (1) or refused (0); 1 before the first",
            self.reload_succeeded.clone(),
        );
        registry.register(
            "brake",
            "Whether states are frozen because so much fell at once that the prober is suspect",
            self.brake.clone(),
        );
        registry.register("brakes", "Times that the brake was put on", self.brakes.clone());
    }
}

/// Everything that a scrape of this node shows.
pub(super) fn exposition(control: Control) -> Registry {
    let mut registry = Registry::with_prefix("rhumb");
    control.metrics.register(&mut registry);
    registry.register_collector(Box::new(collect::Node(control)));
    registry
}

/// `GET /metrics`.
pub(super) async fn handle(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => Failure::internal("the metrics could not be written").into_response(),
    }
}
