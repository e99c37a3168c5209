//! What searches found: the least memory that holds, and the largest rate under an
//! objective, each with the bracket that it lies in and what was seen at its ends.

mod memory;
mod rate;

use tonnage_model::{Cell, TrialKind, TrialRecord};

use crate::cells::CellView;
use crate::factors::{factors, key, labels};

pub(crate) use memory::{bytes_text, memory_cliffs};
pub(crate) use rate::largest_rates;
pub use rate::objective_met;

/// What was tried at one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Memory in bytes, or requests per second.
    pub value: f64,
    /// How often it held.
    pub held: usize,
    /// How often it did not.
    pub failed: usize,
    /// How often it could not be told: too few requests for a percentile, or a
    /// generator at its own limit. A search takes that for not holding.
    pub untold: usize,
    /// What was seen, such as `2 OOM kills` or `p99 41.0 ms`.
    pub seen: String,
}

impl Attempt {
    /// The majority; a tie does not hold, which is the cautious side.
    pub fn holds(&self) -> bool {
        self.held > self.failed + self.untold
    }

    /// Whether it does not hold, or it was never told.
    pub(crate) fn is_untold(&self) -> bool {
        !self.holds() && self.failed == 0
    }
}

/// The least memory with which nothing is killed.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryCliff {
    /// What tells the cell from others that were searched.
    pub label: String,
    /// The least memory that holds, in bytes; `None` where none did.
    pub least_bytes: Option<u64>,
    /// The most below it that does not, in bytes; `None` where everything tried held,
    /// so that the cliff lies below.
    pub killed_at_bytes: Option<u64>,
    /// Everything tried, least first.
    pub attempts: Vec<Attempt>,
    /// Whether a smaller value held beyond one that did not: the edge is not sharp.
    pub contradictory: bool,
    /// The answer with its evidence.
    pub text: String,
}

/// The largest rate at which an objective holds.
#[derive(Debug, Clone, PartialEq)]
pub struct LargestRate {
    /// What tells the cell from others that were searched.
    pub label: String,
    /// The objective, such as `p99<50ms`.
    pub objective: String,
    /// The largest rate that holds, in requests per second; `None` where none did.
    pub largest_rps: Option<f64>,
    /// The least tried that does not; `None` where everything tried held, or could
    /// not be told.
    pub missed_at_rps: Option<f64>,
    /// Everything tried, least first.
    pub attempts: Vec<Attempt>,
    /// Whether a larger value held beyond one that did not.
    pub contradictory: bool,
    /// The answer with its evidence.
    pub text: String,
}

/// Whether a search trial is about the rate: its cell's rate is none that is measured.
fn is_of_rate(trial: &TrialRecord, cells: &[CellView<'_>]) -> bool {
    let rate = trial.cell.rate_rps;
    let is_measured = || cells.iter().any(|view| view.cell.rate_rps == rate);
    rate.is_some() && !is_measured()
}

/// The search trials of one kind by cell, without what was searched.
fn groups<'a>(
    trials: &'a [TrialRecord],
    cells: &[CellView<'_>],
    of_rate: bool,
) -> Vec<(String, Vec<&'a TrialRecord>)> {
    let mut groups: Vec<(Cell, Vec<&TrialRecord>)> = Vec::new();
    for trial in trials
        .iter()
        .filter(|trial| trial.kind == TrialKind::Search)
    {
        if is_of_rate(trial, cells) != of_rate
            || (!of_rate && trial.cell.limits.memory_bytes.is_none())
        {
            continue;
        }
        let mut key = key(&trial.cell);
        if of_rate {
            // The pool grows with the rate.
            (key.rate_rps, key.clients) = (None, 0);
        } else {
            key.limits.memory_bytes = None;
        }
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(trial),
            None => groups.push((key, vec![trial])),
        }
    }
    let all: Vec<_> = groups
        .iter()
        .map(|(cell, _)| {
            let mut factors = factors(cell);
            let searched = if of_rate {
                ["rate", "clients"]
            } else {
                ["memory", "memory"]
            };
            factors.retain(|(name, _)| !searched.contains(&name.as_str()));
            factors
        })
        .collect();
    let labels = labels(&all).into_iter();
    labels
        .zip(groups.into_iter().map(|(_, members)| members))
        .collect()
}

/// What a trial of a search came to; `None` where it says nothing.
struct Outcome {
    value: f64,
    /// `None` where it could not be told.
    held: Option<bool>,
    seen: String,
}

/// Outcomes of equal values together, least first.
fn attempts(outcomes: Vec<Outcome>) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = Vec::new();
    for outcome in outcomes {
        let same = |known: &&mut Attempt| (known.value / outcome.value - 1.0).abs() < 1e-9;
        if let Some(known) = attempts.iter_mut().find(same) {
            // What speaks against it is what a reader wants to see.
            let says = |held: Option<bool>| match held {
                Some(true) => 0,
                None => 1,
                Some(false) => 2,
            };
            let known_says = says(match (known.failed, known.untold) {
                (0, 0) => Some(true),
                (0, _) => None,
                _ => Some(false),
            });
            if says(outcome.held) >= known_says {
                known.seen = outcome.seen;
            }
            known.held += usize::from(outcome.held == Some(true));
            known.failed += usize::from(outcome.held == Some(false));
            known.untold += usize::from(outcome.held.is_none());
        } else {
            attempts.push(Attempt {
                value: outcome.value,
                held: usize::from(outcome.held == Some(true)),
                failed: usize::from(outcome.held == Some(false)),
                untold: usize::from(outcome.held.is_none()),
                seen: outcome.seen,
            });
        }
    }
    attempts.sort_by(|a, b| a.value.total_cmp(&b.value));
    attempts
}

#[cfg(test)]
mod tests;
