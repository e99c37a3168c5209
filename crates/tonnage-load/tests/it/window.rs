//! What is counted and when: windows, warm-up, users, threads, and the end.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use tonnage_load::{LoadEvent, Observer, Stop};
use tonnage_model::EndReason;

use crate::scripted::{OK, Then, answer, plan, run, serve};

#[test]
fn every_request_of_a_count_is_made_once() {
    let server = serve(answer(OK));
    let mut plan = plan(&server, 1_003);
    plan.connections = 7;
    plan.threads = 2;
    let report = run(&plan);
    assert_eq!(report.ended, EndReason::Count);
    assert_eq!(report.counts.succeeded, 1_003);
    assert_eq!(report.counts.unfinished, 0);
    assert_eq!(server.requests.load(Ordering::Relaxed), 1_003);
    assert_eq!(server.connections.load(Ordering::Relaxed), 7);
    assert_eq!(report.statuses[&200], 1_003);
}

#[test]
fn a_window_lasts_as_long_as_asked_and_its_parts_add_up() {
    let server = serve(answer(OK));
    let mut plan = plan(&server, 1);
    plan.requests = None;
    plan.connections = 4;
    plan.warmup = Duration::from_millis(100);
    plan.duration = Some(Duration::from_millis(300));
    let report = run(&plan);
    assert_eq!(report.ended, EndReason::Duration);
    assert!(report.window_us >= 300_000, "{}", report.window_us);
    assert!(report.warmup_us >= 100_000, "{}", report.warmup_us);
    assert!(report.counts.in_flight_at_start <= 4);
    let rate = report.counts.succeeded as f64 / (report.window_us as f64 / 1e6);
    assert!((report.throughput.goodput_rps / rate - 1.0).abs() < 1e-3);
    let seen_by_server = server.requests.load(Ordering::Relaxed);
    assert!(
        seen_by_server > report.counts.succeeded,
        "the warm-up was served, but is not counted"
    );
}

#[test]
fn known_delays_are_recovered() {
    // The truth test: whatever else the machine does, no answer can be seen
    // before it was given.
    const DELAY: Duration = Duration::from_millis(20);
    let server = serve(|stream, number| {
        std::thread::sleep(DELAY);
        answer(OK)(stream, number)
    });
    let mut plan = plan(&server, 60);
    plan.connections = 3;
    let report = run(&plan);
    assert!(report.service_time.min_us.unwrap() >= 20_000.0);
    assert!(report.service_time.percentile_us(50.0).unwrap() >= 20_000.0);
    assert_eq!(
        report.service_time.percentile_us(99.0),
        None,
        "60 samples do not support it"
    );
    // Three users who wait 20 ms each cannot ask more often than this.
    assert!(report.throughput.goodput_rps <= 150.0);
}

#[test]
fn what_the_end_cuts_off_is_counted_as_unfinished() {
    let server = serve(|stream, number| {
        if number < 3 {
            return answer(OK)(stream, number);
        }
        let _ = stream.peek(&mut [0]);
        Then::Close
    });
    let mut plan = plan(&server, 1);
    plan.requests = None;
    plan.connections = 5;
    plan.duration = Some(Duration::from_millis(200));
    let report = run(&plan);
    assert_eq!((report.counts.succeeded, report.counts.unfinished), (15, 5));
    assert_eq!(report.counts.failed, 0);
}

#[test]
fn a_wish_to_stop_ends_it_with_a_report() {
    let server = serve(answer(OK));
    let mut plan = plan(&server, 1);
    plan.requests = None;
    plan.connections = 2;
    plan.threads = 2;
    plan.duration = Some(Duration::from_mins(10));
    let stop = Stop::new();
    let (sender, events) = mpsc::channel();
    let report = std::thread::scope(|scope| {
        let observer = Observer {
            events: &sender,
            snapshots: true,
        };
        let (plan, stop_flag) = (&plan, &stop);
        let running = scope.spawn(move || tonnage_load::run(plan, stop_flag, Some(observer)));
        // The first progress with a success is the sign that load is flowing.
        while !matches!(
            events.recv(),
            Ok(LoadEvent::Progress { succeeded: 1.., .. })
        ) {}
        stop.request();
        running.join().unwrap().unwrap()
    });
    assert_eq!(report.ended, EndReason::Interrupted);
    assert!(report.counts.succeeded > 0);
    assert!(report.window_us < 600_000_000);
}

#[test]
fn the_generator_reports_its_own_cost() {
    let server = serve(answer(OK));
    let report = run(&plan(&server, 2_000));
    let generator = &report.generator;
    assert!(generator.cpu_us > 0);
    assert!(
        (0.0..=1.05).contains(&generator.busiest_thread_cpu_share),
        "{generator:?}"
    );
    assert!(generator.cpu_us_per_response.unwrap() > 0.0);
    assert_eq!(generator.engine, "epoll");
}

#[test]
fn littles_law_holds_in_a_closed_loop() {
    let server = serve(|stream, _| {
        std::thread::sleep(Duration::from_millis(2));
        let _ = stream.write_all(OK.as_bytes());
        Then::KeepOpen
    });
    let mut plan = plan(&server, 400);
    plan.connections = 4;
    let residual = run(&plan).generator.little_residual.unwrap();
    // Users, rate and response time are three readings of the same thing; only
    // the edges of the window separate them.
    assert!(residual < 0.1, "{residual}");
}

#[test]
fn a_count_is_kept_after_a_warm_up_too() {
    let server = serve(answer(OK));
    let mut plan = plan(&server, 100);
    plan.connections = 10;
    plan.warmup = Duration::from_millis(50);
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 100, "{:?}", report.counts);
}
