//! A run as text: what it was, every trial (failed ones too), and the comparison.

use jiff::Timestamp;
use tonnage_model::{RunRecord, TrialOutcome, TrialRecord};

use super::comparison::comparison_text;
use super::wrap;
use crate::figure::{NOT_AVAILABLE, counted, short};
use crate::{Document, LadderView, figure, ladders};

/// The columns of the step table: heading and figure.
const COLUMNS: [(&str, &str); 6] = [
    ("vus", "clients"),
    ("rps", "rps"),
    ("p50 ms", "p50_ms"),
    ("p95 ms", "p95_ms"),
    ("failed", "failed"),
    ("gen. CPU", "generator_cpu"),
];

/// A run's header, all its trials and its comparison; lines of at most `width`
/// columns (the step table needs 60).
pub fn show_text(document: &Document, width: usize) -> String {
    let mut text = header(document, width);
    for ladder in &ladders(document) {
        text.push('\n');
        if !ladder.label.is_empty() {
            text.push_str(&wrap("", &ladder.label, width, 0));
        }
        text.push_str(&steps(ladder, width));
    }
    text.push('\n');
    text.push_str(&comparison_text(document, width));
    text
}

fn header(document: &Document, width: usize) -> String {
    let run = &document.run;
    let host = &run.host;
    let quick = if run.quick { ", quick" } else { "" };
    let lines = [
        (
            "study",
            format!("{} ({}{quick})", document.study.title, run.study),
        ),
        ("run", run.run_id.clone()),
        ("status", status(run)),
        ("when", when(run)),
        (
            "host",
            format!(
                "{}, {} of {} usable, kernel {}",
                host.cpu_model,
                host.usable_cpus,
                counted(host.online_cpus as u64, "CPU"),
                host.kernel
            ),
        ),
    ];
    lines
        .iter()
        .map(|(name, value)| wrap(&format!("{name:<8}"), value, width, 8))
        .collect::<String>()
}

/// A run's status, and its reason where there is one.
pub(crate) fn status(run: &RunRecord) -> String {
    if run.reason.is_empty() {
        run.status.name().to_owned()
    } else {
        format!("{}: {}", run.status.name(), run.reason)
    }
}

/// When a run began, and how long it took.
pub(crate) fn when(run: &RunRecord) -> String {
    let start = time(run.started_unix_us);
    match run.ended_unix_us {
        Some(end) => {
            let seconds = end.saturating_sub(run.started_unix_us) / 1_000_000;
            format!(
                "{start}, for {}",
                crate::factors::duration(seconds * 1_000_000)
            )
        }
        None => start,
    }
}

/// A wall-clock time in UTC, to the second.
pub(crate) fn time(unix_us: u64) -> String {
    i64::try_from(unix_us)
        .ok()
        .and_then(|us| Timestamp::from_microsecond(us).ok())
        .map_or_else(
            || "at an unknown time".to_owned(),
            |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        )
}

/// The step table. Trials without figures say why across all its columns, so that
/// a long reason does not squeeze the others.
fn steps(ladder: &LadderView<'_>, width: usize) -> String {
    let rows: Vec<Vec<String>> = ladder
        .trials
        .iter()
        .map(|trial| COLUMNS.iter().map(|(_, name)| cell(trial, name)).collect())
        .collect();
    let widths: Vec<usize> = COLUMNS
        .iter()
        .enumerate()
        .map(|(index, (heading, _))| {
            let cells = rows.iter().map(|row| row[index].chars().count());
            cells.chain([heading.len()]).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:>width$}"))
            .collect();
        padded.join("   ")
    };
    let heading = line(&mut COLUMNS.iter().map(|(heading, _)| *heading));
    let rule = "─".repeat(heading.chars().count());
    let mut text = format!("{heading}\n{rule}\n");
    for (trial, row) in ladder.trials.iter().zip(&rows) {
        if trial.measured().is_some() {
            text.push_str(&line(&mut row.iter().map(String::as_str)));
            text.push('\n');
        } else {
            let first = format!("{:>1$}   ", row[0], widths[0]);
            text.push_str(&wrap(&first, &outcome(trial), width, first.len()));
        }
    }
    text
}

/// A figure of a trial; a dash where no window was measured at all.
pub(crate) fn cell(trial: &TrialRecord, name: &str) -> String {
    match figure(trial, name) {
        Some(value) => short(name, value),
        None if trial.measured().is_some() => NOT_AVAILABLE.to_owned(),
        None => "–".to_owned(),
    }
}

/// How a trial ended, with its reason.
pub(crate) fn outcome(trial: &TrialRecord) -> String {
    match &trial.outcome {
        TrialOutcome::Measured if trial.load.is_none() => "measured, but its record is lost".into(),
        TrialOutcome::Measured => "measured".to_owned(),
        TrialOutcome::Failed(reason) => format!("failed: {reason}"),
        TrialOutcome::Interrupted => "interrupted".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use insta::assert_snapshot;

    #[test]
    fn failed_trials_are_rows_with_their_reason() {
        let text = show_text(&fixture::failed(), 60);
        let top: Vec<&str> = text.lines().take(17).collect();
        assert_snapshot!(top.join("\n"), @r"
        study   Flask behind 2n+1 gunicorn sync workers
                (flask-bench)
        run     20261121-020000-flask-bench
        status  failed: 1 of 3 trials failed
        when    2026-11-21 02:00:00 UTC, for 3m20s
        host    Example CPU @ 2.60GHz, 2 of 4 CPUs usable, kernel
                6.8.0

        vus     rps   p50 ms   p95 ms   failed   gen. CPU
        ─────────────────────────────────────────────────
          1   192.5    5.067    10.40        0      0.4 %
          2   371.2    5.255    10.78        0      0.8 %
          4   failed: the server exited with status 3 before it
              answered

        vus   figure           published     ours   ratio
        ──────────────────────────────────────────────────
        ");
    }

    #[test]
    fn no_document_is_wider_than_asked() {
        for (name, document) in fixture::all() {
            for width in [60, 100] {
                for line in show_text(&document, width).lines() {
                    assert!(line.chars().count() <= width, "{name} at {width}: {line}");
                }
            }
        }
    }

    #[test]
    fn a_time_that_no_calendar_has_is_no_panic() {
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(u64::MAX), "at an unknown time");
    }
}
