//! Which trial comes next: a pure function of the study, the run's seed and the
//! trials made so far, so that a run that was cut off goes on where it was.
//! Making trials is `trial`'s part, keeping them the store's.

mod block;
mod race;
mod search;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::Duration;

use tonnage_model::{CellPlan, NextStep, Rate, Study, TrialKind, TrialOutcome, TrialRecord};

/// Blocks that are made anew, at most, because the machine changed within one: two, but
/// no more than a third of those that the study asks for.
const MAX_REPEATS: u32 = 2;

/// The share of a study's blocks that may be made anew.
const REPEATED_SHARE: u32 = 3;

/// A run with a budget ends by time; this only bounds it.
const MAX_BUDGET_BLOCKS: u32 = 1000;

/// A trial to be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Job {
    /// The cell's number; `None` for a reference.
    pub(crate) cell: Option<usize>,
    /// Users, or the most connections of an open loop.
    pub(crate) clients: u32,
    /// The block that it belongs to.
    pub(crate) block: u32,
    /// What it is for.
    pub(crate) kind: TrialKind,
    /// What a search puts in the place of the cell's own.
    pub(crate) change: Change,
}

/// What a search puts in the place of a cell's own value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Change {
    /// Nothing.
    #[default]
    None,
    /// The memory limit, in bytes.
    Memory(u64),
    /// The rate of arrivals.
    Rate(Rate),
}

/// A cell and a number of clients: what is measured once in each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Point {
    pub(crate) cell: usize,
    pub(crate) clients: u32,
}

/// What is to be run, in which order.
#[derive(Debug)]
pub(crate) struct Schedule<'a> {
    pub(crate) study: &'a Study,
    pub(crate) cells: &'a [CellPlan],
    pub(crate) seed: u64,
    /// Time that the trials may take together; `None` where the blocks end the run.
    pub(crate) budget: Option<Duration>,
    /// Cells that cannot be run here.
    pub(crate) left_out: HashSet<usize>,
    /// Whether servers are ours: references and duplicates need that.
    pub(crate) own_servers: bool,
}

impl Schedule<'_> {
    /// The trial that comes after `trials`; `None` where the run is complete.
    pub(crate) fn next(&self, trials: &[TrialRecord]) -> Option<Job> {
        let done = Done::of(trials);
        if self.is_over_budget(trials) {
            return None;
        }
        for block in done.newest_block()..self.most_blocks() {
            if block >= self.wanted_blocks(&done, block) {
                break;
            }
            let jobs = self.jobs_of_block(&done, block);
            // Nothing but references: there is nothing left to compare them with.
            if jobs.iter().all(|job| job.kind == TrialKind::Reference) {
                break;
            }
            if let Some(job) = done.first_missing(&jobs) {
                if job.kind == TrialKind::Reference && done.is_in_vain(&jobs, block) {
                    break;
                }
                return Some(job);
            }
        }
        self.next_search(&done)
    }

    /// The trials that are still to be made, as far as is known now.
    pub(crate) fn remaining(&self, trials: &[TrialRecord]) -> Vec<Job> {
        let done = Done::of(trials);
        let blocks = if self.budget.is_some() {
            tonnage_stats::SCREENING_BLOCKS as u32
        } else {
            self.wanted_blocks(&done, self.most_blocks())
        };
        (0..blocks)
            .flat_map(|block| {
                let jobs = self.jobs_of_block(&done, block);
                done.missing(&jobs).cloned().collect::<Vec<_>>()
            })
            .collect()
    }

    fn most_blocks(&self) -> u32 {
        match self.budget {
            Some(_) => MAX_BUDGET_BLOCKS,
            None => self.study.experiment.blocks + self.most_repeats(),
        }
    }

    /// Blocks that are wanted, given those before `block`: each that the machine
    /// has spoiled is made anew, up to a bound.
    fn wanted_blocks(&self, done: &Done<'_>, block: u32) -> u32 {
        if self.budget.is_some() {
            return MAX_BUDGET_BLOCKS;
        }
        let spoiled = done.drifted_blocks().iter().filter(|b| **b < block).count();
        self.study.experiment.blocks + (spoiled as u32).min(self.most_repeats())
    }

    fn most_repeats(&self) -> u32 {
        (self.study.experiment.blocks / REPEATED_SHARE).min(MAX_REPEATS)
    }

    fn is_over_budget(&self, trials: &[TrialRecord]) -> bool {
        let Some(budget) = self.budget else {
            return false;
        };
        let took: u64 = trials.iter().map(|trial| trial.took_us).sum();
        let longest = trials.iter().map(|trial| trial.took_us).max().unwrap_or(0);
        Duration::from_micros(took + longest) > budget
    }

    /// The ladder's steps of a cell in the first block: those made, and the next.
    fn ladder_steps(&self, done: &Done<'_>, cell: usize) -> (Vec<u32>, bool) {
        let Some(ladder) = &self.study.ladder else {
            return (Vec::new(), true);
        };
        let made = done.of_cell(cell, 0, TrialKind::Measure);
        let mut steps: Vec<u32> = made.iter().map(|trial| trial.cell.clients).collect();
        if made.iter().any(|trial| trial.measured().is_none()) {
            return (steps, true);
        }
        let points: Vec<_> = made
            .iter()
            .filter_map(|trial| trial.ladder_point())
            .collect();
        match ladder.next(&points) {
            NextStep::Inject(clients) => {
                steps.push(clients);
                (steps, false)
            }
            NextStep::Stop(_) => (steps, true),
        }
    }
}

