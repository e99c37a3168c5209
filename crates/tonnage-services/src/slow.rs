//! `slow`: the upstream that `fanout` waits for. It answers a fixed text when the
//! time that the client chose is over.

use std::time::Duration;

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;

use crate::answer::Refusal;
use crate::params::Params;

/// The longest delay, in seconds.
pub(crate) const MAX_DELAY_S: f64 = 60.0;

/// The delay where the client does not say, in seconds.
const DEFAULT_DELAY_S: f64 = 1.0;

pub(crate) fn router() -> Router {
    Router::new().route("/", get(sleep))
}

/// The `delay` of a query, in seconds.
pub(crate) fn delay_s(query: &str) -> Result<f64, Refusal> {
    let delay_s = Params(query).number("delay", &(0.0..=MAX_DELAY_S))?;
    Ok(delay_s.unwrap_or(DEFAULT_DELAY_S))
}

async fn sleep(RawQuery(query): RawQuery) -> Result<&'static str, Refusal> {
    let delay_s = delay_s(&query.unwrap_or_default())?;
    tokio::time::sleep(Duration::from_secs_f64(delay_s)).await;
    Ok("slow api")
}
