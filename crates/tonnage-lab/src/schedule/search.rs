//! What is searched once the blocks are measured: the least memory that holds, and
//! the largest rate under an objective. Each try is a trial; where to try next
//! follows from those made.

use std::collections::BTreeMap;

use tonnage_analysis::objective_met;
use tonnage_model::{CellPlan, Rate, TrialKind, TrialRecord};
use tonnage_stats::{Bisection, Holds, SearchStep};

use super::{Change, Done, Job, Schedule};

/// Each end of the final bracket is tried once more: two tries of each.
const CONFIRM: usize = 1;

/// What a search usually takes: both ends, six halvings, and both ends confirmed.
const USUAL_TRIES: usize = 10;

/// Memory is tried in whole megabytes.
const MEMORY_UNIT_BYTES: f64 = 1e6;

/// Without bounds, rates from a hundredth of the best throughput are tried …
const LEAST_OF_BEST: f64 = 0.01;

/// … up to a little above it.
const MOST_OF_BEST: f64 = 1.1;

impl Schedule<'_> {
    /// The next try of the first search that is not over.
    pub(super) fn next_search(&self, done: &Done<'_>) -> Option<Job> {
        if !self.own_servers || self.budget.is_some() {
            return None;
        }
        let numbers = 0..self.cells.len();
        numbers
            .filter(|cell| !self.left_out.contains(cell))
            .find_map(|cell| {
                let try_memory = self.next_memory(done, cell);
                try_memory.or_else(|| self.next_rate(done, cell))
            })
    }

    /// About how many tries are still to be made, as far as is known now.
    pub(crate) fn expected_tries(&self, trials: &[TrialRecord]) -> usize {
        let done = Done::of(trials);
        if self.budget.is_some() || !self.own_servers {
            return 0;
        }
        let searches = [
            self.study.search.memory().map(|search| &search.only),
            self.study.search.rate().map(|search| &search.only),
        ];
        let tries_of = |only: &BTreeMap<String, String>| -> usize {
            let cells = (0..self.cells.len()).filter(|cell| done.is_searched(*cell, only));
            cells
                .map(|cell| USUAL_TRIES.saturating_sub(done.searches(cell).count()))
                .sum()
        };
        searches.into_iter().flatten().map(tries_of).sum()
    }

    fn next_memory(&self, done: &Done<'_>, cell: usize) -> Option<Job> {
        let search = self.study.search.memory()?;
        if !done.is_searched(cell, &search.only) {
            return None;
        }
        let bisection = Bisection {
            low: search.from.0 as f64,
            high: search.to.0 as f64,
            within: search.within,
            unit: MEMORY_UNIT_BYTES,
            holds: Holds::Above,
            confirm: CONFIRM,
        };
        let observed: Vec<(f64, bool)> = done
            .searches(cell)
            .filter(|trial| trial.cell.rate_rps == self.cells[cell].rate.map(|Rate(rate)| rate))
            .filter_map(|trial| Some((trial.cell.limits.memory_bytes? as f64, survived(trial))))
            .collect();
        match bisection.next(&observed) {
            SearchStep::Try(bytes) => {
                Some(self.try_with(done, cell, Change::Memory(bytes.round() as u64)))
            }
            SearchStep::Done { .. } | SearchStep::Impossible(_) => None,
        }
    }

    fn next_rate(&self, done: &Done<'_>, cell: usize) -> Option<Job> {
        let search = self.study.search.rate()?;
        if !done.is_searched(cell, &search.only) {
            return None;
        }
        let best = done.best_goodput(cell).unwrap_or(1.0);
        let bisection = Bisection {
            low: search.from.map_or(best * LEAST_OF_BEST, |Rate(rate)| rate),
            high: search.to.map_or(best * MOST_OF_BEST, |Rate(rate)| rate),
            within: search.within,
            unit: 0.0,
            holds: Holds::Below,
            confirm: CONFIRM,
        };
        let own_memory = self.cells[cell].limits.memory_bytes;
        let observed: Vec<(f64, bool)> = done
            .searches(cell)
            .filter(|trial| trial.cell.limits.memory_bytes == own_memory)
            .filter_map(|trial| Some((trial.cell.rate_rps?, objective_met(trial) == Some(true))))
            .collect();
        match bisection.next(&observed) {
            SearchStep::Try(rate) => Some(self.try_with(done, cell, Change::Rate(Rate(rate)))),
            SearchStep::Done { .. } | SearchStep::Impossible(_) => None,
        }
    }

    fn try_with(&self, done: &Done<'_>, cell: usize, change: Change) -> Job {
        Job {
            cell: Some(cell),
            clients: done.most_clients(cell, &self.cells[cell]),
            block: self.study.experiment.blocks,
            kind: TrialKind::Search,
            change,
        }
    }
}

impl<'a> Done<'a> {
    /// Whether a search is about a cell, and the cell fit to be searched.
    fn is_searched(&self, cell: usize, only: &BTreeMap<String, String>) -> bool {
        let measured = self.measured_of(cell);
        measured.iter().any(|trial| trial.cell.matches(only))
    }

    fn most_clients(&self, cell: usize, plan: &CellPlan) -> u32 {
        let measured = self.measured_of(cell);
        let tried = measured.iter().map(|trial| trial.cell.clients).max();
        let planned = plan
            .clients
            .as_ref()
            .and_then(|clients| clients.iter().max());
        tried.or(planned.copied()).unwrap_or(1)
    }

    fn searches(&self, cell: usize) -> impl Iterator<Item = &'a TrialRecord> {
        self.trials.iter().copied().filter(move |trial| {
            trial.kind == TrialKind::Search && trial.cell_number == Some(cell as u32)
        })
    }

    fn measured_of(&self, cell: usize) -> Vec<&'a TrialRecord> {
        let is_it = |trial: &&&TrialRecord| {
            trial.kind == TrialKind::Measure
                && trial.cell_number == Some(cell as u32)
                && trial.measured().is_some()
        };
        self.trials.iter().filter(is_it).copied().collect()
    }

    fn best_goodput(&self, cell: usize) -> Option<f64> {
        let loads = self.measured_of(cell);
        let goodput = loads
            .iter()
            .filter_map(|trial| Some(trial.measured()?.throughput.goodput_rps));
        goodput.reduce(f64::max)
    }
}

/// Whether a server was measured and none of its processes killed for want of memory.
fn survived(trial: &TrialRecord) -> bool {
    let kills = trial.usage.as_ref().and_then(|usage| usage.oom_kills);
    trial.measured().is_some() && kills.unwrap_or(0) == 0
}
