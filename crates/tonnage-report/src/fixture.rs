//! Documents for tests: the real study file, the published figures of its seed,
//! and trials with invented histograms.

mod load;
mod planted;
mod sketch;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tonnage_model::{
    Cell, Conditions, Host, PublishedFigure, RunRecord, RunStatus, Study, TimeWait, TrialKind,
    TrialOutcome, TrialRecord, Usage, UsagePoint, parse_published,
};

pub(crate) use load::{all_loads, open_loop, secured, steady};
pub(crate) use planted::{grid, zoo, zoo_again};
pub(crate) use sketch::LoadSketch;

use crate::Document;

const STUDY_TOML: &str = include_str!("../../../studies/flask-bench.toml");

/// The ladder published with the study (seed 004).
const PUBLISHED_CSV: &str = "\
seed,row,metric,value,unit,note
003,vus=1,rps,1.5,req/s,another study
004,vus=1,rps,69.58683773778582,req/s,
004,vus=1,p95,14.25021685,ms,
004,vus=1,failed,0,count,
004,vus=2,rps,133.7129194175826,req/s,
004,vus=2,p95,14.735899649999999,ms,
004,vus=2,failed,0,count,
004,vus=4,rps,207.36593739764353,req/s,
004,vus=4,p95,28.290248599999998,ms,
004,vus=4,failed,0,count,
004,vus=8,rps,279.57333903745644,req/s,
004,vus=8,p95,31.8923282,ms,
004,vus=8,failed,0,count,
004,vus=16,rps,280.4042039326264,req/s,
004,vus=16,p95,82.846737,ms,
004,vus=16,failed,0,count,
";

fn cell(clients: u32, workers: u32, rule: &str) -> Cell {
    Cell {
        stack: "gunicorn-sync".to_owned(),
        workload: "loop".to_owned(),
        workers: Some(workers),
        worker_rule: rule.to_owned(),
        clients,
        keepalive: true,
        duration_us: 30_000_000,
        warmup_us: 2_000_000,
        parameters: BTreeMap::from([("iterations".to_owned(), "60000".to_owned())]),
        lock: "5f2c".to_owned(),
        ..Cell::default()
    }
}

fn trial(position: u32, cell: Cell, rps: f64) -> TrialRecord {
    let load = LoadSketch {
        clients: cell.clients,
        rps,
        failed: 0,
        window_s: 30,
    };
    TrialRecord {
        run_id: "20261121-020000-flask-bench".to_owned(),
        position,
        block: 0,
        kind: TrialKind::Measure,
        cell_number: Some(0),
        took_us: 36_000_000,
        generator_cpus: None,
        memory_clamped_bytes: None,
        warm_up: None,
        usage: Some(usage()),
        upstream_calls: None,
        started_unix_us: 1_795_226_400_000_000 + u64::from(position) * 40_000_000,
        boot_ms: Some(412),
        processes: Some(6),
        time_wait: TimeWait {
            sockets: 120,
            waited_ms: 0,
        },
        outcome: TrialOutcome::Measured,
        log: Some(PathBuf::from("logs/0.log")),
        load: Some(load.report()),
        cell,
    }
}

/// Ten seconds of a server that warms up.
fn usage() -> Usage {
    let points = (0..100u64).map(|tenth| UsagePoint {
        at_us: tenth * 100_000,
        memory_bytes: Some((40 << 20) + (tenth.min(40) << 19)),
        pss_bytes: Some((30 << 20) + (tenth.min(40) << 18)),
        cpu_us: tenth * 95_000,
        throttled_us: None,
        processes: 6,
    });
    Usage {
        window_us: 30_000_000,
        cpu_us: 28_000_000,
        pss_peak_bytes: Some(40 << 20),
        memory_peak_bytes: Some(62 << 20),
        series: points.collect(),
        ..Usage::default()
    }
}

