use tonnage_model::{
    Arrivals, Bodies, BodyKind, Cause, FailureCount, Histogram, LatencySummary, Phase, Slice,
};

use super::*;

const CLOSED: Asked = Asked {
    connections: 8,
    is_open: false,
    is_staged: false,
    is_uniform: true,
    percentile: None,
};

fn latencies(us: u64, count: u64) -> LatencySummary {
    let mut histogram = Histogram::new();
    histogram.record_n(us * 1000, count);
    LatencySummary::of(&histogram)
}

fn usual_body(count: u64) -> BodyKind {
    BodyKind {
        bytes: 100,
        crc32: 1,
        count,
    }
}

/// Ten seconds at 1000 requests/s with 8 ms each, against which nothing speaks.
fn clean() -> LoadReport {
    let mut report = LoadReport {
        window_us: 10_000_000,
        service_time: latencies(8_000, 10_000),
        response_time: latencies(8_000, 10_000),
        ..LoadReport::default()
    };
    report.counts.succeeded = 10_000;
    report.throughput.answered_rps = 1_000.0;
    report.throughput.goodput_rps = 1_000.0;
    report.bodies.kinds = vec![usual_body(10_000)];
    report.series.slices = (0..10)
        .map(|i| Slice {
            start_us: i * 1_000_000,
            length_us: 1_000_000,
            succeeded: 1_000 + i % 3,
            p50_us: Some(8_000.0),
            ..Slice::default()
        })
        .collect();
    let generator = &mut report.generator;
    generator.busiest_thread_cpu_share = 0.1;
    generator.connections_used = 8;
    generator.little_residual = Some(0.001);
    generator.ceiling_rps = Some(100_000.0);
    generator.cpu_wait_share = Some(0.01);
    generator.steal_share = Some(0.0);
    generator.throttled_periods = Some(0);
    generator.listen_overflows = Some(0);
    report
}

/// The one reason for a report that is clean but for what `spoil` does to it.
#[track_caller]
fn only_reason(asked: Asked, spoil: impl FnOnce(&mut LoadReport)) -> Reason {
    let mut report = clean();
    spoil(&mut report);
    let verdict = judge(&report, asked);
    let [reason] = &verdict.reasons[..] else {
        panic!("{verdict:?}")
    };
    assert_eq!(verdict.level, reason.level);
    reason.clone()
}

#[test]
fn a_clean_run_is_valid() {
    assert_eq!(judge(&clean(), CLOSED), Verdict::default());
    assert_eq!(judge(&LoadReport::default(), CLOSED).level, Level::Suspect);
}

#[test]
fn a_busy_generator() {
    let reason = only_reason(CLOSED, |r| r.generator.busiest_thread_cpu_share = 0.85);
    assert_eq!(
        (reason.detector, reason.level),
        (Detector::GeneratorCpu, Level::Suspect)
    );
    assert!(reason.text.contains("85.0 % of one CPU"), "{}", reason.text);
    let reason = only_reason(CLOSED, |r| r.generator.busiest_thread_cpu_share = 0.99);
    assert_eq!(reason.level, Level::Invalid);
}

#[test]
fn a_short_window_is_never_invalid_for_want_of_cpu() {
    let mut report = clean();
    report.window_us = 4_000;
    report.generator.busiest_thread_cpu_share = 1.0;
    report.generator.cpu_wait_share = Some(0.9);
    assert_eq!(judge(&report, CLOSED).level, Level::Suspect);
}

#[test]
fn a_starved_generator() {
    let reason = only_reason(CLOSED, |r| {
        r.generator.cpu_wait_share = Some(0.9);
        r.generator.throttled_periods = Some(95);
    });
    assert_eq!(
        (reason.detector, reason.level),
        (Detector::GeneratorStarved, Level::Invalid)
    );
    assert!(
        reason.text.contains("throttled 95 times"),
        "{}",
        reason.text
    );
}

#[test]
fn a_rate_near_the_own_ceiling() {
    let reason = only_reason(CLOSED, |r| r.generator.ceiling_rps = Some(1_100.0));
    assert_eq!(reason.detector, Detector::OwnCeiling);
    assert!(reason.text.contains("90.9 %"), "{}", reason.text);
}

#[test]
fn requests_that_leave_late() {
    let reason = only_reason(CLOSED, |r| r.send_lag = latencies(5_000, 10_000));
    assert_eq!(reason.detector, Detector::SendLag);
}

#[test]
fn a_hypervisor_that_takes_time() {
    let reason = only_reason(CLOSED, |r| r.generator.steal_share = Some(0.1));
    assert_eq!(
        (reason.detector, reason.level),
        (Detector::StealTime, Level::Suspect)
    );
}

#[test]
fn an_open_loop_that_is_not_what_was_asked() {
    let asked = Asked {
        is_open: true,
        ..CLOSED
    };
    let arrivals = Arrivals {
        target_rps: 1_000.0,
        arrived: 10_000,
        sent: 10_000,
        ..Arrivals::default()
    };
    let with = |change: fn(&mut Arrivals)| {
        only_reason(asked, |r| {
            let mut arrivals = arrivals;
            change(&mut arrivals);
            r.arrivals = Some(arrivals);
        })
    };
    assert!(
        with(|a| a.queued_at_end = 500)
            .text
            .contains("does not keep up")
    );
    assert!(
        with(|a| a.dropped = 500)
            .text
            .contains("5.00 % of the arrivals were dropped")
    );
    assert_eq!(with(|a| a.arrived = 9_000).level, Level::Invalid);
    let mut report = clean();
    report.arrivals = Some(arrivals);
    assert_eq!(judge(&report, asked).level, Level::Valid);
}

