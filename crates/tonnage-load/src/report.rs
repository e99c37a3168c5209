//! What the threads measured, added up into one report.

use tonnage_model::{
    EndReason, Generator, LOAD_SCHEMA, LatencySummary, LoadReport, RequestSummary,
    ThroughputSummary,
};

use crate::LoadPlan;
use crate::recorder::Recorder;
use crate::worker::{ThreadEnd, ThreadResult};

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

pub(crate) fn report(
    plan: &LoadPlan,
    request_bytes: usize,
    started_unix_us: u64,
    results: &[ThreadResult],
) -> LoadReport {
    let mut total = Recorder::new();
    for result in results {
        total.merge(&result.recorder);
    }
    let window = Window::of(results);
    let throughput = ThroughputSummary {
        goodput_rps: window.per_second(total.counts.succeeded),
        answered_rps: window.per_second(total.answered()),
        failed_rps: window.per_second(total.counts.failed),
    };
    LoadReport {
        schema: LOAD_SCHEMA.to_owned(),
        request: RequestSummary {
            url: plan.target.url.clone(),
            method: plan.request.method.clone(),
            request_bytes: request_bytes as u64,
            connections: plan.connections,
            keepalive: plan.keepalive,
            ..RequestSummary::default()
        },
        started_unix_us,
        // Without a warm-up, only the threads' own start lies before the window.
        warmup_us: if plan.warmup.is_zero() {
            0
        } else {
            window.start_ns / 1000
        },
        window_us: window.length_ns / 1000,
        ended: end_reason(results),
        counts: total.counts,
        throughput,
        failures: total.failures(),
        statuses: total.statuses().collect(),
        service_time: LatencySummary::of(&total.service_time),
        response_time: LatencySummary::of(&total.response_time),
        failed_service_time: LatencySummary::of(&total.failed_service_time),
        connect_time: LatencySummary::of(&total.connect_time),
        generator: generator(plan, window, &total, results),
        ..LoadReport::default()
    }
}

fn generator(
    plan: &LoadPlan,
    window: Window,
    total: &Recorder,
    results: &[ThreadResult],
) -> Generator {
    let answered = total.answered();
    let cpu_ns: u64 = results.iter().map(|r| r.cpu_ns).sum();
    let busiest_ns = results.iter().map(|r| r.cpu_ns).max().unwrap_or(0);
    let goodput_rps = window.per_second(total.counts.succeeded);
    // Failed requests occupy users too, for a time that is not recorded.
    let mean_us = total
        .response_time
        .mean_us()
        .filter(|_| total.counts.failed == 0);
    Generator {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: "epoll".to_owned(),
        threads: plan.threads,
        cpu_us: cpu_ns / 1000,
        busiest_thread_cpu_share: window.share(busiest_ns),
        cpu_us_per_response: (answered > 0).then(|| cpu_ns as f64 / 1e3 / answered as f64),
        little_residual: mean_us.and_then(|mean_us| {
            tonnage_stats::little_residual(plan.connections, goodput_rps, mean_us / 1e6, 0.0)
        }),
        ..Generator::default()
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
