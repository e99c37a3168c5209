//! What the target did that makes its figures say less: answers that differ,
//! failures, and standing still.

use tonnage_model::{Detector, LoadReport, Reason, format_micros};

use super::{Asked, beyond, percent, suspect};

/// Where one body makes up at least this share of the answers, the others are
/// exceptions and not a page that is always new.
const USUAL_BODY_SHARE: f64 = 0.9;

/// Where every body differs, one that is shorter than the usual by this share is
/// still an exception.
const SHORTER_SHARE: f64 = 0.5;

/// Share of the requests that failed.
const FAILED_SUSPECT: f64 = 0.01;

/// A stall: an answer that took this many medians, this long, and this share of
/// the window.
const STALL_MEDIANS: f64 = 10.0;
const STALL_US: f64 = 100_000.0;
const STALL_WINDOW_SHARE: f64 = 0.01;

pub(super) fn drifting_bodies(report: &LoadReport, asked: Asked) -> Option<Reason> {
    let bodies = &report.bodies;
    let usual = bodies.kinds.first()?;
    let all: u64 = bodies.kinds.iter().map(|kind| kind.count).sum::<u64>() + bodies.others;
    if !asked.is_uniform || all == usual.count {
        return None;
    }
    let odd = all - usual.count;
    if usual.count as f64 >= USUAL_BODY_SHARE * all as f64 {
        return Some(suspect(
            Detector::DriftingBodies,
            format!(
                "{odd} of {all} answers ({}) differ from the usual body of {} bytes; are they right? (--expect-body, --expect-json)",
                percent(odd as f64 / all as f64),
                usual.bytes
            ),
        ));
    }
    // A page that is always new: only its length can be compared.
    let longest = bodies.kinds.iter().map(|kind| kind.bytes).max()?;
    let short: u64 = bodies
        .kinds
        .iter()
        .filter(|kind| (kind.bytes as f64) < SHORTER_SHARE * longest as f64)
        .map(|kind| kind.count)
        .sum();
    (short > 0).then(|| {
        suspect(
            Detector::DriftingBodies,
            format!(
                "at least {short} of {all} answers have less than half the length of the others (up to {longest} bytes); are they right? (--expect-body, --expect-json)"
            ),
        )
    })
}

pub(super) fn failures(report: &LoadReport, _: Asked) -> Option<Reason> {
    let ended = report.counts.succeeded + report.counts.failed;
    if ended == 0 {
        return None;
    }
    let share = report.counts.failed as f64 / ended as f64;
    beyond(
        Detector::Failures,
        share,
        FAILED_SUSPECT,
        f64::INFINITY,
        || {
            format!(
                "{} of the requests failed; the latencies are those of the others",
                percent(share)
            )
        },
    )
}

pub(super) fn stall(report: &LoadReport, asked: Asked) -> Option<Reason> {
    if asked.is_open {
        // Its response times contain every stall in full.
        return None;
    }
    let median_us = report.service_time.percentile_us(50.0)?;
    let longest_us = report.service_time.max_us?;
    let limit_us = (median_us * STALL_MEDIANS)
        .max(STALL_US)
        .max(report.window_us as f64 * STALL_WINDOW_SHARE);
    (longest_us > limit_us).then(|| {
        let lost = longest_us / median_us;
        suspect(
            Detector::Stall,
            format!(
                "an answer took {}, {lost:.0} times the median; users of a closed loop wait meanwhile instead of asking, so that such stalls are under-represented in the percentiles; an open loop (-r) counts them in full",
                format_micros(longest_us)
            ),
        )
    })
}
