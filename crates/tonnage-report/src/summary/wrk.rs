//! The layout of `wrk --latency`.

use std::fmt::Write as _;

use tonnage_model::{Cause, Histogram, LoadReport, Phase};

use super::numbers::{moments, wrk_binary, wrk_metric, wrk_seconds, wrk_time};
use super::{all_service_times, failed, per_second, slice_rates, statuses, window_s};
use crate::figure::NOT_AVAILABLE;

pub(super) fn summary(report: &LoadReport) -> (String, Vec<&'static str>) {
    let request = &report.request;
    let latency = all_service_times(report);
    let mut text = format!(
        "Running {} test @ {}\n  {} threads and {} connections\n",
        wrk_seconds(window_s(report), 0),
        request.url,
        report.generator.threads,
        request.connections,
    );
    text.push_str("  Thread Stats   Avg      Stdev     Max   +/- Stdev\n");
    text.push_str(&latency_row(&latency));
    text.push_str(&rate_row(report));
    text.push_str("  Latency Distribution\n");
    for percentile in [50.0, 75.0, 90.0, 99.0] {
        let value = cell(latency.percentile_us(percentile).map(wrk_time), 10);
        writeln!(text, "{percentile:>7.0}%{value}").expect("writing to memory does not fail");
    }
    text.push_str(&totals(report));
    (text, notes(report))
}

/// A value right-aligned by its number, the unit hanging over, as wrk does it.
fn cell(value: Option<String>, width: usize) -> String {
    let text = value.unwrap_or_else(|| NOT_AVAILABLE.to_owned());
    let letters = text.bytes().rev().take(2).filter(u8::is_ascii_alphabetic);
    let pad = 2 - letters.count();
    format!("{text:>0$}{1:2$}", width - pad, "", pad)
}

fn stats_row(name: &str, [mean, stdev, max]: [Option<String>; 3], within: Option<f64>) -> String {
    let within = within.map_or_else(
        || format!("{NOT_AVAILABLE:>9}"),
        |share| format!("{:>8.2}%", share * 100.0),
    );
    format!(
        "    {name:<10}{}{}{}{within}\n",
        cell(mean, 8),
        cell(stdev, 10),
        cell(max, 9)
    )
}

fn latency_row(latency: &Histogram) -> String {
    let times = [latency.mean_us(), latency.stdev_us(), latency.max_us()];
    stats_row(
        "Latency",
        times.map(|us| us.map(wrk_time)),
        latency.share_within(1.0),
    )
}

fn rate_row(report: &LoadReport) -> String {
    let threads = f64::from(report.generator.threads.max(1));
    let rates: Vec<f64> = slice_rates(report).iter().map(|r| r / threads).collect();
    let moments = moments(&rates);
    let of = |value: Option<f64>| value.map(wrk_metric);
    stats_row(
        "Req/Sec",
        [
            of(moments.as_ref().map(|m| m.mean)),
            of(moments.as_ref().map(|m| m.stdev)),
            of(moments.as_ref().map(|m| m.max)),
        ],
        moments.as_ref().map(|m| m.within),
    )
}

fn totals(report: &LoadReport) -> String {
    let read = report.counts.bytes_received;
    let mut text = format!(
        "  {} requests in {}, {}B read\n",
        report.answered(),
        wrk_time(report.window_us as f64),
        wrk_binary(read as f64)
    );
    let timeout = failed(report, |_, cause| cause == Cause::Timeout);
    let socket = |phases: &[Phase]| {
        failed(report, |phase, cause| {
            phases.contains(&phase) && cause != Cause::Timeout
        })
    };
    let connect = socket(&[Phase::Connect, Phase::Tls]);
    let reads = socket(&[Phase::Wait, Phase::Read]);
    let write = socket(&[Phase::Write]);
    if connect + reads + write + timeout > 0 {
        writeln!(
            text,
            "  Socket errors: connect {connect}, read {reads}, write {write}, timeout {timeout}"
        )
        .expect("writing to memory does not fail");
    }
    let unexpected = statuses(report, |status| !(200..400).contains(&status));
    if unexpected > 0 {
        writeln!(text, "  Non-2xx or 3xx responses: {unexpected}")
            .expect("writing to memory does not fail");
    }
    writeln!(
        text,
        "Requests/sec: {:>9.2}\nTransfer/sec: {:>10}B",
        report.throughput.answered_rps,
        wrk_binary(per_second(report, read))
    )
    .expect("writing to memory does not fail");
    text
}

fn notes(report: &LoadReport) -> Vec<&'static str> {
    let mut notes = vec![
        "latencies are as measured; wrk adds invented ones below each that is longer than expected (its correction for coordinated omission).",
        "Req/Sec per thread comes from slices of a second or more and counts successes; wrk samples every 100 ms and counts all responses.",
    ];
    if failed(report, |phase, cause| {
        phase == Phase::Check && cause == Cause::Body
    }) > 0
    {
        notes.push(
            "responses with a wrong body count in Requests/sec; wrk does not look at bodies.",
        );
    }
    notes
}
