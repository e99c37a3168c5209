//! Mistakes of the sample: too small for what was asked, or from a time in which
//! things still changed.

use tonnage_model::{Detector, HumanDuration, Level, LoadReport, MIN_TAIL_SAMPLES, Reason, Slice};
use tonnage_stats::{drift, mean, mser_truncation};

use super::{Asked, percent, suspect};

/// Fewer slices than this say nothing about a trend.
const MIN_SLICES: usize = 6;

/// How far rate or median before the settling point must be from those after it,
/// as a share, to be worth a word.
const UNSTEADY_SHARE: f64 = 0.10;

/// A drift from the first third to the last beyond this share and this many
/// standard errors is no accident.
const DRIFT_SHARE: f64 = 0.05;
const DRIFT_ERRORS: f64 = 4.0;

pub(super) fn not_steady(report: &LoadReport, asked: Asked) -> Option<Reason> {
    let slices = &report.series.slices;
    if asked.is_staged || slices.len() < MIN_SLICES {
        return None;
    }
    // The last slice may be shorter than the others.
    let whole = &slices[..slices.len() - 1];
    let rates: Vec<f64> = whole.iter().map(Slice::goodput_rps).collect();
    let medians: Option<Vec<f64>> = whole.iter().map(|slice| slice.p50_us).collect();
    let (name, unsteady) = if let Some(unsteady) = unsteady(&rates) {
        ("rate", unsteady)
    } else {
        ("median", medians.as_deref().and_then(unsteady_median)?)
    };
    let text = match unsteady {
        Unsteady::Throughout => format!(
            "the {name} had not settled by the middle of the window; a longer --warmup, or a longer window, would show where it does"
        ),
        Unsteady::Until(settled) => {
            let us = whole[settled].start_us;
            let at = HumanDuration(std::time::Duration::from_micros(us / 1000 * 1000));
            format!(
                "the {name} settled only {at} after the window had begun; a longer --warmup leaves the beginning out"
            )
        }
        Unsteady::Drifting(share) => format!(
            "the {name} drifted by {} from the first third of the window to the last, so that its figures depend on when one looks; measure longer",
            percent(share)
        ),
    };
    Some(suspect(Detector::NotSteady, text))
}

/// How a series fails to be steady.
#[derive(Debug, PartialEq)]
enum Unsteady {
    /// It settles with this value.
    Until(usize),
    /// It had not settled by its middle, which is as far as the rule looks.
    Throughout,
    /// It changes by this share from its first third to its last.
    Drifting(f64),
}

fn unsteady(values: &[f64]) -> Option<Unsteady> {
    let settled = mser_truncation(values);
    if settled > 0 {
        let (before, after) = (mean(&values[..settled]), mean(&values[settled..]));
        if (before - after).abs() > UNSTEADY_SHARE * after {
            return Some(if settled < values.len() / 2 {
                Unsteady::Until(settled)
            } else {
                Unsteady::Throughout
            });
        }
    }
    let drift = drift(values)?;
    (drift.share.abs() > DRIFT_SHARE && drift.standard_errors > DRIFT_ERRORS)
        .then_some(Unsteady::Drifting(drift.share))
}

/// A median of a few microseconds wobbles more than a rate does.
fn unsteady_median(medians: &[f64]) -> Option<Unsteady> {
    unsteady(medians).filter(|unsteady| match unsteady {
        Unsteady::Until(_) | Unsteady::Throughout => true,
        Unsteady::Drifting(share) => share.abs() > 2.0 * DRIFT_SHARE,
    })
}

pub(super) fn too_few_samples(report: &LoadReport, asked: Asked) -> Option<Reason> {
    let samples = report.counts.succeeded;
    let needed = |percentile: f64| {
        let thinner_side = percentile.min(100.0 - percentile) / 100.0;
        (MIN_TAIL_SAMPLES as f64 / thinner_side - 1e-6).ceil() as u64
    };
    let (percentile, level) = match asked.percentile {
        Some(percentile) => (percentile, Level::Invalid),
        None => (50.0, Level::Suspect),
    };
    let needed = needed(percentile);
    (samples < needed).then(|| Reason {
        detector: Detector::TooFewSamples,
        level,
        text: format!(
            "{samples} successes cannot say what the p{percentile} is: at least {needed} are needed; measure longer (-d or -n)"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_start_is_told_from_a_drift() {
        let start: Vec<f64> = (0..20)
            .map(|i| {
                if i < 4 {
                    50.0
                } else {
                    100.0 + f64::from(i % 3)
                }
            })
            .collect();
        assert_eq!(unsteady(&start), Some(Unsteady::Until(4)));
        let half: Vec<f64> = (0..8).map(|i| if i < 4 { 50.0 } else { 100.0 }).collect();
        assert_eq!(unsteady(&half), Some(Unsteady::Throughout));
        let rising: Vec<f64> = (0..21).map(|i| 100.0 + f64::from(i)).collect();
        assert!(matches!(unsteady(&rising), Some(Unsteady::Drifting(share)) if share > 0.1));
        let steady: Vec<f64> = (0..20).map(|i| 100.0 + f64::from(i * 7 % 5)).collect();
        assert_eq!(unsteady(&steady), None);
    }
}
