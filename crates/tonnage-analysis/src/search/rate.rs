//! The largest rate of an open loop under the study's objective.

use tonnage_model::{AssertionResult, Study, TrialRecord, format_significant};

use super::{Attempt, LargestRate, Outcome, attempts, groups};
use crate::cells::CellView;
use crate::noise::survivors_bias;
use crate::validity::{Validity, validity};

/// Whether a trial of a search met what was demanded of it: hardly anything failed,
/// and all its assertions hold. `None` where that cannot be told: it was not measured,
/// the generator was the limit, or there were too few requests for a percentile.
pub fn objective_met(trial: &TrialRecord) -> Option<bool> {
    let assertions = &trial.measured()?.assertions;
    judged(trial, assertions).0
}

/// The same, with what was seen, of assertions that were checked.
fn judged(trial: &TrialRecord, assertions: &[AssertionResult]) -> (Option<bool>, String) {
    let load = match validity(trial) {
        // A rate that the generator did not reach says nothing of the server.
        Validity::GeneratorBound(_) => return (None, "generator-bound".to_owned()),
        Validity::NotMeasured(why) => return (None, why),
        _ => trial.measured(),
    };
    let counts = load.map(|load| load.counts).unwrap_or_default();
    let (ok, failed) = (counts.succeeded as f64, counts.failed as f64);
    let share = failed / (ok + failed).max(1.0);
    if survivors_bias(share) {
        let percent = format_significant(share * 100.0, 2);
        return (Some(false), format!("{percent} % failed"));
    }
    let with = |holds: Option<bool>| assertions.iter().find(|result| result.holds == holds);
    let figures = || {
        let figures: Vec<&str> = assertions.iter().map(|r| r.figure.as_str()).collect();
        figures.join(", ")
    };
    if let Some(result) = with(Some(false)) {
        return (Some(false), result.figure.clone());
    }
    match with(None) {
        Some(result) => {
            let demand = result.assertion.as_str();
            let name = demand.split(['<', '>']).next().unwrap_or(demand).trim();
            (None, format!("too few requests for {name}"))
        }
        None => (Some(true), figures()),
    }
}

pub(crate) fn largest_rates(
    trials: &[TrialRecord],
    study: &Study,
    cells: &[CellView<'_>],
) -> Vec<LargestRate> {
    let Some(search) = &study.search.rate else {
        return Vec::new();
    };
    let search = search.get_ref();
    groups(trials, cells, true)
        .into_iter()
        .map(|(label, members)| {
            let outcome = |trial: &TrialRecord| {
                let own = trial.measured().map(|load| {
                    if load.assertions.is_empty() {
                        vec![search.objective.check(load)]
                    } else {
                        load.assertions.clone()
                    }
                });
                let (held, seen) = judged(trial, &own.unwrap_or_default());
                let value = trial.cell.rate_rps?;
                (seen != "interrupted").then_some(Outcome { value, held, seen })
            };
            let attempts = attempts(members.into_iter().filter_map(outcome).collect());
            largest_rate(label, search.objective.to_string(), attempts)
        })
        .collect()
}

fn largest_rate(label: String, objective: String, attempts: Vec<Attempt>) -> LargestRate {
    let misses = |attempt: &Attempt| !attempt.holds() && !attempt.is_untold();
    let first_missing = attempts.iter().position(misses);
    let until = first_missing.unwrap_or(attempts.len());
    let contradictory = attempts[until..].iter().any(Attempt::holds);
    let holding = attempts[..until].iter().rposition(Attempt::holds);
    // Between what holds and what does not: tries that say neither.
    let between = &attempts[holding.map_or(0, |last| last + 1)..until];
    let untold = between.first();
    let holding = holding.map(|last| &attempts[last]);
    let missing = first_missing.map(|first| &attempts[first]);
    let rate = |attempt: &Attempt| format_significant(attempt.value, 3);
    let seen_at = |attempt: &Attempt| format!("{} at {} requests/s", attempt.seen, rate(attempt));
    let untold_text = untold.map(seen_at);
    let mut text = match (holding, missing) {
        (Some(holds), Some(misses)) => format!(
            "{objective} up to {} requests/s: {} there, {}{} at {}",
            rate(holds),
            holds.seen,
            untold_text.map_or_else(String::new, |text| format!("{text}, ")),
            misses.seen,
            rate(misses)
        ),
        (Some(holds), None) => {
            let beyond = untold_text.map_or_else(
                || "and more was not tried".to_owned(),
                |text| format!("{text}, so that more cannot be told"),
            );
            format!(
                "{objective} at {} requests/s ({}), {beyond}",
                rate(holds),
                holds.seen
            )
        }
        (None, Some(misses)) => format!(
            "{objective} does not hold at {} requests/s: {}{}",
            rate(misses),
            misses.seen,
            untold_text.map_or_else(String::new, |text| format!("; {text}"))
        ),
        (None, None) => match untold_text {
            Some(text) => format!("{objective} cannot be told: {text}"),
            None => format!("{objective}: nothing was tried to its end"),
        },
    };
    if contradictory {
        text += " (it held at times beyond: the edge is not sharp)";
    }
    LargestRate {
        label,
        objective,
        largest_rps: holding.map(|attempt| attempt.value),
        missed_at_rps: missing.map(|attempt| attempt.value),
        contradictory,
        text,
        attempts,
    }
}
