//! The admin address: metrics, health checks, status, explain, reload.
//!
//! [`Control`] is all that it may touch of the running node. One file for each thing it offers:
//!
//! - [`metrics`]: what is counted, `GET /metrics` in the format of Prometheus.
//! - [`health`]: `GET /healthz` and `GET /readyz`.
//! - [`status`]: `GET /v1/status`.
//! - [`explain`]: `GET /v1/explain`.
//! - [`events`]: `GET /v1/events`.
//! - [`reload`]: `POST /v1/reload`.
//! - [`pair`]: `POST /v1/vrrp/NAME/failover`.
//! - [`node`]: `POST /v1/node/drain`, `POST /v1/node/undrain`.
//! - [`orders`]: what the node's own task is asked for.
//! - [`anycast`], [`bfd`], [`ecmp`]: their parts of the status.
//! - [`auth`]: who may change anything, and who may ask at all.
//! - [`failure`]: every refusal as JSON, with what would help.
//! - [`listen`]: connections, their number and patience.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use self::failure::Failure;
use self::orders::Orders;
use crate::anycast::Anycast;
use crate::ecmp::Ecmp;
use crate::events::Events;
use crate::ground::Ground;
use crate::health::schedule::Prober;
use crate::pair::Pair;
use crate::server::counters::Counters;
use crate::world::publish::Published;

pub mod anycast;
pub mod auth;
pub mod bfd;
pub mod ecmp;
pub mod events;
pub mod explain;
pub mod failure;
pub mod health;
pub mod listen;
pub mod metrics;
pub mod node;
pub mod orders;
pub mod pair;
pub mod reload;
pub mod status;

pub use auth::Token;
pub use metrics::Metrics;

/// The handles on a running node. Cheap to clone.
///
/// Whoever reads the published snapshot holds it as a whole (`Arc<Snapshot>`) for as long as
/// anything of it is used, and never its world alone: the publisher folds the counters of a world
/// when its last snapshot is let go of.
#[derive(Clone)]
pub struct Control {
    /// The node's name.
    pub node: Arc<str>,
    /// What is being served.
    pub published: Arc<Published>,
    /// What was answered.
    pub counters: Arc<Counters>,
    /// What was measured and counted beside the answers.
    pub metrics: Arc<Metrics>,
    /// What is probed.
    pub prober: Prober,
    /// How many TCP connections with clients are open.
    pub tcp_connections: Arc<dyn Fn() -> usize + Send + Sync>,
    /// The floating addresses.
    pub pair: Pair,
    /// The anycast addresses.
    pub anycast: Anycast,
    /// Routes over the members of pools.
    pub ecmp: Ecmp,
    /// What the network tier stands on.
    pub ground: Ground,
    /// What happens.
    pub events: Events,
    /// Asks for what the node's own task does.
    pub orders: Orders,
    /// When the process started serving.
    pub started: Instant,
    /// Whether the first answer may be given: the first round of probes is over.
    pub ready: Arc<AtomicBool>,
}

/// A reload that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The snapshot's generation.
    pub generation: u64,
    /// How many zones are served.
    pub zones: usize,
    /// Warnings, each as one text for people.
    pub warnings: Vec<String>,
    /// What of the network tier could not be made as configured, likewise; the next reload tries
    /// again.
    #[serde(default)]
    pub incomplete: Vec<String>,
}

/// A reload that changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadRefused {
    /// Each mistake, as one text for people.
    pub errors: Vec<String>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("node", &self.node).finish_non_exhaustive()
    }
}

/// Serves the admin address for as long as the future is polled; dropped, it closes everything.
pub async fn serve(listener: TcpListener, token: Token, control: Control) {
    let address = listener.local_addr().ok();
    let reached_by = auth::ReachedBy::of(address.map(|address| address.ip()));
    let router = router(control, token, reached_by);
    listen::accept(listener, router).await;
}

/// Every path of the admin address.
pub(crate) fn router(control: Control, token: Token, reached_by: auth::ReachedBy) -> Router {
    let exposition = Arc::new(metrics::exposition(control.clone()));
    // What changes anything stands here, behind the token.
    let changes = Router::new()
        .route("/v1/reload", post(reload::handle))
        .route("/v1/node/drain", post(node::drain))
        .route("/v1/node/undrain", post(node::undrain))
        .route("/v1/vrrp/{name}/failover", post(pair::failover))
        .route_layer(from_fn_with_state(Arc::new(token), auth::require_token));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/v1/status", get(status::handle))
        .route("/v1/explain", get(explain::handle))
        .route("/v1/events", get(events::handle))
        .merge(changes)
        .with_state(control)
        .route("/metrics", get(metrics::handle).with_state(exposition))
        .fallback(failure::not_found)
        .method_not_allowed_fallback(failure::wrong_method)
        .layer(from_fn_with_state(reached_by, auth::refuse_foreign_hosts))
        .layer(from_fn(listen::limit_time))
}

/// JSON laid out for people: it is `rhumb`'s to print, and its size does not matter here.
fn pretty(value: &impl Serialize) -> Result<Response, Failure> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|_| Failure::internal("the answer could not be written"))?;
    Ok(([(CONTENT_TYPE, "application/json")], text + "\n").into_response())
}

#[cfg(test)]
mod tests;
