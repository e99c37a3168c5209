//! The studies that ship: what they unfold into, and that what was published before
//! stands beside what they measure. Whether stacks and workloads exist is tested where
//! these are known, in the laboratory.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tonnage_model::{Cell, CellPlan, PublishedFigure, Study, parse_published};

/// The machine that the rules for workers are worked out for.
const CPUS: usize = 2;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn study(name: &str, quick: bool, sets: &[&str]) -> Study {
    let file = format!("studies/{name}.toml");
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Study::prepare(&file, &text(&file), quick, &sets).unwrap_or_else(|error| panic!("{error}"))
}

fn names() -> Vec<String> {
    let files = fs::read_dir(root().join("studies")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let is_study = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    };
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = paths.filter(is_study).map(stem).collect();
    names.sort();
    names
}

/// What a trial's record would say of a plan.
fn cell(plan: CellPlan, clients: u32) -> Cell {
    Cell {
        configuration: plan.configuration,
        stack: plan.stack,
        workload: plan.workload,
        workers: plan.workers.map(|rule| rule.workers(CPUS)),
        threads: plan.threads,
        clients,
        think: plan.think.to_string(),
        limits: plan.limits,
        keepalive: plan.keepalive,
        requests: plan.requests,
        parameters: plan.parameters,
        environment: plan.environment,
        ..Cell::default()
    }
}

/// Every cell with every number of clients, the first five steps of a ladder included.
fn points(study: &Study) -> Vec<Cell> {
    let ladder: Vec<u32> = study
        .ladder
        .iter()
        .flat_map(|ladder| (0..5).map(|step| ladder.start * ladder.multiply_by.pow(step)))
        .collect();
    let plans = study.cells().into_iter();
    plans
        .flat_map(|plan| {
            let clients = plan.clients.clone().unwrap_or_else(|| ladder.clone());
            clients
                .into_iter()
                .map(move |clients| cell(plan.clone(), clients))
        })
        .collect()
}

/// The published rows that a study's trials are set beside: (seed, row).
fn rows_beside(study: &Study, published: &[PublishedFigure]) -> BTreeSet<(String, String)> {
    let mut beside = BTreeSet::new();
    for rows in &study.published {
        for cell in points(study).iter().filter(|cell| cell.matches(&rows.only)) {
            let row = rows.row.get_ref().fill(|name| cell.factor(name)).unwrap();
            for metric in rows.metrics.values() {
                let is_it = |figure: &PublishedFigure| {
                    (&figure.seed, &figure.row, &figure.metric) == (&rows.seed, &row, metric)
                };
                let is_missing = !published.iter().any(is_it);
                let is_known_row = published
                    .iter()
                    .any(|f| f.seed == rows.seed && f.row == row);
                assert!(!(is_known_row && is_missing), "{row} has no {metric}");
            }
            beside.insert((rows.seed.clone(), row));
        }
    }
    beside
}

#[test]
fn the_five_studies_ship_and_have_cells() {
    let sizes = |quick: bool| -> Vec<String> {
        let size = |name: String| {
            let study = study(&name, quick, &[]);
            let (cells, points) = (study.cells().len(), points(&study).len());
            let blocks = study.experiment.blocks;
            format!("{name}: {cells} cells, {points} points, {blocks} blocks")
        };
        names().into_iter().map(size).collect()
    };
    // A ladder's points are counted up to its fifth step.
    assert_eq!(
        sizes(false),
        [
            "echo-limits: 16 cells, 16 points, 3 blocks",
            "evaluator: 23 cells, 99 points, 3 blocks",
            "flask-bench: 1 cells, 5 points, 3 blocks",
            "relay-cache: 6 cells, 6 points, 3 blocks",
            "server-zoo: 71 cells, 71 points, 3 blocks",
        ]
    );
    assert_eq!(
        sizes(true),
        [
            "echo-limits: 4 cells, 4 points, 1 blocks",
            "evaluator: 14 cells, 28 points, 1 blocks",
            "flask-bench: 1 cells, 5 points, 1 blocks",
            "relay-cache: 4 cells, 4 points, 1 blocks",
            "server-zoo: 43 cells, 43 points, 1 blocks",
        ]
    );
}

