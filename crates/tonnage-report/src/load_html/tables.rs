//! The tables of a load's page: latencies, phases, statuses, failures, bodies; and
//! the facts that stand below them.

use tonnage_model::{LatencySummary, LoadReport, format_bytes, format_micros};

use crate::figure::{NOT_AVAILABLE, counted, grouped, percent};
use crate::text::{facts, phases, requests_needed};

/// A table whose first column is text.
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) heading: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A figure, and why it is missing; the hint is empty where it is not.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) hint: String,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self {
            text,
            hint: String::new(),
        }
    }
}

/// Every table that has rows.
pub(super) fn tables(report: &LoadReport) -> Vec<Table> {
    [
        latencies(report),
        phase_table(report),
        server_table(report),
        statuses(report),
        failures(report),
        bodies(report),
    ]
    .into_iter()
    .filter(|table| !table.rows.is_empty())
    .collect()
}

/// A time, or why there is none.
fn time(us: Option<f64>, hint: &str) -> Cell {
    us.map_or_else(
        || Cell {
            text: NOT_AVAILABLE.to_owned(),
            hint: hint.to_owned(),
        },
        |us| format_micros(us).into(),
    )
}

fn percentile(times: &LatencySummary, percentile: f64) -> Cell {
    let hint = format!(
        "{} of {} needed",
        counted(times.count, "request"),
        grouped(requests_needed(percentile))
    );
    time(times.percentile_us(percentile), &hint)
}

fn latencies(report: &LoadReport) -> Table {
    let mut heading = vec!["latency", "service", "response"];
    let mut columns = vec![&report.service_time, &report.response_time];
    if report.failed_service_time.count > 0 {
        heading.push("unexpected status");
        columns.push(&report.failed_service_time);
    }
    let row = |name: String, cell: &dyn Fn(&LatencySummary) -> Cell| {
        let cells = columns.iter().map(|times| cell(times));
        [name.into()].into_iter().chain(cells).collect()
    };
    let nothing = "there was none";
    let mut rows: Vec<Vec<Cell>> = vec![
        row("requests".to_owned(), &|times| grouped(times.count).into()),
        row("mean".to_owned(), &|times| time(times.mean_us, nothing)),
        row("stdev".to_owned(), &|times| time(times.stdev_us, nothing)),
        row("min".to_owned(), &|times| time(times.min_us, nothing)),
    ];
    for listed in &report.service_time.percentiles {
        let p = listed.percentile;
        rows.push(row(format!("p{p}"), &|times| percentile(times, p)));
    }
    rows.push(row("max".to_owned(), &|times| time(times.max_us, nothing)));
    Table {
        title: "Latency",
        heading,
        rows,
    }
}

/// Where the server says that the time went.
fn server_table(report: &LoadReport) -> Table {
    let server = report.server.iter();
    let rows = server.flat_map(|server| {
        let whole = ("service", server.service_us);
        server.parts().into_iter().chain([whole])
    });
    Table {
        title: "What the server says",
        heading: vec!["part", "mean"],
        rows: rows
            .map(|(name, us)| vec![name.to_owned().into(), time(us, "no request")])
            .collect(),
    }
}

fn phase_table(report: &LoadReport) -> Table {
    let rows = phases(report).into_iter().map(|(name, times)| {
        vec![
            name.to_owned().into(),
            grouped(times.count).into(),
            time(times.mean_us, ""),
            percentile(times, 50.0),
            percentile(times, 99.0),
            time(times.max_us, ""),
        ]
    });
    Table {
        title: "Phases",
        heading: vec!["phase", "samples", "mean", "p50", "p99", "max"],
        rows: rows.collect(),
    }
}

fn statuses(report: &LoadReport) -> Table {
    let rows = report
        .statuses
        .iter()
        .map(|(status, count)| vec![status.to_string().into(), grouped(*count).into()]);
    Table {
        title: "Statuses",
        heading: vec!["status", "responses"],
        rows: rows.collect(),
    }
}

fn failures(report: &LoadReport) -> Table {
    let rows = report.failures.iter().map(|failure| {
        let what = format!("{} × {}", failure.phase.name(), failure.cause.name());
        vec![what.into(), grouped(failure.count).into()]
    });
    Table {
        title: "Failures",
        heading: vec!["phase × cause", "requests"],
        rows: rows.collect(),
    }
}

/// The kinds of bodies, where there is more than one.
fn bodies(report: &LoadReport) -> Table {
    let kinds = &report.bodies.kinds;
    let several = kinds.len() > 1 || report.bodies.others > 0;
    let mut rows: Vec<Vec<Cell>> = kinds
        .iter()
        .filter(|_| several)
        .map(|kind| {
            vec![
                format!("{:08x}", kind.crc32).into(),
                format_bytes(kind.bytes as f64).into(),
                grouped(kind.count).into(),
            ]
        })
        .collect();
    if report.bodies.others > 0 {
        rows.push(vec![
            "others".to_owned().into(),
            String::new().into(),
            grouped(report.bodies.others).into(),
        ]);
    }
    Table {
        title: "Bodies",
        heading: vec!["CRC-32", "length", "responses"],
        rows,
    }
}

/// The facts that are in no table, and the generator's own state in full.
pub(super) fn generator_facts(report: &LoadReport) -> Vec<(&'static str, String)> {
    let shown = ["failed", "status", "bodies"];
    let mut list: Vec<(&'static str, String)> = facts(report)
        .into_iter()
        .filter(|(name, _)| !shown.contains(name))
        .collect();
    let generator = &report.generator;
    let known = [
        (
            "ceiling here",
            generator
                .ceiling_rps
                .map(|rps| format!("{rps:.0} requests/s against a responder that does nothing")),
        ),
        (
            "mean in flight",
            generator.mean_in_flight.map(|n| format!("{n:.2} requests")),
        ),
        ("CPU wait", generator.cpu_wait_share.map(percent)),
        ("steal time", generator.steal_share.map(percent)),
        (
            "throttled",
            generator.throttled_periods.map(|n| counted(n, "time")),
        ),
        (
            "full backlogs",
            generator.listen_overflows.map(|n| counted(n, "connect")),
        ),
    ];
    list.extend(
        known
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    list
}