fn document(trials: Vec<TrialRecord>) -> Document {
    let invented = tonnage_analysis::fixture::run();
    Document {
        run: RunRecord {
            run_id: "20261121-020000-flask-bench".to_owned(),
            study: "flask-bench".to_owned(),
            study_toml: STUDY_TOML.to_owned(),
            argv: ["tonnage", "study", "run", "flask-bench"]
                .map(str::to_owned)
                .to_vec(),
            host: Host {
                online_cpus: 4,
                ..invented.host
            },
            folder: PathBuf::from("/tmp/runs/20261121-020000-flask-bench"),
            started_unix_us: 1_795_226_400_000_000,
            ended_unix_us: Some(1_795_226_600_500_000),
            conditions: Conditions::default(),
            ..invented
        },
        study: Study::parse("flask-bench.toml", STUDY_TOML).unwrap(),
        trials,
        published: published_figures(),
        facts: tonnage_analysis::Facts::default(),
    }
}

fn published_figures() -> Vec<PublishedFigure> {
    parse_published(PUBLISHED_CSV).unwrap()
}

/// A whole ladder of ours beside the published one.
pub(crate) fn published() -> Document {
    let rates = [(1, 192.5), (2, 371.237_5), (4, 398.9), (8, 402.25)];
    let trials = (0..).zip(rates);
    document(
        trials
            .map(|(i, (n, rps))| trial(i, cell(n, 5, "2n+1"), rps))
            .collect(),
    )
}

/// The same without anything published.
pub(crate) fn unpublished() -> Document {
    let mut document = published();
    document.study.published.clear();
    document
}

/// Two steps, and a third whose server died.
pub(crate) fn failed() -> Document {
    let mut document = published();
    document.trials.truncate(3);
    let last = document.trials.last_mut().unwrap();
    last.outcome =
        TrialOutcome::Failed("the server exited with status 3 before it answered".into());
    last.load = None;
    last.boot_ms = None;
    last.processes = None;
    document.run.status = RunStatus::Failed;
    document.run.reason = "1 of 3 trials failed".to_owned();
    document
}

/// One step.
pub(crate) fn single() -> Document {
    let mut document = published();
    document.trials.truncate(1);
    document
}

/// No trial at all.
pub(crate) fn empty() -> Document {
    document(vec![])
}

/// Two ladders, of three and of five workers.
pub(crate) fn several() -> Document {
    let rates = [
        (3, [(1, 190.0), (2, 340.5), (4, 351.0)]),
        (5, [(1, 192.5), (2, 371.25), (4, 380.0)]),
    ];
    let cells = rates
        .into_iter()
        .flat_map(|(workers, steps)| steps.map(|(n, rps)| (workers, n, rps)));
    let trials = (0..)
        .zip(cells)
        .map(|(i, (workers, n, rps))| trial(i, cell(n, workers, &workers.to_string()), rps));
    document(trials.collect())
}

/// Many ladders with long names, and steps that are no powers of two.
pub(crate) fn crowded() -> Document {
    let mut trials = Vec::new();
    for workers in [1u32, 2, 3, 5, 9, 17] {
        for clients in [1u32, 2, 3, 5, 6, 7, 10, 20, 40, 50, 60, 100, 1000] {
            let rps = 190.0 * f64::from(clients.min(workers)) * f64::from(clients).powf(0.05);
            let position = trials.len() as u32;
            let mut cell = cell(clients, workers, &workers.to_string());
            cell.stack = format!("gunicorn-gthread-with-{workers}");
            let mut trial = trial(position, cell, 1.0);
            // A short window: there are many of them, and tests should be quick.
            let sketch = LoadSketch {
                clients,
                rps,
                failed: 0,
                window_s: 1,
            };
            trial.load = Some(sketch.report());
            trials.push(trial);
        }
    }
    document(trials)
}

/// A short window: no percentile beyond the median, and failures.
pub(crate) fn meagre() -> Document {
    let mut document = single();
    let sketch = LoadSketch {
        clients: 1,
        rps: 5.0,
        failed: 2,
        window_s: 5,
    };
    document.trials[0].load = Some(sketch.report());
    document
}

/// All of them, by name.
pub(crate) fn all() -> Vec<(&'static str, Document)> {
    vec![
        ("published", published()),
        ("unpublished", unpublished()),
        ("failed", failed()),
        ("single", single()),
        ("empty", empty()),
        ("several", several()),
        ("crowded", crowded()),
        ("meagre", meagre()),
        ("zoo", zoo()),
        ("grid", grid()),
    ]
}
