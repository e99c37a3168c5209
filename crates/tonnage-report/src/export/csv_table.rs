//! One row for each trial, with every factor and figure. What is missing is an
//! empty field, never a zero.

use std::collections::BTreeSet;

use tonnage_model::{LatencySummary, LoadReport, TrialOutcome, TrialRecord};

use crate::console::into_text;
use crate::figure::exact;
use crate::{Document, ReportError};

/// A column: its heading, and what a measured load puts there.
type Column = (&'static str, fn(&LoadReport) -> Option<f64>);

/// Figures of a measured load. Service times first, then response times.
const FIGURES: [Column; 19] = [
    ("goodput_rps", |l| Some(l.throughput.goodput_rps)),
    ("answered_rps", |l| Some(l.throughput.answered_rps)),
    ("started", |l| Some(l.counts.started as f64)),
    ("succeeded", |l| Some(l.counts.succeeded as f64)),
    ("failed", |l| Some(l.counts.failed as f64)),
    ("unfinished", |l| Some(l.counts.unfinished as f64)),
    ("mean_ms", |l| ms(l.service_time.mean_us)),
    ("p50_ms", |l| percentile(&l.service_time, 50.0)),
    ("p75_ms", |l| percentile(&l.service_time, 75.0)),
    ("p90_ms", |l| percentile(&l.service_time, 90.0)),
    ("p95_ms", |l| percentile(&l.service_time, 95.0)),
    ("p99_ms", |l| percentile(&l.service_time, 99.0)),
    ("p99_9_ms", |l| percentile(&l.service_time, 99.9)),
    ("max_ms", |l| ms(l.service_time.max_us)),
    ("response_p50_ms", |l| percentile(&l.response_time, 50.0)),
    ("response_p95_ms", |l| percentile(&l.response_time, 95.0)),
    ("generator_cpu_share", |l| {
        Some(l.generator.busiest_thread_cpu_share)
    }),
    ("generator_cpu_us_per_response", |l| {
        l.generator.cpu_us_per_response
    }),
    ("little_residual", |l| l.generator.little_residual),
];

const FACTORS: [&str; 9] = [
    "stack",
    "workload",
    "workers",
    "worker_rule",
    "threads",
    "clients",
    "keepalive",
    "duration_s",
    "warmup_s",
];

const TRIAL: [&str; 7] = [
    "outcome",
    "reason",
    "boot_ms",
    "processes",
    "time_wait",
    "time_wait_waited_ms",
    "started_unix_us",
];

fn ms(us: Option<f64>) -> Option<f64> {
    us.map(|us| us / 1e3)
}

fn percentile(summary: &LatencySummary, percentile: f64) -> Option<f64> {
    ms(summary.percentile_us(percentile))
}

/// Every trial of the run as CSV (UTF-8, a heading, comma).
pub fn results_csv(document: &Document) -> Result<Vec<u8>, ReportError> {
    let parameters: BTreeSet<&str> = document
        .trials
        .iter()
        .flat_map(|trial| trial.cell.parameters.keys())
        .map(String::as_str)
        .collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let heading = ["position"]
        .into_iter()
        .chain(FACTORS)
        .chain(parameters.iter().copied())
        .chain(TRIAL)
        .chain(FIGURES.map(|(name, _)| name));
    writer.write_record(heading)?;
    for trial in &document.trials {
        writer.write_record(row(trial, &parameters))?;
    }
    Ok(into_text(writer).into_bytes())
}

fn row(trial: &TrialRecord, parameters: &BTreeSet<&str>) -> Vec<String> {
    let cell = &trial.cell;
    let seconds = |us: u64| exact(us as f64 / 1e6);
    let optional = |value: Option<String>| value.unwrap_or_default();
    let mut row = vec![
        trial.position.to_string(),
        cell.stack.clone(),
        cell.workload.clone(),
        optional(cell.workers.map(|workers| workers.to_string())),
        cell.worker_rule.clone(),
        optional(cell.threads.map(|threads| threads.to_string())),
        cell.clients.to_string(),
        cell.keepalive.to_string(),
        seconds(cell.duration_us),
        seconds(cell.warmup_us),
    ];
    row.extend(
        parameters
            .iter()
            .map(|name| optional(cell.parameters.get(*name).cloned())),
    );
    let (outcome, reason) = match &trial.outcome {
        TrialOutcome::Measured => ("measured", ""),
        TrialOutcome::Failed(reason) => ("failed", reason.as_str()),
        TrialOutcome::Interrupted => ("interrupted", ""),
    };
    row.extend([
        outcome.to_owned(),
        reason.to_owned(),
        optional(trial.boot_ms.map(|boot| boot.to_string())),
        optional(trial.processes.map(|count| count.to_string())),
        trial.time_wait.sockets.to_string(),
        trial.time_wait.waited_ms.to_string(),
        trial.started_unix_us.to_string(),
    ]);
    let load = trial.measured();
    row.extend(FIGURES.map(|(_, read)| optional(load.and_then(read).map(exact))));
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn rows(document: &Document) -> Vec<std::collections::BTreeMap<String, String>> {
        let bytes = results_csv(document).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        reader.deserialize().map(Result::unwrap).collect()
    }

    #[test]
    fn every_trial_is_a_row() {
        let rows = rows(&fixture::failed());
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1]["clients"], "2");
        assert_eq!(rows[1]["iterations"], "60000");
        assert_eq!(rows[1]["worker_rule"], "2n+1");
        assert_eq!(rows[1]["duration_s"], "30");
        assert_eq!(rows[1]["outcome"], "measured");
        assert!(rows[1]["p95_ms"].parse::<f64>().unwrap() > 0.0);
    }

    #[test]
    fn what_is_missing_is_empty() {
        let rows = rows(&fixture::failed());
        assert_eq!(rows[2]["outcome"], "failed");
        assert!(rows[2]["reason"].contains("exited"));
        for name in [
            "goodput_rps",
            "failed",
            "p95_ms",
            "little_residual",
            "boot_ms",
        ] {
            assert_eq!(rows[2][name], "", "{name}");
        }
    }

    #[test]
    fn a_run_without_trials_is_a_heading() {
        let text = String::from_utf8(results_csv(&fixture::empty()).unwrap()).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.starts_with("position,stack,workload,workers,worker_rule,threads,clients,"));
    }
}
