//! The summary of a load in the layouts of other load generators, so that people
//! and scripts that know them read ours at sight. Where a number means something
//! else than in the original, a line that begins with `note:` says so; what we do
//! not know is `n/a`.

mod ab;
mod hey;
mod k6;
mod numbers;
mod plow;
#[cfg(test)]
mod tests;
mod wrk;

use std::str::FromStr;

use tonnage_model::{Cause, Histogram, LoadReport, Phase};

use crate::text::{load_text, wrap};

/// A layout of the summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SummaryStyle {
    /// Our own.
    #[default]
    Tonnage,
    /// wrk with `--latency`.
    Wrk,
    /// hey.
    Hey,
    /// plow.
    Plow,
    /// ab, the benchmark of Apache's server.
    Ab,
    /// k6, in its compact mode.
    K6,
}

/// A layout that nobody has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no summary (expected tonnage, wrk, hey, plow, ab or k6)")]
pub struct SummaryStyleError(pub String);

impl SummaryStyle {
    /// Every layout.
    pub const ALL: [Self; 6] = [
        Self::Tonnage,
        Self::Wrk,
        Self::Hey,
        Self::Plow,
        Self::Ab,
        Self::K6,
    ];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tonnage => "tonnage",
            Self::Wrk => "wrk",
            Self::Hey => "hey",
            Self::Plow => "plow",
            Self::Ab => "ab",
            Self::K6 => "k6",
        }
    }
}

impl std::fmt::Display for SummaryStyle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SummaryStyle {
    type Err = SummaryStyleError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|style| style.name() == name)
            .ok_or_else(|| SummaryStyleError(name.to_owned()))
    }
}

/// The summary of a load in one of the layouts. Our own and the notes are at most
/// `width` columns wide; the others' layouts are as wide as they are.
pub fn summary_text(style: SummaryStyle, report: &LoadReport, width: usize) -> String {
    let (mut text, notes) = match style {
        SummaryStyle::Tonnage => return load_text(report, width),
        SummaryStyle::Wrk => wrk::summary(report),
        SummaryStyle::Hey => hey::summary(report),
        SummaryStyle::Plow => plow::summary(report),
        SummaryStyle::Ab => ab::summary(report),
        SummaryStyle::K6 => k6::summary(report),
    };
    let verdict = crate::text::verdict_note(&report.verdict);
    for note in notes.into_iter().map(str::to_owned).chain(verdict) {
        text.push_str(&wrap("note: ", &note, width, 2));
    }
    text
}

/// Said wherever times count from when a request was due.
const DUE: &str = "times count from when a request was due, so that waiting for a free connection is part of them; the original starts its clock when it sends.";

/// The window in seconds.
fn window_s(report: &LoadReport) -> f64 {
    report.window_us as f64 / 1e6
}

/// `count` per second of the window; nothing where there is none.
fn per_second(report: &LoadReport, count: u64) -> f64 {
    match report.window_us {
        0 => 0.0,
        us => count as f64 * 1e6 / us as f64,
    }
}

/// Service times of every whole response, expected or not, as most tools count.
fn all_service_times(report: &LoadReport) -> Histogram {
    let mut all = report.service_time.histogram();
    all.merge(&report.failed_service_time.histogram());
    all
}

/// Failures that `wanted` picks.
fn failed(report: &LoadReport, wanted: impl Fn(Phase, Cause) -> bool) -> u64 {
    report
        .failures
        .iter()
        .filter(|failure| wanted(failure.phase, failure.cause))
        .map(|failure| failure.count)
        .sum()
}

/// Responses with a status that `wanted` picks.
fn statuses(report: &LoadReport, wanted: impl Fn(u16) -> bool) -> u64 {
    report
        .statuses
        .iter()
        .filter(|(status, _)| wanted(**status))
        .map(|(_, count)| count)
        .sum()
}

/// Successes per second in each slice. A last slice that is shorter than half of
/// the others is left out: its rate is chance.
fn slice_rates(report: &LoadReport) -> Vec<f64> {
    let series = &report.series;
    series
        .slices
        .iter()
        .filter(|slice| slice.length_us * 2 >= series.slice_us)
        .map(tonnage_model::Slice::goodput_rps)
        .collect()
}
