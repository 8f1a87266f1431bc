//! `GET /healthz`: the process lives. `GET /readyz`: the first answer may be given.

use std::sync::atomic::Ordering::Relaxed;

use axum::extract::State;
use axum::http::StatusCode;

use super::Control;
use super::failure::Failure;

/// `GET /healthz`.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// `GET /readyz`.
pub(super) async fn ready(State(control): State<Control>) -> Result<&'static str, Failure> {
    if control.ready.load(Relaxed) {
        return Ok("ready\n");
    }
    let help = "wait for the first round of probes, 3 s at most";
    Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "no query is answered yet", help))
}