#[test]
fn every_published_row_that_can_be_measured_is_set_beside_ours() {
    let published = parse_published(&text("studies/published-figures.csv")).unwrap();
    let studies = names().into_iter().map(|name| study(&name, false, &[]));
    let beside: BTreeSet<_> = studies
        .flat_map(|study| rows_beside(&study, &published))
        .collect();
    // The rest of seed 003 is about PyPy, or quoted from others.
    let wanted = published
        .iter()
        .filter(|figure| figure.seed != "003" || figure.row.starts_with("fastapi "));
    let missing: BTreeSet<_> = wanted
        .map(|figure| (figure.seed.clone(), figure.row.clone()))
        .filter(|row| !beside.contains(row))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
    // All 8 of 000, 18 and 18 of 001, 3 tools of 002, 7 × 5 of 003, 5 steps of 004.
    let known = |row: &&(String, String)| {
        published
            .iter()
            .any(|f| (&f.seed, &f.row) == (&row.0, &row.1))
    };
    assert_eq!(
        beside.iter().filter(known).count(),
        8 + 18 + 18 + 3 + 35 + 5
    );
}

#[test]
fn a_published_number_of_workers_is_one_less_than_the_real_one() {
    let study = study("evaluator", false, &[]);
    let with = |workers: &str| {
        let only = |rows: &&tonnage_model::PublishedRows| rows.only["workers"] == workers;
        let found = study.published.iter().find(only);
        found.map(|rows| rows.row.get_ref().to_string())
    };
    assert_eq!(with("14"), None);
    assert_eq!(
        with("15").unwrap(),
        "fastapi workers_label=14 clients={clients}"
    );
    assert_eq!(
        with("21").unwrap(),
        "fastapi workers_label=20 clients={clients}"
    );
}

#[test]
fn servers_that_close_connections_are_not_tried_with_open_ones() {
    let study = study("server-zoo", false, &[]);
    let cells = study.cells();
    let kept = |name: &str| -> Vec<bool> {
        let own = cells.iter().filter(|cell| cell.configuration == name);
        let own = own.filter(|cell| cell.workload == "fanout");
        own.map(|cell| cell.keepalive).collect()
    };
    assert_eq!(kept("dev threaded"), [false]);
    assert_eq!(kept("gunicorn 4p×50t"), [false, true]);
    // Every stack says for itself whether it keeps them.
    for cell in &cells {
        let stack = text(&format!("stacks/{}/stack.toml", cell.stack));
        let closes = stack.lines().any(|line| line == "keepalive = false");
        assert!(!(closes && cell.keepalive), "{}", cell.configuration);
    }
}

#[test]
fn the_example_in_the_documentation_is_a_study() {
    let documentation = text("docs/studies.md");
    let (_, rest) = documentation.split_once("```toml\n").unwrap();
    let (example, rest) = rest.split_once("```").unwrap();
    assert!(!rest.contains("```toml"), "one example is tested");
    let study = Study::parse("docs/studies.md", example).unwrap();
    assert_eq!((study.cells().len(), points(&study).len()), (4, 8));
    for factor in Cell::FACTORS.into_iter().chain(Study::SETTINGS) {
        let is_mentioned = documentation.contains(&format!("`{factor}`"));
        assert!(is_mentioned || factor == "configuration", "{factor}");
    }
    for figure in Study::FIGURES
        .iter()
        .filter(|figure| !figure.starts_with('p'))
    {
        assert!(documentation.contains(&format!("`{figure}`")), "{figure}");
    }
}

#[test]
fn files_that_are_sent_are_there_and_as_the_originals() {
    for name in names() {
        let study = study(&name, false, &[]);
        for request in study.request.iter().chain(study.requests.values()) {
            for file in request.body_file.iter().chain(&request.bodies_file) {
                assert!(root().join("apps").join(file).exists(), "{name}: {file}");
            }
        }
    }
    assert_eq!(
        fs::metadata(root().join("apps/data/echo.json"))
            .unwrap()
            .len(),
        1530
    );
    let bodies = text("apps/data/evaluate.jsonl");
    let mut sizes: Vec<usize> = bodies.lines().map(str::len).collect();
    sizes.sort_unstable();
    let median = usize::midpoint(sizes[45], sizes[46]);
    assert_eq!(
        (sizes.len(), sizes[0], median, sizes[91]),
        (92, 758, 774, 1526)
    );
    for body in bodies.lines() {
        assert_eq!(body.matches("\"type\":\"Timed\"").count(), 1, "{body}");
        assert_eq!(body.matches("\"numeration\"").count(), 1, "{body}");
    }
}
