//! How far equal cells differ in a run, and what a ratio says against that.

use std::collections::BTreeMap;

use tonnage_model::{TrialKind, TrialRecord, format_significant};
use tonnage_stats::{Comparison, Interval, judge, ratio_interval};

use crate::factors::same_cell;
use crate::validity::Validity;
use crate::{figure, ratio_text};

/// With a larger share of failures, what is measured is a selection: those that were
/// let in (the 218 of 300 requests that a stack of seed 001 lost made its rate and its
/// longest time look good). The same 1 % makes a load suspect and ends a search for
/// the largest rate.
const BIASED_ABOVE: f64 = 0.01;

/// Two copies of one cell that differ by less, as |ln|, are called equal whatever the
/// interval: as `drifted_blocks` of `tonnage-stats` does.
const EQUALS_DIFFER_ABOVE: f64 = 0.05;

/// Whether failures, as a share of what ended, make the rest a selection.
pub fn survivors_bias(error_share: f64) -> bool {
    error_share > BIASED_ABOVE
}

/// A ratio, and what it says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Versus {
    /// This ÷ the other, over the blocks that have both.
    pub ratio: Interval,
    /// What that says against the noise floor.
    pub comparison: Comparison,
}

impl Versus {
    /// Compares figures of the same blocks, `(this, other)`; `None` where there are
    /// none that are positive.
    pub(crate) fn of(pairs: &[(f64, f64)], floor: f64, seed: u64) -> Option<Self> {
        let ratio = ratio_interval(pairs, seed)?;
        Some(Self {
            ratio,
            comparison: judge(&ratio, floor),
        })
    }

    /// `≈` where no difference can be shown, else `1.30 (1.25–1.36)`.
    pub fn text(&self) -> String {
        match self.comparison {
            Comparison::Alike => "≈".to_owned(),
            _ => ratio_text(&self.ratio),
        }
    }
}

/// How far equal cells differ in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseFloor {
    /// The figure it is of.
    pub figure: String,
    /// The floor as |ln|: smaller differences print as "≈"; 0 without pairs.
    pub ln: f64,
    /// Blocks in which a cell was measured twice.
    pub pairs: usize,
    /// The two copies of that cell against each other, by the interval alone; `None`
    /// without pairs.
    pub equals: Option<Versus>,
}

impl NoiseFloor {
    /// From a run's judged trials.
    pub(crate) fn of(judged: &[(&TrialRecord, Validity)], name: &str, seed: u64) -> Self {
        let pairs = duplicates(judged, name);
        Self {
            figure: name.to_owned(),
            ln: tonnage_stats::noise_floor(&pairs),
            pairs: pairs.len(),
            equals: Versus::of(&pairs, EQUALS_DIFFER_ABOVE, seed),
        }
    }

    /// Whether the two copies of a cell differ beyond doubt: something makes equal
    /// cells unequal here, and no comparison of this run is worth much.
    pub fn equals_differ(&self) -> bool {
        let equals = self.equals.map(|equals| equals.comparison);
        matches!(equals, Some(Comparison::Larger | Comparison::Smaller))
    }

    /// How far equal cells were apart, as |ln|: the floor, or what one or two pairs
    /// showed, from which a floor would be a matter of luck; 0 without pairs.
    pub fn apart(&self) -> f64 {
        match self.equals {
            Some(equals) if self.pairs < tonnage_stats::FEWEST_BLOCKS => {
                equals.ratio.estimate.ln().abs()
            }
            _ => self.ln,
        }
    }

    /// The floor in words, `±2.1 % from 6 pairs of equal cells`; with fewer than three
    /// pairs it would be a matter of luck, and only what they showed is said.
    pub fn text(&self) -> String {
        let percent = |ln: f64| format_significant((ln.abs().exp() - 1.0) * 100.0, 2);
        match (self.pairs, self.equals) {
            (0, _) | (_, None) => "unknown: no cell was measured twice".to_owned(),
            (pairs @ 1..3, Some(equals)) => format!(
                "unknown ({} of equal cells, {} % apart)",
                if pairs == 1 { "one pair" } else { "two pairs" },
                percent(equals.ratio.estimate.ln())
            ),
            (pairs, _) => format!("±{} % from {pairs} pairs of equal cells", percent(self.ln)),
        }
    }
}

/// `(measured, its duplicate)` of each block that has both.
pub(crate) fn duplicates(judged: &[(&TrialRecord, Validity)], name: &str) -> Vec<(f64, f64)> {
    let counted = |kind: TrialKind| {
        let of_kind = move |(trial, validity): &&(&TrialRecord, Validity)| {
            trial.kind == kind && *validity == Validity::Counted
        };
        judged.iter().filter(of_kind).map(|(trial, _)| *trial)
    };
    counted(TrialKind::Duplicate)
        .filter_map(|twin| {
            let first = counted(TrialKind::Measure)
                .find(|trial| trial.block == twin.block && same_cell(&trial.cell, &twin.cell))?;
            Some((figure(first, name)?, figure(twin, name)?))
        })
        .collect()
}

/// The figures of two cells in the blocks that have both.
pub(crate) fn pairs(a: &BTreeMap<u32, f64>, b: &BTreeMap<u32, f64>) -> Vec<(f64, f64)> {
    let shared = a
        .iter()
        .filter_map(|(block, value)| Some((*value, *b.get(block)?)));
    shared.filter(|(a, b)| *a > 0.0 && *b > 0.0).collect()
}
