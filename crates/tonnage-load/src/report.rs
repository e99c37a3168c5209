//! What the threads measured, added up into one report.

use tonnage_model::{
    Arrivals, Assertion, EndReason, Generator, LOAD_SCHEMA, LatencySummary, LoadReport,
    RequestSummary, Series, ThroughputSummary,
};

use crate::pulse::{ThreadEnd, ThreadResult};
use crate::recorder::Recorder;
use crate::surroundings::Surroundings;
use crate::verdict::{Asked, judge};
use crate::{LoadModel, LoadPlan, Protocol};

/// The window over all threads, in nanoseconds of their common clock.
#[derive(Clone, Copy)]
struct Window {
    start_ns: u64,
    length_ns: u64,
}

impl Window {
    fn of(results: &[ThreadResult]) -> Self {
        let start_ns = results.iter().map(|r| r.window_start_ns).min().unwrap_or(0);
        let end_ns = results.iter().map(|r| r.window_end_ns).max().unwrap_or(0);
        Self {
            start_ns,
            length_ns: end_ns.saturating_sub(start_ns),
        }
    }

    /// `amount` as a share of the window, or per nanosecond of it; 0 for an empty
    /// window.
    fn share(self, amount: u64) -> f64 {
        if self.length_ns == 0 {
            0.0
        } else {
            amount as f64 / self.length_ns as f64
        }
    }

    fn per_second(self, count: u64) -> f64 {
        self.share(count) * 1e9
    }
}

/// Everything that a report is made of.
pub(crate) struct Measured<'a> {
    pub(crate) plan: &'a LoadPlan,
    /// Length of each request; `None` where they differ.
    pub(crate) request_bytes: Option<usize>,
    pub(crate) started_unix_us: u64,
    /// Empty while the threads are still at work.
    pub(crate) threads: &'a [ThreadResult],
    pub(crate) total: &'a Recorder,
    pub(crate) series: &'a Series,
    pub(crate) surroundings: Surroundings,
    /// The window so far, while the threads are at work.
    pub(crate) window_us: Option<u64>,
}

pub(crate) fn report(measured: &Measured<'_>) -> LoadReport {
    let (plan, total) = (measured.plan, measured.total);
    let window = match measured.window_us {
        Some(us) => Window {
            start_ns: plan.lead_in().as_nanos() as u64,
            length_ns: us * 1000,
        },
        None => Window::of(measured.threads),
    };
    let latencies = total.latencies();
    let mut series = measured.series.clone();
    if series.slices.is_empty() {
        series = Series::default();
    }
    let mut report = LoadReport {
        schema: LOAD_SCHEMA.to_owned(),
        request: request(measured),
        started_unix_us: measured.started_unix_us,
        // Without a warm-up, only the threads' own start lies before the window.
        warmup_us: if plan.lead_in().is_zero() {
            0
        } else {
            window.start_ns / 1000
        },
        window_us: window.length_ns / 1000,
        ended: end_reason(measured.threads),
        counts: total.counts,
        throughput: ThroughputSummary {
            goodput_rps: window.per_second(total.counts.succeeded),
            answered_rps: window.per_second(total.answered()),
            failed_rps: window.per_second(total.counts.failed),
        },
        failures: total.failures(),
        statuses: total.statuses().collect(),
        service_time: latencies.service_time,
        response_time: latencies.response_time,
        failed_service_time: LatencySummary::of(&total.failed_service_time),
        connect_time: LatencySummary::of(&total.connect_time),
        tls_time: LatencySummary::of(&total.tls_time),
        first_byte_time: latencies.first_byte_time,
        body_time: latencies.body_time,
        send_lag: LatencySummary::of(&total.send_lag),
        arrivals: arrivals(measured, window),
        series,
        bodies: total.bodies(),
        generator: generator(measured, window),
        ..LoadReport::default()
    };
    report.assertions = plan.assertions.iter().map(|a| a.check(&report)).collect();
    if !measured.threads.is_empty() {
        report.verdict = judge(&report, asked(measured));
    }
    report
}

