//! The generator of a merged report: what several used together, or one in turn.

use super::{Windows, joined};
use crate::{Generator, LoadReport};

pub(super) fn merged(left: &LoadReport, right: &LoadReport, windows: &Windows) -> Generator {
    let (ours, theirs) = (&left.generator, &right.generator);
    let cpu_us = ours.cpu_us + theirs.cpu_us;
    let answered = left.answered() + right.answered();
    Generator {
        version: joined(&ours.version, &theirs.version),
        engine: joined(&ours.engine, &theirs.engine),
        threads: windows.at_once(ours.threads, theirs.threads),
        cpu_us,
        busiest_thread_cpu_share: ours
            .busiest_thread_cpu_share
            .max(theirs.busiest_thread_cpu_share),
        cpu_us_per_response: (answered > 0).then(|| cpu_us as f64 / answered as f64),
        // Each was checked by itself; the windows need not be of one steady state.
        little_residual: None,
        mean_in_flight: ours
            .mean_in_flight
            .zip(theirs.mean_in_flight)
            .map(|(a, b)| windows.pooled((a, left.window_us), (b, right.window_us))),
        most_connections: windows.at_once(ours.most_connections, theirs.most_connections),
        connections_used: windows.at_once(ours.connections_used, theirs.connections_used),
        ceiling_rps: ours.ceiling_rps.zip(theirs.ceiling_rps).map(|(a, b)| {
            // One client that was measured twice can do what it did at its worst.
            if windows.overlap { a + b } else { a.min(b) }
        }),
        cpu_wait_share: largest(ours.cpu_wait_share, theirs.cpu_wait_share),
        steal_share: largest(ours.steal_share, theirs.steal_share),
        throttled_periods: sum(ours.throttled_periods, theirs.throttled_periods),
        listen_overflows: sum(ours.listen_overflows, theirs.listen_overflows),
    }
}

/// The larger of what is known.
fn largest(left: Option<f64>, right: Option<f64>) -> Option<f64> {
    left.into_iter().chain(right).reduce(f64::max)
}

/// The sum of what is known.
fn sum(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    left.into_iter().chain(right).reduce(|a, b| a + b)
}
