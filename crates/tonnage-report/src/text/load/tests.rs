//! Tests of the summary: what stands where, and that it fits.

use super::{load_text, requests_needed, verdict_note};
use crate::fixture::{self, LoadSketch};
use insta::assert_snapshot;
use tonnage_model::{Cause, Detector, FailureCount, Level, Phase, Reason, ServerSide, Verdict};

fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 60, "{line}");
    }
}

#[test]
fn the_answer_comes_first() {
    let document = fixture::published();
    let text = load_text(document.trials[1].load.as_ref().unwrap(), 60);
    fits(&text);
    assert_snapshot!(text, @r"
    371.2 requests/s succeeded, none failed.
    VALID: nothing speaks against these figures.
    GET http://127.0.0.1:8000/?it1=60000&it2=1: closed loop, 2
      users, 30s after 2s of warm-up

    latency      service    response
    mean         5.49 ms     5.58 ms
    stdev        1.32 ms     1.32 ms
    p50          5.26 ms     5.35 ms
    p75          5.73 ms     5.82 ms
    p90          6.04 ms     6.13 ms
    p95          10.8 ms     10.9 ms
    p99          10.8 ms     10.9 ms
    p99.9        10.8 ms     10.9 ms
    max          10.8 ms     10.9 ms

    phase           mean         p50         p99
    connect      84.8 µs     84.5 µs      110 µs

    requests    11 137 succeeded, 0 failed, 2 unfinished
    status      200: 11 137
    connects    11 137
    bytes       1.03 MiB sent, 1.74 MiB received
    generator   1 thread (epoll), busiest at 0.8 % of one CPU,
                21.0 µs of CPU per response, Little's residual
                0.4 %
    ");
}

#[test]
fn failures_and_unsupported_percentiles_are_told() {
    let mut report = LoadSketch {
        clients: 16,
        rps: 12.0,
        failed: 35,
        window_s: 5,
    }
    .report();
    report.failures = vec![
        FailureCount {
            phase: Phase::Connect,
            cause: Cause::Refused,
            count: 30,
        },
        FailureCount {
            phase: Phase::Check,
            cause: Cause::Status,
            count: 5,
        },
    ];
    report.statuses.insert(503, 5);
    report.request.url =
        "http://127.0.0.1:8000/a/path/that/is/longer/than/a/line/of/sixty/columns".to_owned();
    report.generator.busiest_thread_cpu_share = 0.97;
    let text = load_text(&report, 60);
    fits(&text);
    assert_snapshot!(text, @r"
    12.00 requests/s succeeded, 35 requests failed.
    VALID: nothing speaks against these figures.
    GET http://127.0.0.1:8000/a/path/that/is/longer/than/a/line/
      of/sixty/columns: closed loop, 16 users, 5s after 2s of
      warm-up

    latency      service    response
    mean          1.38 s      1.38 s
    stdev         366 ms      366 ms
    p50           1.30 s      1.30 s
    p75           1.42 s      1.42 s
    p90              n/a         n/a  (needs 100 requests)
    p95              n/a         n/a  (needs 200 requests)
    p99              n/a         n/a  (needs 1000 requests)
    p99.9            n/a         n/a  (needs 10000 requests)
    max           2.67 s      2.67 s

    phase           mean         p50         p99
    connect      84.9 µs     84.0 µs         n/a

    requests    60 succeeded, 35 failed, 16 unfinished
    failed      connect × refused  30
    failed      check × status  5
    status      200: 60, 503: 5
    connects    60
    bytes       5.68 KiB sent, 9.61 KiB received
    generator   1 thread (epoll), busiest at 97 % of one CPU,
                21.0 µs of CPU per response, Little's residual
                n/a
    ");
}

#[test]
fn verdict_phases_bodies_and_demands_are_shown() {
    let text = load_text(&fixture::steady(), 60);
    fits(&text);
    assert_snapshot!(text, @r"
    967.0 requests/s succeeded, 60 requests failed.
    SUSPECT: 2 reasons to doubt these figures, see below.
    GET http://127.0.0.1:8000/?it1=60000&it2=1: closed loop, 8
      users, 10s after 2s of warm-up

    latency      service    response
    mean         7.77 ms     7.81 ms
    stdev        3.94 ms     3.94 ms
    p50          6.57 ms     6.61 ms
    p75          9.01 ms     9.04 ms
    p90          12.4 ms     12.4 ms
    p95          15.0 ms     15.1 ms
    p99          22.7 ms     22.7 ms
    p99.9            n/a         n/a  (needs 10000 requests)
    max          54.2 ms     54.2 ms

    phase           mean         p50         p99
    connect      84.8 µs     84.5 µs         n/a
    first byte   7.42 ms     6.21 ms     22.3 ms
    body          350 µs      350 µs      497 µs

    requests    9 670 succeeded, 60 failed, 8 unfinished
    failed      connect × refused  20
    failed      check × status  40
    status      200: 9 670, 503: 40
    bodies      9 650 × 32 B (1c291ca3), 20 × 11 B (ebe6c6e6)
    connects    20
    bytes       922 KiB sent, 1.68 MiB received
    generator   1 thread (epoll), busiest at 4.0 % of one CPU,
                21.0 µs of CPU per response, Little's residual
                0.4 %, at 1.0 % of what this client can do here

    ✓ p50<50ms (6.61 ms)
    ✗ errors<0.1% (0.617 %)
    n/a p99.9<1s (the sample is too small to say)

    1. SUSPECT: The rate fell by 61 % in the second at 6 s. Look
       at the server's log at that time, or measure longer.
    2. SUSPECT: 60 of 9 680 requests failed (0.6 %).
    ");
}

#[test]
fn the_servers_side_stands_beside_the_latency() {
    let mut report = fixture::steady();
    report.server = Some(ServerSide {
        responses: 9700,
        requests: 9690,
        turned_away: 10,
        service_us: Some(7000.0),
        queue_wait_us: Some(1200.0),
        gil_wait_us: Some(300.0),
        application_us: Some(5480.0),
        write_us: Some(20.0),
    });
    let text = load_text(&report, 60);
    fits(&text);
    let (_, rest) = text.split_once("\nserver ").unwrap();
    let (table, _) = rest.split_once("\n\n").unwrap();
    assert_snapshot!(format!("server {table}"), @r"
    server          mean   (of 9690 requests that it answered)
    queue wait   1.20 ms
    GIL wait      300 µs
    application  5.48 ms
    write        20.0 µs
    service      7.00 ms
    outside       772 µs
    ");
}

#[test]
fn a_server_that_could_not_be_asked_is_told_of() {
    let mut report = fixture::steady();
    report.server_unknown = Some("the server was restarted in the window".to_owned());
    let text = load_text(&report, 60);
    fits(&text);
    let (_, rest) = text.split_once("\nserver ").unwrap();
    let (lines, _) = rest.split_once("\ngenerator").unwrap();
    assert_snapshot!(format!("server {lines}"), @r"
    server      its own figures are not known: the server was
                restarted in the window
    ");
}

#[test]
fn an_open_loop_tells_of_its_arrivals() {
    let text = load_text(&fixture::open_loop(), 60);
    fits(&text);
    assert_snapshot!(text, @r"
    1000 requests/s succeeded, none failed.
    INVALID: do not use these figures, 2 reasons below.
    GET http://127.0.0.1:8000/?it1=60000&it2=1: open loop, 1200
      requests/s, poisson, at most 64 connections, 10s after 2s
      of warm-up

    latency      service    response
    mean         56.3 ms      956 ms
    stdev        23.8 ms      518 ms
    p50          49.0 ms      1.01 s
    p75          65.6 ms      1.40 s
    p90          87.5 ms      1.73 s
    p95           104 ms      1.76 s
    p99           141 ms      1.80 s
    p99.9         199 ms      1.85 s
    max           199 ms      1.91 s

    phase           mean         p50         p99
    send lag     30.7 µs     30.5 µs     61.9 µs
    connect      84.8 µs     84.5 µs         n/a
    first byte   56.0 ms     48.7 ms      141 ms
    body          350 µs      350 µs      497 µs

    requests    10 000 succeeded, 0 failed, 8 unfinished
    status      200: 10 000
    arrivals    12 000 asked for at 1200 requests/s, 10 000
                sent, 11 840 had to wait (at most 1 800 at
                once), 200 dropped, 1 800 waiting at the end
    bodies      9 980 × 32 B (1c291ca3), 20 × 11 B (ebe6c6e6)
    connects    0
    bytes       947 KiB sent, 1.74 MiB received
    generator   1 thread (epoll), busiest at 4.0 % of one CPU,
                21.0 µs of CPU per response, Little's residual
                n/a, at 84 % of what this client can do here

    1. INVALID: The schedule asked for 1200 requests/s and 1000
       requests/s were sent: the target does not keep up.
    2. SUSPECT: The rate is at 84 % of what this client can do
       here.
    ");
}

#[test]
fn no_load_is_wider_than_asked() {
    for (_, report) in fixture::all_loads() {
        fits(&load_text(&report, 60));
    }
    assert!(load_text(&fixture::secured(), 60).contains("HTTP/1.1 over TLS"));
}

#[test]
fn nothing_measured_is_no_panic() {
    let report = LoadSketch {
        clients: 1,
        rps: 0.0,
        failed: 0,
        window_s: 1,
    }
    .report();
    let text = load_text(&report, 60);
    fits(&text);
    assert!(text.starts_with("0 requests/s succeeded, none failed."));
}

#[test]
fn a_percentile_needs_ten_samples_beyond_it() {
    for (percentile, needed) in [
        (50.0, 20),
        (75.0, 40),
        (90.0, 100),
        (95.0, 200),
        (99.0, 1000),
        (99.9, 10_000),
    ] {
        assert_eq!(requests_needed(percentile), needed, "p{percentile}");
    }
}

#[test]
fn reasons_side_by_side_are_sentences_of_their_own() {
    let reason = |detector: Detector, text: &str| Reason {
        detector,
        level: Level::Invalid,
        text: text.to_owned(),
    };
    let verdict = Verdict::from_reasons(vec![
        reason(Detector::GeneratorCpu, "The generator lacked CPU"),
        reason(Detector::SendLag, "Requests were late."),
    ]);
    let note = verdict_note(&verdict).unwrap();
    assert_eq!(
        note,
        "INVALID. The generator lacked CPU. Requests were late."
    );
}
