//! The node as a whole: `POST /v1/node/drain` and `POST /v1/node/undrain`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State as Handle};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use vrrp::machine::State;

use super::Control;
use super::failure::Failure;
use super::pair::HandedOver;
use crate::announce::board::Insistence;
use crate::pair::Group;

/// What a drained node has done so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// What became of each floating address that it had.
    pub vrrp: Vec<Given>,
    /// After so many seconds nobody misses this node's answers.
    pub seconds: u64,
    /// Why a restart will forget it; absent: it will not.
    pub forgotten: Option<String>,
}

/// A node is not drained, for it may be the last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotDrained {
    /// Why.
    pub error: String,
}

/// The query of a drain.
#[derive(Debug, Deserialize)]
pub(super) struct Firmly {
    #[serde(default)]
    force: bool,
}

/// The query of its end.
#[derive(Debug, Deserialize)]
pub(super) struct Hastily {
    #[serde(default)]
    now: bool,
}

/// What became of a floating address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The entry of `vrrp:`.
    pub name: String,
    /// How the hand-over ended.
    #[serde(flatten)]
    pub outcome: HandedOver,
}

/// What a node that is no longer drained does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undrained {
    /// Why a restart will forget it; absent: it will not.
    pub forgotten: Option<String>,
}

/// `POST /v1/node/drain`: hands every floating address over and stays at the floor, withdraws what
/// it announces; remembered over restarts. [`Drained`], or 422 with [`NotDrained`] when no sibling
/// answers where `keep_last` wants one, unless `?force=true`.
pub(super) async fn drain(
    Handle(control): Handle<Control>,
    Query(Firmly { force }): Query<Firmly>,
) -> Result<Response, Failure> {
    let insistence = if force { Insistence::Whatever } else { Insistence::IfNotLast };
    let takes = match control.anycast.permit_drain(insistence) {
        Ok(takes) => takes,
        Err(refusal) => {
            let refused = NotDrained { error: refusal.to_string() };
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(refused)).into_response());
        }
    };
    // First the word to the other node: where nobody may displace this one, the floor moves nothing.
    let vrrp = hand_over(&control).await;
    let forgotten = remember(&control, true).await?;
    Ok(Json(Drained { vrrp, seconds: takes.as_secs(), forgotten }).into_response())
}

/// `POST /v1/node/undrain`: the node takes part again, with its own priority, and announces what is
/// fine; with `?now=true` at once, whatever went wrong before. [`Undrained`].
pub(super) async fn undrain(
    Handle(control): Handle<Control>,
    Query(Hastily { now }): Query<Hastily>,
) -> Result<Response, Failure> {
    if now {
        control.anycast.forgive();
    }
    let forgotten = remember(&control, false).await?;
    control.pair.groups().iter().for_each(|group| group.release());
    Ok(Json(Undrained { forgotten }).into_response())
}

/// Writes it down and publishes it; why it will be forgotten, if it will.
async fn remember(control: &Control, drained: bool) -> Result<Option<String>, Failure> {
    let remembered = control.orders.drained(drained).await;
    Ok(remembered.ok_or_else(|| Failure::ending("nothing was changed"))?.err())
}

/// Every floating address that this node has, all at once.
async fn hand_over(control: &Control) -> Vec<Given> {
    let groups = control.pair.groups().into_iter();
    let active = groups.filter(|group| group.status().state == State::Active);
    let giving: Vec<_> = active.map(|group| tokio::spawn(give(group))).collect();
    let mut given = Vec::with_capacity(giving.len());
    for giving in giving {
        given.extend(giving.await.ok().flatten());
    }
    given
}

async fn give(group: Arc<Group>) -> Option<Given> {
    let outcome = HandedOver::from(group.failover().await?);
    Some(Given { name: group.name(), outcome })
}
