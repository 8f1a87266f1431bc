//! `POST /v1/reload`: reads every file anew; all or nothing.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Control;
use super::failure::Failure;

/// `POST /v1/reload`: [`Reloaded`](super::Reloaded), or 422 with
/// [`ReloadRefused`](super::ReloadRefused) when nothing was changed.
pub(super) async fn handle(State(control): State<Control>) -> Result<Response, Failure> {
    let help = "nothing was reloaded; try again once it runs";
    Ok(match control.orders.reload().await.ok_or_else(|| Failure::ending(help))? {
        Ok(reloaded) => Json(reloaded).into_response(),
        Err(refused) => (StatusCode::UNPROCESSABLE_ENTITY, Json(refused)).into_response(),
    })
}
