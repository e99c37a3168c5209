//! Whether the figures of a load may be believed. Each detector looks at the
//! finished report for one of the mistakes that measurements of this kind are
//! known for, and gives a reason with its figure and the way out.
//!
//! The limits are constants at the top of each file. Where no source is named,
//! they are the design's.

mod client;
mod load;
mod samples;
mod target;

use tonnage_model::{Detector, Level, LoadReport, Reason, Verdict};

/// What a detector needs to know beside the report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Users (or the most connections) that were asked for.
    pub(crate) connections: u32,
    /// Whether requests come by a schedule.
    pub(crate) is_open: bool,
    /// Whether the level of the load changes within the window.
    pub(crate) is_staged: bool,
    /// Whether every request is the same, so that the answers should be.
    pub(crate) is_uniform: bool,
    /// The highest percentile that an assertion asks for.
    pub(crate) percentile: Option<f64>,
}

/// The verdict on a finished report.
pub(crate) fn judge(report: &LoadReport, asked: Asked) -> Verdict {
    let detectors: [fn(&LoadReport, Asked) -> Option<Reason>; 15] = [
        client::generator_cpu,
        client::generator_starved,
        client::own_ceiling,
        client::send_lag,
        client::steal_time,
        load::rate_missed,
        load::littles_law,
        load::fewer_connections,
        load::port_exhaustion,
        load::backlog_overflow,
        samples::not_steady,
        samples::too_few_samples,
        target::drifting_bodies,
        target::failures,
        target::stall,
    ];
    let reasons = detectors
        .iter()
        .filter_map(|detector| detector(report, asked))
        .collect();
    Verdict::from_reasons(reasons)
}

/// A reason whose level depends on how far `value` lies beyond its limits.
fn beyond(
    detector: Detector,
    value: f64,
    suspect_above: f64,
    invalid_above: f64,
    text: impl FnOnce() -> String,
) -> Option<Reason> {
    let level = if value > invalid_above {
        Level::Invalid
    } else if value > suspect_above {
        Level::Suspect
    } else {
        return None;
    };
    Some(Reason {
        detector,
        level,
        text: text(),
    })
}

fn suspect(detector: Detector, text: String) -> Reason {
    Reason {
        detector,
        level: Level::Suspect,
        text,
    }
}

/// A share in per cent with three significant digits.
fn percent(share: f64) -> String {
    format!("{} %", tonnage_model::format_significant(share * 100.0, 3))
}

#[cfg(test)]
mod tests;
