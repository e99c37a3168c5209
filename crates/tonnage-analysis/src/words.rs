//! Figures in sentences. Tables have their units in the heading; they are the report's.

use tonnage_stats::Interval;

use crate::{interval_text, unit};

/// How [`interval_text`] ends where nothing is known of the bounds.
const ONE_BLOCK: &str = " (one block)";

/// A figure in words: its value with its unit, then its bounds.
pub(crate) fn figure_text(figure: &str, interval: &Interval) -> String {
    let text = interval_text(interval);
    if figure == "rps" {
        return match text.strip_suffix(ONE_BLOCK) {
            Some(value) => format!("{value} requests/s{ONE_BLOCK}"),
            None => format!("{text} requests/s"),
        };
    }
    let at = text.find(" (").unwrap_or(text.len());
    let (value, bounds) = text.split_at(at);
    format!("{}{bounds}", in_words(figure, value))
}

/// A figure's value as a noun phrase.
fn in_words(figure: &str, value: &str) -> String {
    let bare = figure.trim_end_matches("_ms").trim_end_matches("_mib");
    let name = match bare {
        "mean" => "mean",
        "min" => "minimum",
        "max" => "maximum",
        "stdev" => "standard deviation",
        "boot" => "boot time",
        "memory_peak" => "memory peak",
        "pss_peak" => "PSS peak",
        _ if crate::figure::percentile_of(figure).is_some() => {
            return format!("a {} of {value} ms", bare.replace('_', "."));
        }
        _ => {
            let phrase = match figure {
                "wall_ms" => "ms per request",
                "cpu_us_per_request" => "µs of CPU per request",
                "cpu_share" => "CPUs in use",
                "generator_cpu" => "of a CPU in the generator",
                "error_percent" => "% failures",
                "throttled_percent" => "% throttled periods",
                "count" => "requests",
                "failed" => "failures",
                "oom_kills" => "OOM kills",
                "upstream_calls" => "calls behind",
                other => other,
            };
            return format!("{value} {phrase}");
        }
    };
    format!("a {name} of {value} {}", unit(figure))
}
