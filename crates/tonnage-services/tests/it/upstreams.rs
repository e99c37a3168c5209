//! `fanout` and the slow upstream that it waits for.

use std::time::{Duration, Instant};

use tonnage_services::{Service, ServiceError, Settings, serve};

use crate::client::{get, in_front_of, start, start_with};

#[test]
fn ten_calls_at_once_are_one_delay() {
    let slow = start("slow");
    let fanout = start_with("fanout", &in_front_of(slow.url()));
    assert_eq!(get(&fanout, "/").body, "ready");
    let start = Instant::now();
    let answer = get(&fanout, "/io_bound?delay=0.3");
    let taken = start.elapsed();
    let texts = ["'slow api'"; 10].join(", ");
    assert_eq!(
        (answer.status, answer.body),
        (200, format!("[1] [{texts}]"))
    );
    assert!(taken >= Duration::from_millis(300), "{taken:?}");
    assert!(
        get(&fanout, "/io_bound?delay=0")
            .body
            .starts_with("[2] ['slow api'")
    );
    for delay in ["-1", "61", "NaN", "x"] {
        let expected = "delay must be a number from 0 to 60";
        get(&fanout, &format!("/io_bound?delay={delay}")).is_error(400, expected);
        get(&slow, &format!("/?delay={delay}")).is_error(400, expected);
    }
}

#[test]
fn an_upstream_that_fails_is_a_bad_gateway() {
    // It knows no such path.
    let other = start("restaurants");
    let fanout = start_with("fanout", &in_front_of(other.url()));
    get(&fanout, "/io_bound?delay=0").is_error(502, "answered with status 404");
    other.stop();
    get(&fanout, "/io_bound?delay=0").is_error(502, "failed");
}

#[test]
fn an_upstream_must_be_named_and_make_sense() {
    for service in [Service::Fanout, Service::Relay] {
        let error = |settings: Settings| match serve(service, &settings) {
            Err(ServiceError::Setting(message)) => message,
            other => panic!("{other:?}"),
        };
        assert!(error(Settings::default()).contains("--upstream"));
        for (url, part) in [
            ("nonsense", "is no URL"),
            ("https://127.0.0.1/", "only http"),
            ("http://127.0.0.1/?x=1", "a query"),
            ("http://", "is no URL"),
        ] {
            let message = error(in_front_of(url.to_owned()));
            assert!(message.contains(part) && message.contains(url), "{message}");
        }
    }
}
