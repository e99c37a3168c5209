//! The course of a load: its window in slices of a second. A long window has
//! longer slices, so that a report stays small however long the load was.

use serde::{Deserialize, Serialize};

use crate::{Histogram, LatencySummary};

/// The most slices that are kept; beyond it neighbours are merged in pairs.
pub const MAX_SLICES: usize = 1024;

/// A window in slices of equal length, the last one perhaps shorter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Series {
    /// Length of a slice in microseconds; 0 where there are none.
    pub slice_us: u64,
    /// The slices in order, without gaps.
    pub slices: Vec<Slice>,
}

/// What happened in one slice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Slice {
    /// Its beginning, in microseconds after the window's.
    pub start_us: u64,
    /// Its length in microseconds.
    pub length_us: u64,
    /// Whole responses with an expected status that passed their checks.
    pub succeeded: u64,
    /// Failures.
    pub failed: u64,
    /// Bytes read.
    pub bytes_received: u64,
    /// Requests under way at its end.
    pub in_flight: u64,
    /// Arrivals waiting for a connection at its end; 0 in a closed loop.
    pub queued: u64,
    /// Response time of its successes in microseconds, where the sample supports it.
    pub p50_us: Option<f64>,
    /// Likewise.
    pub p90_us: Option<f64>,
    /// Likewise.
    pub p99_us: Option<f64>,
    /// Its longest response time in microseconds.
    pub max_us: Option<f64>,
    /// Distribution of the response time: HdrHistogram V2, deflated, base64;
    /// nanoseconds.
    pub histogram: String,
}

impl Slice {
    /// Takes the latency figures from a distribution of response times.
    pub fn set_latencies(&mut self, response_time: &Histogram) {
        self.p50_us = response_time.percentile_us(50.0);
        self.p90_us = response_time.percentile_us(90.0);
        self.p99_us = response_time.percentile_us(99.0);
        self.max_us = response_time.max_us();
        self.histogram = response_time.to_base64();
    }

    /// The distribution of its response times; empty where none is stored.
    pub fn histogram(&self) -> Histogram {
        read(&self.histogram)
    }

    /// Checked successes per second.
    pub fn goodput_rps(&self) -> f64 {
        self.per_second(self.succeeded)
    }

    /// Failures per second.
    pub fn failed_rps(&self) -> f64 {
        self.per_second(self.failed)
    }

    fn per_second(&self, count: u64) -> f64 {
        match self.length_us {
            0 => 0.0,
            us => count as f64 * 1e6 / us as f64,
        }
    }

    /// The slice of both together, where `next` follows this one or is from the
    /// same time. Nothing is lost but where one ended and the other began.
    pub fn absorb(&mut self, next: &Self) {
        let mut both = read(&self.histogram);
        both.merge(&read(&next.histogram));
        let end_us = (self.start_us + self.length_us).max(next.start_us + next.length_us);
        self.start_us = self.start_us.min(next.start_us);
        self.length_us = end_us - self.start_us;
        self.succeeded += next.succeeded;
        self.failed += next.failed;
        self.bytes_received += next.bytes_received;
        self.set_latencies(&both);
    }
}

/// A stored distribution; what cannot be read was never written by us and counts
/// as empty.
fn read(text: &str) -> Histogram {
    Histogram::from_base64(text).unwrap_or_default()
}

impl Series {
    /// Adds the next slice; where slices are already longer than it, it becomes
    /// part of the last one.
    pub fn push(&mut self, slice: Slice) {
        match self.slices.last_mut() {
            Some(last) if last.length_us + slice.length_us / 2 < self.slice_us => {
                last.absorb(&slice);
                (last.in_flight, last.queued) = (slice.in_flight, slice.queued);
            }
            _ => self.slices.push(slice),
        }
        self.fold();
    }

    /// Makes slices twice as long until at most [`MAX_SLICES`] are left.
    pub(crate) fn fold(&mut self) {
        while self.slices.len() > MAX_SLICES {
            self.double();
        }
    }

    /// Makes slices twice as long, by merging neighbours.
    pub(crate) fn double(&mut self) {
        self.slice_us *= 2;
        self.slices = self
            .slices
            .chunks(2)
            .map(|pair| {
                let mut slice = pair[0].clone();
                if let Some(next) = pair.get(1) {
                    slice.absorb(next);
                    (slice.in_flight, slice.queued) = (next.in_flight, next.queued);
                }
                slice
            })
            .collect();
    }
}

impl LatencySummary {
    /// The whole distribution; empty where none is stored.
    pub fn histogram(&self) -> Histogram {
        read(&self.histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(index: u64, latency_us: u64) -> Slice {
        let mut histogram = Histogram::new();
        (0..100).for_each(|_| histogram.record(latency_us * 1000));
        let mut slice = Slice {
            start_us: index * 1_000_000,
            length_us: 1_000_000,
            succeeded: 100,
            failed: 1,
            in_flight: index,
            ..Slice::default()
        };
        slice.set_latencies(&histogram);
        slice
    }

    #[test]
    fn folding_loses_no_request() {
        let mut series = Series {
            slice_us: 1_000_000,
            slices: (0..=2 * MAX_SLICES as u64).map(|i| slice(i, 100)).collect(),
        };
        let requests: u64 = series.slices.iter().map(|s| s.succeeded).sum();
        series.fold();
        assert!(series.slices.len() <= MAX_SLICES);
        assert_eq!(series.slice_us, 4_000_000);
        assert_eq!(
            series.slices.iter().map(|s| s.succeeded).sum::<u64>(),
            requests
        );
        assert_eq!(series.slices[0].length_us, 4_000_000);
        assert_eq!(series.slices[0].in_flight, 3, "as at its end");
        assert_eq!(series.slices[1].start_us, 4_000_000);
        let kept: u64 = series
            .slices
            .iter()
            .map(|s| read(&s.histogram).count())
            .sum();
        assert_eq!(kept, requests);
    }

    #[test]
    fn a_long_load_keeps_even_slices() {
        let mut series = Series {
            slice_us: 1_000_000,
            slices: vec![],
        };
        (0..MAX_SLICES as u64 + 100).for_each(|i| series.push(slice(i, 100)));
        assert_eq!(series.slice_us, 2_000_000);
        let (last, others) = series.slices.split_last().unwrap();
        assert!(others.iter().all(|s| s.length_us == 2_000_000));
        assert!(last.length_us <= 2_000_000);
    }

    #[test]
    fn a_slice_knows_its_rates_and_latencies() {
        let mut first = slice(0, 100);
        first.absorb(&slice(1, 300));
        assert!((first.goodput_rps() - 100.0).abs() < 1e-9);
        assert!((first.failed_rps() - 1.0).abs() < 1e-9);
        assert!(first.max_us.unwrap() >= 300.0);
        assert!((first.p50_us.unwrap() - 100.0).abs() < 1.0);
        assert!(Slice::default().goodput_rps().abs() < 1e-9);
    }
}
