//! The shape of the state file, apart from the types that the server runs on.
//!
//! It changes only with [`VERSION`], or by keys that may be absent. Keys beside those known here are
//! kept; an entry of `health` that makes no sense is left out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Saved, Stored};
use crate::health;
use crate::health::schedule::Carried;

/// The format written, and the only one read.
pub(super) const VERSION: u32 = 1;

#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) version: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct File {
    version: u32,
    /// Seconds since 1970.
    #[serde(default)]
    saved_at: Option<u64>,
    #[serde(default)]
    zones: BTreeMap<String, Stored>,
    /// Each a [`Health`].
    #[serde(default)]
    health: Vec<Value>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    drained: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Health {
    target: Target,
    state: State,
    results_to_change: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Up,
    Degraded,
    Unknown,
    Down,
}

#[derive(Serialize, Deserialize)]
struct Target {
    address: SocketAddr,
    probe: Kind,
    every: Duration,
    timeout: Duration,
    fall: u32,
    rise: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Kind {
    Tcp,
    Tls { tls: Tls },
    Http { http: Http },
    Https { http: Http, tls: Tls },
}

#[derive(Serialize, Deserialize)]
struct Tls {
    host: Option<Box<str>>,
    ca: Option<Box<Path>>,
}

#[derive(Serialize, Deserialize)]
struct Http {
    path: Box<str>,
    host: Option<Box<str>>,
    status: Box<[(u16, u16)]>,
    body: Option<Box<str>>,
}

impl From<&Saved> for File {
    fn from(saved: &Saved) -> Self {
        let Saved { zones, health, saved_at, drained, other } = saved;
        let since_1970 = saved_at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        // Only a `ca` path that is not UTF-8 cannot be written; its target starts unknown.
        let health = health.iter().map(Health::from);
        Self {
            version: VERSION,
            saved_at: since_1970.map(|since| since.as_secs()),
            zones: zones.clone(),
            health: health.filter_map(|h| serde_json::to_value(h).ok()).collect(),
            drained: *drained,
            other: other.clone(),
        }
    }
}

impl From<File> for Saved {
    fn from(file: File) -> Self {
        let File { version: _, saved_at, zones, health, drained, other } = file;
        let health = health.into_iter().filter_map(|h| serde_json::from_value(h).ok());
        Self {
            zones,
            health: health.map(|h: Health| h.into()).collect(),
            saved_at: saved_at.and_then(|s| UNIX_EPOCH.checked_add(Duration::from_secs(s))),
            drained,
            other,
        }
    }
}

impl From<&Carried> for Health {
    fn from(carried: &Carried) -> Self {
        let Carried { target, health } = carried;
        let health::TargetHealth { state, results_to_change, reason, warning } = health;
        Self {
            target: target.into(),
            state: (*state).into(),
            results_to_change: *results_to_change,
            reason: reason.as_deref().map(str::to_owned),
            warning: warning.as_deref().map(str::to_owned),
        }
    }
}

impl From<Health> for Carried {
    fn from(shape: Health) -> Self {
        let Health { target, state, results_to_change, reason, warning } = shape;
        let health = health::TargetHealth {
            state: state.into(),
            results_to_change,
            reason: reason.map(Arc::from),
            warning: warning.map(Arc::from),
        };
        Self { target: target.into(), health }
    }
}

impl From<health::State> for State {
    fn from(state: health::State) -> Self {
        match state {
            health::State::Up => Self::Up,
            health::State::Degraded => Self::Degraded,
            health::State::Unknown => Self::Unknown,
            health::State::Down => Self::Down,
        }
    }
}

impl From<State> for health::State {
    fn from(state: State) -> Self {
        match state {
            State::Up => Self::Up,
            State::Degraded => Self::Degraded,
            State::Unknown => Self::Unknown,
            State::Down => Self::Down,
        }
    }
}

impl From<&health::Target> for Target {
    fn from(target: &health::Target) -> Self {
        let health::Target { probe, address } = target;
        let health::ProbeSpec { kind, every, timeout, fall, rise } = &**probe;
        Self {
            address: *address,
            probe: kind.into(),
            every: *every,
            timeout: *timeout,
            fall: *fall,
            rise: *rise,
        }
    }
}

impl From<Target> for health::Target {
    fn from(shape: Target) -> Self {
        let Target { address, probe, every, timeout, fall, rise } = shape;
        let probe = health::ProbeSpec { kind: probe.into(), every, timeout, fall, rise };
        Self { probe: Arc::new(probe), address }
    }
}

impl From<&health::ProbeKind> for Kind {
    fn from(kind: &health::ProbeKind) -> Self {
        use health::ProbeKind as K;
        match kind {
            K::Tcp => Self::Tcp,
            K::Tls(tls) => Self::Tls { tls: tls.into() },
            K::Http(http) => Self::Http { http: http.into() },
            K::Https(http, tls) => Self::Https { http: http.into(), tls: tls.into() },
        }
    }
}

impl From<Kind> for health::ProbeKind {
    fn from(shape: Kind) -> Self {
        match shape {
            Kind::Tcp => Self::Tcp,
            Kind::Tls { tls } => Self::Tls(tls.into()),
            Kind::Http { http } => Self::Http(http.into()),
            Kind::Https { http, tls } => Self::Https(http.into(), tls.into()),
        }
    }
}

impl From<&health::TlsSpec> for Tls {
    fn from(spec: &health::TlsSpec) -> Self {
        let health::TlsSpec { host, ca } = spec;
        Self { host: host.clone(), ca: ca.clone() }
    }
}

impl From<Tls> for health::TlsSpec {
    fn from(shape: Tls) -> Self {
        let Tls { host, ca } = shape;
        Self { host, ca }
    }
}

impl From<&health::HttpSpec> for Http {
    fn from(spec: &health::HttpSpec) -> Self {
        let health::HttpSpec { path, host, status, body } = spec;
        Self { path: path.clone(), host: host.clone(), status: status.clone(), body: body.clone() }
    }
}

impl From<Http> for health::HttpSpec {
    fn from(shape: Http) -> Self {
        let Http { path, host, status, body } = shape;
        Self { path, host, status, body }
    }
}
