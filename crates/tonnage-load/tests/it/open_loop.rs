//! The open loop against real sockets: nothing that arrives is lost, the rate is
//! the one that was asked for, and the number of threads changes nothing.
//!
//! Where the number of arrivals must be exact, the rate falls to zero before the
//! window ends: then it does not matter how late the end is noticed.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use tonnage_load::{ArrivalLaw, LoadModel, LoadPlan, Overload};
use tonnage_model::{Arrivals, LoadReport};

use crate::scripted::{OK, Scripted, Then, answer, plan, run, serve};

fn open(server: &Scripted, law: ArrivalLaw, overload: Overload, rate_rps: f64) -> LoadPlan {
    let mut plan = plan(server, 1);
    plan.requests = None;
    plan.model = LoadModel::Open {
        rate_rps,
        law,
        overload,
    };
    plan
}

/// What must hold of the arrivals of every report.
#[track_caller]
fn arrivals(report: &LoadReport) -> Arrivals {
    let arrivals = report.arrivals.unwrap();
    assert_eq!(
        arrivals.queued_at_start + arrivals.arrived,
        arrivals.sent + arrivals.dropped + arrivals.queued_at_end,
        "an arrival was lost: {arrivals:?}"
    );
    assert_eq!(arrivals.sent, report.counts.started);
    assert_eq!(
        report.send_lag.count, arrivals.arrived,
        "how late each was noticed is known"
    );
    arrivals
}

/// A server that one connection keeps busy for 20 ms with each request.
fn slow() -> Scripted {
    serve(|stream, _| {
        thread::sleep(Duration::from_millis(20));
        let _ = stream.write_all(OK.as_bytes());
        Then::KeepOpen
    })
}

#[test]
fn what_waits_is_counted_across_the_ends_of_the_window() {
    let server = slow();
    let mut plan = open(&server, ArrivalLaw::Constant, Overload::Queue, 400.0);
    plan.warmup = Duration::from_millis(300);
    plan.duration = Some(Duration::from_millis(400));
    let report = run(&plan);
    let arrivals = arrivals(&report);
    // One connection serves at most 50 of the 400 each second.
    assert!(arrivals.queued_at_start > 0, "{arrivals:?}");
    assert!(
        arrivals.queued_at_end > arrivals.queued_at_start,
        "{arrivals:?}"
    );
    assert_eq!(arrivals.dropped, 0);
    assert!(arrivals.most_queued >= arrivals.queued_at_end);
    assert_eq!(arrivals.target_rps.round() as u64, 400);
    // What waits is in no service time, and in every response time.
    let (service, response) = (&report.service_time, &report.response_time);
    assert!(response.min_us.unwrap() > service.min_us.unwrap());
}

#[test]
fn what_finds_no_connection_may_be_dropped() {
    let server = slow();
    let mut plan = open(&server, ArrivalLaw::Constant, Overload::Drop, 400.0);
    plan.connections = 2;
    plan.duration = Some(Duration::from_millis(400));
    let report = run(&plan);
    let arrivals = arrivals(&report);
    assert!(arrivals.dropped > arrivals.sent, "{arrivals:?}");
    assert_eq!(
        (
            arrivals.queued,
            arrivals.queued_at_end,
            arrivals.most_queued
        ),
        (0, 0, 0)
    );
    assert_eq!(
        server.requests.load(Ordering::Relaxed),
        report.counts.started,
        "what was dropped never reached the server"
    );
}

/// A load of about 400 arrivals, whose last 300 ms have none.
fn finite(server: &Scripted, law: ArrivalLaw, seed: u64, threads: u32) -> LoadPlan {
    let mut plan = open(server, law, Overload::Queue, 1.0);
    plan.stages = Some("800/s@500ms,0/s@300ms".parse().unwrap());
    plan.connections = 8;
    plan.threads = threads;
    plan.seed = seed;
    plan
}

#[test]
fn a_poisson_rate_is_kept() {
    const MEAN: f64 = 400.0;
    let server = serve(answer(OK));
    let mut counts = Vec::new();
    for seed in 1..=2 {
        let report = run(&finite(&server, ArrivalLaw::Poisson, seed, 1));
        let arrived = arrivals(&report).arrived;
        // Four deviations, which a fixed seed exceeds always or never.
        let off = (arrived as f64 - MEAN).abs();
        assert!(off <= 4.0 * MEAN.sqrt(), "seed {seed}: {arrived}");
        assert_eq!(report.counts.succeeded, arrived, "{:?}", report.failures);
        counts.push(arrived);
    }
    assert!(
        counts[0] != counts[1],
        "the seed changes nothing: {counts:?}"
    );
}

#[test]
fn a_constant_rate_is_kept_to_the_request() {
    let server = serve(answer(OK));
    let report = run(&finite(&server, ArrivalLaw::Constant, 0, 1));
    // The first at once, then one every 1.25 ms; that at 500 ms belongs to the rest.
    assert!((400..=401).contains(&arrivals(&report).arrived));
    assert_eq!(
        server.requests.load(Ordering::Relaxed),
        report.counts.succeeded
    );
}

#[test]
fn three_threads_give_the_arrivals_of_one() {
    let server = serve(answer(OK));
    for law in [ArrivalLaw::Constant, ArrivalLaw::Poisson] {
        let counts = [1, 3].map(|threads| {
            let report = run(&finite(&server, law, 7, threads));
            arrivals(&report).arrived
        });
        assert_eq!(counts, [counts[0]; 2], "{law:?}");
    }
}
