//! `relay`: JSON of an upstream, passed on and kept for a while. One cache serves
//! all threads, and whoever asks for what is being fetched waits for that fetch.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use serde::de::IgnoredAny;

use crate::answer::Refusal;
use crate::calls::Calls;
use crate::error::ServiceError;
use crate::settings::{Log, Settings};
use crate::upstream::{Answer, Upstream};

/// The largest answer passed on, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// What all answers and their keys may occupy, in bytes.
const MAX_CACHED: u64 = 64 * 1024 * 1024;

/// What an entry occupies besides its key and its answer, roughly.
const ENTRY_OVERHEAD: usize = 256;

/// The line for each call to the upstream, as the study has it.
const CALL_LINE: &str = "new call or cache expired! calling external api";

const CALLS_HEADER: HeaderName = HeaderName::from_static("x-upstream-calls");

#[derive(Clone)]
struct Relay(Arc<Shared>);

struct Shared {
    upstream: Upstream,
    cache: Cache<String, Bytes>,
    /// Calls to the upstream.
    calls: Calls,
    timeout: Duration,
    log: Log,
}

pub(crate) fn router(settings: &Settings) -> Result<Router, ServiceError> {
    let size = |key: &String, answer: &Bytes| key.len() + answer.len() + ENTRY_OVERHEAD;
    let cache = Cache::builder()
        .time_to_live(settings.cache_ttl)
        .max_capacity(MAX_CACHED)
        .weigher(move |key, answer| size(key, answer).try_into().unwrap_or(u32::MAX))
        // What is new always gets in; the other policy would fetch it again and
        // again until it has become popular.
        .eviction_policy(EvictionPolicy::lru())
        .build();
    let relay = Relay(Arc::new(Shared {
        upstream: Upstream::new(settings.upstream("relay")?)?,
        cache,
        calls: Calls::default(),
        timeout: settings.relay_timeout,
        log: settings.log.clone(),
    }));
    Ok(Router::new()
        .route("/{*path}", get(answer))
        .with_state(relay))
}

async fn answer(State(relay): State<Relay>, uri: Uri) -> Response {
    let mut response = match relay.json(&uri).await {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    let calls = HeaderValue::from(relay.0.calls.so_far());
    response.headers_mut().insert(CALLS_HEADER, calls);
    response
}

impl Relay {
    /// The upstream's JSON for a path, from the cache or fetched.
    async fn json(&self, uri: &Uri) -> Result<Bytes, Refusal> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        if let Some(json) = self.0.cache.get(path).await {
            return Ok(json);
        }
        // A task of its own: who asked first may hang up, and then the others
        // would have to ask again.
        let (relay, path) = (self.clone(), path.to_owned());
        let fetched = tokio::spawn(async move {
            let shared = &relay.0;
            let fetch = shared.fetch(&path);
            shared.cache.try_get_with_by_ref(&path, fetch).await
        });
        let failed = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the call failed");
        fetched
            .await
            .map_err(failed)?
            .map_err(|refusal| (*refusal).clone())
    }
}

impl Shared {
    async fn fetch(&self, path: &str) -> Result<Bytes, Refusal> {
        let url = self
            .upstream
            .url("/api/", path.strip_prefix('/').unwrap_or(path))?;
        self.log.line(CALL_LINE);
        self.calls.next();
        let Answer { status, body } = self.upstream.get(url, self.timeout, MAX_ANSWER).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                let message = "the upstream service has nothing at this path";
                return Err(Refusal::new(status, message));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let message = "the upstream service limits the rate of requests (429)";
                return Err(Refusal::new(StatusCode::BAD_GATEWAY, message));
            }
            other => return Err(Refusal::upstream_status(other)),
        }
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(&body) {
            let message = format!("the upstream service's answer is not JSON: {error}");
            return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, message));
        }
        Ok(body)
    }
}