fn asked(measured: &Measured<'_>) -> Asked {
    let plan = measured.plan;
    let percentiles = plan.assertions.iter().filter_map(Assertion::percentile);
    Asked {
        connections: plan.connections,
        is_open: matches!(plan.model, LoadModel::Open { .. }),
        is_staged: plan.stages.is_some(),
        is_uniform: measured.request_bytes.is_some(),
        // The one that needs the most samples.
        percentile: percentiles.max_by(|a, b| (a - 50.0).abs().total_cmp(&(b - 50.0).abs())),
    }
}

fn request(measured: &Measured<'_>) -> RequestSummary {
    let plan = measured.plan;
    RequestSummary {
        url: plan.target.url.clone(),
        method: match plan.protocol.method() {
            Some(_) => "POST".to_owned(),
            None => plan.source.request.method.clone(),
        },
        request_bytes: match plan.protocol {
            Protocol::Http1 => measured.request_bytes.unwrap_or(0) as u64,
            // The same head is shorter when it was sent before.
            Protocol::Http2 { .. } | Protocol::Grpc { .. } => 0,
        },
        connections: plan.connections,
        keepalive: plan.keepalive,
        load_model: plan.describe_model(),
        protocol: if plan.target.tls_host.is_some() {
            format!("{} over TLS", plan.protocol.name())
        } else {
            plan.protocol.name().to_owned()
        },
        seed: plan.seed,
    }
}

fn arrivals(measured: &Measured<'_>, window: Window) -> Option<Arrivals> {
    let parts = measured.threads.iter().filter_map(|thread| thread.arrivals);
    let mut sum = parts.reduce(|sum, part| sum.plus(&part))?;
    let end_ns = window.start_ns + window.length_ns;
    sum.target_rps = measured.plan.profile().mean(window.start_ns, end_ns);
    Some(sum)
}

fn generator(measured: &Measured<'_>, window: Window) -> Generator {
    let (total, threads) = (measured.total, measured.threads);
    let answered = total.answered();
    let cpu_ns: u64 = threads.iter().map(|thread| thread.cpu_ns).sum();
    let busiest_ns = threads
        .iter()
        .map(|thread| thread.cpu_ns)
        .max()
        .unwrap_or(0);
    let waits: Option<Vec<u64>> = threads.iter().map(|thread| thread.cpu_wait_ns).collect();
    let occupancy_ns: u128 = threads.iter().map(|thread| thread.occupancy_ns).sum();
    let in_flight = (window.length_ns > 0 && !threads.is_empty())
        .then(|| occupancy_ns as f64 / window.length_ns as f64);
    Generator {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: "epoll".to_owned(),
        threads: measured.plan.threads,
        cpu_us: cpu_ns / 1000,
        busiest_thread_cpu_share: window.share(busiest_ns),
        cpu_us_per_response: (answered > 0).then(|| cpu_ns as f64 / 1e3 / answered as f64),
        little_residual: in_flight.and_then(|in_flight| {
            // Failed requests occupy users too, for a time that is not recorded.
            let times = total.response_times();
            let mean_us = times.mean_us().filter(|_| total.counts.failed == 0)?;
            // A request is in the system once the generator has noticed it.
            let lag_us = total.send_lag.mean_us().unwrap_or(0.0) * total.send_lag.count() as f64
                / times.count().max(1) as f64;
            let mean_us = (mean_us - lag_us).max(0.0);
            let goodput_rps = window.per_second(total.counts.succeeded);
            tonnage_stats::little_residual(in_flight, goodput_rps, mean_us / 1e6, 0.0)
        }),
        mean_in_flight: in_flight,
        most_connections: threads.iter().map(|thread| thread.connections.most).sum(),
        connections_used: threads.iter().map(|thread| thread.connections.used).sum(),
        ceiling_rps: measured.plan.ceiling_rps,
        cpu_wait_share: waits
            .and_then(|waits| waits.into_iter().max())
            .map(|wait_ns| window.share(wait_ns)),
        steal_share: measured.surroundings.steal_share,
        throttled_periods: measured.surroundings.throttled_periods,
        listen_overflows: measured
            .surroundings
            .listen_overflows
            .filter(|_| measured.plan.target.address.is_local()),
    }
}

fn end_reason(results: &[ThreadResult]) -> EndReason {
    let any = |end: ThreadEnd| results.iter().any(|result| result.ended == end);
    if any(ThreadEnd::Interrupted) {
        EndReason::Interrupted
    } else if any(ThreadEnd::Duration) {
        EndReason::Duration
    } else {
        EndReason::Count
    }
}
