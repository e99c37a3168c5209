//! The relay in front of the simulated service: what it fetches, keeps and says
//! when its upstream fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tonnage_services::{Handle, Log, Settings};

use crate::client::{Answer, get, in_front_of, post, start, start_with, wait_until};

struct Pair {
    upstream: Handle,
    relay: Handle,
    /// Lines of the relay's log.
    lines: Arc<AtomicU64>,
}

impl Pair {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let upstream = start("restaurants");
        let lines = Arc::<AtomicU64>::default();
        let counted = lines.clone();
        let mut settings = Settings {
            log: Log::new(move |line| {
                assert_eq!(line, "new call or cache expired! calling external api");
                counted.fetch_add(1, Ordering::Relaxed);
            }),
            ..in_front_of(upstream.url())
        };
        change(&mut settings);
        let relay = start_with("relay", &settings);
        Self {
            upstream,
            relay,
            lines,
        }
    }

    fn ask(&self) -> Answer {
        get(&self.relay, "/restaurants")
    }

    fn control(&self, changes: &serde_json::Value) {
        let answer = post(&self.upstream, "/control", changes.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Calls as the upstream counts them, which the log must agree with.
    fn calls(&self) -> u64 {
        let calls = get(&self.upstream, "/control/calls").json()["calls"]
            .as_u64()
            .unwrap();
        assert_eq!(self.lines.load(Ordering::Relaxed), calls);
        calls
    }
}

#[test]
fn json_is_passed_on_byte_for_byte_and_kept() {
    let pair = Pair::new(|_| {});
    let direct = get(&pair.upstream, "/api/restaurant/dufva");
    post(&pair.upstream, "/control/reset", b"");
    for _ in 0..3 {
        let relayed = get(&pair.relay, "/restaurant/dufva");
        assert_eq!((relayed.status, &relayed.body), (200, &direct.body));
        assert_eq!(relayed.content_type, "application/json");
        assert_eq!(relayed.upstream_calls, Some(1));
    }
    // Another query is another answer.
    assert_eq!(
        get(&pair.relay, "/restaurant/dufva?x=1").upstream_calls,
        Some(2)
    );
    assert_eq!(pair.calls(), 2);
}

#[test]
fn twenty_clients_of_a_cold_cache_cost_one_call() {
    let pair = Pair::new(|_| {});
    // Long enough for all of them to be there while it is fetched.
    pair.control(&json!({ "delay_ms": 500 }));
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(pair.ask().status, 200));
        }
    });
    assert_eq!(pair.calls(), 1);
}

#[test]
fn a_window_costs_one_call_whatever_the_load() {
    let ttl = Duration::from_millis(300);
    let pair = Pair::new(|settings| settings.cache_ttl = ttl);
    let start = Instant::now();
    // Twenty clients ask on and on, until the fourth window has begun.
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                wait_until("three windows are over", || {
                    let answer = pair.ask();
                    assert_eq!(answer.status, 200);
                    answer.upstream_calls >= Some(4)
                });
            });
        }
    });
    // A call opens a window, and no other is made before it is over; so many calls
    // cannot have come sooner, and on a machine that stands still they come later.
    let calls = pair.calls();
    assert!(calls >= 4, "{calls}");
    let windows = u32::try_from(calls - 1).unwrap();
    assert!(
        start.elapsed() >= ttl * windows,
        "{calls} calls in {:?}",
        start.elapsed()
    );
}

#[test]
fn what_is_stale_is_never_served() {
    let pair = Pair::new(|settings| settings.cache_ttl = Duration::from_millis(50));
    assert_eq!(pair.ask().status, 200);
    pair.control(&json!({ "status": 500 }));
    wait_until("the answer has expired", || pair.ask().status == 502);
    let calls = pair.calls();
    for _ in 0..5 {
        pair.ask().is_error(502, "status 500");
    }
    assert_eq!(pair.calls(), calls + 5, "a failure must not be kept");
    pair.control(&json!({ "status": null }));
    assert_eq!(pair.ask().status, 200);
}

#[test]
fn each_failure_has_its_error_and_is_not_kept() {
    let pair = Pair::new(|settings| settings.relay_timeout = Duration::from_millis(500));
    let troubles = [
        (json!({ "down": true }), 502, "failed"),
        (
            json!({ "down": null, "status": 404 }),
            404,
            "nothing at this path",
        ),
        (json!({ "status": 500 }), 502, "status 500"),
        (json!({ "status": 301 }), 502, "status 301"),
        (json!({ "status": 429 }), 502, "429"),
        (json!({ "status": null, "garbage": true }), 501, "not JSON"),
        (
            json!({ "garbage": null, "delay_ms": 60_000 }),
            504,
            "longer than 0.5 s",
        ),
    ];
    for (trouble, status, part) in troubles {
        pair.control(&trouble);
        pair.ask().is_error(status, part);
    }
    pair.control(&json!({ "delay_ms": 0 }));
    assert_eq!(pair.ask().status, 200);
    get(&pair.relay, "/restaurant/nowhere").is_error(404, "nothing at this path");
    // From the cache, whatever happens behind it.
    pair.control(&json!({ "down": true }));
    assert_eq!(pair.ask().status, 200);
}

#[test]
fn a_rate_limit_is_named() {
    let pair = Pair::new(|settings| settings.cache_ttl = Duration::from_nanos(1));
    pair.control(&json!({ "rate_limit_per_s": 1 }));
    let limited = (0..1000)
        .map(|_| pair.ask())
        .find(|answer| answer.status != 200);
    limited.unwrap().is_error(502, "limits the rate");
}

#[test]
fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    let gone = start("restaurants");
    let url = gone.url();
    gone.stop();
    let relay = start_with("relay", &in_front_of(url));
    let answer = get(&relay, "/restaurants");
    answer.is_error(502, "failed");
    assert_eq!(answer.upstream_calls, Some(1));
}

#[test]
fn dots_do_not_lead_out_of_the_api() {
    let pair = Pair::new(|_| {});
    for path in [
        "/../control",
        "/%2e%2e/control",
        "/x/../../control",
        "/..",
        "/.%2E/apix",
    ] {
        // By hand: clients tidy such paths up.
        let answer = raw(
            &pair.relay,
            &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        );
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    assert_eq!(pair.calls(), 0);
    get(&pair.relay, "/").is_error(404, "nothing at this path");
    post(&pair.relay, "/restaurants", b"").is_error(405, "method");
}

#[test]
fn who_asks_first_may_hang_up_while_the_others_wait() {
    use std::io::Write;
    let pair = Pair::new(|_| {});
    pair.control(&json!({ "delay_ms": 500 }));
    let mut first = std::net::TcpStream::connect(pair.relay.address()).unwrap();
    first
        .write_all(b"GET /restaurants HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let asked = || get(&pair.upstream, "/control/calls").json()["calls"] == 1;
    wait_until("the upstream is asked", asked);
    drop(first);
    assert_eq!(pair.ask().status, 200);
    assert_eq!(pair.calls(), 1);
}

fn raw(service: &Handle, request: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(service.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
