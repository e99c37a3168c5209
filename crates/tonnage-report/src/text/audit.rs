//! What `tonnage audit` says of a published table: its rows beside what Little's law
//! makes of them, and what follows, as text or JSON. The sentences are in `conclusions`.

mod conclusions;
#[cfg(test)]
mod tests;

use serde::Serialize;
use tonnage_model::format_significant;
use tonnage_stats::{Audit, TOLERANCE};

use conclusions::conclusions;

use super::{table, wrap};
use crate::ReportError;

/// Name and version of the JSON form; the number grows when a reader of the old form
/// would misread the new one.
pub const AUDIT_SCHEMA: &str = "tonnage.audit/1";

/// A table that was audited.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditedTable {
    /// Where it was read.
    pub source: String,
    /// The header of the number of clients; `None` where one number was given for all.
    pub clients_column: Option<String>,
    /// The header of the throughput.
    pub throughput_column: String,
    /// The header of the mean latency.
    pub latency_column: String,
    /// The unit that latencies were read in, such as `ms`.
    pub latency_unit: String,
    /// Another unit in which the rows would agree, where they do not in this.
    pub better_unit: Option<String>,
    /// Whether the think time was given, not found.
    pub think_is_given: bool,
    /// What was found, with a row for each of `rows`.
    pub audit: Audit,
    /// The rows that have all three figures.
    pub rows: Vec<TableRow>,
    /// The other rows.
    pub left_out: Vec<LeftOut>,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRow {
    /// Its line in the source, from 1.
    pub line: usize,
    /// What it is about, by the cells left of the figures.
    pub label: String,
    /// Clients N.
    pub clients: f64,
    /// Throughput X in requests per second.
    pub throughput_rps: f64,
    /// Mean response time R in seconds.
    pub response_s: f64,
}

/// A row that could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its line in the source, from 1.
    pub line: usize,
    /// What it lacks.
    pub reason: String,
}

/// The audit as text; lines of at most `width` columns.
pub fn audit_text(audited: &AuditedTable, width: usize) -> String {
    let mut text = wrap("", &title(audited), width, 0);
    for (name, column) in [
        ("N", audited.clients_column.as_deref().unwrap_or("as given")),
        ("X", &audited.throughput_column),
        (
            "R",
            &format!(
                "{}, read in {}",
                audited.latency_column, audited.latency_unit
            ),
        ),
    ] {
        text.push_str(&wrap(&format!("  {name}  "), column, width, 5));
    }
    text.push('\n');
    text.push_str(&rows_text(audited, width));
    text.push('\n');
    for conclusion in conclusions(audited) {
        text.push_str(&wrap("- ", &conclusion, width, 2));
    }
    text
}

/// The audit as JSON; times in seconds, shares from 0 to 1.
pub fn audit_json(audited: &AuditedTable) -> Result<String, ReportError> {
    let rows = audited.rows.iter().zip(&audited.audit.rows);
    let json = AuditJson {
        schema: AUDIT_SCHEMA,
        source: &audited.source,
        think_s: audited.audit.think_s,
        think_is_given: audited.think_is_given,
        latency_unit: &audited.latency_unit,
        better_unit: audited.better_unit.as_deref(),
        tolerance: TOLERANCE,
        agreeing: audited.audit.agreeing,
        usable: audited.audit.usable,
        rows: rows
            .map(|(row, judged)| RowJson {
                line: row.line,
                label: &row.label,
                clients: row.clients,
                throughput_rps: row.throughput_rps,
                response_s: row.response_s,
                predicted_rps: judged.predicted_rps,
                residual: judged.residual,
                consistent: judged.consistent,
                think_share: think_share(audited, row),
            })
            .collect(),
        left_out: &audited.left_out,
        conclusions: conclusions(audited),
    };
    Ok(serde_json::to_string_pretty(&json)?)
}

#[derive(Serialize)]
struct AuditJson<'a> {
    schema: &'static str,
    source: &'a str,
    think_s: f64,
    think_is_given: bool,
    latency_unit: &'a str,
    better_unit: Option<&'a str>,
    tolerance: f64,
    agreeing: usize,
    usable: usize,
    rows: Vec<RowJson<'a>>,
    left_out: &'a [LeftOut],
    conclusions: Vec<String>,
}

#[derive(Serialize)]
struct RowJson<'a> {
    line: usize,
    label: &'a str,
    clients: f64,
    throughput_rps: f64,
    response_s: f64,
    predicted_rps: Option<f64>,
    residual: Option<f64>,
    consistent: bool,
    think_share: f64,
}

fn title(audited: &AuditedTable) -> String {
    let rows = crate::figure::counted(audited.rows.len() as u64, "row");
    format!(
        "{}: {rows}, checked by Little's law, N = X · (R + Z)",
        audited.source
    )
}

/// The share of a client's cycle that it spends thinking, Z ÷ (Z + R).
fn think_share(audited: &AuditedTable, row: &TableRow) -> f64 {
    audited.audit.think_s / (audited.audit.think_s + row.response_s)
}

fn rows_text(audited: &AuditedTable, width: usize) -> String {
    let has_labels = audited.rows.iter().any(|row| !row.label.is_empty());
    let mut header = vec![
        "line",
        "N",
        "X /s",
        "R ms",
        "N÷(R+Z)",
        "X is off by",
        "thinking",
    ];
    if has_labels {
        header.insert(1, "row");
    }
    let rows = audited
        .rows
        .iter()
        .zip(&audited.audit.rows)
        .map(|(row, judged)| {
            let off = judged.residual.map(off_by).unwrap_or_default();
            let mut cells = vec![
                row.line.to_string(),
                short(row.clients),
                short(row.throughput_rps),
                short(row.response_s * 1e3),
                judged.predicted_rps.map(short).unwrap_or_default(),
                if judged.consistent {
                    off
                } else {
                    format!("{off} !")
                },
                percent(think_share(audited, row)),
            ];
            if has_labels {
                cells.insert(1, row.label.clone());
            }
            cells
        });
    let left: &[usize] = if has_labels { &[1] } else { &[] };
    table(&header, rows.collect(), left, width)
}

/// How far the published rate is from the predicted one, by predicted ÷ published − 1.
fn off_by(residual: f64) -> String {
    let off = 1.0 / (1.0 + residual) - 1.0;
    let percent = off * 100.0;
    if percent.abs() < 0.05 {
        "0.0 %".to_owned()
    } else {
        format!("{percent:+.1} %").replace('-', "−")
    }
}

/// At most four digits, and no zeros that nobody published.
fn short(value: f64) -> String {
    let text = format_significant(value, 4);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
