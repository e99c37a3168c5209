//! `restaurants`: the public API that the relay stands in front of, simulated: the
//! restaurants of Uppsala and Solna with their menus. It counts its calls, and
//! its troubles (slow, down, limited, failing, talking garbage) can be switched
//! while it runs.

mod cut;
mod menus;
mod trouble;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::body::Bodies;
use crate::error::ServiceError;
use crate::server::HangUp;
use crate::settings::Settings;

use trouble::Allowance;
pub use trouble::Trouble;

/// The largest body of a control request, in bytes.
const MAX_CONTROL: usize = 16 * 1024;

/// Paths that are counted one by one; the rest is counted together.
const MAX_PATHS: usize = 1000;

/// The name under which the rest is counted.
const OTHER_PATHS: &str = "other";

#[derive(Clone)]
struct Simulator(Arc<Shared>);

struct Shared {
    answers: BTreeMap<String, Bytes>,
    /// How it is again after a reset.
    start: Trouble,
    now: Mutex<Now>,
    bodies: Bodies,
}

/// What changes while it runs.
struct Now {
    trouble: Trouble,
    allowance: Allowance,
    calls: u64,
    by_path: BTreeMap<String, u64>,
}

impl Now {
    fn new(trouble: &Trouble) -> Self {
        Self {
            trouble: trouble.clone(),
            allowance: Allowance::new(trouble.rate_limit_per_s),
            calls: 0,
            by_path: BTreeMap::new(),
        }
    }

    fn count(&mut self, path: &str) {
        self.calls += 1;
        let known = self.by_path.contains_key(path) || self.by_path.len() < MAX_PATHS;
        let name = if known { path } else { OTHER_PATHS };
        *self.by_path.entry(name.to_owned()).or_default() += 1;
    }
}

impl Shared {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn router(settings: &Settings) -> Result<Router, ServiceError> {
    let start = settings.trouble.clone();
    start.check().map_err(ServiceError::Setting)?;
    let answers = menus::answers();
    let simulator = Simulator(Arc::new(Shared {
        answers: answers.map_err(|error| ServiceError::Setting(error.to_string()))?,
        now: Mutex::new(Now::new(&start)),
        start,
        bodies: Bodies::new(MAX_CONTROL),
    }));
    Ok(Router::new()
        .route("/api/{*path}", get(api))
        .route("/control", get(control).post(change))
        .route("/control/calls", get(calls))
        .route("/control/reset", post(reset))
        .with_state(simulator))
}

async fn api(
    State(simulator): State<Simulator>,
    Path(path): Path<String>,
    uri: Uri,
) -> Result<Response, Response> {
    let shared = &simulator.0;
    let trouble = {
        let mut now = shared.now();
        now.count(uri.path());
        let trouble = now.trouble.clone();
        let limit = trouble.rate_limit_per_s.filter(|_| !trouble.down);
        if limit.is_some_and(|limit| !now.allowance.take(limit)) {
            return Err(too_many());
        }
        trouble
    };
    if trouble.down {
        return Err(HangUp.into_response());
    }
    tokio::time::sleep(trouble.delay).await;
    if trouble.garbage {
        let page = "<html><body>Under maintenance</body></html>";
        let status = trouble.fixed_status().unwrap_or_default();
        return Err((status, [(CONTENT_TYPE, "text/html")], page).into_response());
    }
    if let Some(status) = trouble.fixed_status() {
        return Err(Refusal::new(status, "the service was told to fail").into_response());
    }
    let found = shared.answers.get(&path).cloned();
    let missing = || Refusal::new(StatusCode::NOT_FOUND, "there is no such restaurant");
    let json = found.ok_or_else(|| missing().into_response())?;
    let head = [(CONTENT_TYPE, "application/json")];
    if trouble.cut {
        return Err((head, cut::body(json)).into_response());
    }
    Ok((head, json).into_response())
}

fn too_many() -> Response {
    let message = "too many requests, try again in a second";
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, message);
    ([(RETRY_AFTER, "1")], refusal).into_response()
}

async fn control(State(simulator): State<Simulator>) -> Json<Value> {
    Json(simulator.0.now().trouble.as_json())
}

async fn change(
    State(simulator): State<Simulator>,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let shared = &simulator.0;
    let body = shared.bodies.read(request).await?;
    let changes = serde_json::from_slice(&body.bytes);
    let changes =
        changes.map_err(|error| Refusal::bad_request(format!("no JSON object: {error}")))?;
    let mut now = shared.now();
    now.trouble = now
        .trouble
        .changed(&changes)
        .map_err(Refusal::bad_request)?;
    now.allowance = Allowance::new(now.trouble.rate_limit_per_s);
    Ok(Json(now.trouble.as_json()))
}

async fn calls(State(simulator): State<Simulator>) -> Json<Value> {
    let now = simulator.0.now();
    Json(json!({ "calls": now.calls, "by_path": now.by_path }))
}

/// Forgets all calls, and is again as it was at the start.
async fn reset(State(simulator): State<Simulator>) -> Json<Value> {
    *simulator.0.now() = Now::new(&simulator.0.start);
    Json(json!({ "calls": 0, "by_path": {} }))
}
