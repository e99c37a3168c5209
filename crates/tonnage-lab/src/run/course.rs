//! The course of a run: job after job from the schedule, each made into a trial and
//! kept, until none is left or something ends it.

use std::collections::HashSet;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tonnage_load::Stop;
use tonnage_model::{
    CellPlan, ExitStatus, HumanDuration, Rate, Request, RunRecord, Study, TrialKind, TrialRecord,
};

use super::prepare::{Prepared, REFERENCE_STACK, REFERENCE_WORKLOAD};
use crate::schedule::{Change, Job, Schedule};
use crate::server;
use crate::trial::{Order, Trials};
use crate::{LabError, LabEvent, Settings, Store};

/// The reference's window …
const REFERENCE_WINDOW: Duration = Duration::from_secs(1);

/// … and the time before it.
const REFERENCE_WARMUP: Duration = Duration::from_millis(300);

/// A run with everything that its trials need.
pub(super) struct Course<'a> {
    pub(super) run: &'a RunRecord,
    pub(super) study: &'a Study,
    pub(super) target: Option<&'a str>,
    pub(super) prepared: Prepared,
    pub(super) reference: CellPlan,
    reference_request: Request,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        study: &'a Study,
        run: &'a RunRecord,
        target: Option<&'a str>,
        prepared: Prepared,
    ) -> Self {
        Self {
            run,
            study,
            target,
            reference: reference_plan(),
            prepared,
            reference_request: Request::get("/"),
        }
    }

    /// Refuses a budget that does not hold the blocks in which every cell is seen
    /// before any is dropped.
    pub(super) fn check_budget(&self) -> Result<(), LabError> {
        let Some(budget_us) = self.run.conditions.budget_us else {
            return Ok(());
        };
        let budget = budget_us as f64 / 1e6;
        let screening = self.schedule().remaining(&[]);
        let needed_s: f64 = screening
            .iter()
            .map(|job| self.expected_seconds(job, &[]))
            .sum();
        if budget >= needed_s {
            return Ok(());
        }
        let words = |seconds: f64| HumanDuration(Duration::from_secs(seconds.ceil() as u64));
        Err(LabError::Usage(format!(
            "a budget of {} does not hold the three blocks in which every cell is seen before any is dropped: {} trials, about {}; give it more, or take fewer cells or shorter windows (--quick, --set)",
            words(budget),
            screening.len(),
            words(needed_s)
        )))
    }

    /// Makes the trials that are left.
    pub(super) fn run_trials(
        &self,
        settings: &Settings,
        store: &mut Store,
        mut trials: Vec<TrialRecord>,
        stop: &Stop,
        events: &Sender<LabEvent>,
    ) -> Result<(), LabError> {
        self.install(settings, stop, events)?;
        let schedule = self.schedule();
        let made = self.trials(settings, stop, events);
        let mut first_failure = None;
        while let Some(job) = schedule.next(&trials) {
            self.announce(&made, &schedule, &job, &trials, events);
            let position = trials.iter().map(|trial| trial.position + 1).max();
            let end = made.measure(&self.order(&job, position.unwrap_or(0))?);
            // The record reaches the store before anything is made of it.
            store.add_trial(&end.record)?;
            trials.push(end.record.clone());
            let _ = events.send(LabEvent::TrialEnded(Box::new(end.record)));
            self.announce_end_of_ladder(&job, &trials, events);
            match end.error {
                None => {}
                // What a server does is a finding, and the other cells go on.
                Some(error) if error.exit_status() == ExitStatus::TargetFailed => {
                    let _ = events.send(LabEvent::TrialFailed(error.to_string()));
                    // A search looks for what does not hold.
                    if job.kind == TrialKind::Measure {
                        first_failure.get_or_insert(error);
                    }
                }
                Some(error) => return Err(error),
            }
        }
        let is_measured =
            |trial: &TrialRecord| trial.kind == TrialKind::Measure && trial.measured().is_some();
        let only_one = self.prepared.cells.len() == 1;
        match first_failure {
            Some(error) if only_one || !trials.iter().any(is_measured) => Err(error),
            _ => Ok(()),
        }
    }

    /// Builds every environment first, so that no trial's time has it in it.
    fn install(
        &self,
        settings: &Settings,
        stop: &Stop,
        events: &Sender<LabEvent>,
    ) -> Result<(), LabError> {
        if self.target.is_some() {
            return Ok(());
        }
        let stacks = self.prepared.stacks.iter();
        stacks
            .into_iter()
            .try_for_each(|found| server::environment(settings, found, stop, events).map(|_| ()))
    }

    fn schedule(&self) -> Schedule<'_> {
        let cells = &self.prepared.cells;
        let is_out = |cell: &CellPlan| self.prepared.unavailable.contains_key(&cell.stack);
        let left_out: HashSet<usize> = (0..cells.len()).filter(|at| is_out(&cells[*at])).collect();
        let conditions = &self.run.conditions;
        Schedule {
            study: self.study,
            cells,
            seed: conditions.seed,
            budget: conditions.budget_us.map(Duration::from_micros),
            left_out,
            own_servers: self.target.is_none(),
        }
    }

    fn trials<'b>(
        &'b self,
        settings: &'b Settings,
        stop: &'b Stop,
        events: &'b Sender<LabEvent>,
    ) -> Trials<'b> {
        let noise = self.run.conditions.noise.as_ref();
        Trials {
            settings,
            study: self.study,
            run_id: &self.run.run_id,
            run_folder: &self.run.folder,
            target: self.target,
            stacks: &self.prepared.stacks,
            backend: &self.prepared.backend,
            cpus: &self.prepared.cpus,
            machine_bytes: self.run.host.memory_kib * 1024,
            ceiling_rps: noise.and_then(|noise| noise.ceiling_rps),
            seed: self.run.conditions.seed,
            stop,
            events,
        }
    }

    fn order<'b>(&'b self, job: &'b Job, position: u32) -> Result<Order<'b>, LabError> {
        let Some(cell) = job.cell else {
            return Ok(Order {
                job,
                plan: self.reference.clone(),
                request: &self.reference_request,
                objective: None,
                steady_within: Duration::ZERO,
                position,
            });
        };
        let mut plan = self.prepared.cells[cell].clone();
        let request = self.study.request_for(&plan.workload);
        let request = request.ok_or_else(|| LabError::missing_data(&plan.workload))?;
        let mut objective = None;
        match job.change {
            Change::None => {}
            Change::Memory(bytes) => plan.limits.memory_bytes = Some(bytes),
            Change::Rate(Rate(rate)) => {
                plan.rate = Some(Rate(rate));
                let search = self.study.search.rate();
                objective = search.map(|search| search.objective.clone());
            }
        }
        Ok(Order {
            job,
            plan,
            request,
            objective,
            steady_within: self.study.experiment.steady_within.0,
            position,
        })
    }
}

/// The native service under a load that is always the same.
fn reference_plan() -> CellPlan {
    CellPlan {
        duration: HumanDuration(REFERENCE_WINDOW),
        warmup: HumanDuration(REFERENCE_WARMUP),
        ..CellPlan::plain(REFERENCE_STACK, REFERENCE_WORKLOAD)
    }
}
