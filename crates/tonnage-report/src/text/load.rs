//! The summary of one load, answer first and then whether to believe it: what
//! `tonnage load URL` prints. The tables and the facts are in files of their own.

mod facts;
mod latency;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tonnage_model::{
    AssertionResult, EndReason, HumanDuration, Level, LoadReport, Reason, Verdict,
    format_significant,
};

use super::wrap;
use crate::figure::counted;

pub(crate) use facts::facts;
pub(crate) use latency::{phases, requests_needed};

/// The summary of a load in lines of at most `width` columns (the latency table
/// needs 60).
pub fn load_text(report: &LoadReport, width: usize) -> String {
    let mut text = wrap("", &answer(report), width, 0);
    text.push_str(&wrap("", &verdict_line(&report.verdict), width, 2));
    text.push_str(&wrap("", &conditions(report), width, 2));
    text.push('\n');
    text.push_str(&latency::latency_table(report));
    text.push_str(&latency::phase_table(report));
    text.push_str(&latency::server_table(report));
    text.push('\n');
    for (name, value) in facts(report) {
        text.push_str(&wrap(&format!("{name:<12}"), &value, width, 12));
    }
    if !report.assertions.is_empty() {
        text.push('\n');
    }
    for assertion in &report.assertions {
        text.push_str(&wrap("", &demand(assertion), width, 4));
    }
    text.push_str(&reasons(&report.verdict, width));
    text
}

/// The figure that was asked for, in a sentence.
pub(crate) fn answer(report: &LoadReport) -> String {
    let failed = match report.counts.failed {
        0 => "none failed".to_owned(),
        count => format!("{} failed", counted(count, "request")),
    };
    format!(
        "{} requests/s succeeded, {failed}.",
        format_significant(report.throughput.goodput_rps, 4)
    )
}

/// Whether to believe the figures, in one line.
pub(crate) fn verdict_line(verdict: &Verdict) -> String {
    let reasons = counted(verdict.reasons.len() as u64, "reason");
    match verdict.level {
        Level::Valid => "VALID: nothing speaks against these figures.".to_owned(),
        Level::Suspect => format!("SUSPECT: {reasons} to doubt these figures, see below."),
        Level::Invalid => format!("INVALID: do not use these figures, {reasons} below."),
    }
}

/// The verdict for a layout that has no place for it; nothing where it is VALID.
pub(crate) fn verdict_note(verdict: &Verdict) -> Option<String> {
    let sentence = |reason: &Reason| match reason.text.trim_end() {
        text if text.ends_with(['.', '!', '?']) => text.to_owned(),
        text => format!("{text}."),
    };
    let reasons: Vec<String> = verdict.reasons.iter().map(sentence).collect();
    (verdict.level != Level::Valid)
        .then(|| format!("{}. {}", verdict.level.name(), reasons.join(" ")))
}

/// What was asked, of whom, how and for how long.
pub(crate) fn conditions(report: &LoadReport) -> String {
    let request = &report.request;
    let connections = u64::from(request.connections);
    let model = if report.arrivals.is_some() {
        let pool = counted(connections, "connection");
        format!("{}, at most {pool}", request.load_model)
    } else if request.load_model.is_empty() {
        // A report of before load models had names.
        counted(connections, "user")
    } else {
        request.load_model.clone()
    };
    let protocol = match request.protocol.as_str() {
        "" | "HTTP/1.1" => String::new(),
        other => format!(", {other}"),
    };
    let keepalive = if request.keepalive {
        ""
    } else {
        ", a new connection each"
    };
    let ended = match report.ended {
        EndReason::Duration => "",
        EndReason::Count => ", ended by count",
        EndReason::Interrupted => ", interrupted",
    };
    format!(
        "{} {}: {model}{keepalive}{protocol}, {} after {} of warm-up{ended}",
        request.method,
        request.url,
        // Whole milliseconds: `2.003417s` would claim more than anybody asked for.
        milliseconds(report.window_us),
        milliseconds(report.warmup_us),
    )
}

fn milliseconds(us: u64) -> String {
    HumanDuration(Duration::from_millis((us + 500) / 1000)).to_string()
}

/// A demand with its outcome.
pub(crate) fn demand(result: &AssertionResult) -> String {
    match result.holds {
        Some(true) => format!("✓ {} ({})", result.assertion, result.figure),
        Some(false) => format!("✗ {} ({})", result.assertion, result.figure),
        None => format!("n/a {} (the sample is too small to say)", result.assertion),
    }
}

/// The reasons of the verdict, numbered, worst first.
fn reasons(verdict: &Verdict, width: usize) -> String {
    let mut text = String::new();
    for (index, reason) in verdict.reasons.iter().enumerate() {
        if index == 0 {
            text.push('\n');
        }
        let first = format!("{}. {}: ", index + 1, reason.level.name());
        text.push_str(&wrap(&first, &reason.text, width, 3));
    }
    text
}
