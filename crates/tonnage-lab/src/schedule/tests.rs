//! Schedules carried out on paper: planted figures instead of servers.

use tonnage_model::{CellPlan, LoadReport, Study, TrialKind, TrialOutcome, TrialRecord, Usage};

use super::{Change, Job, Schedule};

const STUDY: &str = r#"
title = "Paper"
question = "Which?"
[factors]
stack = ["a", "b"]
workload = "hello"
clients = [1, 8]
keepalive = true
duration = "1s"
warmup = "0s"
[experiment]
blocks = 2
[request]
path = "/"
"#;

const LADDER: &str = r#"
title = "Paper"
question = "Where?"
[factors]
stack = "a"
workload = "hello"
keepalive = true
duration = "1s"
warmup = "0s"
[ladder]
start = 1
multiply_by = 2
max = 64
stop_when_gain_below = 0.05
[experiment]
blocks = 2
[request]
path = "/"
"#;

struct Paper {
    study: Study,
    cells: Vec<CellPlan>,
    seed: u64,
    budget: Option<std::time::Duration>,
}

impl Paper {
    fn new(text: &str) -> Self {
        let study = Study::parse("paper.toml", text).unwrap();
        Self {
            cells: study.cells(),
            study,
            seed: 7,
            budget: None,
        }
    }

    fn schedule(&self) -> Schedule<'_> {
        Schedule {
            study: &self.study,
            cells: &self.cells,
            seed: self.seed,
            budget: self.budget,
            left_out: std::collections::HashSet::new(),
            own_servers: true,
        }
    }

    /// The record of a job whose goodput is `rps`, or that failed.
    fn made(&self, job: &Job, position: usize, rps: Option<f64>) -> TrialRecord {
        let mut trial = TrialRecord {
            position: position as u32,
            block: job.block,
            kind: job.kind,
            cell_number: job.cell.map(|cell| cell as u32),
            took_us: 1_000_000,
            usage: Some(Usage::default()),
            ..TrialRecord::default()
        };
        trial.cell.clients = job.clients;
        match job.change {
            Change::None => {
                let own = job
                    .cell
                    .and_then(|cell| self.cells[cell].limits.memory_bytes);
                trial.cell.limits.memory_bytes = own;
            }
            Change::Memory(bytes) => trial.cell.limits.memory_bytes = Some(bytes),
            Change::Rate(rate) => trial.cell.rate_rps = Some(rate.0),
        }
        match rps {
            Some(rps) => {
                let mut load = LoadReport::default();
                load.throughput.goodput_rps = rps;
                load.counts.succeeded = 1000;
                trial.load = Some(load);
            }
            None => trial.outcome = TrialOutcome::Failed("planted".to_owned()),
        }
        trial
    }

    /// Carries everything out; gives the jobs and their records.
    fn carry_out(
        &self,
        mut figure: impl FnMut(&Job, usize) -> Option<f64>,
    ) -> (Vec<Job>, Vec<TrialRecord>) {
        let (mut jobs, mut trials) = (Vec::new(), Vec::new());
        let schedule = self.schedule();
        while let Some(job) = schedule.next(&trials) {
            assert!(jobs.len() < 2000, "it never ends");
            let rps = figure(&job, jobs.len());
            trials.push(self.made(&job, trials.len(), rps));
            jobs.push(job);
        }
        (jobs, trials)
    }
}

fn count(jobs: &[Job], kind: TrialKind) -> usize {
    jobs.iter().filter(|job| job.kind == kind).count()
}

#[test]
fn every_block_has_every_point_once_between_references() {
    let paper = Paper::new(STUDY);
    let (jobs, _) = paper.carry_out(|_, _| Some(100.0));
    assert_eq!(count(&jobs, TrialKind::Measure), 2 * 4);
    assert_eq!(count(&jobs, TrialKind::Duplicate), 2);
    assert_eq!(count(&jobs, TrialKind::Reference), 2 * 2);
    for block in 0..2 {
        let of_block: Vec<&Job> = jobs.iter().filter(|job| job.block == block).collect();
        assert_eq!(of_block.first().unwrap().kind, TrialKind::Reference);
        assert_eq!(of_block.last().unwrap().kind, TrialKind::Reference);
        let duplicate = of_block
            .iter()
            .find(|job| job.kind == TrialKind::Duplicate)
            .unwrap();
        assert_eq!((duplicate.cell, duplicate.clients), (Some(1), 8));
        let place = |kind: TrialKind| {
            of_block
                .iter()
                .position(|job| job.kind == kind && job.cell == Some(1) && job.clients == 8)
        };
        assert!(place(TrialKind::Measure) < place(TrialKind::Duplicate));
    }
}

