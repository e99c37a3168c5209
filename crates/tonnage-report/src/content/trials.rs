//! Every trial of a run, and every verdict.

use tonnage_analysis::Analysis;
use tonnage_model::{Level, LoadReport, TrialKind, TrialRecord, format_significant};

use crate::Document;
use crate::figure::{counted, grouped, percent};
use crate::table::{Field, Table};
use crate::text::{cell, outcome};

/// The columns of the table of trials: heading and figure.
const FIGURES: [(&str, &str); 7] = [
    ("rps", "rps"),
    ("?mean ms", "mean_ms"),
    ("p50 ms", "p50_ms"),
    ("p95 ms", "p95_ms"),
    ("?p99 ms", "p99_ms"),
    ("?max ms", "max_ms"),
    ("failed", "failed"),
];

/// What a trial is of: its cell's label, or what it was made for.
pub(crate) fn subject(analysis: &Analysis<'_>, trial: &TrialRecord) -> String {
    let of = analysis.cells.iter().find(|view| *view.cell == trial.cell);
    let name = of.map_or_else(
        || format!("{} clients={}", trial.cell.stack, trial.cell.clients),
        |view| view.name().to_owned(),
    );
    match trial.kind {
        TrialKind::Measure => name,
        TrialKind::Reference => "reference".to_owned(),
        TrialKind::Duplicate => format!("{name} (again)"),
        TrialKind::Search => format!("search: {}", searched(trial)),
    }
}

/// The value that a search tried.
fn searched(trial: &TrialRecord) -> String {
    let names = ["stack", "rate", "memory"];
    let values = names.iter().filter_map(|name| {
        let value = trial.cell.factor(name).filter(|value| value != "none")?;
        Some(if *name == "stack" {
            value
        } else {
            format!("{name}={value}")
        })
    });
    values.collect::<Vec<_>>().join(" ")
}

/// One row for each trial.
pub(crate) fn trial_table(document: &Document, analysis: &Analysis<'_>) -> Option<Table> {
    let mut columns = vec!["trial", "?block", "<cell"];
    columns.extend(FIGURES.map(|(heading, _)| heading));
    columns.extend([
        "gen. CPU",
        "?CPU µs per response",
        "?Little’s residual",
        "?boot ms",
        "<verdict",
    ]);
    let mut table = Table::new("", &columns);
    for trial in &document.trials {
        let measured = trial.measured();
        let mut row = vec![
            Field::new((trial.position + 1).to_string()),
            Field::new((trial.block + 1).to_string()),
            Field::new(subject(analysis, trial)),
        ];
        row.extend(FIGURES.map(|(_, figure)| Field::new(cell(trial, figure))));
        row.extend(generator(measured));
        let boot = trial.boot_ms.map(|boot| boot.to_string());
        row.push(Field::or(
            boot,
            "–",
            "the server was started by somebody else, or never answered",
        ));
        row.push(match measured {
            Some(load) => Field::new(load.verdict.level.name()),
            None => Field {
                text: "not measured".to_owned(),
                hint: outcome(trial),
            },
        });
        table.push(
            row,
            measured.is_none_or(|load| load.verdict.level == Level::Invalid),
        );
    }
    table.notes.push("Latencies are service times of the successes. The generator’s CPU is the share of one CPU that its busiest thread used, CPU µs its own time for each response.".to_owned());
    (!table.rows.is_empty()).then_some(table)
}

fn generator(load: Option<&LoadReport>) -> [Field; 3] {
    let Some(load) = load else {
        return [(); 3].map(|()| Field::new("–"));
    };
    let generator = &load.generator;
    let cpu_us = generator.cpu_us_per_response;
    [
        Field::new(percent(generator.busiest_thread_cpu_share)),
        Field::or(
            cpu_us.map(|us| format_significant(us, 3)),
            crate::figure::NOT_AVAILABLE,
            "there was no response",
        ),
        Field::or(
            generator.little_residual.map(percent),
            crate::figure::NOT_AVAILABLE,
            "nothing succeeded, or something failed",
        ),
    ]
}

/// How many trials are VALID, SUSPECT and INVALID.
pub(super) fn verdict_sentence(document: &Document) -> String {
    let level = |level: Level| {
        let loads = document.trials.iter().filter_map(TrialRecord::measured);
        loads.filter(|load| load.verdict.level == level).count()
    };
    let measured = document
        .trials
        .iter()
        .filter(|trial| trial.measured().is_some())
        .count();
    format!(
        "{}: {} VALID, {} SUSPECT, {} INVALID, {} not measured to the end.",
        counted(document.trials.len() as u64, "trial"),
        level(Level::Valid),
        level(Level::Suspect),
        level(Level::Invalid),
        document.trials.len() - measured
    )
}

/// Every reason of every trial that is not VALID, the same ones of a cell together.
pub(crate) fn verdicts(document: &Document, analysis: &Analysis<'_>) -> Option<Table> {
    let mut table = Table::new("", &["<trials", "<cell", "<level", "<reason"]);
    for trial in &document.trials {
        let subject = subject(analysis, trial);
        let position = grouped(u64::from(trial.position) + 1);
        let Some(load) = trial.measured() else {
            let reason = outcome(trial);
            let row = [
                position,
                subject,
                "not measured".to_owned(),
                super::brief(&reason),
            ];
            let mut row = row.map(Field::new).to_vec();
            row[3].hint = reason;
            table.push(row, true);
            continue;
        };
        for reason in &load.verdict.reasons {
            let level = reason.level.name().to_owned();
            let row = [
                position.clone(),
                subject.clone(),
                level,
                reason.text.clone(),
            ];
            table.push(row.map(Field::new).to_vec(), reason.level == Level::Invalid);
        }
    }
    (!table.rows.is_empty()).then_some(table)
}
