//! The report of one load: what was sent, what came back, how long it took, and
//! how busy the generator was meanwhile. This is what `tonnage load --json`
//! writes and what a trial stores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AssertionResult, FailureCount, Histogram, Percentile, Series, ServerSide, Verdict};

/// Name and version of the JSON form of [`LoadReport`]; the number grows when a
/// reader of the old form would misread the new one.
pub const LOAD_SCHEMA: &str = "tonnage.load/1";

/// The percentiles that every summary lists.
const PERCENTILES: [f64; 6] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9];

/// Everything measured in one load. Durations come from the monotonic clock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// Time of successful TLS handshakes, from the end of the connect.
    #[serde(default)]
    pub tls_time: LatencySummary,
    /// First write → first bytes of the response, of the successes.
    #[serde(default)]
    pub first_byte_time: LatencySummary,
    /// First bytes of the response → its end, of the successes; zero (written as
    /// 1 ns) where it came in one piece.
    #[serde(default)]
    pub body_time: LatencySummary,
    /// How late the generator acted on requests that were due: due → sent, or
    /// found that no connection was free. Only where there is a schedule or think
    /// time.
    #[serde(default)]
    pub send_lag: LatencySummary,
    /// The arrivals of an open loop; `None` in a closed one.
    #[serde(default)]
    pub arrivals: Option<Arrivals>,
    /// The window in slices of a second (or more, where it is long).
    #[serde(default)]
    pub series: Series,
    /// How the bodies of the successes differed.
    #[serde(default)]
    pub bodies: Bodies,
    /// What was demanded, and whether it holds.
    #[serde(default)]
    pub assertions: Vec<AssertionResult>,
    /// What the server says of the same window, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerSide>,
    /// Why that is not known, though it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_unknown: Option<String>,
    /// Whether the figures may be believed.
    #[serde(default)]
    pub verdict: Verdict,
    /// The generator's own state.
    pub generator: Generator,
}

impl LoadReport {
    /// Whole responses in the window, whatever their status.
    pub fn answered(&self) -> u64 {
        (self.throughput.answered_rps * self.window_us as f64 / 1e6).round() as u64
    }
}

/// What the load consisted of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RequestSummary {
    /// The target as given.
    pub url: String,
    /// The HTTP method.
    pub method: String,
    /// Bytes of one request, head and body; 0 where requests differ.
    pub request_bytes: u64,
    /// Users of the closed loop, each with one connection at a time.
    pub connections: u32,
    /// Whether a connection serves more than one request.
    pub keepalive: bool,
    /// What determines when requests are sent, in words: `closed loop, think time
    /// exp:1s`, `open loop, 500 requests/s, poisson`.
    #[serde(default)]
    pub load_model: String,
    /// The protocol spoken: `HTTP/1.1`, `HTTP/2`, `gRPC`, with `over TLS` where it is.
    #[serde(default)]
    pub protocol: String,
    /// The seed of everything drawn at random.
    #[serde(default)]
    pub seed: u64,
}

/// What became of the arrivals of an open loop. Always
/// `queued_at_start + arrived = sent + dropped + queued_at_end`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Arrivals {
    /// Arrivals that the schedule asked for, per second of the window.
    pub target_rps: f64,
    /// Arrivals in the window.
    pub arrived: u64,
    /// Arrivals that a connection took in the window.
    pub sent: u64,
    /// Arrivals that found every connection busy and had to wait.
    pub queued: u64,
    /// Arrivals given up because every connection was busy.
    pub dropped: u64,
    /// Arrivals that were waiting when the window began.
    pub queued_at_start: u64,
    /// Arrivals still waiting when the window ended.
    pub queued_at_end: u64,
    /// Most arrivals that waited at once, seen at the end of a slice.
    pub most_queued: u64,
}

impl Arrivals {
    /// Both together, as of generators that run at the same time.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            target_rps: self.target_rps + other.target_rps,
            arrived: self.arrived + other.arrived,
            sent: self.sent + other.sent,
            queued: self.queued + other.queued,
            dropped: self.dropped + other.dropped,
            queued_at_start: self.queued_at_start + other.queued_at_start,
            queued_at_end: self.queued_at_end + other.queued_at_end,
            most_queued: self.most_queued + other.most_queued,
        }
    }
}

/// How the bodies of the successes differed, as far as they were told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Bodies {
    /// The most frequent bodies of those that were told apart, most frequent first.
    pub kinds: Vec<BodyKind>,
    /// Bodies that came when there were too many different ones to tell apart.
    pub others: u64,
}

/// Bodies of one length and content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BodyKind {
    /// Length in bytes, chunks unwrapped.
    pub bytes: u64,
    /// CRC-32 of the content.
    pub crc32: u32,
    /// How many successes had it.
    pub count: u64,
}

/// Why a measured window ended.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum EndReason {
    /// Its duration had passed.
    #[default]
    Duration,
    /// The number of requests was reached.
    Count,
    /// Somebody asked to stop.
    Interrupted,
}

/// Requests by outcome. Always
/// `in_flight_at_start + started = succeeded + failed + unfinished`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
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

impl Counts {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            in_flight_at_start: self.in_flight_at_start + other.in_flight_at_start,
            started: self.started + other.started,
            succeeded: self.succeeded + other.succeeded,
            failed: self.failed + other.failed,
            unfinished: self.unfinished + other.unfinished,
            connections_opened: self.connections_opened + other.connections_opened,
            bytes_sent: self.bytes_sent + other.bytes_sent,
            bytes_received: self.bytes_received + other.bytes_received,
        }
    }
}

/// Rates over the measured window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// Empty where there is none.
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// |N − X·R| ÷ N: how far the mean number of requests in flight (the users, in
    /// a closed loop without think time), the rate and the mean response time are
    /// from Little's law; `None` where nothing succeeded or anything failed.
    pub little_residual: Option<f64>,
    /// Mean number of requests in the system, waiting ones included.
    #[serde(default)]
    pub mean_in_flight: Option<f64>,
    /// Most connections that were open at once.
    #[serde(default)]
    pub most_connections: u32,
    /// Users (or connections of the pool) whose connect succeeded at least once.
    #[serde(default)]
    pub connections_used: u32,
    /// Responses per second that this client reaches against a responder that
    /// does nothing, with the same threads; `None` where that was not measured.
    #[serde(default)]
    pub ceiling_rps: Option<f64>,
    /// The largest share of the window that a thread was ready to run and waited
    /// for a CPU (throttling included), 0 to 1; `None` where the kernel does not say.
    #[serde(default)]
    pub cpu_wait_share: Option<f64>,
    /// Share of this machine's CPU time that its hypervisor gave to others, 0 to 1.
    #[serde(default)]
    pub steal_share: Option<f64>,
    /// Times that the generator's control group was throttled in the window.
    #[serde(default)]
    pub throttled_periods: Option<u64>,
    /// Connects that found the backlog of a listener of this machine full.
    #[serde(default)]
    pub listen_overflows: Option<u64>,
}
