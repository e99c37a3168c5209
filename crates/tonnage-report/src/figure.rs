//! How figures are written, by the names that studies use: exactly (for lines and CSV)
//! or shortly (for tables that people read). What they are is `tonnage-analysis`'s.

use tonnage_analysis::{figure, unit};
use tonnage_model::{TrialRecord, format_significant};

/// Stands where a figure should be that the sample cannot support.
pub(crate) const NOT_AVAILABLE: &str = "n/a";

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
        "clients" | "failed" | "count" | "oom_kills" | "upstream_calls" => format!("{value:.0}"),
        "generator_cpu" => percent(value),
        _ if value.fract() == 0.0 && value.abs() < 1e4 => format!("{value:.0}"),
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

/// A figure's name with its unit, for the narrow columns of tables.
pub(crate) fn with_unit(name: &str) -> String {
    let bare = ["_ms", "_mib", "_percent"]
        .iter()
        .find_map(|unit| name.strip_suffix(unit));
    let words = match bare {
        Some(percentile)
            if percentile.starts_with('p')
                && percentile[1..].starts_with(|c: char| c.is_ascii_digit()) =>
        {
            percentile.replace('_', ".")
        }
        Some(words) => words.replace('_', " "),
        None => name.replace('_', " ").replace(" us ", " "),
    };
    match (name, unit(name)) {
        ("rps", _) => "rps".to_owned(),
        (_, "") => words,
        (_, unit) => format!("{words} ({unit})"),
    }
}

/// A figure's name for people who do not know the studies' short ones.
pub(crate) fn long_name(name: &str) -> String {
    match name {
        "rps" => "goodput (requests/s)".to_owned(),
        "wall_ms" => "window ÷ successes (ms per request)".to_owned(),
        "mean_ms" => "mean service time (ms)".to_owned(),
        "stdev_ms" => "standard deviation of the service time (ms)".to_owned(),
        "failed" => "failed requests".to_owned(),
        "error_percent" => "failed requests (%)".to_owned(),
        "cpu_share" => "CPUs used".to_owned(),
        "generator_cpu" => "generator CPU (share of one)".to_owned(),
        "cpu_us_per_request" => "CPU time per request (µs)".to_owned(),
        _ => with_unit(name),
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
    fn every_figure_of_a_study_has_a_name_with_its_unit() {
        let names: Vec<String> = Study::FIGURES.iter().map(|name| with_unit(name)).collect();
        insta::assert_snapshot!(names.join(", "), @"clients (clients), rps, wall (ms), min (ms), mean (ms), stdev (ms), p10 (ms), p25 (ms), p50 (ms), p60 (ms), p70 (ms), p75 (ms), p80 (ms), p90 (ms), p95 (ms), p99 (ms), p99.9 (ms), p99.99 (ms), max (ms), count, failed, error (%), upstream calls, cpu share (CPUs), cpu per request (µs), throttled (%), memory peak (MiB), pss peak (MiB), oom kills, boot (ms), generator cpu");
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
