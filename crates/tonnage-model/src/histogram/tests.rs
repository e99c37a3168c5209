//! Tests of histograms: the rule of ten samples, exact merging, reading back.

use super::*;
use proptest::prelude::*;

fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
    let mut histogram = Histogram::new();
    values.into_iter().for_each(|value| histogram.record(value));
    histogram
}

#[test]
fn a_percentile_needs_ten_samples_beyond_it() {
    let nearly = of((0..999).map(|i| i * 1_000));
    assert_eq!(nearly.percentile_us(99.0), None);
    assert_eq!(of((0..300).map(|i| i * 1_000)).percentile_us(99.9), None);
    let enough = of((0..1_000).map(|i| i * 1_000));
    let p99 = enough.percentile_us(99.0).unwrap();
    assert!((988.0..992.0).contains(&p99), "{p99}");
    assert_eq!(of(0..19).percentile_us(50.0), None);
    assert!(of(0..20).percentile_us(50.0).is_some());
}

#[test]
fn the_extremes_are_never_percentiles() {
    let histogram = of(0..10_000);
    assert_eq!(histogram.percentile_us(100.0), None);
    assert_eq!(histogram.percentile_us(0.0), None);
}

#[test]
fn buckets_and_steps_hold_every_sample() {
    let histogram = of((1..=1_000).map(|i| i * 1_000));
    assert_eq!(histogram.buckets().map(|(_, n)| n).sum::<u64>(), 1_000);
    assert_eq!(histogram.count_at_most(100_100), 100);
    assert_eq!(histogram.count_at_most(u64::MAX), 1_000);
    let steps = histogram.quantile_steps(5);
    let last = steps.last().unwrap();
    assert_eq!((last.count, last.quantile), (1_000, 1.0));
    assert!(steps.windows(2).all(|pair| pair[0].count <= pair[1].count));
    assert!(steps.iter().any(|step| (step.quantile - 0.5).abs() < 1e-9));
}

#[test]
fn most_samples_lie_near_the_mean() {
    // Even spread: 1 ÷ √3 of it lies within one standard deviation.
    let even = of((1..=10_000).map(|i| i * 1_000));
    assert!((even.share_within(1.0).unwrap() - 0.577).abs() < 0.01);
    assert_eq!(even.share_within(2.0), Some(1.0));
    assert_eq!(Histogram::new().share_within(1.0), None);
}

#[test]
fn empty_means_no_figures() {
    let empty = Histogram::new();
    assert_eq!(empty.mean_us(), None);
    assert_eq!(empty.min_us(), None);
    assert_eq!(empty.max_us(), None);
}

#[test]
fn over_an_hour_counts_as_an_hour() {
    let histogram = of([u64::MAX]);
    assert_eq!(histogram.count(), 1);
    assert!(histogram.max_us().unwrap() >= 3.6e9);
}

proptest! {
    #[test]
    fn merging_equals_recording_together(
        left in prop::collection::vec(1u64..10_000_000_000, 0..200),
        right in prop::collection::vec(1u64..10_000_000_000, 0..200),
    ) {
        let mut merged = of(left.clone());
        merged.merge(&of(right.clone()));
        prop_assert_eq!(merged, of(left.into_iter().chain(right)));
    }

    #[test]
    fn stored_and_read_back_is_the_same(
        values in prop::collection::vec(1u64..10_000_000_000, 0..200),
    ) {
        let histogram = of(values);
        let back = Histogram::from_base64(&histogram.to_base64()).unwrap();
        prop_assert_eq!(back.count(), histogram.count());
        for percentile in [5.0, 50.0, 90.0, 95.0] {
            prop_assert_eq!(back.percentile_us(percentile), histogram.percentile_us(percentile));
        }
    }

    #[test]
    fn garbage_is_an_error_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(Histogram::from_v2_deflate(&bytes).is_err());
    }
}
