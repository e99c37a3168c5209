//! The layout of hey.

use std::fmt::Write as _;

use tonnage_model::{Histogram, LatencySummary, LoadReport};

use super::{DUE, window_s};
use crate::figure::NOT_AVAILABLE;

/// Steps of the histogram, between the fastest and the slowest.
const STEPS: u32 = 10;
/// The longest bar.
const BAR: u64 = 40;

pub(super) fn summary(report: &LoadReport) -> (String, Vec<&'static str>) {
    let latency = report.response_time.histogram();
    let mut text = format!(
        "\nSummary:\n  Total:\t{:.4} secs\n  Slowest:\t{} secs\n  Fastest:\t{} secs\n  Average:\t{} secs\n  Requests/sec:\t{:.4}\n\n",
        window_s(report),
        seconds(latency.max_us()),
        seconds(latency.min_us()),
        seconds(latency.mean_us()),
        report.throughput.answered_rps,
    );
    if report.counts.bytes_received > 0 {
        let each = report.counts.bytes_received / report.answered().max(1);
        writeln!(
            text,
            "  Total data:\t{} bytes\n  Size/request:\t{each} bytes",
            report.counts.bytes_received
        )
        .expect("writing to memory does not fail");
    }
    text.push_str("\nResponse time histogram:\n");
    text.push_str(&histogram(&latency));
    text.push_str("\n\nLatency distribution:\n");
    for percentile in [10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0] {
        let value = seconds(latency.percentile_us(percentile));
        writeln!(text, "  {percentile:.0}% in {value} secs")
            .expect("writing to memory does not fail");
    }
    text.push_str(&details(report));
    text.push_str(&outcomes(report));
    (text, notes(report))
}

fn seconds(us: Option<f64>) -> String {
    us.map_or_else(|| NOT_AVAILABLE.to_owned(), |us| format!("{:.4}", us / 1e6))
}

/// Eleven marks from the fastest to the slowest, each with the samples up to it.
fn histogram(latency: &Histogram) -> String {
    let (Some(fastest_us), Some(slowest_us)) = (latency.min_us(), latency.max_us()) else {
        return String::new();
    };
    let width_us = (slowest_us - fastest_us) / f64::from(STEPS);
    let mut below = 0;
    let bins: Vec<(f64, u64)> = (0..=STEPS)
        .map(|step| {
            let mark_us = fastest_us + width_us * f64::from(step);
            // The last mark is the largest value itself; no rounding may miss it.
            let up_to = if step == STEPS {
                latency.count()
            } else {
                latency.count_at_most((mark_us * 1e3).ceil() as u64)
            };
            let count = up_to - below;
            below = up_to;
            (mark_us, count)
        })
        .collect();
    let largest = bins.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let rows: Vec<String> = bins
        .iter()
        .map(|(mark_us, count)| {
            let length = (count * BAR + largest / 2) / largest.max(1);
            let bar = "■".repeat(length as usize);
            format!("  {:.3} [{count}]\t|{bar}\n", mark_us / 1e6)
        })
        .collect();
    rows.concat()
}

fn details(report: &LoadReport) -> String {
    let mut text = String::from("\nDetails (average, fastest, slowest):\n");
    let none = LatencySummary::default();
    for (name, times) in [
        ("DNS+dialup", &report.connect_time),
        ("DNS-lookup", &none),
        ("req write", &none),
        ("resp wait", &report.first_byte_time),
        ("resp read", &report.body_time),
    ] {
        writeln!(
            text,
            "  {name}:\t{} secs, {} secs, {} secs",
            seconds(times.mean_us),
            seconds(times.min_us),
            seconds(times.max_us)
        )
        .expect("writing to memory does not fail");
    }
    text
}

fn outcomes(report: &LoadReport) -> String {
    let mut text = String::from("\nStatus code distribution:\n");
    for (status, count) in &report.statuses {
        writeln!(text, "  [{status}]\t{count} responses").expect("writing to memory does not fail");
    }
    text.push('\n');
    if !report.failures.is_empty() {
        text.push_str("Error distribution:\n");
    }
    for failure in &report.failures {
        let what = format!("{} × {}", failure.phase.name(), failure.cause.name());
        writeln!(text, "  [{}]\t{what}", failure.count).expect("writing to memory does not fail");
    }
    text.push('\n');
    text
}

fn notes(report: &LoadReport) -> Vec<&'static str> {
    let mut notes = vec![
        "Requests/sec counts whole responses; hey counts requests that failed, too.",
        "Total data counts heads and bodies; hey counts bodies.",
        "the histogram comes from buckets of 0.1 %, and times are of successes; hey's are of every response.",
        "DNS+dialup is the connect alone, of requests that needed one; hey shows the whole request's fastest and slowest there. Names are looked up before the load.",
    ];
    if report.arrivals.is_some() {
        notes.push(DUE);
    }
    notes
}
