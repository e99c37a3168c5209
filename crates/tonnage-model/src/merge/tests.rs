//! Tests of merging: what is added up, what is not, and that no order matters.

use proptest::prelude::*;

use super::*;
use crate::{
    AssertionResult, Cause, Detector, Generator, Histogram, Level, Phase, Reason, Series, Slice,
};

const SECOND_US: u64 = 1_000_000;

/// A report of `seconds` slices that begins `start_us` after some instant.
fn report(start_us: u64, seconds: u64, latencies_us: &[u64]) -> LoadReport {
    let mut histogram = Histogram::new();
    for us in latencies_us {
        histogram.record(us * 1_000);
    }
    let succeeded = histogram.count();
    let slices = (0..seconds).map(|i| {
        let mut slice = Slice {
            start_us: i * SECOND_US,
            length_us: SECOND_US,
            in_flight: 4,
            succeeded: if i == 0 { succeeded } else { 0 },
            ..Slice::default()
        };
        let first = if i == 0 {
            histogram.clone()
        } else {
            Histogram::new()
        };
        slice.set_latencies(&first);
        slice
    });
    LoadReport {
        schema: LOAD_SCHEMA.to_owned(),
        request: RequestSummary {
            url: "http://a/".to_owned(),
            method: "GET".to_owned(),
            connections: 4,
            ..RequestSummary::default()
        },
        started_unix_us: 1_000_000_000 + start_us,
        warmup_us: SECOND_US,
        window_us: seconds * SECOND_US,
        counts: Counts {
            started: succeeded + 1,
            succeeded,
            failed: 1,
            ..Counts::default()
        },
        throughput: ThroughputSummary {
            answered_rps: succeeded as f64 / seconds as f64,
            ..ThroughputSummary::default()
        },
        failures: vec![FailureCount {
            phase: Phase::Wait,
            cause: Cause::Timeout,
            count: 1,
        }],
        statuses: BTreeMap::from([(200, succeeded)]),
        response_time: LatencySummary::of(&histogram),
        series: Series {
            slice_us: SECOND_US,
            slices: slices.collect(),
        },
        generator: Generator {
            threads: 2,
            cpu_us: 100,
            ceiling_rps: Some(1000.0),
            little_residual: Some(0.1),
            ..Generator::default()
        },
        ..LoadReport::default()
    }
}

#[test]
fn parallel_generators_add_their_rates() {
    let left = report(0, 10, &[100; 1000]);
    let right = report(400_000, 10, &[300; 2000]);
    let both = left.merge(&right).unwrap();
    assert_eq!(both.window_us, 10_400_000);
    assert_eq!(both.counts.succeeded, 3000);
    assert!((both.throughput.goodput_rps - 3000.0 / 10.4).abs() < 1e-9);
    assert_eq!(both.request.connections, 8);
    assert_eq!(both.generator.threads, 4);
    assert_eq!(both.generator.ceiling_rps, Some(2000.0));
    assert_eq!(both.generator.little_residual, None);
    assert_eq!(both.series.slices.len(), 10, "on one grid");
    assert_eq!(both.series.slices[0].succeeded, 3000);
    assert_eq!(both.series.slices[0].in_flight, 8);
    assert_eq!(both.failures[0].count, 2);
}

#[test]
fn runs_in_turn_are_pooled() {
    let left = report(3_600 * SECOND_US, 10, &[100; 1000]);
    let right = report(0, 30, &[300; 2000]);
    let both = left.merge(&right).unwrap();
    assert_eq!(both.window_us, 40 * SECOND_US, "without the pause");
    assert!((both.throughput.goodput_rps - 75.0).abs() < 1e-9);
    assert_eq!(both.request.connections, 4);
    assert_eq!(both.generator.ceiling_rps, Some(1000.0));
    assert_eq!(both.series.slices.len(), 40);
    assert_eq!(both.series.slices[30].succeeded, 1000);
    assert_eq!(both.started_unix_us, right.started_unix_us);
    assert_eq!(both.warmup_us, SECOND_US);
}

