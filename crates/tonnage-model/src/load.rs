//! The report of one load: what was sent, what came back, how long it took, and
//! how busy the generator was meanwhile. This is what `tonnage load --json`
//! writes and what a trial stores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{FailureCount, Histogram, Percentile};

/// Name and version of the JSON form of [`LoadReport`]; the number grows when a
/// reader of the old form would misread the new one.
pub const LOAD_SCHEMA: &str = "tonnage.load/1";

/// The percentiles that every summary lists.
const PERCENTILES: [f64; 6] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9];

/// Everything measured in one load. Durations come from the monotonic clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// [`LOAD_SCHEMA`].
    pub schema: String,
    /// What was asked.
    pub request: RequestSummary,
    /// When the load began: microseconds since 1970, wall clock (the only figure
    /// here that is not from the monotonic clock).
    pub started_unix_us: u64,
    /// Time before the window whose requests are not counted, in microseconds.
    pub warmup_us: u64,
    /// Length of the measured window in microseconds.
    pub window_us: u64,
    /// Why the window ended.
    pub ended: EndReason,
    /// Requests by outcome.
    pub counts: Counts,
    /// Rates over the window.
    pub throughput: ThroughputSummary,
    /// Failed requests by phase and cause; only non-zero counts.
    pub failures: Vec<FailureCount>,
    /// Responses by HTTP status, expected or not.
    pub statuses: BTreeMap<u16, u64>,
    /// Service time of the successes: first write → last byte of the response.
    pub service_time: LatencySummary,
    /// Response time of the successes: the user was due to ask → last byte of
    /// the response. It contains the connect where one was needed.
    pub response_time: LatencySummary,
    /// Service time of whole responses with an unexpected status, kept apart so
    /// that fast failures do not improve the latency.
    pub failed_service_time: LatencySummary,
    /// Time of successful connects: `connect` called → socket writable.
    pub connect_time: LatencySummary,
    /// The generator's own state.
    pub generator: Generator,
}

/// What the load consisted of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestSummary {
    /// The target as given.
    pub url: String,
    /// The HTTP method.
    pub method: String,
    /// Bytes of one request, head and body.
    pub request_bytes: u64,
    /// Users of the closed loop, each with one connection at a time.
    pub connections: u32,
    /// Whether a connection serves more than one request.
    pub keepalive: bool,
}

/// Why a measured window ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndReason {
    /// Its duration had passed.
    Duration,
    /// The number of requests was reached.
    Count,
    /// Somebody asked to stop.
    Interrupted,
}

/// Requests by outcome. Always
/// `in_flight_at_start + started = succeeded + failed + unfinished`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests begun during the warm-up that were still open when the window began.
    pub in_flight_at_start: u64,
    /// Requests begun in the window (a connect that a request needs is part of it).
    pub started: u64,
    /// Whole responses with an expected status.
    pub succeeded: u64,
    /// Everything in [`LoadReport::failures`].
    pub failed: u64,
    /// Requests cut off by the end of the window.
    pub unfinished: u64,
    /// Connections opened in the window.
    pub connections_opened: u64,
    /// Bytes written in the window.
    pub bytes_sent: u64,
    /// Bytes read in the window.
    pub bytes_received: u64,
}

/// Rates over the measured window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ThroughputSummary {
    /// Checked successes per second.
    pub goodput_rps: f64,
    /// Whole responses per second, whatever their status: what wrk calls
    /// Requests/sec.
    pub answered_rps: f64,
    /// Failures per second.
    pub failed_rps: f64,
}

/// A latency distribution in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencySummary {
    /// How many samples.
    pub count: u64,
    /// The smallest.
    pub min_us: Option<f64>,
    /// The arithmetic mean.
    pub mean_us: Option<f64>,
    /// The standard deviation.
    pub stdev_us: Option<f64>,
    /// The largest.
    pub max_us: Option<f64>,
    /// Percentiles; those that the sample does not support are without a value.
    pub percentiles: Vec<Percentile>,
    /// The whole distribution: HdrHistogram V2, deflated, base64; nanoseconds.
    pub histogram: String,
}

impl LatencySummary {
    /// Sums up a histogram.
    pub fn of(histogram: &Histogram) -> Self {
        Self {
            count: histogram.count(),
            min_us: histogram.min_us(),
            mean_us: histogram.mean_us(),
            stdev_us: histogram.stdev_us(),
            max_us: histogram.max_us(),
            percentiles: PERCENTILES
                .iter()
                .map(|&percentile| Percentile {
                    percentile,
                    value_us: histogram.percentile_us(percentile),
                })
                .collect(),
            histogram: histogram.to_base64(),
        }
    }

    /// One of the listed percentiles, where the sample supports it.
    pub fn percentile_us(&self, percentile: f64) -> Option<f64> {
        self.percentiles
            .iter()
            .find(|p| (p.percentile - percentile).abs() < 1e-9)
            .and_then(|p| p.value_us)
    }
}

/// What the generator itself used, so that a reader can see whether it was the
/// bottleneck.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// Version of Tonnage.
    pub version: String,
    /// The mechanism that waits for sockets.
    pub engine: String,
    /// Threads that sent load.
    pub threads: u32,
    /// CPU time of these threads in the window, user and system, in microseconds.
    pub cpu_us: u64,
    /// CPU share of the busiest of these threads, 0 to 1. Above 0.8 the generator
    /// may be what limits the result.
    pub busiest_thread_cpu_share: f64,
    /// CPU time per whole response in microseconds; `None` where there was none.
    pub cpu_us_per_response: Option<f64>,
    /// |N − X·R| ÷ N: how far users, rate and mean response time are from
    /// Little's law; `None` where nothing succeeded or anything failed.
    pub little_residual: Option<f64>,
}
