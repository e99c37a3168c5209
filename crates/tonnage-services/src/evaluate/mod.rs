//! `evaluate`: which conditions of a log detector hold for a log. Conditions are
//! written in what Python and Starlark have in common (`docs/workloads.md`), and
//! run here as Starlark, compiled once.
//!
//! A text goes through [`tokens`] and [`check`], which write it to a program whose
//! every operation is one of [`operations`], [`functions`] and [`methods`] and pays
//! from a budget of [`work`]. So time, memory and depth are bounded by what the
//! text can pay for, to the same unit as in Python.

mod check;
mod engine;
mod functions;
mod generator;
mod globals;
mod json;
mod methods;
mod numbers;
mod operations;
mod payload;
mod program;
mod tokens;
mod view;
mod work;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

pub use engine::{Answer, Engine};
pub use generator::{Payloads, hostile};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 2 << 20;

pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || "ready"))
        .route("/eval", post(evaluate))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Engine::new())
}

/// A condition pays for all it does and ends within milliseconds, so it runs where
/// the request was read.
async fn evaluate(State(engine): State<Engine>, body: Result<Bytes, BytesRejection>) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return crate::answer::Refusal::from(rejection).into_response(),
    };
    let answer = engine.answer(&body);
    let status = if answer.is_bad_request {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}