#[test]
fn slices_of_different_lengths_become_equal() {
    let left = report(0, 8, &[100; 10]);
    let mut right = report(0, 8, &[100; 10]);
    right.series.double();
    let both = left.merge(&right).unwrap();
    assert_eq!(both.series.slice_us, 2 * SECOND_US);
    assert_eq!(both.series.slices.len(), 4);
    assert_eq!(both.series.slices[0].succeeded, 20);
    assert_eq!(both.series.slices[0].length_us, 2 * SECOND_US);
}

#[test]
fn different_requests_are_refused_by_name() {
    let left = report(0, 1, &[]);
    let mut right = left.clone();
    right.request.url = "http://b/".to_owned();
    assert_eq!(
        left.merge(&right).unwrap_err().to_string(),
        "the reports are of different targets: `http://a/` and `http://b/`"
    );
    right = left.clone();
    right.request.method = "POST".to_owned();
    assert!(matches!(left.merge(&right), Err(MergeError::Method(..))));
    right = left.clone();
    right.schema = "tonnage.load/0".to_owned();
    assert!(matches!(right.merge(&left), Err(MergeError::Schema(_))));
}

#[test]
fn a_reason_of_both_is_said_once_and_assertions_go() {
    let reason = |detector, level| Reason {
        detector,
        level,
        text: "seen".to_owned(),
    };
    let mut left = report(0, 1, &[]);
    left.assertions = vec![AssertionResult {
        assertion: "p50<1s".to_owned(),
        holds: Some(true),
        figure: "1 ms".to_owned(),
    }];
    left.verdict = Verdict::from_reasons(vec![reason(Detector::Stall, Level::Suspect)]);
    let mut right = left.clone();
    right
        .verdict
        .reasons
        .push(reason(Detector::PortExhaustion, Level::Invalid));
    let both = left.merge(&right).unwrap();
    assert_eq!(both.verdict.reasons.len(), 2);
    assert_eq!(both.verdict.level, Level::Invalid);
    assert!(both.assertions.is_empty());
}

fn any_report() -> impl Strategy<Value = LoadReport> {
    let latencies = prop::collection::vec(1u64..1_000_000, 0..60);
    (0..5 * SECOND_US, 1u64..4, latencies)
        .prop_map(|(start_us, seconds, latencies)| report(start_us, seconds, &latencies))
}

/// What no order of merging may change.
fn sums(report: &LoadReport) -> (Counts, BTreeMap<u16, u64>, u64, u64, Histogram) {
    let in_slices: u64 = report.series.slices.iter().map(|s| s.succeeded).sum();
    let sampled: u64 = report
        .series
        .slices
        .iter()
        .map(|slice| slice.histogram().count())
        .sum();
    (
        report.counts,
        report.statuses.clone(),
        in_slices,
        sampled,
        report.response_time.histogram(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_is_lost_and_the_order_does_not_matter(a in any_report(), b in any_report()) {
        let both = a.merge(&b).unwrap();
        prop_assert_eq!(sums(&both), sums(&b.merge(&a).unwrap()));
        prop_assert_eq!(both.response_time.count, a.response_time.count + b.response_time.count);
        prop_assert_eq!(sums(&both).3, both.counts.succeeded);
        prop_assert!(both.window_us <= a.window_us + b.window_us);
        prop_assert!(both.window_us >= a.window_us.max(b.window_us));
    }

    #[test]
    fn it_does_not_matter_which_are_merged_first(
        a in any_report(), b in any_report(), c in any_report(),
    ) {
        let left = a.merge(&b).unwrap().merge(&c).unwrap();
        let right = a.merge(&b.merge(&c).unwrap()).unwrap();
        prop_assert_eq!(sums(&left), sums(&right));
    }
}