#[test]
fn figures_that_contradict_each_other() {
    let reason = only_reason(CLOSED, |r| r.generator.little_residual = Some(0.08));
    assert_eq!(
        (reason.detector, reason.level),
        (Detector::LittlesLaw, Level::Suspect)
    );
}

#[test]
fn connections_that_never_came_about() {
    let reason = only_reason(CLOSED, |r| r.generator.connections_used = 5);
    assert!(reason.text.contains("only 5 of 8"), "{}", reason.text);
    let mut report = clean();
    report.generator.connections_used = 5;
    for asked in [
        Asked {
            is_open: true,
            ..CLOSED
        },
        Asked {
            is_staged: true,
            ..CLOSED
        },
    ] {
        assert_eq!(judge(&report, asked).level, Level::Valid);
    }
}

fn failures(phase: Phase, cause: Cause, count: u64) -> Vec<FailureCount> {
    vec![FailureCount {
        phase,
        cause,
        count,
    }]
}

#[test]
fn a_machine_without_ports() {
    let reason = only_reason(CLOSED, |r| {
        r.failures = failures(Phase::Connect, Cause::Ports, 3);
    });
    assert_eq!(
        (reason.detector, reason.level),
        (Detector::PortExhaustion, Level::Invalid)
    );
}

#[test]
fn a_backlog_that_overflows() {
    let by_counter = only_reason(CLOSED, |r| r.generator.listen_overflows = Some(7));
    assert!(by_counter.text.contains("turned 7 connects away"));
    let by_time = only_reason(CLOSED, |r| r.connect_time = latencies(1_010_000, 4));
    assert_eq!(by_time.detector, Detector::BacklogOverflow);
    assert!(by_time.text.contains("4 connects took a second"));
}

#[test]
fn a_start_that_was_not_steady() {
    let reason = only_reason(CLOSED, |r| {
        for slice in &mut r.series.slices[..3] {
            slice.succeeded = 300;
        }
    });
    assert_eq!(reason.detector, Detector::NotSteady);
    assert!(
        reason.text.contains("settled only 3s after"),
        "{}",
        reason.text
    );
    let mut report = clean();
    report.series.slices[0].succeeded = 300;
    let staged = Asked {
        is_staged: true,
        ..CLOSED
    };
    assert_eq!(judge(&report, staged).level, Level::Valid);
}

#[test]
fn a_percentile_that_300_requests_cannot_support() {
    let asked = Asked {
        percentile: Some(99.9),
        ..CLOSED
    };
    let reason = only_reason(asked, |r| {
        r.counts.succeeded = 300;
    });
    assert_eq!(
        (reason.detector, reason.level),
        (Detector::TooFewSamples, Level::Invalid)
    );
    assert!(
        reason.text.contains("at least 10000 are needed"),
        "{}",
        reason.text
    );
}

#[test]
fn answers_that_differ() {
    let truncated = BodyKind {
        bytes: 60,
        crc32: 2,
        count: 100,
    };
    let reason = only_reason(CLOSED, |r| {
        r.bodies.kinds = vec![usual_body(9_900), truncated];
    });
    assert!(
        reason.text.contains("100 of 10000 answers (1.00 %)"),
        "{}",
        reason.text
    );
    // Pages with the time in them are no drift, but half a page is.
    let pages: Vec<BodyKind> = (0..15)
        .map(|i| BodyKind {
            bytes: 100 + i % 2,
            crc32: i as u32,
            count: 1,
        })
        .collect();
    let mut report = clean();
    report.bodies = Bodies {
        kinds: pages.clone(),
        others: 9_985,
    };
    assert_eq!(judge(&report, CLOSED).level, Level::Valid);
    report.bodies.kinds[3].bytes = 20;
    assert_eq!(judge(&report, CLOSED).level, Level::Suspect);
    let varied = Asked {
        is_uniform: false,
        ..CLOSED
    };
    assert_eq!(judge(&report, varied).level, Level::Valid);
}

#[test]
fn failures_beyond_a_hundredth() {
    let reason = only_reason(CLOSED, |r| r.counts.failed = 200);
    assert_eq!(reason.detector, Detector::Failures);
    let mut report = clean();
    report.counts.failed = 50;
    assert_eq!(judge(&report, CLOSED).level, Level::Valid);
}

#[test]
fn a_stall_that_a_closed_loop_hides() {
    let stalled = |r: &mut LoadReport| {
        let mut histogram = Histogram::new();
        histogram.record_n(8_000_000, 9_992);
        histogram.record_n(2_000_000_000, 8);
        r.service_time = LatencySummary::of(&histogram);
    };
    let reason = only_reason(CLOSED, stalled);
    assert!(
        reason.text.contains("took 2.00 s, 250 times the median"),
        "{}",
        reason.text
    );
    let mut report = clean();
    stalled(&mut report);
    assert_eq!(
        judge(
            &report,
            Asked {
                is_open: true,
                ..CLOSED
            }
        )
        .level,
        Level::Valid
    );
}
