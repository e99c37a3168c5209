//! Calls to the service behind this one: bounded in time, size and number, and
//! without proxies.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::sync::Semaphore;

use crate::answer::Refusal;
use crate::error::ServiceError;

/// Connections kept open for later calls.
const MAX_IDLE: usize = 256;

/// Shorter than our own services keep an idle connection, so that they are never
/// the first to close it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Calls at a time; more wait, which counts as part of their time.
const MAX_CALLS: usize = 1024;

/// The service behind this one.
#[derive(Debug)]
pub(crate) struct Upstream {
    client: Client,
    base: Url,
    places: Semaphore,
}

/// What an upstream answered, in full.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    #[error("the upstream service took longer than {0} s")]
    Slow(f64),
    #[error("the upstream service failed: {0}")]
    Failed(String),
    #[error("the upstream service answered with more than {0} bytes")]
    TooLarge(usize),
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        let status = match error {
            CallError::Slow(_) => StatusCode::GATEWAY_TIMEOUT,
            CallError::Failed(_) | CallError::TooLarge(_) => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error.to_string())
    }
}

impl Upstream {
    /// The upstream at a URL such as `http://127.0.0.1:4000`.
    pub(crate) fn new(url: &str) -> Result<Self, ServiceError> {
        let wrong = |why: &str| {
            let expected = "expected one like http://127.0.0.1:4000";
            ServiceError::Setting(format!(
                "`{url}` is no URL of an upstream: {why}; {expected}"
            ))
        };
        let mut base = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if base.scheme() != "http" {
            return Err(wrong("only http is supported"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(wrong("a query or a fragment has no place in it"));
        }
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .pool_max_idle_per_host(MAX_IDLE)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true)
            .build();
        Ok(Self {
            client: client.map_err(|error| ServiceError::Setting(why(&error)))?,
            base,
            places: Semaphore::new(MAX_CALLS),
        })
    }

    /// The URL of `path` in `folder`, which begins and ends with a slash. Dots
    /// lead nowhere out of it.
    pub(crate) fn url(&self, folder: &str, path: &str) -> Result<Url, Refusal> {
        let base = self.base.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}{folder}{path}")).ok();
        let below = |url: &Url| {
            let inside = url
                .path()
                .strip_prefix(self.base.path().trim_end_matches('/'));
            inside.is_some_and(|path| path.starts_with(folder))
                && url.origin() == self.base.origin()
        };
        let message = "the upstream service has nothing at this path";
        url.filter(below)
            .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, message))
    }

    /// Asks for `url`, waiting at most `timeout` for all of an answer of at most
    /// `max_body` bytes.
    pub(crate) async fn get(
        &self,
        url: Url,
        timeout: Duration,
        max_body: usize,
    ) -> Result<Answer, CallError> {
        let answer = tokio::time::timeout(timeout, self.ask(url, max_body)).await;
        answer.unwrap_or(Err(CallError::Slow(timeout.as_secs_f64())))
    }

    async fn ask(&self, url: Url, max_body: usize) -> Result<Answer, CallError> {
        let failed = |error: reqwest::Error| CallError::Failed(why(&error.without_url()));
        let _place = self.places.acquire().await;
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > max_body {
                return Err(CallError::TooLarge(max_body));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            body: body.into(),
        })
    }
}

/// An error with what lies at its bottom, which is what helps.
fn why(error: &dyn std::error::Error) -> String {
    let mut bottom = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    bottom.to_string()
}
