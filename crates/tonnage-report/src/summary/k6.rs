//! The compact layout of k6. One request is one iteration.

use std::fmt::Write as _;

use tonnage_model::{AssertionResult, Histogram, LoadReport};

use super::numbers::{k6_bytes, k6_duration, trimmed};
use super::{all_service_times, per_second};
use crate::figure::NOT_AVAILABLE;

/// Columns from the beginning of a name to its colon, dots included.
const NAME_WIDTH: usize = 35;

/// A line of the results: a name, and a value with what stands behind it.
struct Line {
    name: &'static str,
    value: String,
    extra: String,
}

pub(super) fn summary(report: &LoadReport) -> (String, Vec<&'static str>) {
    let mut text = thresholds(&report.assertions);
    text.push_str("  █ TOTAL RESULTS\n\n");
    let [all, expected, iteration] = trends(report);
    let others = other_lines(report);
    let widths = [
        others.iter().map(|line| line.value.chars().count()).max(),
        others
            .iter()
            .filter(|line| line.extra.contains('='))
            .filter_map(|line| line.extra.split(' ').next())
            .map(|word| word.chars().count())
            .max(),
    ]
    .map(Option::unwrap_or_default);
    let write = |text: &mut String, names: &[&str]| {
        for line in others.iter().filter(|line| names.contains(&line.name)) {
            text.push_str(&line.written(widths));
        }
    };
    text.push_str("    HTTP\n");
    text.push_str(&named("    ", "http_req_duration", &all));
    text.push_str(&named("      ", "{ expected_response:true }", &expected));
    write(&mut text, &["http_req_failed", "http_reqs"]);
    text.push_str("\n    EXECUTION\n");
    write(&mut text, &["dropped_iterations"]);
    text.push_str(&named("    ", "iteration_duration", &iteration));
    write(&mut text, &["iterations", "vus", "vus_max"]);
    text.push_str("\n    NETWORK\n");
    write(&mut text, &["data_received", "data_sent"]);
    text.push('\n');
    (text, notes(report))
}

/// A name padded with dots; the colons of all lines stand below each other.
fn named(indent: &str, name: &str, value: &str) -> String {
    let width = NAME_WIDTH + 4 - indent.len();
    let line = format!("{indent}{name:.<width$}: {value}");
    format!("{}\n", line.trim_end())
}

impl Line {
    fn written(&self, [value_width, extra_width]: [usize; 2]) -> String {
        let extra = match self.extra.split_once(' ') {
            Some((first, second)) if self.extra.contains('=') => {
                format!("{first:<extra_width$} {second}")
            }
            _ => self.extra.clone(),
        };
        let value = format!("{:<value_width$} {extra}", self.value);
        named("    ", self.name, &value)
    }
}

fn thresholds(assertions: &[AssertionResult]) -> String {
    if assertions.is_empty() {
        return String::new();
    }
    let mut text = String::from("  █ THRESHOLDS\n\n");
    for name in ["http_req_failed", "http_reqs", "iteration_duration"] {
        let group: Vec<String> = assertions
            .iter()
            .filter(|result| metric(&result.assertion) == name)
            .map(threshold)
            .collect();
        if !group.is_empty() {
            writeln!(text, "    {name}\n{}", group.concat())
                .expect("writing to memory does not fail");
        }
    }
    text.push('\n');
    text
}

fn threshold(result: &AssertionResult) -> String {
    let mark = match result.holds {
        Some(true) => "✓",
        Some(false) => "✗",
        None => NOT_AVAILABLE,
    };
    format!("    {mark} '{}' {}\n", result.assertion, result.figure)
}

/// The metric of k6 that a demand is about.
fn metric(assertion: &str) -> &'static str {
    match assertion {
        _ if assertion.starts_with("errors") => "http_req_failed",
        _ if assertion.starts_with("rps") => "http_reqs",
        _ => "iteration_duration",
    }
}

/// The rows of `http_req_duration`, of its successes, and of `iteration_duration`, in
/// columns that fit all three.
fn trends(report: &LoadReport) -> [String; 3] {
    let rows = [
        all_service_times(report),
        report.service_time.histogram(),
        report.response_time.histogram(),
    ]
    .map(|times| trend(&times));
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    rows.each_ref().map(|row| {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| format!("{cell:<0$}", width(column)))
            .collect();
        cells.join(" ")
    })
}

fn trend(times: &Histogram) -> [String; 6] {
    [
        ("avg", times.mean_us()),
        ("min", times.min_us()),
        ("med", times.percentile_us(50.0)),
        ("max", times.max_us()),
        ("p(90)", times.percentile_us(90.0)),
        ("p(95)", times.percentile_us(95.0)),
    ]
    .map(|(name, us)| {
        let value = us.map_or_else(|| NOT_AVAILABLE.to_owned(), k6_duration);
        format!("{name}={value}")
    })
}

/// Everything that is no distribution.
fn other_lines(report: &LoadReport) -> Vec<Line> {
    let counts = &report.counts;
    let ended = counts.succeeded + counts.failed;
    let counter = |name, count: u64| Line {
        name,
        value: count.to_string(),
        extra: format!("{}/s", trimmed(per_second(report, count), 6)),
    };
    let gauge = |name, value: u64, [min, max]: [u64; 2]| Line {
        name,
        value: value.to_string(),
        extra: format!("min={min} max={max}"),
    };
    let bytes = |name, count: u64| Line {
        name,
        value: k6_bytes(count as f64),
        extra: format!("{}/s", k6_bytes(per_second(report, count))),
    };
    let share = if ended == 0 {
        0.0
    } else {
        counts.failed as f64 / ended as f64
    };
    let users = u64::from(report.request.connections);
    let most = u64::from(report.generator.most_connections)
        .max(1)
        .min(users);
    let busy = if report.arrivals.is_some() {
        most
    } else {
        users
    };
    let mut lines = vec![
        Line {
            name: "http_req_failed",
            value: format!("{:.2}%", (share * 1e4).trunc() / 100.0),
            extra: format!("{} out of {ended}", counts.failed),
        },
        counter("http_reqs", ended),
        counter("iterations", ended),
        gauge("vus", busy, [busy, busy]),
        gauge("vus_max", users, [users, users]),
        bytes("data_received", counts.bytes_received),
        bytes("data_sent", counts.bytes_sent),
    ];
    if let Some(arrivals) = report.arrivals.filter(|arrivals| arrivals.dropped > 0) {
        lines.push(counter("dropped_iterations", arrivals.dropped));
    }
    lines
}

fn notes(report: &LoadReport) -> Vec<&'static str> {
    let mut notes = vec![
        "one request is one iteration; http_reqs counts every request that ended in the window, answered or failed.",
        "http_req_duration is of whole responses, first byte written to last byte read; iteration_duration is the response time of successes, a needed connect included.",
    ];
    if report.arrivals.is_some() {
        notes.push("iteration_duration counts from when a request was due, so that waiting for a free connection is part of it; vus is the most connections open at once.");
    }
    notes
}
