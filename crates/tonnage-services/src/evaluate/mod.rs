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
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::answer::Refusal;
use crate::body::Bodies;

pub use engine::{Engine, NoPayload};
pub use generator::{Payloads, hostile};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 2 << 20;

pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || "ready"))
        .route("/eval", post(evaluate))
        .with_state((Engine::new(), Bodies::new(MAX_BODY)))
}

/// A condition pays for all it does and ends within milliseconds, so it runs where
/// the request was read.
async fn evaluate(
    State((engine, bodies)): State<(Engine, Bodies)>,
    request: Request,
) -> Result<Response, Refusal> {
    let body = bodies.read(request).await?;
    let answer = engine.answer(&body.bytes);
    let answer = answer.map_err(|error| Refusal::bad_request(error.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/json")], answer).into_response())
}
