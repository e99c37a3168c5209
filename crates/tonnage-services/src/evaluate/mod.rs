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
use crate::cores::Cores;
use crate::settings::Settings;

pub use engine::{Engine, NoPayload};
pub use generator::{Payloads, hostile};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 2 << 20;

/// Bodies up to this many bytes are evaluated where they were read. They hold a few
/// conditions, each of which ends within milliseconds; the payloads of the study
/// have less than 1,600 bytes.
const MAX_SHORT: usize = 2048;

pub(crate) fn router(settings: &Settings) -> Router {
    Router::new()
        .route("/", get(async || "ready"))
        .route("/eval", post(evaluate))
        .with_state(Evaluator {
            engine: Engine::new(),
            bodies: Bodies::new(MAX_BODY),
            cores: Cores::new(settings),
        })
}

/// What all requests share.
#[derive(Clone)]
struct Evaluator {
    engine: Engine,
    bodies: Bodies,
    cores: Cores,
}

async fn evaluate(
    State(evaluator): State<Evaluator>,
    request: Request,
) -> Result<Response, Refusal> {
    let body = evaluator.bodies.read(request).await?;
    let engine = evaluator.engine;
    let answer = if body.bytes.len() <= MAX_SHORT {
        engine.answer(&body.bytes)
    } else {
        let work = move || engine.answer(&body.bytes);
        evaluator.cores.run(work).await?
    };
    let answer = answer.map_err(|error| Refusal::bad_request(error.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/json")], answer).into_response())
}