/// The trials that count: all but those that were cut off.
pub(crate) struct Done<'a> {
    trials: Vec<&'a TrialRecord>,
}

impl<'a> Done<'a> {
    pub(crate) fn of(trials: &'a [TrialRecord]) -> Self {
        let cut_off = |trial: &&TrialRecord| trial.outcome == TrialOutcome::Interrupted;
        Self {
            trials: trials.iter().filter(|trial| !cut_off(trial)).collect(),
        }
    }

    fn of_cell(&self, cell: usize, block: u32, kind: TrialKind) -> Vec<&'a TrialRecord> {
        let is_it = |trial: &&&TrialRecord| {
            trial.cell_number == Some(cell as u32) && trial.block == block && trial.kind == kind
        };
        self.trials.iter().filter(is_it).copied().collect()
    }

    /// Whether a point could not be measured.
    fn has_failed(&self, point: Point) -> bool {
        self.trials.iter().any(|trial| {
            trial.cell_number == Some(point.cell as u32)
                && trial.cell.clients == point.clients
                && trial.kind != TrialKind::Search
                && trial.measured().is_none()
        })
    }

    /// Whether a cell's server could not be loaded at all: it did not start, or answered
    /// wrongly.
    fn is_unfit(&self, cell: usize) -> bool {
        self.trials.iter().any(|trial| {
            trial.cell_number == Some(cell as u32)
                && trial.kind != TrialKind::Search
                && trial.load.is_none()
        })
    }

    /// Whether a trial was made for a job.
    fn is_made(&self, job: &Job) -> bool {
        self.trials.iter().any(|trial| job.is_made_by(trial))
    }

    /// The block that is being made; those before it are complete.
    fn newest_block(&self) -> u32 {
        let of_blocks = self
            .trials
            .iter()
            .filter(|trial| trial.kind != TrialKind::Search);
        of_blocks.map(|trial| trial.block).max().unwrap_or(0)
    }

    /// The trial that measured a point in a block.
    fn trial_of(&self, point: Point, block: u32) -> Option<&'a TrialRecord> {
        let trials = self.of_cell(point.cell, block, TrialKind::Measure);
        trials
            .into_iter()
            .find(|trial| trial.cell.clients == point.clients)
    }

    /// The goodput of a point in a block.
    fn goodput(&self, point: Point, block: u32) -> Option<f64> {
        let trial = self.trial_of(point, block)?;
        Some(trial.measured()?.throughput.goodput_rps)
    }

    /// Whether every cell of a block was tried and none measured: a reference has
    /// nothing to tell of then.
    fn is_in_vain(&self, jobs: &[Job], block: u32) -> bool {
        let all_tried = self
            .missing(jobs)
            .all(|job| job.kind == TrialKind::Reference);
        let measured = |trial: &&TrialRecord| {
            trial.block == block && trial.kind == TrialKind::Measure && trial.measured().is_some()
        };
        all_tried && !self.trials.iter().any(measured)
    }

    /// The first job that no trial was made for.
    fn first_missing(&self, jobs: &[Job]) -> Option<Job> {
        self.missing(jobs).next().cloned()
    }

    /// The jobs that no trial was made for; of equal jobs, each needs one of its own.
    fn missing<'b>(&'b self, jobs: &'b [Job]) -> impl Iterator<Item = &'b Job> {
        let mut free = self.trials.clone();
        jobs.iter().filter(move |job| {
            let made = free.iter().position(|trial| job.is_made_by(trial));
            made.map(|at| free.swap_remove(at)).is_none()
        })
    }

    /// Throughput of the reference in each block, in the order in which it was
    /// measured.
    fn references(&self) -> Vec<Vec<f64>> {
        let mut blocks: Vec<Vec<f64>> = Vec::new();
        for trial in &self.trials {
            let load = trial
                .measured()
                .filter(|_| trial.kind == TrialKind::Reference);
            let Some(load) = load else { continue };
            let block = trial.block as usize;
            blocks.resize_with(blocks.len().max(block + 1), Vec::new);
            blocks[block].push(load.throughput.goodput_rps);
        }
        blocks
    }

    /// Pairs of equal cells in the same block.
    fn pairs(&self) -> Vec<(f64, f64)> {
        let goodput = |trial: &TrialRecord| Some(trial.measured()?.throughput.goodput_rps);
        let duplicates = self
            .trials
            .iter()
            .filter(|trial| trial.kind == TrialKind::Duplicate);
        duplicates
            .filter_map(|duplicate| {
                let point = Point {
                    cell: duplicate.cell_number? as usize,
                    clients: duplicate.cell.clients,
                };
                Some((self.goodput(point, duplicate.block)?, goodput(duplicate)?))
            })
            .collect()
    }

    /// Blocks within which the machine's speed changed.
    fn drifted_blocks(&self) -> Vec<u32> {
        let floor = tonnage_stats::drift_floor(&self.pairs());
        let drifted = tonnage_stats::drifted_blocks(&self.references(), floor);
        drifted.into_iter().map(|block| block as u32).collect()
    }
}

impl Job {
    fn is_made_by(&self, trial: &TrialRecord) -> bool {
        trial.cell_number == self.cell.map(|cell| cell as u32)
            && trial.block == self.block
            && trial.kind == self.kind
            && trial.cell.clients == self.clients
            && match self.change {
                Change::None => true,
                Change::Memory(bytes) => trial.cell.limits.memory_bytes == Some(bytes),
                Change::Rate(Rate(rate)) => trial.cell.rate_rps == Some(rate),
            }
    }
}
