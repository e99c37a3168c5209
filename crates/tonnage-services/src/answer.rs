//! Errors as clients see them: `{"error": {"code": 404, "message": "…"}}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A request that gets an error for an answer.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message }
    }

    /// A request that its sender has to correct.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A request that fails because of what the upstream answered.
    pub(crate) fn upstream_status(status: StatusCode) -> Self {
        let code = status.as_u16();
        let message = format!("the upstream service answered with status {code}");
        Self::new(StatusCode::BAD_GATEWAY, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = self.status.as_u16();
        let body = json!({ "error": { "code": code, "message": self.message } });
        (self.status, Json(body)).into_response()
    }
}

/// What every service answers to a path that it does not have.
pub(crate) async fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path")
}

/// What every service answers to a method that a path does not take.
pub(crate) async fn method_not_allowed() -> Refusal {
    let message = "this path does not take this method";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message)
}
