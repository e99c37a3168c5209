//! `tonnage audit`: a published table, checked by Little's law. Reading the table is
//! done here, the mathematics in `tonnage-stats`, the words in the report.

mod columns;
mod numbers;
mod rows;
mod table;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use tonnage_model::{ExitStatus, FileError};
use tonnage_report::{AuditedTable, TableRow, audit_json, audit_text};
use tonnage_stats::{Audit, AuditRow, AuditedRow, TOLERANCE, audit};

use crate::args::AuditArgs;
use crate::commands::UsageError;
use crate::output;
use columns::Named;
pub(crate) use numbers::TimeUnit;
use rows::{Given, Rows};
use table::Table;

/// Larger files are no tables that somebody published.
const MAX_BYTES: u64 = 16 << 20;

pub(crate) fn run(args: &AuditArgs) -> anyhow::Result<ExitStatus> {
    let (file, text) = read(&args.table)?;
    let audited = examine(&file, &text, args).map_err(|error| UsageError(error.to_string()))?;
    if args.json {
        output::result(&audit_json(&audited)?);
    } else {
        output::result(&audit_text(&audited, output::width()));
    }
    let has_flaws = audited.audit.agreeing < audited.audit.usable;
    Ok(if args.strict && has_flaws {
        ExitStatus::InvalidMeasurement
    } else {
        ExitStatus::Done
    })
}

/// The file's name for messages, and its text.
fn read(path: &Path) -> anyhow::Result<(String, String)> {
    let is_stdin = path.as_os_str() == "-";
    let name = if is_stdin {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let mut bytes = Vec::new();
    let read = if is_stdin {
        io::stdin()
            .lock()
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| UsageError(format!("cannot read the table {name}: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        let error = format!("{name} is no table that can be audited: it has more than 16 MiB");
        return Err(UsageError(error).into());
    }
    let text = decoded(&name, bytes).map_err(|error| UsageError(error.to_string()));
    Ok((name, text.context("cannot read the table")?))
}

fn decoded(name: &str, bytes: Vec<u8>) -> Result<String, FileError> {
    String::from_utf8(bytes).map_err(|error| {
        let (good, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
        let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        let charset = if is_utf16 { "UTF-16" } else { "ISO-8859-1" };
        let before = String::from_utf8_lossy(&bytes[..good]);
        let message = format!(
            "the byte 0x{:02x} is not UTF-8; save the table as UTF-8, or: iconv -f {charset} -t UTF-8",
            bytes[good]
        );
        FileError::at(name, &before, good, message)
    })
}

/// Reads the table and applies the law.
fn examine(file: &str, text: &str, args: &AuditArgs) -> Result<AuditedTable, FileError> {
    let named = Named {
        clients: args.clients_column.clone(),
        throughput: args.throughput_column.clone(),
        latency: args.latency_column.clone(),
    };
    let tables = table::tables(text);
    let first = tables.first().ok_or_else(|| {
        let message = "there is no table: expected a line of headers and a line for each row, as CSV or Markdown";
        FileError::at(file, text, 0, message)
    })?;
    let find = |table: &Table| columns::find(file, text, table, &named, args.clients.is_some());
    // The first that has what is needed; where none has, what the first lacks.
    let (table, columns) = tables
        .iter()
        .find_map(|table| Some((table, find(table).ok()?)))
        .map_or_else(|| Ok((first, find(first)?)), Ok)?;
    let given = Given {
        clients: args.clients,
        unit: args.latency_unit,
    };
    let Rows { rows, left_out } = rows::read(file, text, table, &columns, given)?;
    let judge = |rows: &[TableRow]| judged(rows, args.think);
    let found = judge(&rows).ok_or_else(|| {
        let offset = table.header.first().map_or(0, |cell| cell.offset);
        let message = format!(
            "the table has {} with clients, throughput and mean latency; two are needed to find the think time, one where it is given (--think SECONDS)",
            match rows.len() { 1 => "1 row".to_owned(), count => format!("{count} rows") }
        );
        FileError::at(file, text, offset, message)
    })?;
    let unit = given
        .unit
        .or(columns.latency_unit)
        .unwrap_or(TimeUnit::Milliseconds);
    let heading = |column: usize| table.header[column].text.clone();
    Ok(AuditedTable {
        source: file.to_owned(),
        clients_column: columns.clients.map(heading),
        throughput_column: heading(columns.throughput),
        latency_column: heading(columns.latency),
        latency_unit: unit.symbol().to_owned(),
        better_unit: better_unit(&rows, unit, &found, judge),
        think_is_given: args.think.is_some(),
        audit: found,
        rows,
        left_out,
    })
}

fn judged(rows: &[TableRow], think_s: Option<f64>) -> Option<Audit> {
    let rows: Vec<AuditRow> = rows
        .iter()
        .map(|row| AuditRow {
            clients: row.clients,
            throughput_rps: row.throughput_rps,
            response_s: row.response_s,
        })
        .collect();
    match think_s {
        Some(think_s) => with_think(&rows, think_s),
        None => audit(&rows),
    }
}

/// The same judgement where the think time is known, which one row suffices for.
fn with_think(rows: &[AuditRow], think_s: f64) -> Option<Audit> {
    let judge = |row: &AuditRow| {
        let predicted_rps = row.clients / (row.response_s + think_s);
        let residual = predicted_rps / row.throughput_rps - 1.0;
        AuditedRow {
            predicted_rps: Some(predicted_rps),
            residual: Some(residual),
            consistent: residual.abs() <= TOLERANCE,
        }
    };
    let judged: Vec<AuditedRow> = rows.iter().map(judge).collect();
    (!judged.is_empty()).then(|| Audit {
        think_s,
        agreeing: judged.iter().filter(|row| row.consistent).count(),
        usable: judged.len(),
        rows: judged,
    })
}

/// Another unit in which the latencies would make sense, where they make none in
/// this: then most rows agree that did not.
fn better_unit(
    rows: &[TableRow],
    unit: TimeUnit,
    found: &Audit,
    judge: impl Fn(&[TableRow]) -> Option<Audit>,
) -> Option<String> {
    if found.is_conclusive() {
        return None;
    }
    let others = TimeUnit::USUAL.into_iter().filter(|other| *other != unit);
    let judged = others.filter_map(|other| {
        let factor = other.seconds() / unit.seconds();
        let scaled: Vec<TableRow> = rows
            .iter()
            .map(|row| TableRow {
                response_s: row.response_s * factor,
                ..row.clone()
            })
            .collect();
        let audit = judge(&scaled)?;
        audit.is_conclusive().then_some((audit.agreeing, other))
    });
    let best = judged.max_by_key(|(agreeing, _)| *agreeing);
    best.map(|(_, other)| other.symbol().to_owned())
}
