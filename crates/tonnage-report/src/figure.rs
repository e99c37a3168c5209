//! The figures of a trial by the names that studies use, and how each is
//! written: exactly (for lines and CSV) or shortly (for tables that people read).

use tonnage_model::{TrialRecord, format_significant};

/// Stands where a figure should be that the sample cannot support.
pub(crate) const NOT_AVAILABLE: &str = "n/a";

/// One of [`tonnage_model::Study::FIGURES`] of a trial.
///
/// `clients` is known of every trial; all others are `None` where no window was
/// measured to its end, and a percentile also where too few samples lie beyond
/// it. Times are service times of the successes in milliseconds,
/// `generator_cpu` is the busiest thread's share of one CPU, 0 to 1.
pub fn figure(trial: &TrialRecord, name: &str) -> Option<f64> {
    if name == "clients" {
        return Some(f64::from(trial.cell.clients));
    }
    let load = trial.measured()?;
    let service = &load.service_time;
    let ms = |us: Option<f64>| us.map(|us| us / 1e3);
    match name {
        "rps" => Some(load.throughput.goodput_rps),
        "p50_ms" => ms(service.percentile_us(50.0)),
        "p95_ms" => ms(service.percentile_us(95.0)),
        "p99_ms" => ms(service.percentile_us(99.0)),
        "mean_ms" => ms(service.mean_us),
        "max_ms" => ms(service.max_us),
        "failed" => Some(load.counts.failed as f64),
        "generator_cpu" => Some(load.generator.busiest_thread_cpu_share),
        _ => None,
    }
}

/// A figure with up to six decimals, integers as such, `n/a` where there is none.
pub fn figure_text(trial: &TrialRecord, name: &str) -> String {
    figure(trial, name).map_or_else(|| NOT_AVAILABLE.to_owned(), exact)
}

/// Up to six decimals, without trailing zeros.
pub(crate) fn exact(value: f64) -> String {
    let text = format!("{value:.6}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

/// A figure as a table for people shows it; its unit stands in the heading.
pub(crate) fn short(name: &str, value: f64) -> String {
    match name {
        "clients" | "failed" => format!("{value:.0}"),
        "generator_cpu" => percent(value),
        _ => format_significant(value, 4),
    }
}

/// A share from 0 to 1 as `31 %`, or `0.4 %` where it is small.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.05 {
        "<0.1 %".to_owned()
    } else if percent != 0.0 && percent.abs() < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// A figure's name with its unit, for the narrow columns of text tables.
pub(crate) fn heading(name: &str) -> String {
    match name.strip_suffix("_ms") {
        Some(time) => format!("{time} (ms)"),
        None => name.replace('_', " "),
    }
}

/// `1 client`, `2 clients`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// A whole number with thin groups of three, as in `12 345`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use tonnage_model::Study;

    #[test]
    fn every_figure_of_a_study_is_known() {
        let document = fixture::published();
        for name in Study::FIGURES {
            assert!(figure(&document.trials[2], name).is_some(), "{name}");
        }
        assert_eq!(figure(&document.trials[2], "rsp"), None);
    }

    #[test]
    fn a_failed_trial_has_its_clients_and_nothing_else() {
        let document = fixture::failed();
        let trial = document.trials.last().unwrap();
        assert_eq!(figure_text(trial, "clients"), "4");
        assert_eq!(figure_text(trial, "rps"), "n/a");
        assert_eq!(figure_text(trial, "p95_ms"), "n/a");
    }

    #[test]
    fn numbers_are_written_as_people_expect() {
        assert_eq!(exact(69.586_837_737_785_82), "69.586838");
        assert_eq!(exact(4.0), "4");
        assert_eq!(exact(100.0), "100");
        assert_eq!(exact(-1e-9), "0");
        assert_eq!(short("failed", 12.0), "12");
        assert_eq!(short("rps", 279.573), "279.6");
        assert_eq!(short("generator_cpu", 0.314), "31 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.004), "0.4 %");
        assert_eq!(percent(0.000_1), "<0.1 %");
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(grouped(12), "12");
        assert_eq!(counted(1, "client"), "1 client");
    }
}
