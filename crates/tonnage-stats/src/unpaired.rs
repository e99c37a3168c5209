//! The ratio of two levels that were not measured side by side: two runs, two machines,
//! two days. What slows one of them does not cancel; paired blocks are better wherever
//! they can be had.

use crate::interval::{Interval, Method, TAIL, deviation, expanded_tail, log, percentiles};
use crate::random::Stream;
use crate::steady::mean;
use crate::student::student_exceeded;

/// As many as for an interval of one level.
const RESAMPLES: usize = 10_000;

/// With fewer blocks on either side there are too few different resamples.
const BOOTSTRAP_BLOCKS: usize = 6;

/// A 95 % interval for the level of `a` ÷ the level of `b`, one value a block on either
/// side, through logarithms. `blocks` is that of the side with fewer. `None` without
/// values, or where one is not positive and finite; bounds at 0 and ∞ where a side has a
/// single block.
///
/// B. L. Welch's interval (Biometrika 34, 1947) with the degrees of freedom rounded
/// down. From six blocks on either side also the percentile bootstrap that resamples
/// both sides independently (B. Efron and R. J. Tibshirani, "An Introduction to the
/// Bootstrap", 1993, section 8.3), its tails expanded as for
/// [`mean_interval`](crate::mean_interval); the wider bound on each side counts.
pub fn unpaired_ratio_interval(a: &[f64], b: &[f64], seed: u64) -> Option<Interval> {
    let logs = |values: &[f64]| {
        values
            .iter()
            .map(|value| log(*value))
            .collect::<Option<Vec<f64>>>()
    };
    let (a, b) = (logs(a)?, logs(b)?);
    let blocks = a.len().min(b.len());
    if blocks == 0 {
        return None;
    }
    let estimate = mean(&a) - mean(&b);
    if blocks == 1 {
        return Some(Interval {
            estimate: estimate.exp(),
            low: 0.0,
            high: f64::INFINITY,
            blocks,
            method: Method::Single,
        });
    }
    let half_width = welch_half_width(&a, &b);
    let (mut low, mut high) = (estimate - half_width, estimate + half_width);
    let is_resampled = blocks >= BOOTSTRAP_BLOCKS;
    if is_resampled {
        let (lowest, highest) = resampled(&a, &b, seed);
        (low, high) = (low.min(lowest), high.max(highest));
    }
    Some(Interval {
        estimate: estimate.exp(),
        low: low.exp(),
        high: high.exp(),
        blocks,
        method: if is_resampled {
            Method::Bootstrap
        } else {
            Method::StudentT
        },
    })
}

fn welch_half_width(a: &[f64], b: &[f64]) -> f64 {
    let square = |values: &[f64]| deviation(values).powi(2) / values.len() as f64;
    let (of_a, of_b) = (square(a), square(b));
    let sum = of_a + of_b;
    if sum <= 0.0 {
        return 0.0;
    }
    let part = |square: f64, n: usize| square.powi(2) / (n - 1) as f64;
    let freedom = sum.powi(2) / (part(of_a, a.len()) + part(of_b, b.len()));
    student_exceeded(TAIL, (freedom.floor() as usize).max(1)) * sum.sqrt()
}

fn resampled(a: &[f64], b: &[f64], seed: u64) -> (f64, f64) {
    let mut stream = Stream::new(seed, 0);
    let mut level = |values: &[f64]| {
        let sum: f64 = (0..values.len()).map(|_| stream.pick(values)).sum();
        sum / values.len() as f64
    };
    let differences = (0..RESAMPLES).map(|_| level(a) - level(b)).collect();
    percentiles(differences, expanded_tail(a.len().min(b.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(stream: &mut Stream, blocks: usize, level: f64, cv: f64) -> Vec<f64> {
        (0..blocks).map(|_| stream.trial(level, cv)).collect()
    }

    #[test]
    fn the_bounds_hold_the_ratio_as_often_as_they_promise() {
        // Noise and numbers of blocks differ between the sides.
        for (blocks_a, blocks_b) in [(3, 3), (3, 8), (6, 6), (8, 12)] {
            let held = (0..400).filter(|seed| {
                let mut stream = Stream::new(*seed, 1);
                let a = values(&mut stream, blocks_a, 130.0, 0.03);
                let b = values(&mut stream, blocks_b, 100.0, 0.1);
                unpaired_ratio_interval(&a, &b, *seed)
                    .unwrap()
                    .contains(1.3)
            });
            let share = held.count() as f64 / 400.0;
            assert!(share >= 0.925, "{blocks_a} and {blocks_b} blocks: {share}");
        }
    }

    #[test]
    fn what_cannot_be_known_has_no_bounds() {
        let one = unpaired_ratio_interval(&[4.0], &[2.0, 2.1], 1).unwrap();
        assert_eq!((one.low, one.high, one.blocks), (0.0, f64::INFINITY, 1));
        assert_eq!(unpaired_ratio_interval(&[], &[1.0], 1), None);
        assert_eq!(unpaired_ratio_interval(&[1.0, 0.0], &[1.0, 1.0], 1), None);
        let equal = unpaired_ratio_interval(&[2.0, 2.0], &[1.0, 1.0, 1.0], 1).unwrap();
        assert!((equal.low - 2.0).abs() < 1e-12 && (equal.high - 2.0).abs() < 1e-12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_sides_may_be_turned_round(
            a in prop::collection::vec(1.0f64..2.0, 2..6),
            b in prop::collection::vec(1.0f64..2.0, 2..9),
        ) {
            let there = unpaired_ratio_interval(&a, &b, 1).unwrap();
            let back = unpaired_ratio_interval(&b, &a, 1).unwrap();
            prop_assert!((there.estimate * back.estimate - 1.0).abs() < 1e-9);
            prop_assert!((there.low * back.high - 1.0).abs() < 1e-9);
            prop_assert!(there.contains(there.estimate));
        }
    }
}
