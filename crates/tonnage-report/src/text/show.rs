//! A run as text: what it was, every trial (failed ones too), and the comparison.

use std::fmt::Write as _;

use jiff::Timestamp;
use tonnage_model::{RunRecord, TrialOutcome, TrialRecord};

use super::closing::closing;
use super::wrap;
use crate::Document;
use crate::content::{
    failures, latencies, machine_findings, resources, server_sides, trial_table, unavailable,
    verdicts,
};
use crate::figure::{NOT_AVAILABLE, counted, short};
use crate::text::bullets;
use tonnage_analysis::figure;

/// Heads the summaries in the layouts of other generators.
const SUMMARIES: &str = "As other generators show it";

/// A run's header, what it came to, what it used, every trial and every verdict; lines
/// of at most `width` columns (its tables need 60). Load summaries that the study asks
/// for follow in layouts that are as wide as they are.
pub fn show_text(document: &Document, width: usize) -> String {
    let analysis = document.analysis();
    let mut text = header(document, width);
    text.push('\n');
    text.push_str(&closing(document, &analysis, width));
    let tables = [
        ("Latency", latencies(&analysis)),
        ("Both sides", server_sides(&analysis)),
        ("CPU and memory", resources(&analysis)),
        ("Failures", failures(&analysis)),
        ("Trials", trial_table(document, &analysis)),
        ("Verdicts", verdicts(document, &analysis)),
    ];
    for (title, table) in tables {
        if let Some(table) = table {
            let _ = write!(text, "\n{title}\n\n{}", table.text(width));
        }
    }
    for (title, points) in [
        ("Not available here", unavailable(document)),
        ("Machine", machine_findings(document, &analysis)),
    ] {
        if !points.is_empty() {
            let _ = write!(text, "\n{title}\n\n{}", bullets(&points, width));
        }
    }
    let summaries = crate::summaries_text(document, width);
    if !summaries.is_empty() {
        let _ = write!(text, "\n{SUMMARIES}\n\n{summaries}");
    }
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
            format!("{start}, for {}", super::duration(seconds * 1_000_000))
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
        assert_snapshot!(show_text(&fixture::failed(), 100), @r"
        study   Flask behind 2n+1 gunicorn sync workers (flask-bench)
        run     20261121-020000-flask-bench
        status  failed: 1 of 3 trials failed
        when    2026-11-21 02:00:00 UTC, for 3m20s
        host    Example CPU @ 2.60GHz, 2 of 4 CPUs usable, kernel 6.8.0

        Flask behind 2n+1 gunicorn sync workers: peaks at 371 (one block) requests/s with 2 clients

        clients   n   rps, 95 %   gain of doubling   p50 (ms)   p95 (ms)   failed   why
        ─────────────────────────────────────────────────────────────────────────────────────────────────
              1   1       192.5                         5.067      10.40        0
         2 peak   1       371.2             × 1.93      5.255      10.78        0
              4   0           –                             –          –        –   1 trial: the server
                                                                                    exited with status 3
                                                                                    before it answered
        No Universal Scalability Law: 2 numbers of clients count, but a fit needs 4.
        (noise grade unknown, A/A floor unknown, nothing limited, generator and server share 2 CPUs)

        Seed 004
        row      figure     published   ours, 95 %   ratio
        ───────────────────────────────────────────────────
        vus=1    rps            69.59        192.5    2.77
                 p95 (ms)       14.25        10.40   0.730
                 failed             0            0       –
        vus=2    rps            133.7        371.2    2.78
                 p95 (ms)       14.74        10.78   0.732
                 failed             0            0       –
        vus=4    rps            207.4       failed       –
                 p95 (ms)       28.29       failed       –
                 failed             0       failed       –
        vus=8    rps            279.6            –       –
                 p95 (ms)       31.89            –       –
                 failed             0            –       –
        vus=16   rps            280.4            –       –
                 p95 (ms)       82.85            –       –
                 failed             0            –       –
        (noise grade unknown, A/A floor unknown, nothing limited, generator and server share 2 CPUs)

        - 1 of 3 trials could not be measured to the end.
        - Generator and server shared the same 2 CPUs: what one used, the other lacked.
        - 1 of 3 steps do not count and are in no fit.
        - A percentile is n/a where fewer than 10 samples lie beyond it.

        Latency

        cell        successes     min    mean   stdev     p50     p90     p95     p99   p99.9     max
        ──────────────────────────────────────────────────────────────────────────────────────────────
        clients=1       5 775   4.155   5.296   1.270   5.067   5.829   10.40   10.40     n/a   10.40
        clients=2      11 137   4.309   5.493   1.318   5.255   6.042   10.78   10.78   10.78   10.78
        Service times in ms of the requests that succeeded, from the first byte sent to the last received,
        all blocks together.

        CPU and memory

        cell        cpu share (CPUs)   throttled (%)   cpu per request (µs)   memory peak (MiB)   oom kills
        ────────────────────────────────────────────────────────────────────────────────────────────────────
        clients=1             0.9333               –                   4848               62.00           –
        clients=2             0.9333               –                   2514               62.00           –
        clients=4                  –               –                      –                  62           –
        OOM kills and respawned processes are those of all trials together; memory is the peak of the
        server’s whole life, CPU and switches are those of the window.

        Trials

        trial   cell          rps   p50 ms   p95 ms   failed   gen. CPU   verdict
        ───────────────────────────────────────────────────────────────────────────────
            1   clients=1   192.5    5.067    10.40        0      0.4 %   VALID
            2   clients=2   371.2    5.255    10.78        0      0.8 %   VALID
            3   clients=4       –        –        –        –          –   not measured
        Latencies are service times of the successes. The generator’s CPU is the share of one CPU that its
        busiest thread used, CPU µs its own time for each response.

        Verdicts

        trials   cell        level          reason
        ───────────────────────────────────────────────────────────────────────────────────────────────
        3        clients=4   not measured   failed: the server exited with status 3 before it answered
        ");
    }

    #[test]
    fn no_document_is_wider_than_asked() {
        for (name, document) in fixture::all() {
            for width in [60, 100] {
                let text = show_text(&document, width);
                let own = text.split(SUMMARIES).next().unwrap_or_default();
                for line in own.lines() {
                    assert!(line.chars().count() <= width, "{name} at {width}: {line}");
                }
            }
        }
    }

    #[test]
    fn summaries_that_the_study_asks_for_come_last() {
        let text = show_text(&fixture::zoo(), 100);
        let (_, summaries) = text.split_once(SUMMARIES).unwrap();
        assert_eq!(summaries.matches("Requests/sec:").count(), 4);
        assert!(!show_text(&fixture::published(), 100).contains(SUMMARIES));
    }

    #[test]
    fn a_time_that_no_calendar_has_is_no_panic() {
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(u64::MAX), "at an unknown time");
    }
}
