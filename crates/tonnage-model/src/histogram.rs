//! Latency histograms: a thin layer over HdrHistogram that fixes the unit
//! (nanoseconds), the precision, the stored form and the rule by which a
//! percentile may be printed at all.

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
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Percentile {
    /// The percentile, 0 to 100.
    pub percentile: f64,
    /// Its value in microseconds; `None` where too few samples lie beyond it.
    pub value_us: Option<f64>,
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

    /// How many durations are longer than this, as far as 0.1 % tells.
    pub fn count_above(&self, duration_ns: u64) -> u64 {
        let all = self.count();
        all - self.inner.count_between(0, duration_ns).min(all)
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

#[cfg(test)]
mod tests {
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
}
