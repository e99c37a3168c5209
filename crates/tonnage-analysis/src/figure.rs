//! The figures of a trial by the names that studies use. How they are written is
//! for those who show them.

use tonnage_model::{Histogram, LatencySummary, LoadReport, TrialRecord, Usage};

/// Bytes of a MiB.
const MIB: f64 = 1_048_576.0;

/// One of [`Study::FIGURES`](tonnage_model::Study::FIGURES) of a trial, in the unit
/// that its name ends with.
///
/// `clients` is known of every trial, `boot_ms` and `oom_kills` also of one that could
/// not be measured; all others are `None` where no window was measured to its end,
/// where the backend does not count them, and a percentile where fewer than
/// [`MIN_TAIL_SAMPLES`](tonnage_model::MIN_TAIL_SAMPLES) samples lie beyond it.
///
/// Times are service times of the successes in milliseconds; `wall_ms` is the window
/// ÷ successes, what seed 003 called milliseconds per request; `cpu_share` is the mean
/// number of CPUs that the server used, `generator_cpu` the share of one CPU that the
/// generator's busiest thread used, 0 to 1; `error_percent` is failures ÷ (successes +
/// failures).
pub fn figure(trial: &TrialRecord, name: &str) -> Option<f64> {
    match name {
        "clients" => return Some(f64::from(trial.cell.clients)),
        "boot_ms" => return trial.boot_ms.map(|ms| ms as f64),
        "oom_kills" => return trial.usage.as_ref()?.oom_kills.map(|kills| kills as f64),
        _ => {}
    }
    let load = trial.measured()?;
    if let Some(value) = of_load(load, name) {
        return Some(value).filter(|value| value.is_finite());
    }
    if let Some(percentile) = percentile_of(name) {
        return percentile_us(&load.service_time, percentile).map(|us| us / 1e3);
    }
    if name == "upstream_calls" {
        return trial.upstream_calls.map(|calls| calls as f64);
    }
    of_usage(trial.usage.as_ref()?, load, name)
}

fn of_load(load: &LoadReport, name: &str) -> Option<f64> {
    let service = &load.service_time;
    let (ok, failed) = (load.counts.succeeded as f64, load.counts.failed as f64);
    let ms = |us: Option<f64>| us.map(|us| us / 1e3);
    match name {
        "rps" => Some(load.throughput.goodput_rps),
        "wall_ms" => (ok > 0.0).then(|| load.window_us as f64 / 1e3 / ok),
        "min_ms" => ms(service.min_us),
        "mean_ms" => ms(service.mean_us),
        "stdev_ms" => ms(service.stdev_us),
        "max_ms" => ms(service.max_us),
        "count" => Some(ok),
        "failed" => Some(failed),
        "error_percent" => (ok + failed > 0.0).then(|| failed / (ok + failed) * 100.0),
        "generator_cpu" => Some(load.generator.busiest_thread_cpu_share),
        _ => None,
    }
}

fn of_usage(usage: &Usage, load: &LoadReport, name: &str) -> Option<f64> {
    let mib = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / MIB);
    match name {
        "cpu_share" => usage.mean_cpus(),
        "cpu_us_per_request" => {
            let ok = load.counts.succeeded;
            (ok > 0).then(|| usage.cpu_us as f64 / ok as f64)
        }
        "throttled_percent" => usage.throttled_share().map(|share| share * 100.0),
        "memory_peak_mib" => mib(usage.memory_peak_bytes),
        "pss_peak_mib" => mib(usage.pss_peak_bytes),
        _ => None,
    }
}

/// The percentile that a figure's name stands for: `p99_9_ms` is 99.9.
pub(crate) fn percentile_of(name: &str) -> Option<f64> {
    let digits = name.strip_prefix('p')?.strip_suffix("_ms")?;
    digits.replace('_', ".").parse().ok()
}

