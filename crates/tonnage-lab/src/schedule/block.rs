//! One block: every live cell once, in random order, between trials of the
//! reference. The first block of a study with a ladder climbs it.

use tonnage_model::TrialKind;

use super::{Change, Done, Job, Point, Schedule};

/// Users of the reference: enough to keep a native service and one thread of the
/// generator busy.
pub(crate) const REFERENCE_CLIENTS: u32 = 16;

/// A block with so many trials has a reference in its middle as well.
const LONG_BLOCK: usize = 6;

impl Schedule<'_> {
    /// The trials of a block in their order, as far as those made so far tell.
    pub(super) fn jobs_of_block(&self, done: &Done<'_>, block: u32) -> Vec<Job> {
        if block == 0 && self.study.ladder.is_some() {
            return self.climbing(done);
        }
        let points = self.points_at_start(done, block);
        let duplicate = self.duplicate(&points);
        let jobs: Vec<Job> = points
            .iter()
            .map(|point| point.job(block, TrialKind::Measure))
            .chain(duplicate.map(|point| point.job(block, TrialKind::Duplicate)))
            .collect();
        let order = tonnage_stats::order(jobs.len(), self.seed, block);
        let mut shuffled: Vec<Job> = order.into_iter().map(|at| jobs[at].clone()).collect();
        twin_first(&mut shuffled);
        let (first, second) = shuffled.split_at(shuffled.len() / 2);
        let middle = self.reference(block);
        let middle = middle.filter(|_| shuffled.len() >= LONG_BLOCK);
        let mut jobs: Vec<Job> = first.to_vec();
        jobs.extend(middle);
        jobs.extend_from_slice(second);
        // What turns out unfit drops out; the others keep their places.
        jobs.retain(|job| !done.is_in_vain_for(job));
        self.framed(block, jobs)
    }

    /// The first block of a study with a ladder: one cell after the other, in
    /// random order, each up to its last step.
    fn climbing(&self, done: &Done<'_>) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut all_done = true;
        for cell in tonnage_stats::order(self.cells.len(), self.seed, 0) {
            if self.left_out.contains(&cell) {
                continue;
            }
            let (steps, is_done) = self.ladder_steps(done, cell);
            jobs.extend(
                steps
                    .into_iter()
                    .map(|clients| Point { cell, clients }.job(0, TrialKind::Measure)),
            );
            all_done &= is_done;
            if !is_done {
                break;
            }
        }
        if all_done {
            let points = self.points_at_start(done, 1);
            let duplicate = self.duplicate(&points);
            jobs.extend(duplicate.map(|point| point.job(0, TrialKind::Duplicate)));
            return self.framed(0, jobs);
        }
        self.reference(0).into_iter().chain(jobs).collect()
    }

    /// The trials between two of the reference.
    fn framed(&self, block: u32, jobs: Vec<Job>) -> Vec<Job> {
        let reference = || self.reference(block).into_iter();
        reference().chain(jobs).chain(reference()).collect()
    }

    fn reference(&self, block: u32) -> Option<Job> {
        (self.study.experiment.reference && self.own_servers).then_some(Job {
            cell: None,
            clients: REFERENCE_CLIENTS,
            block,
            kind: TrialKind::Reference,
            change: Change::None,
        })
    }

    /// The point that is there twice: the last step of the cell in the middle of the
    /// list. The ends of a study's factors are its extremes, where little repeats.
    fn duplicate(&self, points: &[Point]) -> Option<Point> {
        let wanted = self.study.experiment.duplicate && self.own_servers;
        let middle = points.get(points.len() / 2).filter(|_| wanted)?;
        points
            .iter()
            .rfind(|point| point.cell == middle.cell)
            .copied()
    }

    /// The points that a block measures, as was known when it began. A point that
    /// failed in an earlier block is out, and so is a cell whose server could not be
    /// started or answered wrongly, and what a race has dropped.
    fn points_at_start(&self, done: &Done<'_>, block: u32) -> Vec<Point> {
        let before = done.before(block);
        let mut points = Vec::new();
        for (cell, plan) in self.cells.iter().enumerate() {
            if self.left_out.contains(&cell) || before.is_unfit(cell) {
                continue;
            }
            let clients = plan.clients.clone().unwrap_or_else(|| {
                let made = done.of_cell(cell, 0, TrialKind::Measure);
                made.iter().map(|trial| trial.cell.clients).collect()
            });
            let points_of_cell = clients.into_iter().map(|clients| Point { cell, clients });
            points.extend(points_of_cell.filter(|point| !before.has_failed(*point)));
        }
        if self.budget.is_some() {
            points = self.still_racing(done, points, block);
        }
        points
    }
}

/// Puts a duplicate behind the trial that it repeats: a cell that cannot be measured
/// is found out by its own trial.
fn twin_first(jobs: &mut [Job]) {
    let duplicate = jobs.iter().position(|job| job.kind == TrialKind::Duplicate);
    let Some(duplicate) = duplicate else { return };
    let is_twin = |job: &Job| {
        job.kind == TrialKind::Measure
            && (job.cell, job.clients) == (jobs[duplicate].cell, jobs[duplicate].clients)
    };
    if let Some(twin) = jobs
        .iter()
        .position(is_twin)
        .filter(|twin| *twin > duplicate)
    {
        jobs.swap(twin, duplicate);
    }
}

impl<'a> Done<'a> {
    /// Whether a job that was not made would be of a cell that is known to be unfit.
    fn is_in_vain_for(&self, job: &Job) -> bool {
        job.cell.is_some_and(|cell| self.is_unfit(cell)) && !self.is_made(job)
    }

    /// What was known when a block began.
    pub(super) fn before(&self, block: u32) -> Done<'a> {
        let earlier = |trial: &&&tonnage_model::TrialRecord| trial.block < block;
        Done {
            trials: self.trials.iter().filter(earlier).copied().collect(),
        }
    }
}

impl Point {
    pub(super) fn job(self, block: u32, kind: TrialKind) -> Job {
        Job {
            cell: Some(self.cell),
            clients: self.clients,
            block,
            kind,
            change: Change::None,
        }
    }
}
