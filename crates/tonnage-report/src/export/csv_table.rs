//! One row for each trial, with every factor and figure. What is missing is an
//! empty field, never a zero.

use std::collections::BTreeSet;

use tonnage_model::{Cell, LatencySummary, LoadReport, TrialOutcome, TrialRecord, Usage};

use crate::console::into_text;
use crate::figure::exact;
use crate::{Document, ReportError};

/// A column: its heading, and what a measured load puts there.
type Column = (&'static str, fn(&LoadReport) -> Option<f64>);

/// Figures of a measured load that studies have no name for, and those that everybody
/// asks for first. Service times first, then response times.
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

/// What a server used: heading and counter.
type Counter = (&'static str, fn(&Usage) -> Option<f64>);

const USAGE: [Counter; 15] = [
    ("cpu_us", |u| Some(u.cpu_us as f64)),
    ("mean_cpus", Usage::mean_cpus),
    ("periods", |u| count(u.periods)),
    ("throttled_periods", |u| count(u.throttled_periods)),
    ("throttled_us", |u| count(u.throttled_us)),
    ("cpu_pressure_us", |u| count(u.cpu_pressure_us)),
    ("memory_pressure_us", |u| count(u.memory_pressure_us)),
    ("memory_peak_bytes", |u| count(u.memory_peak_bytes)),
    ("pss_peak_bytes", |u| count(u.pss_peak_bytes)),
    ("oom_kills", |u| count(u.oom_kills)),
    ("memory_limit_hits", |u| count(u.memory_limit_hits)),
    ("respawned", |u| Some(u.respawned as f64)),
    ("voluntary_switches", |u| count(u.voluntary_switches)),
    ("involuntary_switches", |u| count(u.involuntary_switches)),
    ("steal_share", |u| u.steal_share),
];

/// The factors but the two lengths, which follow in seconds.
fn factors() -> impl Iterator<Item = &'static str> {
    let lengths = ["duration", "warmup"];
    let names = Cell::FACTORS.into_iter();
    names.filter(move |name| !lengths.contains(name))
}

const TRIAL: [&str; 14] = [
    "outcome",
    "reason",
    "verdict",
    "boot_ms",
    "took_s",
    "warmed_up_s",
    "steady",
    "processes",
    "generator_cpus",
    "memory_clamped_bytes",
    "upstream_calls",
    "time_wait",
    "time_wait_waited_ms",
    "started_unix_us",
];

fn count(count: Option<u64>) -> Option<f64> {
    count.map(|count| count as f64)
}

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
        .flat_map(|trial| trial.cell.parameters.keys().map(String::as_str))
        .collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let first: [&str; 3] = ["position", "block", "kind"];
    let heading = first
        .into_iter()
        .chain(factors().map(|name| -> &str { name }))
        .chain(["duration_s", "warmup_s", "environment"])
        .chain(parameters.iter().copied())
        .chain(TRIAL)
        .chain(FIGURES.map(|(name, _)| name))
        .chain(USAGE.map(|(name, _)| name));
    writer.write_record(heading)?;
    for trial in &document.trials {
        writer.write_record(row(trial, &parameters))?;
    }
    Ok(into_text(writer).into_bytes())
}

fn row(trial: &TrialRecord, parameters: &BTreeSet<&str>) -> Vec<String> {
    let cell = &trial.cell;
    let mut row = vec![
        trial.position.to_string(),
        trial.block.to_string(),
        trial.kind.name().to_owned(),
    ];
    row.extend(factors().map(|name| cell.factor(name).unwrap_or_default()));
    let variables = cell.environment.iter();
    let variables = variables.map(|(name, value)| format!("{name}={value}"));
    row.extend([
        seconds(cell.duration_us),
        seconds(cell.warmup_us),
        variables.collect::<Vec<_>>().join(" "),
    ]);
    let parameter = |name: &&str| cell.parameters.get(*name).cloned().unwrap_or_default();
    row.extend(parameters.iter().map(parameter));
    row.extend(how_it_went(trial));
    let load = trial.measured();
    row.extend(FIGURES.map(|(_, read)| optional(load.and_then(read).map(exact))));
    let usage = trial.usage.as_ref();
    row.extend(USAGE.map(|(_, read)| optional(usage.and_then(read).map(exact))));
    row
}

fn how_it_went(trial: &TrialRecord) -> [String; TRIAL.len()] {
    let (outcome, reason) = match &trial.outcome {
        TrialOutcome::Measured => ("measured", ""),
        TrialOutcome::Failed(reason) => ("failed", reason.as_str()),
        TrialOutcome::Interrupted => ("interrupted", ""),
    };
    let verdict = trial.measured().map(|load| load.verdict.level.name());
    let warm_up = trial.warm_up;
    [
        outcome.to_owned(),
        reason.to_owned(),
        optional(verdict.map(str::to_owned)),
        written(trial.boot_ms),
        seconds(trial.took_us),
        optional(warm_up.map(|warm_up| seconds(warm_up.lasted_us))),
        written(warm_up.map(|warm_up| warm_up.steady)),
        written(trial.processes),
        written(trial.generator_cpus.as_ref()),
        written(trial.memory_clamped_bytes),
        written(trial.upstream_calls),
        trial.time_wait.sockets.to_string(),
        trial.time_wait.waited_ms.to_string(),
        trial.started_unix_us.to_string(),
    ]
}

fn seconds(us: u64) -> String {
    exact(us as f64 / 1e6)
}

fn optional(value: Option<String>) -> String {
    value.unwrap_or_default()
}

fn written(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
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
        assert!(text.starts_with("position,block,kind,configuration,stack,workload,workers,"));
    }
}