#[test]
fn the_seed_decides_the_order_and_nothing_else() {
    let mut paper = Paper::new(STUDY);
    let (jobs, _) = paper.carry_out(|_, _| Some(100.0));
    assert_eq!(paper.carry_out(|_, _| Some(100.0)).0, jobs);
    let orders: std::collections::HashSet<String> = (0..20)
        .map(|seed| {
            paper.seed = seed;
            format!("{:?}", paper.carry_out(|_, _| Some(100.0)).0)
        })
        .collect();
    assert!(orders.len() > 5);
}

#[test]
fn a_run_that_is_cut_off_anywhere_ends_with_the_same_trials() {
    for text in [STUDY, LADDER] {
        let paper = Paper::new(text);
        let curve = |job: &Job, _: usize| Some(f64::from(job.clients.min(8)) * 10.0);
        let (jobs, trials) = paper.carry_out(curve);
        for cut in 0..trials.len() {
            // The trial at hand was cut off, and its record says so.
            let mut resumed: Vec<TrialRecord> = trials[..cut].to_vec();
            let mut torn = paper.made(&jobs[cut], cut, Some(1.0));
            torn.outcome = TrialOutcome::Interrupted;
            resumed.push(torn);
            while let Some(job) = paper.schedule().next(&resumed) {
                let rps = curve(&job, 0);
                resumed.push(paper.made(&job, resumed.len(), rps));
            }
            assert_eq!(resumed.len(), trials.len() + 1, "cut at {cut}");
            let whole = |trial: &&TrialRecord| trial.outcome != TrialOutcome::Interrupted;
            let key = |trial: &TrialRecord| {
                (
                    trial.block,
                    trial.kind,
                    trial.cell_number,
                    trial.cell.clients,
                )
            };
            let kept: Vec<_> = resumed.iter().filter(whole).map(key).collect();
            assert_eq!(
                kept,
                trials.iter().map(key).collect::<Vec<_>>(),
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn a_ladder_is_climbed_once_and_then_repeated() {
    let paper = Paper::new(LADDER);
    // Gains up to 8 users.
    let (jobs, _) = paper.carry_out(|job, _| Some(f64::from(job.clients.min(8)) * 10.0));
    let steps = |block: u32| -> Vec<u32> {
        let measured = |job: &&Job| job.kind == TrialKind::Measure && job.block == block;
        jobs.iter()
            .filter(measured)
            .map(|job| job.clients)
            .collect()
    };
    assert_eq!(steps(0), [1, 2, 4, 8, 16]);
    let mut second = steps(1);
    second.sort_unstable();
    assert_eq!(second, [1, 2, 4, 8, 16]);
    let duplicates: Vec<u32> = jobs
        .iter()
        .filter(|job| job.kind == TrialKind::Duplicate)
        .map(|job| job.clients)
        .collect();
    assert_eq!(duplicates, [16, 16]);
}

#[test]
fn what_fails_is_not_tried_again_and_the_rest_goes_on() {
    let paper = Paper::new(STUDY);
    // The stack `b` answers wrongly: no load is sent to it.
    let (jobs, _) = paper.carry_out(|job, _| (job.cell != Some(1)).then_some(100.0));
    let of_b = jobs.iter().filter(|job| job.cell == Some(1)).count();
    assert_eq!(of_b, 1, "one try tells");
    let of_a = jobs
        .iter()
        .filter(|job| job.cell == Some(0) && job.kind == TrialKind::Measure);
    assert_eq!(of_a.count(), 4);
}

#[test]
fn what_drops_out_does_not_move_the_others() {
    let paper = Paper::new(&STUDY.replace("[\"a\", \"b\"]", "[\"a\", \"b\", \"c\", \"d\"]"));
    let measured = |jobs: &[Job]| -> Vec<(Option<usize>, u32)> {
        let of_first = |job: &&Job| job.block == 0 && job.kind == TrialKind::Measure;
        let jobs = jobs.iter().filter(of_first);
        jobs.map(|job| (job.cell, job.clients)).collect()
    };
    let all = measured(&paper.carry_out(|_, _| Some(100.0)).0);
    for unfit in 0..4 {
        let (jobs, _) = paper.carry_out(|job, _| (job.cell != Some(unfit)).then_some(100.0));
        let others = |(cell, _): &&(Option<usize>, u32)| *cell != Some(unfit);
        let kept: Vec<_> = all.iter().filter(others).collect();
        let made = measured(&jobs);
        assert_eq!(
            made.iter().filter(others).collect::<Vec<_>>(),
            kept,
            "without {unfit}"
        );
        assert_eq!(made.len(), kept.len() + 1, "one try tells");
    }
}

#[test]
fn where_nothing_can_be_measured_nothing_is_repeated() {
    let paper = Paper::new(STUDY);
    let (jobs, _) = paper.carry_out(|job, _| job.cell.is_none().then_some(100.0));
    assert_eq!(count(&jobs, TrialKind::Measure), 2);
    assert_eq!(count(&jobs, TrialKind::Reference), 1);
}

#[test]
fn a_block_that_the_machine_spoiled_is_made_anew() {
    let paper = Paper::new(&STUDY.replace("blocks = 2", "blocks = 3"));
    let mut references = 0;
    // The machine becomes slower between the two references of the first block.
    let (jobs, _) = paper.carry_out(|job, _| {
        if job.kind == TrialKind::Reference {
            references += 1;
        }
        Some(if references <= 1 { 100.0 } else { 70.0 })
    });
    let blocks: std::collections::BTreeSet<u32> = jobs.iter().map(|job| job.block).collect();
    assert_eq!(blocks.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn a_race_drops_what_is_clearly_worse_and_ends_in_time() {
    let mut paper = Paper::new(STUDY);
    paper.budget = Some(std::time::Duration::from_mins(1));
    let (jobs, trials) = paper.carry_out(|job, at| {
        let noise = if at.is_multiple_of(2) { 1.05 } else { 0.95 };
        Some(if job.cell == Some(1) { 50.0 } else { 100.0 } * noise)
    });
    assert!(trials.len() <= 60);
    let blocks_of = |cell: usize| -> std::collections::BTreeSet<u32> {
        let of_cell = jobs.iter().filter(|job| job.cell == Some(cell));
        of_cell.map(|job| job.block).collect()
    };
    assert_eq!(blocks_of(1).len(), 3, "dropped after the screening");
    assert!(blocks_of(0).len() >= 3);
}

#[test]
fn memory_is_searched_by_kills_and_not_by_exit_codes() {
    let text =
        format!("{STUDY}\n[search.memory]\nfrom = \"20MB\"\nto = \"500MB\"\nwithin = 0.05\n")
            .replace("clients = [1, 8]", "clients = 8");
    let paper = Paper::new(&text);
    let schedule = paper.schedule();
    let mut trials = Vec::new();
    while let Some(job) = schedule.next(&trials) {
        assert!(trials.len() < 200);
        let mut trial = paper.made(&job, trials.len(), Some(100.0));
        if let Change::Memory(bytes) = job.change
            && let Some(usage) = &mut trial.usage
        {
            // A worker was killed and replaced; the load went on.
            usage.oom_kills = Some(u64::from(bytes < 61_000_000));
        }
        trials.push(trial);
    }
    for cell in 0..2 {
        let tried: Vec<u64> = trials
            .iter()
            .filter(|trial| trial.kind == TrialKind::Search && trial.cell_number == Some(cell))
            .filter_map(|trial| trial.cell.limits.memory_bytes)
            .collect();
        let holds = tried
            .iter()
            .filter(|bytes| **bytes >= 61_000_000)
            .min()
            .unwrap();
        let fails = tried
            .iter()
            .filter(|bytes| **bytes < 61_000_000)
            .max()
            .unwrap();
        assert!(*holds as f64 / (*fails as f64) <= 1.05, "{fails} {holds}");
        assert!(tried.len() <= 16, "{tried:?}");
    }
}

#[test]
fn the_remaining_trials_are_known() {
    let paper = Paper::new(STUDY);
    assert_eq!(paper.schedule().remaining(&[]).len(), 2 * (4 + 1 + 2));
    let (_, trials) = paper.carry_out(|_, _| Some(100.0));
    assert!(paper.schedule().remaining(&trials).is_empty());
}
