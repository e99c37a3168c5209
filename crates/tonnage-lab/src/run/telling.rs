//! What a run tells of itself: what comes now, what is left and how long that will
//! take, and why a ladder ended.

use std::sync::mpsc::Sender;
use std::time::Duration;

use tonnage_model::{CellPlan, NextStep, TrialKind, TrialRecord};

use super::course::Course;
use crate::LabEvent;
use crate::schedule::{Job, Schedule};
use crate::server::Size;
use crate::trial::Trials;

/// What a trial takes beside warm-up and window, where none was made yet.
const GUESSED_BOOT: Duration = Duration::from_secs(2);

/// What a window of so many requests takes, likewise.
const GUESSED_WINDOW: Duration = Duration::from_secs(10);

impl Course<'_> {
    /// Tells what comes now and what is left.
    pub(super) fn announce(
        &self,
        made: &Trials<'_>,
        schedule: &Schedule<'_>,
        job: &Job,
        trials: &[TrialRecord],
        events: &Sender<LabEvent>,
    ) {
        let previous = trials.last().and_then(|trial| trial.cell_number);
        let same_cell = previous == job.cell.map(|cell| cell as u32);
        if let Some(cell) = job
            .cell
            .filter(|_| !same_cell && job.kind == TrialKind::Measure)
        {
            let _ = events.send(LabEvent::CellBegins {
                label: self.label(made, &self.prepared.cells[cell]),
                number: (cell + 1, self.prepared.cells.len()),
            });
        }
        let left = schedule.remaining(trials);
        let expected = left.iter().map(|job| self.expected_seconds(job, trials));
        let tries = schedule.expected_tries(trials) as f64 * self.expected_seconds(job, trials);
        let took: u64 = trials.iter().map(|trial| trial.took_us).sum();
        let budget_left = |budget: u64| budget.saturating_sub(took) as f64 / 1e6;
        let budget = self.run.conditions.budget_us.map(budget_left);
        let seconds = budget.unwrap_or(expected.sum::<f64>() + tries);
        let name = match job.kind {
            TrialKind::Reference => "reference".to_owned(),
            TrialKind::Measure | TrialKind::Duplicate | TrialKind::Search => job
                .cell
                .map_or_else(String::new, |cell| short_name(&self.prepared.cells[cell])),
        };
        let _ = events.send(LabEvent::TrialBegins {
            name,
            kind: job.kind,
            clients: job.clients,
            block: (job.block + 1, self.study.experiment.blocks),
            made: trials.len(),
            left: (left.len() + schedule.expected_tries(trials)).max(1),
            seconds_left: seconds,
        });
    }

    /// What a job will take, going by trials of its cell, else by its plan.
    pub(super) fn expected_seconds(&self, job: &Job, trials: &[TrialRecord]) -> f64 {
        let cell = job.cell.map(|cell| cell as u32);
        let took: Vec<u64> = trials
            .iter()
            .filter(|trial| trial.cell_number == cell)
            .map(|trial| trial.took_us)
            .collect();
        if !took.is_empty() {
            return took.iter().sum::<u64>() as f64 / took.len() as f64 / 1e6;
        }
        let plan = job
            .cell
            .map_or(&self.reference, |cell| &self.prepared.cells[cell]);
        // By requests, a window may end long before its time.
        let window = match plan.requests {
            Some(_) => plan.duration.0.min(GUESSED_WINDOW),
            None => plan.duration.0,
        };
        (GUESSED_BOOT + plan.warmup.0 * 2 + window).as_secs_f64()
    }

    pub(super) fn announce_end_of_ladder(
        &self,
        job: &Job,
        trials: &[TrialRecord],
        events: &Sender<LabEvent>,
    ) {
        let Some((ladder, cell)) = self.study.ladder.as_ref().zip(job.cell) else {
            return;
        };
        if job.block > 0 || job.kind != TrialKind::Measure {
            return;
        }
        let steps = trials.iter().filter(|trial| {
            trial.cell_number == Some(cell as u32)
                && trial.block == 0
                && trial.kind == TrialKind::Measure
        });
        let points: Vec<_> = steps.filter_map(TrialRecord::ladder_point).collect();
        if let NextStep::Stop(reason) = ladder.next(&points) {
            let _ = events.send(LabEvent::CellEnded(reason));
        }
    }

    fn label(&self, made: &Trials<'_>, cell: &CellPlan) -> String {
        let served = match self.target {
            Some(target) => format!("{} at {target}", cell.workload),
            None => format!(
                "{} on {}{}",
                cell.workload,
                cell.stack,
                self.size(made, cell)
            ),
        };
        let mut words = vec![served];
        if !cell.configuration.is_empty() {
            words[0] = format!("{}: {}", cell.configuration, words[0]);
        }
        let limits = &cell.limits;
        words.extend(limits.cpus.map(|cpus| format!("{cpus} CPUs")));
        let memory = limits.memory_bytes.map(tonnage_model::HumanBytes);
        words.extend(memory.map(|memory| memory.to_string()));
        words.extend(
            cell.parameters
                .iter()
                .map(|(name, value)| format!("{name} {value}")),
        );
        if !cell.keepalive {
            words.push("a connection for each request".to_owned());
        }
        words.push(format!("warm-up {}", cell.warmup));
        words.push(match cell.requests {
            Some(requests) => format!("{requests} requests"),
            None => format!("window {}", cell.duration),
        });
        words.join(", ")
    }

    /// A cell's workers and threads in words, as far as its stack has them.
    fn size(&self, made: &Trials<'_>, cell: &CellPlan) -> String {
        let found = self
            .prepared
            .stacks
            .iter()
            .find(|found| found.name == cell.stack);
        let size = found.and_then(|found| made.size(found, cell).ok());
        let Size { workers, threads } = size.unwrap_or_default();
        let rule = cell.workers.or(found.and_then(|found| found.stack.workers));
        let workers = rule.zip(workers);
        let workers = workers.map(|(rule, workers)| format!(", workers {rule} = {workers}"));
        let threads = threads.map(|threads| format!(", threads {threads}"));
        workers.into_iter().chain(threads).collect()
    }
}

fn short_name(cell: &CellPlan) -> String {
    let served = if cell.configuration.is_empty() {
        &cell.stack
    } else {
        &cell.configuration
    };
    format!("{served} {}", cell.workload)
}
