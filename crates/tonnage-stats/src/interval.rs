//! Intervals for figures that were measured once per block. The block is the
//! sample, never the request; which figures make up a block is for the caller.
//!
//! The intervals hold the true value in about 95 of 100 experiments; the tests
//! simulate how often they really do.

use crate::random::Stream;
use crate::steady::mean;
use crate::student::{normal_below, student_exceeded};

/// Half of what a 95 % interval leaves out: the part on either side.
pub(crate) const TAIL: f64 = 0.025;

/// The fewest blocks that are resampled; fewer have too few different resamples.
const BOOTSTRAP_BLOCKS: usize = 6;

/// As many as T. C. Hesterberg advises for routine use (2015, section 3.4).
const RESAMPLES: usize = 10_000;

/// An estimate, and between what bounds the truth lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate itself, in the unit of the values.
    pub estimate: f64,
    /// The lower bound; with one block nothing is known: −∞, or 0 for figures that
    /// are positive by nature.
    pub low: f64,
    /// The upper bound; with one block ∞.
    pub high: f64,
    /// How many blocks it rests on.
    pub blocks: usize,
    /// Where the bounds come from.
    pub method: Method,
}

/// How the bounds of an interval were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Student's t over two to five blocks.
    StudentT,
    /// Expanded percentile bootstrap over six blocks or more, never narrower than
    /// Student's t.
    Bootstrap,
    /// One block: an estimate without bounds.
    Single,
}

impl Interval {
    /// Half of the interval's width in logarithms: 0.03 reads as ±3 %. Infinite with
    /// one block; only for positive figures.
    pub fn relative_half_width(&self) -> f64 {
        if self.low <= 0.0 {
            return f64::INFINITY;
        }
        (self.high / self.low).ln() / 2.0
    }

    /// Whether `value` lies inside, bounds included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// From logarithms back to figures.
    fn exp(self) -> Self {
        Self {
            estimate: self.estimate.exp(),
            low: self.low.exp(),
            high: self.high.exp(),
            ..self
        }
    }
}

/// A 95 % interval for the mean of one value a block; `None` without values, or
/// where one is not finite.
///
/// Two to five blocks: mean ± t · s ÷ √n (Student, Biometrika 6(1), 1908). From six:
/// the percentile bootstrap over blocks with 10,000 resamples, its tails expanded to
/// α′ = Φ(−√(n ÷ (n−1)) · t(n−1, α/2)), since a plain percentile interval is too
/// narrow for few blocks (T. C. Hesterberg, The American Statistician 69(4), 2015,
/// section 4.3), widened to Student's bound on either side where that lies further
/// out: with six to eight blocks the expanded one alone is still too narrow (see the
/// tests). One block: bounds at −∞ and ∞.
///
/// For strongly skewed values use [`level_interval`]: no interval for a mean keeps
/// its promise with few blocks of those.
pub fn mean_interval(values: &[f64], seed: u64) -> Option<Interval> {
    mean_interval_of(values, seed, RESAMPLES)
}

/// A 95 % interval for the typical level of a positive figure such as throughput or
/// latency: the geometric mean, through logarithms, so that the bounds are positive
/// and skew does no harm. `None` without values, or where one is not positive and
/// finite. One block: bounds at 0 and ∞.
pub fn level_interval(values: &[f64], seed: u64) -> Option<Interval> {
    level_interval_of(values, seed, RESAMPLES)
}

/// A 95 % interval for the ratio a ÷ b from pairs `(a, b)` measured in the same
/// block: the geometric mean of the ratios, through logarithms. What slows a whole
/// block cancels. `None` without pairs, or where a value is not positive and finite.
/// One block: bounds at 0 and ∞.
pub fn ratio_interval(pairs: &[(f64, f64)], seed: u64) -> Option<Interval> {
    ratio_interval_of(pairs, seed, RESAMPLES)
}

/// [`level_interval`] with a number of resamples, for simulations.
pub(crate) fn level_interval_of(values: &[f64], seed: u64, resamples: usize) -> Option<Interval> {
    let logs: Option<Vec<f64>> = values.iter().copied().map(log).collect();
    Some(mean_interval_of(&logs?, seed, resamples)?.exp())
}

/// [`ratio_interval`] with a number of resamples, for simulations.
pub(crate) fn ratio_interval_of(
    pairs: &[(f64, f64)],
    seed: u64,
    resamples: usize,
) -> Option<Interval> {
    Some(mean_interval_of(&log_ratios(pairs)?, seed, resamples)?.exp())
}

/// ln(a ÷ b) of each pair; `None` where a value is not positive and finite.
pub(crate) fn log_ratios(pairs: &[(f64, f64)]) -> Option<Vec<f64>> {
    pairs
        .iter()
        .map(|(a, b)| Some(log(*a)? - log(*b)?))
        .collect()
}

/// The logarithm of a positive, finite figure.
pub(crate) fn log(value: f64) -> Option<f64> {
    (value > 0.0 && value.is_finite()).then(|| value.ln())
}

/// The sample's standard deviation; of two values or more.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// Student's interval with `tail` left out on either side; of two values or more.
pub(crate) fn student_interval(values: &[f64], tail: f64) -> Interval {
    let blocks = values.len();
    let estimate = mean(values);
    let error = deviation(values) / (blocks as f64).sqrt();
    let half_width = student_exceeded(tail, blocks - 1) * error;
    Interval {
        estimate,
        low: estimate - half_width,
        high: estimate + half_width,
        blocks,
        method: Method::StudentT,
    }
}

fn mean_interval_of(values: &[f64], seed: u64, resamples: usize) -> Option<Interval> {
    if values.is_empty() || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let blocks = values.len();
    if blocks == 1 {
        return Some(Interval {
            estimate: values[0],
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            blocks,
            method: Method::Single,
        });
    }
    if blocks < BOOTSTRAP_BLOCKS {
        return Some(student_interval(values, TAIL));
    }
    let mut stream = Stream::new(seed, 0);
    let means = (0..resamples)
        .map(|_| {
            let sum: f64 = (0..blocks).map(|_| stream.pick(values)).sum();
            sum / blocks as f64
        })
        .collect();
    let (low, high) = percentiles(means, expanded_tail(blocks));
    let student = student_interval(values, TAIL);
    Some(Interval {
        low: low.min(student.low),
        high: high.max(student.high),
        method: Method::Bootstrap,
        ..student
    })
}

/// The tail of a percentile interval that is as wide as Student's for a normal law
/// (Hesterberg 2015, section 4.3); of two blocks or more.
pub(crate) fn expanded_tail(blocks: usize) -> f64 {
    let n = blocks as f64;
    normal_below(-(n / (n - 1.0)).sqrt() * student_exceeded(TAIL, blocks - 1))
}

/// The values that leave `tail` of the resampled figures on either side.
pub(crate) fn percentiles(mut resampled: Vec<f64>, tail: f64) -> (f64, f64) {
    resampled.sort_by(f64::total_cmp);
    let last = resampled.len() - 1;
    let from_end = (tail * last as f64).floor() as usize;
    (resampled[from_end], resampled[last - from_end])
}

#[cfg(test)]
mod tests;
