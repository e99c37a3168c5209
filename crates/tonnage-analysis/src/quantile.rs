//! Percentiles of several blocks together: of all their samples, with bounds from
//! resampling the blocks. Percentiles are never averaged.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};
use tonnage_model::Histogram;
use tonnage_stats::{Interval, level_interval};

/// Percentiles of resamples settle long before the means of T. C. Hesterberg's 10,000
/// do; B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993,
/// section 13.3, advise 1,000.
const RESAMPLES: usize = 1000;

/// The part left out on either side of a 95 % interval.
const TAIL: f64 = 0.025;

/// From so many blocks on, blocks are drawn as a whole; fewer have too few different
/// draws (as in `tonnage-stats`).
const BLOCK_RESAMPLING: usize = 6;

/// A percentile (0 to 100) of the samples of all blocks in milliseconds; `None` where
/// all together do not support it, or there are none.
///
/// The estimate is that of the merged histogram. The bounds enclose both the interval
/// of the level of the blocks' own percentiles, which is honest with few blocks, and,
/// from six blocks on, the percentile bootstrap of merged resamples, which sees what a
/// single slow block does to a tail.
pub(crate) fn percentile_ms(blocks: &[Histogram], percentile: f64, seed: u64) -> Option<Interval> {
    let mut merged = Histogram::new();
    for block in blocks {
        merged.merge(block);
    }
    let estimate = merged.percentile_us(percentile)? / 1e3;
    let sampled: Vec<Distribution> = blocks
        .iter()
        .filter(|block| block.count() > 0)
        .map(Distribution::of)
        .collect();
    let share = percentile.clamp(0.0, 100.0) / 100.0;
    let own: Vec<f64> = sampled
        .iter()
        .map(|block| quantile_ns(&[block], share) as f64 / 1e6)
        .collect();
    let mut bounds = level_interval(&own, seed)?;
    if sampled.len() >= BLOCK_RESAMPLING {
        let (low, high) = resampled_ms(&sampled, share, seed);
        bounds.low = bounds.low.min(low);
        bounds.high = bounds.high.max(high);
    }
    Some(Interval {
        estimate,
        low: bounds.low.min(estimate),
        high: bounds.high.max(estimate),
        ..bounds
    })
}

/// The 95 % percentile interval over resampled blocks, in milliseconds.
fn resampled_ms(blocks: &[Distribution], share: f64, seed: u64) -> (f64, f64) {
    let mut stream = Pcg64Mcg::seed_from_u64(seed);
    let mut draw = || (u64::from(stream.next_u32()) * blocks.len() as u64) >> 32;
    let mut found: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<&Distribution> = (0..blocks.len())
                .map(|_| &blocks[draw() as usize])
                .collect();
            quantile_ns(&drawn, share) as f64 / 1e6
        })
        .collect();
    found.sort_by(f64::total_cmp);
    let from_end = (TAIL * (found.len() - 1) as f64).floor() as usize;
    (found[from_end], found[found.len() - 1 - from_end])
}

/// A histogram's buckets as values in nanoseconds and counts up to each.
struct Distribution {
    values_ns: Vec<u64>,
    up_to: Vec<u64>,
}

impl Distribution {
    fn of(histogram: &Histogram) -> Self {
        let mut count = 0;
        let (values_ns, up_to) = histogram
            .buckets()
            .map(|(value_ns, samples)| {
                count += samples;
                (value_ns, count)
            })
            .unzip();
        Self { values_ns, up_to }
    }

    fn count(&self) -> u64 {
        self.up_to.last().copied().unwrap_or(0)
    }

    fn at_most(&self, value_ns: u64) -> u64 {
        match self.values_ns.partition_point(|value| *value <= value_ns) {
            0 => 0,
            n => self.up_to[n - 1],
        }
    }
}

/// The smallest value that at least `share` of all samples do not exceed, in
/// nanoseconds; 0 without samples.
fn quantile_ns(blocks: &[&Distribution], share: f64) -> u64 {
    let count: u64 = blocks.iter().map(|block| block.count()).sum();
    let wanted = ((share * count as f64).ceil() as u64).clamp(1, count.max(1));
    let (mut low, mut high) = (
        0,
        blocks
            .iter()
            .filter_map(|b| b.values_ns.last())
            .max()
            .copied()
            .unwrap_or(0),
    );
    while low < high {
        let middle = low + (high - low) / 2;
        let at_most: u64 = blocks.iter().map(|block| block.at_most(middle)).sum();
        if at_most >= wanted {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(around_us: u64, samples: u64) -> Histogram {
        let mut histogram = Histogram::new();
        for i in 0..samples {
            histogram.record((around_us + i % 100) * 1000);
        }
        histogram
    }

    #[test]
    fn the_estimate_is_that_of_all_samples_together() {
        // Nine blocks of 1 ms and one of 9 ms: p95 lies in the slow block, where the
        // mean of the blocks' own p95 (1.9 ms) does not.
        let mut blocks: Vec<Histogram> = (0..9).map(|_| block(1000, 1000)).collect();
        blocks.push(block(9000, 1000));
        let p95 = percentile_ms(&blocks, 95.0, 1).unwrap();
        assert!((p95.estimate - 9.05).abs() < 0.05, "{p95:?}");
        assert!(p95.low < 1.2 && p95.high >= p95.estimate, "{p95:?}");
        assert_eq!(p95.blocks, 10);
    }

    #[test]
    fn together_blocks_support_what_none_of_them_does() {
        let blocks: Vec<Histogram> = (0..4).map(|i| block(1000 + i, 300)).collect();
        assert_eq!(blocks[0].percentile_us(99.0), None);
        let p99 = percentile_ms(&blocks, 99.0, 1).unwrap();
        assert!(p99.contains(1.1), "{p99:?}");
        assert_eq!(percentile_ms(&blocks, 99.9, 1), None);
        assert_eq!(percentile_ms(&[], 50.0, 1), None);
    }

    #[test]
    fn one_block_knows_no_bounds() {
        let one = percentile_ms(&[block(1000, 1000)], 50.0, 1).unwrap();
        assert_eq!((one.low, one.high, one.blocks), (0.0, f64::INFINITY, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn own_quantiles_are_those_of_the_histogram(
            values in prop::collection::vec(1u64..10_000_000_000, 30..200),
            percentile in 40.0f64..60.0,
        ) {
            let mut histogram = Histogram::new();
            for value in &values {
                histogram.record(*value);
            }
            let own = quantile_ns(&[&Distribution::of(&histogram)], percentile / 100.0);
            let theirs = histogram.percentile_us(percentile).unwrap() * 1e3;
            // Both name a bucket, which is 0.1 % wide.
            prop_assert!((own as f64 / theirs - 1.0).abs() < 0.003 || (own as f64 - theirs).abs() < 2.0);
        }
    }
}
