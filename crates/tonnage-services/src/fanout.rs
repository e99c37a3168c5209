//! `fanout`: ten calls to a slow upstream at once, and what they answered.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use tokio::task::JoinSet;

use crate::answer::Refusal;
use crate::calls::Calls;
use crate::error::ServiceError;
use crate::python::{self, Value};
use crate::settings::Settings;
use crate::slow;
use crate::upstream::Upstream;

/// Calls at once for each request.
const FAN: usize = 10;

/// How much longer than the delay an upstream may take.
const SLACK: Duration = Duration::from_secs(10);

/// The longest text of one call, in bytes.
const MAX_TEXT: usize = 64 * 1024;

/// The work with its counter, as HTTP and gRPC ask for it.
#[derive(Clone)]
pub(crate) struct IoBound {
    calls: Calls,
    upstream: Arc<Upstream>,
}

impl IoBound {
    pub(crate) fn new(upstream: Upstream) -> Self {
        Self {
            calls: Calls::default(),
            upstream: Arc::new(upstream),
        }
    }

    /// The answer to a request that lets the upstream wait for `delay_s` seconds,
    /// from 0 to [`slow::MAX_DELAY_S`].
    pub(crate) async fn answer(&self, delay_s: f64) -> Result<String, Refusal> {
        let count = self.calls.next();
        // Calls that are still under way end with the set.
        let mut calls = JoinSet::new();
        for _ in 0..FAN {
            let upstream = self.upstream.clone();
            calls.spawn(async move { text(&upstream, delay_s).await });
        }
        let mut texts = Vec::with_capacity(FAN);
        while let Some(called) = calls.join_next().await {
            let failed = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "a call failed");
            texts.push(called.map_err(failed)??);
        }
        let texts = texts.iter().map(|text| Value::Text(text.as_str().into()));
        Ok(format!(
            "[{count}] {}",
            python::repr(&Value::List(texts.collect()))
        ))
    }
}

/// What one call answers.
async fn text(upstream: &Upstream, delay_s: f64) -> Result<String, Refusal> {
    let url = upstream.url("/", &format!("?delay={delay_s}"))?;
    let timeout = Duration::from_secs_f64(delay_s) + SLACK;
    let answer = upstream.get(url, timeout, MAX_TEXT).await?;
    if answer.status != StatusCode::OK {
        return Err(Refusal::upstream_status(answer.status));
    }
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

pub(crate) fn router(settings: &Settings) -> Result<Router, ServiceError> {
    let upstream = Upstream::new(settings.upstream("fanout")?)?;
    Ok(Router::new()
        .route("/", get(async || "ready"))
        .route("/io_bound", get(io_bound))
        .with_state(IoBound::new(upstream)))
}

async fn io_bound(
    State(work): State<IoBound>,
    RawQuery(query): RawQuery,
) -> Result<String, Refusal> {
    let query = query.unwrap_or_default();
    work.answer(slow::delay_s(&query)?).await
}
