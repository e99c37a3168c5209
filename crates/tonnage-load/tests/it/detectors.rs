//! The mistakes that the verdict knows, committed on purpose: each finds its
//! reason. Those that need privileges are in `tests/privileged.rs`.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType};
use tonnage_load::{ArrivalLaw, LoadModel, Overload};
use tonnage_model::{Detector, Level, LoadReport, Reason};

use crate::scripted::{OK, Then, answer, failures, plan, plan_for, run, serve};

#[track_caller]
fn reason(report: &LoadReport, detector: Detector) -> &Reason {
    let found = report.verdict.reason(detector);
    found.unwrap_or_else(|| panic!("no {detector:?} in {:?}", report.verdict))
}

#[test]
fn a_clean_run_is_valid() {
    // The verdict looks at the machine as well: what other tests and tasks do to
    // it may be found, rightly. One attempt without them is enough.
    let mut seen = Vec::new();
    for _ in 0..5 {
        let server = serve(|stream, number| {
            thread::sleep(Duration::from_millis(2));
            answer(OK)(stream, number)
        });
        let mut plan = plan(&server, 2_000);
        plan.connections = 4;
        let report = run(&plan);
        assert_eq!(report.counts.succeeded, 2_000, "{:?}", report.failures);
        if report.verdict.level == Level::Valid {
            assert_eq!(report.verdict.reasons, []);
            return;
        }
        seen.push(report.verdict);
    }
    panic!("no run was valid: {seen:?}");
}

#[test]
fn an_overflowing_backlog() {
    // A listener with room for one that accepts nobody: the kernel turns the
    // others away and counts them.
    let listener = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    rustix::net::listen(&listener, 1).unwrap();
    let address = rustix::net::getsockname(&listener).unwrap();

    let mut plan = plan_for(SocketAddr::try_from(address).unwrap(), 20);
    plan.connections = 20;
    plan.timeouts.connect = Duration::from_millis(200);
    plan.timeouts.wait = Duration::from_millis(200);
    let report = run(&plan);
    // As many as fit wait for an answer, the others for their connection.
    assert_eq!(
        failures(&report),
        ["connect × timeout: 18", "wait × timeout: 2"]
    );
    assert!(report.generator.listen_overflows.unwrap() >= 18);
    let reason = reason(&report, Detector::BacklogOverflow);
    assert!(reason.text.contains("the kernel turned"), "{reason:?}");
}

#[test]
fn a_slow_start() {
    // The one slow test: the series has slices of a second, and a trend needs
    // several of them. A machine that stands still for one of so few slices hides
    // the trend, hence another attempt.
    let mut seen = Vec::new();
    for _ in 0..3 {
        let report = measure_a_slow_start();
        assert!(report.series.slices.len() >= 8, "{:?}", report.series);
        let reason = report.verdict.reason(Detector::NotSteady);
        if reason.is_some_and(|reason| reason.text.starts_with("the median settled only")) {
            return;
        }
        seen.push(report.verdict);
    }
    panic!("no slow start was found: {seen:?}");
}

fn measure_a_slow_start() -> LoadReport {
    const SLOW_START: Duration = Duration::from_secs(2);
    let began = Mutex::new(None);
    let server = serve(move |stream, number| {
        let began: Instant = *began.lock().unwrap().get_or_insert_with(Instant::now);
        let passed = began.elapsed();
        let delay_ms = if passed < SLOW_START {
            150
        } else if passed.as_secs().is_multiple_of(2) {
            // Never quite the same afterwards: a change that is larger than the
            // machine's own, so that chance does not move the point of settling.
            20
        } else {
            30
        };
        thread::sleep(Duration::from_millis(delay_ms));
        answer(OK)(stream, number)
    });
    let mut plan = plan(&server, 9 * 50);
    plan.connections = 20;
    plan.model = LoadModel::Open {
        rate_rps: 50.0,
        law: ArrivalLaw::Constant,
        overload: Overload::Queue,
    };
    run(&plan)
}

#[test]
fn other_bodies_now_and_then() {
    let server = serve(|stream, number| {
        let odd = number % 50 == 49;
        let body = if odd { "no" } else { "ok" };
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).unwrap();
        Then::KeepOpen
    });
    let report = run(&plan(&server, 500));
    assert_eq!(report.counts.succeeded, 500);
    let reason = reason(&report, Detector::DriftingBodies);
    assert!(reason.text.starts_with("10 of 500 answers"), "{reason:?}");
}

#[test]
fn quick_failures() {
    let server = serve(|stream, number| {
        if number % 20 == 19 {
            return answer("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")(stream, number);
        }
        answer(OK)(stream, number)
    });
    let report = run(&plan(&server, 500));
    assert_eq!(failures(&report), ["check × status: 25"]);
    let reason = reason(&report, Detector::Failures);
    assert!(
        reason.text.starts_with("5.00 % of the requests"),
        "{reason:?}"
    );
}

#[test]
fn a_target_that_stands_still() {
    const STALL: Duration = Duration::from_millis(400);
    let server = serve(|stream, number| {
        let is_stalled = number == 150;
        thread::sleep(if is_stalled {
            STALL
        } else {
            Duration::from_millis(1)
        });
        answer(OK)(stream, number)
    });
    let report = run(&plan(&server, 300));
    assert!(report.service_time.max_us.unwrap() >= 399_000.0);
    let reason = reason(&report, Detector::Stall);
    assert!(reason.text.starts_with("an answer took 4"), "{reason:?}");
}
