//! `POST /v1/reload`: reads every file anew; all or nothing.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;

use super::Control;
use super::failure::Failure;

/// `POST /v1/reload`: [`Reloaded`](super::Reloaded), or 422 with
/// [`ReloadRefused`](super::ReloadRefused) when nothing was changed.
pub(super) async fn handle(State(control): State<Control>) -> Result<Response, Failure> {
    let (tell, outcome) = oneshot::channel();
    let ending = || {
        let help = "nothing was reloaded; try again once it runs";
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the node is shutting down", help)
    };
    control.reload.send(tell).await.map_err(|_| ending())?;
    Ok(match outcome.await.map_err(|_| ending())? {
        Ok(reloaded) => Json(reloaded).into_response(),
        Err(refused) => (StatusCode::UNPROCESSABLE_ENTITY, Json(refused)).into_response(),
    })
}
