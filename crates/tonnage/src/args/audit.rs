//! Flags of `tonnage audit`.

use std::path::PathBuf;

use clap::Args;
use tonnage_model::HumanDuration;

use crate::commands::audit::TimeUnit;

#[derive(Debug, Args)]
#[command(
    after_help = "The columns are found by their headers: clients (users, VUs, concurrency, \
connections), requests per second (rps, tps, throughput) and mean latency (avg, average, mean, \
latency; with its unit, as in `mean (ms)` or `avg_s`). With Little's law, N = X · (R + Z), the \
rows give the think time Z between an answer and the next request, and show which of them \
cannot be true."
)]
pub(crate) struct AuditArgs {
    /// CSV (commas, semicolons or tabs), or a text with a Markdown table in it; - for
    /// standard input
    #[arg(value_name = "TABLE")]
    pub(crate) table: PathBuf,
    /// Clients of every row, where no column says
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) clients: Option<f64>,
    /// The think time in seconds (or as 300ms), where it is known; found otherwise
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) think: Option<f64>,
    /// The unit of latencies, where neither cell nor header say: s, ms, us or ns
    /// [default: ms]
    #[arg(long, value_name = "UNIT")]
    pub(crate) latency_unit: Option<TimeUnit>,
    /// The column with the number of clients
    #[arg(long, value_name = "NAME", conflicts_with = "clients")]
    pub(crate) clients_column: Option<String>,
    /// The column with requests per second
    #[arg(long, value_name = "NAME")]
    pub(crate) throughput_column: Option<String>,
    /// The column with the mean latency
    #[arg(long, value_name = "NAME")]
    pub(crate) latency_column: Option<String>,
    /// End with exit code 4 where a row does not agree
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "expected a number above 0".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|n: &f64| n.is_finite() && *n >= 0.0);
    let duration = || {
        text.parse()
            .ok()
            .map(|HumanDuration(time)| time.as_secs_f64())
    };
    number
        .or_else(duration)
        .ok_or_else(|| "expected seconds, such as 1.3, or a duration, such as 300ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_think_time_is_seconds_or_a_duration() {
        for (text, expected) in [("1.3", 1.3), ("300ms", 0.3), ("0", 0.0), ("1m", 60.0)] {
            assert!((seconds(text).unwrap() - expected).abs() < 1e-12, "{text}");
        }
        for text in ["-1", "inf", "soon", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert!(positive("0").is_err() && positive("nan").is_err() && positive("2.5").is_ok());
    }
}
