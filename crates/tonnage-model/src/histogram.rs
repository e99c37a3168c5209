//! Latency histograms: a thin layer over HdrHistogram that fixes the unit
//! (nanoseconds), the precision, the stored form and the rule by which a
//! percentile may be printed at all.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

/// The longest latency that is told apart from longer ones: one hour.
const MAX_NS: u64 = 3_600_000_000_000;

/// Three significant digits: a reading is at most 0.1 % off.
const SIGNIFICANT_DIGITS: u8 = 3;

/// How many samples must lie on the thinner side of a percentile before it is
/// printed: with fewer than ten the order-statistic interval spans most of the
/// tail (research note on load generators, section 5, "too few samples").
pub const MIN_TAIL_SAMPLES: u64 = 10;

/// A distribution of durations in nanoseconds, 1 ns to one hour, 0.1 % precise.
///
/// Its size does not depend on how much is recorded (about 270 KiB), and
/// merging two of them loses nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    inner: hdrhistogram::Histogram<u64>,
}

/// A percentile that was asked for, and its value where the sample supports it.
#[derive(
    Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Percentile {
    /// The percentile, 0 to 100.
    pub percentile: f64,
    /// Its value in microseconds; `None` where too few samples lie beyond it.
    pub value_us: Option<f64>,
}

/// A row of a percentile distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileStep {
    /// The value in nanoseconds.
    pub value_ns: u64,
    /// The share of samples that are at most this large, 0 to 1.
    pub quantile: f64,
    /// How many samples are at most this large.
    pub count: u64,
}

/// A stored histogram that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// The text around it is no base64.
    #[error("the histogram is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The bytes are no HdrHistogram V2 (deflated).
    #[error("the histogram is not HdrHistogram V2: {0}")]
    Encoding(String),
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self {
            inner: hdrhistogram::Histogram::new_with_bounds(1, MAX_NS, SIGNIFICANT_DIGITS)
                .expect("the constant bounds are valid"),
        }
    }

    /// Counts one duration; anything over an hour is counted as an hour.
    #[inline]
    pub fn record(&mut self, duration_ns: u64) {
        self.inner.saturating_record(duration_ns.max(1));
    }

    /// Counts the same duration `count` times.
    pub fn record_n(&mut self, duration_ns: u64, count: u64) {
        self.inner.saturating_record_n(duration_ns.max(1), count);
    }

    /// Adds every sample of `other`; exact, and the order does not matter.
    pub fn merge(&mut self, other: &Self) {
        self.inner
            .add(&other.inner)
            .expect("all histograms share their bounds");
    }

    /// Forgets everything recorded.
    pub fn clear(&mut self) {
        self.inner.reset();
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.inner.len()
    }

    /// The arithmetic mean in microseconds; `None` when empty.
    pub fn mean_us(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.inner.mean() / 1e3)
    }

    /// The standard deviation in microseconds; `None` when empty.
    pub fn stdev_us(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.inner.stdev() / 1e3)
    }

    /// The smallest duration in microseconds, to 0.1 %; `None` when empty.
    pub fn min_us(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.inner.min() as f64 / 1e3)
    }

    /// The largest duration in microseconds, to 0.1 %; `None` when empty.
    pub fn max_us(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.inner.max() as f64 / 1e3)
    }

    /// The value below which `percentile` per cent of the samples lie, in
    /// microseconds, or `None` where fewer than [`MIN_TAIL_SAMPLES`] samples lie
    /// on its thinner side. `percentile` is clamped to 0..=100.
    pub fn percentile_us(&self, percentile: f64) -> Option<f64> {
        let percentile = percentile.clamp(0.0, 100.0);
        let thinner_side = percentile.min(100.0 - percentile) / 100.0;
        // Rounded to a millionth: 1000 × (1 − 0.99) must count as ten.
        let samples_beyond = (self.count() as f64 * thinner_side * 1e6).round() / 1e6;
        (samples_beyond >= MIN_TAIL_SAMPLES as f64)
            .then(|| self.inner.value_at_quantile(percentile / 100.0) as f64 / 1e3)
    }

    /// The values that were recorded, smallest first: each bucket's largest value
    /// in nanoseconds, and how many samples it holds.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.inner
            .iter_recorded()
            .map(|value| (value.value_iterated_to(), value.count_at_value()))
    }

    /// How many samples are at most `value_ns`, to 0.1 %.
    pub fn count_at_most(&self, value_ns: u64) -> u64 {
        // A bucket counts as soon as its smallest value is reached, so that the
        // smallest sample is at most the minimum.
        self.buckets()
            .take_while(|&(bucket_ns, _)| self.inner.lowest_equivalent(bucket_ns) <= value_ns)
            .map(|(_, count)| count)
            .sum()
    }

    /// Share of the samples that lie at most `deviations` standard deviations from
    /// the mean, 0 to 1; `None` when empty.
    pub fn share_within(&self, deviations: f64) -> Option<f64> {
        let (mean, stdev) = (self.inner.mean(), self.inner.stdev());
        let within: u64 = self
            .inner
            .iter_recorded()
            .filter(|value| {
                let middle = self.inner.median_equivalent(value.value_iterated_to());
                (middle as f64 - mean).abs() <= deviations * stdev
            })
            .map(|value| value.count_at_value())
            .sum();
        (self.count() > 0).then(|| within as f64 / self.count() as f64)
    }

    /// The whole distribution in steps that halve what is left above them, each
    /// half in `ticks` steps: the rows of a percentile distribution. Other than
    /// [`percentile_us`](Self::percentile_us) it goes to the very last sample, with
    /// the counts beside it.
    pub fn quantile_steps(&self, ticks: u32) -> Vec<QuantileStep> {
        let mut count = 0;
        self.inner
            .iter_quantiles(ticks)
            .map(|step| {
                count += step.count_since_last_iteration();
                QuantileStep {
                    value_ns: step.value_iterated_to(),
                    quantile: step.quantile_iterated_to(),
                    count,
                }
            })
            .collect()
    }

    /// The histogram as HdrHistogram V2, deflated: what the public tools read.
    pub fn to_v2_deflate(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.inner, &mut bytes)
            .expect("writing to memory does not fail");
        bytes
    }

    /// [`to_v2_deflate`](Self::to_v2_deflate) in base64, as in `.hlog` files.
    pub fn to_base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(self.to_v2_deflate())
    }

    /// Reads what [`to_v2_deflate`](Self::to_v2_deflate) wrote.
    pub fn from_v2_deflate(bytes: &[u8]) -> Result<Self, HistogramError> {
        let read: hdrhistogram::Histogram<u64> =
            Deserializer::new()
                .deserialize(&mut &bytes[..])
                .map_err(|error| HistogramError::Encoding(error.to_string()))?;
        // Rebuilt rather than kept: a foreign histogram may have other bounds.
        let mut histogram = Self::new();
        for value in read.iter_recorded() {
            histogram
                .inner
                .record_n(
                    value.value_iterated_to().min(MAX_NS),
                    value.count_at_value(),
                )
                .map_err(|error| HistogramError::Encoding(error.to_string()))?;
        }
        Ok(histogram)
    }

    /// Reads what [`to_base64`](Self::to_base64) wrote.
    pub fn from_base64(text: &str) -> Result<Self, HistogramError> {
        Self::from_v2_deflate(&base64::engine::general_purpose::STANDARD.decode(text)?)
    }
}
