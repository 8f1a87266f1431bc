//! Every refusal of the admin address: a status, what is wrong, and what would help, as JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// A refusal.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The status code.
    pub status: StatusCode,
    /// What goes out as JSON.
    pub body: Body,
}

/// A refusal as JSON: `{"error": …, "help": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// What is wrong, with the values.
    pub error: String,
    /// What to do; may be empty.
    #[serde(default)]
    pub help: String,
}

impl Failure {
    /// A refusal.
    #[must_use]
    pub fn new(status: StatusCode, error: impl Into<String>, help: impl Into<String>) -> Self {
        Self { status, body: Body { error: error.into(), help: help.into() } }
    }

    /// 400: the question is wrong.
    #[must_use]
    pub fn bad_request(error: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, help)
    }

    /// 503: the node is shutting down.
    #[must_use]
    pub fn ending(help: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the node is shutting down", help)
    }

    /// 500: a mistake of ours.
    #[must_use]
    pub fn internal(error: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error, "the node's log says more")
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let unauthorized = self.status == StatusCode::UNAUTHORIZED;
        let mut response = (self.status, Json(self.body)).into_response();
        if unauthorized {
            // RFC 9110 §15.5.2 wants a challenge with each 401; RFC 6750 §3 is its form.
            let challenge = axum::http::HeaderValue::from_static("Bearer realm=\"rhumb\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// For paths that nothing stands at.
pub(super) async fn not_found() -> Failure {
    let help = "there are GET /metrics, /healthz, /readyz, /v1/status, /v1/explain, \
                POST /v1/reload and /v1/vrrp/NAME/failover";
    Failure::new(StatusCode::NOT_FOUND, "nothing stands at this path", help)
}

/// For paths that want another method.
pub(super) async fn wrong_method() -> Failure {
    let help = "what changes anything is a POST, everything else a GET";
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "this path wants another method", help)
}
