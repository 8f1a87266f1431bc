//! The pair's part of the admin address: `POST /v1/vrrp/NAME/failover`, and its part of the status.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Path, Query, State as Handle};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use vrrp::machine::Outcome;

use super::Control;
use super::failure::Failure;
use crate::pair::{Group, Pair};

/// How a hand-over ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum HandedOver {
    /// The other node has the addresses.
    TookOver {
        /// Its address.
        by: IpAddr,
    },
    /// Nobody took them: this node has them as before.
    NobodyTookOver,
    /// This node has nothing to give.
    NotActive {
        /// Its state, in the words of RFC 9568.
        state: String,
    },
    /// A failover is over: the node may displace others again.
    Released,
}

/// A group of virtual routers at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Its name in `vrrp:`.
    pub name: String,
    /// Its interface.
    pub interface: String,
    /// The VRID.
    pub id: u8,
    /// The version of the protocol.
    pub version: u8,
    /// The addresses that float.
    pub addresses: Vec<IpAddr>,
    /// `Initialize`, `Backup`, `Active`, `HandingOver` or `Fault`.
    pub state: String,
    /// Since it is in that state.
    pub seconds: u64,
    /// What it advertises while Active.
    pub priority: u8,
    /// What keeps it out of the election.
    pub fault: Option<String>,
    /// Why it stands at the floor.
    pub unhealthy: Option<String>,
    /// Who is Active, where that is another node which was heard.
    pub active: Option<IpAddr>,
    /// An operator's `failover` keeps it from displacing others.
    pub held: bool,
    /// Where it sends from.
    pub sources: Vec<IpAddr>,
    /// For how many seconds in all it was Active and heard another Active.
    pub dual_active_seconds: f64,
    /// Timers that were handled late.
    pub late_wake_ups: u64,
    /// The latest of them, in seconds.
    pub latest_wake_up_seconds: f64,
    /// Why its thread is not real-time; absent: it is.
    pub not_realtime: Option<String>,
    /// Why the addresses do not stay on the host while another node has them; absent: they do.
    pub not_resident: Option<String>,
    /// What is wrong now.
    pub warnings: Vec<String>,
}

/// The query of a hand-over.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    release: bool,
}

/// `POST /v1/vrrp/NAME/failover`, with `?release=true` to end one: [`HandedOver`], or 422 with it
/// when this node still has what it had.
pub(super) async fn failover(
    Handle(control): Handle<Control>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let group = control.pair.group(&name).ok_or_else(|| unknown(&name, &control.pair))?;
    if asked.release {
        group.release();
        return Ok(Json(HandedOver::Released).into_response());
    }
    let outcome = group
        .failover()
        .await
        .ok_or_else(|| Failure::ending("its addresses were handed over if the other node runs"))?;
    let handed = HandedOver::from(outcome);
    let status = match handed {
        HandedOver::TookOver { .. } | HandedOver::Released => StatusCode::OK,
        HandedOver::NobodyTookOver | HandedOver::NotActive { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    };
    Ok((status, Json(handed)).into_response())
}

fn unknown(name: &str, pair: &Pair) -> Failure {
    let names: Vec<_> = pair.groups().iter().map(|group| group.name().to_owned()).collect();
    let help = match names.is_empty() {
        true => "this node has no floating address (`vrrp:` in its configuration)".to_owned(),
        false => format!("there are: {}", names.join(", ")),
    };
    Failure::new(StatusCode::NOT_FOUND, format!("no entry of `vrrp:` is named {name:?}"), help)
}

impl From<Outcome> for HandedOver {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::TookOver(by) => Self::TookOver { by: by.address },
            Outcome::NobodyTookOver => Self::NobodyTookOver,
            Outcome::NotActive(state) => Self::NotActive { state: state.to_string() },
            Outcome::Unheld => Self::Released,
            // A stop that overtook the failover has given the addresses away as well.
            Outcome::Stopped => Self::NotActive { state: "stopped".to_owned() },
        }
    }
}

impl GroupStatus {
    /// A group as it is now.
    #[must_use]
    pub fn of(group: &Group) -> Self {
        let (config, status) = (group.config(), group.status());
        Self {
            name: status.name,
            interface: config.interface.clone(),
            id: config.id.0.get(),
            version: match config.version {
                vrrp::config::Version::V2 => 2,
                vrrp::config::Version::V3 => 3,
            },
            addresses: config.addresses.clone(),
            state: status.state.to_string(),
            seconds: status.since.elapsed().as_secs(),
            priority: status.priority.0,
            fault: status.fault.map(|fault| fault.to_string()),
            unhealthy: status.unhealthy.map(|why| why.to_string()),
            active: status.active.map(|sender| sender.address),
            held: status.held,
            sources: status.sources,
            dual_active_seconds: status.dual_active.as_secs_f64(),
            late_wake_ups: status.late_wake_ups,
            latest_wake_up_seconds: status.latest_wake_up.as_secs_f64(),
            not_realtime: status.realtime.err(),
            not_resident: status.resident.err(),
            warnings: status.warnings.into_iter().map(|warning| warning.text).collect(),
        }
    }
}
