//! `loop`: a nested loop whose length the client chooses, and Prometheus's
//! counter of requests. Bounds, answers and names are those of `apps/flask/loop.py`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::answer::Refusal;
use crate::cores::Cores;
use crate::params::Params;
use crate::settings::Settings;

/// About a minute of work in Python; more is a typing error.
const MAX_STEPS: u64 = 1_000_000_000;

/// Requests by method and status.
type Counts = Arc<Mutex<BTreeMap<(&'static str, u16), u64>>>;

#[derive(Clone)]
struct Burner {
    /// Looked up once: a resolver in the path of a request would be measured
    /// with it.
    address: IpAddr,
    cores: Cores,
}

pub(crate) fn router(settings: &Settings) -> Router {
    let burner = Burner {
        address: own_address(),
        cores: Cores::new(settings),
    };
    let counts = Counts::default();
    // Layers concern the routes before them: looking at the counter is not counted.
    Router::new()
        .route("/", get(burn))
        .with_state(burner)
        .layer(middleware::from_fn_with_state(counts.clone(), count))
        .route("/metrics", get(metrics).with_state(counts))
}

/// The IPv4 address that this host's name stands for; loopback where it stands
/// for none.
fn own_address() -> IpAddr {
    let name = rustix::system::uname();
    let addresses = (&*name.nodename().to_string_lossy(), 0).to_socket_addrs();
    let mut addresses = addresses.into_iter().flatten().map(|address| address.ip());
    addresses
        .find(IpAddr::is_ipv4)
        .unwrap_or(Ipv4Addr::LOCALHOST.into())
}

async fn burn(
    State(burner): State<Burner>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let query = query.unwrap_or_default();
    let iterations = |name| {
        let number = Params(&query).number(name, &(0..=u64::MAX)).ok().flatten();
        let needed = format!("the query needs {name}, a whole number of iterations");
        number.ok_or_else(|| Refusal::bad_request(needed))
    };
    let (it1, it2) = (iterations("it1")?, iterations("it2")?);
    let steps = it1.checked_mul(it2.max(1));
    if steps.is_none_or(|steps| steps > MAX_STEPS) {
        let message = format!("it1 × it2 must not exceed {MAX_STEPS}");
        return Err(Refusal::bad_request(message));
    }
    let taken = burner.cores.run(move || nested_loop(it1, it2)).await?;
    let now = jiff::Zoned::now().strftime("%H:%M:%S");
    let seconds = taken.as_secs_f64();
    let address = burner.address;
    let text = format!("Server: {address}. Time: {now}. Computation took {seconds:.6} s\n");
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response())
}

/// Runs the loop, every step of it, and tells how long that took. Python's sum has
/// no bound; this one wraps around, and nobody is told either.
fn nested_loop(it1: u64, it2: u64) -> Duration {
    let start = Instant::now();
    let mut c: u64 = 0;
    for i in 0..it1 {
        for j in 0..it2 {
            // The compiler could otherwise see through all of it.
            if black_box(i) % 554 == 0 {
                c = c.wrapping_add(c.wrapping_add(j));
            }
        }
    }
    black_box(c);
    // An empty loop still takes some time.
    start.elapsed().max(Duration::from_micros(1))
}

async fn count(State(counts): State<Counts>, request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        _ => "other",
    };
    let response = next.run(request).await;
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    *counts
        .entry((method, response.status().as_u16()))
        .or_default() += 1;
    response
}

async fn metrics(State(counts): State<Counts>) -> impl IntoResponse {
    let mut text = "# HELP flask_http_request_total Total number of HTTP requests\n\
                    # TYPE flask_http_request_total counter\n"
        .to_owned();
    let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    for ((method, status), count) in counts.iter() {
        let labels = format!("method=\"{method}\",status=\"{status}\"");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "flask_http_request_total{{{labels}}} {count}.0");
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, kind)], text)
}
