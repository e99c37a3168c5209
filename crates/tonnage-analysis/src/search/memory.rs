//! The least memory with which nothing is killed, told by the kernel's counter and not
//! by how a process ended: a master silently replaces workers that were killed.

use tonnage_model::{HumanBytes, TrialRecord, format_significant};

use super::{Attempt, MemoryCliff, Outcome, attempts, groups};
use crate::cells::CellView;
use crate::validity::{Validity, validity};

/// The edge of attempts that hold from some value upwards: the first that holds with
/// all above it, the last below that does not, and whether any contradict.
fn edge(attempts: &[Attempt]) -> (Option<&Attempt>, Option<&Attempt>, bool) {
    let last_failing = attempts.iter().rposition(|attempt| !attempt.holds());
    let from = last_failing.map_or(0, |last| last + 1);
    let contradictory = attempts[..from].iter().any(Attempt::holds);
    (
        attempts.get(from),
        last_failing.map(|last| &attempts[last]),
        contradictory,
    )
}

pub(crate) fn memory_cliffs(trials: &[TrialRecord], cells: &[CellView<'_>]) -> Vec<MemoryCliff> {
    groups(trials, cells, false)
        .into_iter()
        .map(|(label, members)| {
            let attempts = attempts(members.into_iter().filter_map(memory_outcome).collect());
            let (holding, failing, contradictory) = edge(&attempts);
            let bytes = |attempt: &Attempt| attempt.value as u64;
            MemoryCliff {
                label,
                least_bytes: holding.map(bytes),
                killed_at_bytes: failing.map(bytes),
                text: memory_text(holding, failing, contradictory),
                contradictory,
                attempts,
            }
        })
        .collect()
}

fn memory_outcome(trial: &TrialRecord) -> Option<Outcome> {
    let value = trial.cell.limits.memory_bytes? as f64;
    let kills = trial.usage.as_ref().and_then(|usage| usage.oom_kills);
    let (held, seen) = match (&validity(trial), kills) {
        (_, Some(kills)) if kills > 0 => {
            let noun = if kills == 1 { "OOM kill" } else { "OOM kills" };
            (false, format!("{kills} {noun}"))
        }
        (Validity::NotMeasured(why), _) if why == "interrupted" => return None,
        // Python may give up by itself before the kernel kills it.
        (Validity::NotMeasured(why), _) => (false, why.clone()),
        (_, Some(_)) => (true, "none".to_owned()),
        // Without the counter nothing is known.
        (_, None) => return None,
    };
    Some(Outcome {
        value,
        held: Some(held),
        seen,
    })
}

fn memory_text(
    holding: Option<&Attempt>,
    failing: Option<&Attempt>,
    contradictory: bool,
) -> String {
    let written = |attempt: &Attempt| bytes_text(attempt.value as u64);
    let mut text = match (holding, failing) {
        (Some(holds), Some(fails)) => format!(
            "needs {}: {} at {}, none at {}",
            written(holds),
            fails.seen,
            written(fails),
            written(holds)
        ),
        (Some(holds), None) => format!("{} is enough, and less was not tried", written(holds)),
        (None, Some(fails)) => format!("{} is not enough: {}", written(fails), fails.seen),
        (None, None) => "nothing was learnt: the kills were not counted here".to_owned(),
    };
    if contradictory {
        text += " (less held at times: the edge is not sharp)";
    }
    text
}

/// An amount of memory: `58MB` where that is exact, else rounded to three digits.
pub(crate) fn bytes_text(bytes: u64) -> String {
    let exact = HumanBytes(bytes).to_string();
    if exact.ends_with('B') && exact.len() <= 6 {
        return exact;
    }
    format!("{} MB", format_significant(bytes as f64 / 1e6, 3))
}
