//! The layout of plow.

use std::collections::BTreeMap;

use tonnage_model::{Histogram, LatencySummary, LoadReport};

use super::numbers::{go_duration, moments, trimmed};
use super::{DUE, per_second, slice_rates};
use crate::figure::NOT_AVAILABLE;

/// Rows of the latency histogram.
const BINS: u64 = 8;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

#[derive(Clone, Copy)]
enum Align {
    Left,
    Right,
    Center,
}

pub(super) fn summary(report: &LoadReport) -> (String, Vec<&'static str>) {
    let latency = report.response_time.histogram();
    let errors = if report.failures.is_empty() {
        String::new()
    } else {
        format!("Error:\n{}\n", errors(report))
    };
    let text = format!(
        "Summary:\n{}\n{errors}{}\nLatency Percentile:\n{}\nLatency Histogram:\n{}",
        totals(report),
        statistics(report),
        percentiles(&latency),
        histogram(&latency),
    );
    (text, notes(report))
}

/// Cells in columns as wide as their widest, two blanks apart.
fn columns(rows: &[Vec<String>], indent: &str, aligns: &[Align]) -> String {
    let width = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(index, cell)| match aligns.get(index) {
                Some(Align::Right) => format!("{cell:>0$}", width(index)),
                Some(Align::Center) => format!("{cell:^0$}", width(index)),
                _ => format!("{cell:<0$}", width(index)),
            })
            .collect();
        format!("{indent}{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn totals(report: &LoadReport) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut classes: BTreeMap<u16, u64> = BTreeMap::new();
    for (status, count) in &report.statuses {
        *classes.entry(status / 100).or_insert(0) += count;
    }
    let whole_ms = (report.window_us / 1000 * 1000) as f64;
    let mut rows = vec![
        row("Elapsed", go_duration(whole_ms)),
        row("Count", report.answered().to_string()),
    ];
    rows.extend(
        classes
            .iter()
            .map(|(class, count)| row(&format!("  {class}xx"), count.to_string())),
    );
    let rate = |bytes| format!("{:.3}MB/s", per_second(report, bytes) / MEBIBYTE);
    rows.extend([
        row("RPS", format!("{:.3}", report.throughput.answered_rps)),
        row("Concurrency", report.request.connections.to_string()),
        row("Reads", rate(report.counts.bytes_received)),
        row("Writes", rate(report.counts.bytes_sent)),
    ]);
    columns(&rows, "  ", &[Align::Left, Align::Right])
}

fn errors(report: &LoadReport) -> String {
    let rows: Vec<Vec<String>> = report
        .failures
        .iter()
        .map(|failure| {
            let what = format!("\"{} × {}\"", failure.phase.name(), failure.cause.name());
            vec![failure.count.to_string(), what]
        })
        .collect();
    columns(&rows, "  ", &[Align::Left, Align::Left])
}

fn time(us: Option<f64>) -> String {
    us.map_or_else(|| NOT_AVAILABLE.to_owned(), go_duration)
}

fn statistics(report: &LoadReport) -> String {
    let times: &LatencySummary = &report.response_time;
    let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
    let mut rows = vec![
        row(["Statistics", "Min", "Mean", "StdDev", "Max"]),
        row([
            "  Latency",
            &time(times.min_us),
            &time(times.mean_us),
            &time(times.stdev_us),
            &time(times.max_us),
        ]),
    ];
    if let Some(rates) = moments(&slice_rates(report)) {
        let cut = |value: f64| trimmed((value * 100.0).trunc() / 100.0, 2);
        rows.push(row([
            "  RPS",
            &cut(rates.min),
            &cut(rates.mean),
            &cut(rates.stdev),
            &cut(rates.max),
        ]));
    }
    let aligns = [
        Align::Left,
        Align::Center,
        Align::Center,
        Align::Center,
        Align::Center,
    ];
    columns(&rows, "", &aligns)
}

fn percentiles(latency: &Histogram) -> String {
    let listed = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99];
    let rows = [
        listed.map(|p| format!("P{p}")).to_vec(),
        listed.map(|p| time(latency.percentile_us(p))).to_vec(),
    ];
    let mut aligns = vec![Align::Center; listed.len()];
    aligns[0] = Align::Left;
    columns(&rows, "  ", &aligns)
}

/// Bins of equal width on a logarithmic scale, empty ones left out: the mean of
/// each, its count and its share.
fn histogram(latency: &Histogram) -> String {
    let total = latency.count();
    let (Some(min_us), Some(max_us)) = (latency.min_us(), latency.max_us()) else {
        return String::new();
    };
    let octaves = (max_us / min_us).ln().max(1e-9);
    let mut bins: BTreeMap<u64, (f64, u64)> = BTreeMap::new();
    for (value_ns, count) in latency.buckets() {
        let share = (value_ns as f64 / 1e3 / min_us).ln() / octaves;
        let bin = ((share * BINS as f64) as u64).min(BINS - 1);
        let sums = bins.entry(bin).or_insert((0.0, 0));
        sums.0 += value_ns as f64 * count as f64;
        sums.1 += count;
    }
    let rows: Vec<Vec<String>> = bins
        .values()
        .map(|(sum_ns, count)| {
            let share = *count as f64 * 100.0 / total as f64;
            vec![
                go_duration(sum_ns / *count as f64 / 1e3),
                count.to_string(),
                format!("{share:.2}%"),
            ]
        })
        .collect();
    columns(&rows, "  ", &[Align::Left, Align::Right, Align::Right])
}

fn notes(report: &LoadReport) -> Vec<&'static str> {
    let mut notes = vec![
        "Count and RPS are of whole responses; plow counts requests that failed, too.",
        "latencies are of successes, and the histogram has bins of equal width on a logarithmic scale; plow's are of every request, in bins that adapt.",
        "the RPS statistics are of successes in slices of a second or more.",
    ];
    if report.arrivals.is_some() {
        notes.push(DUE);
    }
    notes
}