/// A percentile from the summary, or from the stored distribution where the summary
/// does not list it; in microseconds.
fn percentile_us(summary: &LatencySummary, percentile: f64) -> Option<f64> {
    let is_listed = |listed: f64| (listed - percentile).abs() < 1e-9;
    if summary.percentiles.iter().any(|p| is_listed(p.percentile)) {
        return summary.percentile_us(percentile);
    }
    distribution(summary)?.percentile_us(percentile)
}

/// The stored distribution; `None` where there is none that can be read.
pub(crate) fn distribution(summary: &LatencySummary) -> Option<Histogram> {
    if summary.histogram.is_empty() {
        return None;
    }
    Histogram::from_base64(&summary.histogram).ok()
}

/// Whether more of a figure is better; less is better of times, costs and failures.
pub fn larger_is_better(name: &str) -> bool {
    matches!(name, "rps" | "count" | "clients")
}

/// The unit of a figure as text; empty for counts and shares.
pub fn unit(name: &str) -> &'static str {
    match name {
        "rps" => "requests/s",
        "cpu_us_per_request" => "µs",
        "cpu_share" => "CPUs",
        "clients" => "clients",
        _ if name.ends_with("_ms") => "ms",
        _ if name.ends_with("_mib") => "MiB",
        _ if name.ends_with("_percent") => "%",
        _ => "",
    }
}

/// Whether equal steps of a figure are equal ratios: levels and ratios make sense,
/// and it is never 0. Counts and shares may be 0.
pub(crate) fn is_level(name: &str) -> bool {
    matches!(name, "rps" | "cpu_us_per_request" | "count") || matches!(unit(name), "ms" | "MiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use tonnage_model::{Study, TrialOutcome};

    #[test]
    fn every_figure_of_a_study_is_known() {
        let mut sketch = fixture::Sketch::new();
        // Enough for p99.99: twenty samples lie beyond it.
        (sketch.rps, sketch.window_s) = (2000.0, 100);
        let trial = sketch.trial();
        for name in Study::FIGURES {
            assert!(figure(&trial, name).is_some(), "{name}");
        }
        assert_eq!(figure(&trial, "rsp"), None);
        assert_eq!(figure(&trial, "p_ms"), None);
    }

    #[test]
    fn figures_are_what_their_names_say() {
        let mut sketch = fixture::Sketch::new();
        sketch.rps = 200.0;
        sketch.window_s = 10;
        sketch.failed = 500;
        sketch.cpus_used = 0.5;
        let trial = sketch.trial();
        let close = |name: &str, value: f64| {
            let found = figure(&trial, name).unwrap();
            assert!((found - value).abs() < 1e-6, "{name}: {found}");
        };
        close("rps", 200.0);
        close("count", 2000.0);
        close("wall_ms", 5.0);
        close("error_percent", 20.0);
        close("cpu_share", 0.5);
        close("cpu_us_per_request", 2500.0);
        let p = |name: &str| figure(&trial, name).unwrap();
        assert!(p("p10_ms") < p("p60_ms") && p("p60_ms") < p("p80_ms"));
        assert!(p("p80_ms") <= p("p99_ms"));
    }

    #[test]
    fn a_percentile_that_the_sample_does_not_support_has_no_value() {
        let mut sketch = fixture::Sketch::new();
        (sketch.rps, sketch.window_s) = (50.0, 10);
        let trial = sketch.trial();
        // 500 samples: five lie beyond p99, none beyond p99.99.
        assert!(figure(&trial, "p90_ms").is_some());
        assert_eq!(figure(&trial, "p99_ms"), None);
        assert_eq!(figure(&trial, "p99_99_ms"), None);
        let mut meagre = fixture::Sketch::new();
        (meagre.rps, meagre.window_s) = (5.0, 10);
        assert_eq!(figure(&meagre.trial(), "p10_ms"), None);
    }

    #[test]
    fn a_trial_that_was_not_measured_has_its_clients_and_kills() {
        let mut trial = fixture::Sketch::new().trial();
        trial.outcome = TrialOutcome::Failed("the server exited".to_owned());
        assert!(figure(&trial, "clients").is_some());
        assert!(figure(&trial, "oom_kills").is_some());
        assert_eq!(figure(&trial, "rps"), None);
    }
}
