//! What a study can be asked beside how fast: in so much time, at which rate, at
//! equal capacity; and one run beside another.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{Home, text};

/// Native services under some factors. They do not wait for the sockets that the
/// suite's other tests leave in TIME_WAIT, which can be more than there are ports.
fn study(home: &Home, name: &str, factors: &str, rest: &str) -> String {
    let file = home.path().join(format!("{name}.toml"));
    let study = format!(
        "title = \"Answers\"\nquestion = \"Which?\"\n[factors]\nworkload = \"hello\"\nkeepalive = true\n\
         duration = \"300ms\"\nwarmup = \"0s\"\n{factors}\n[request]\npath = \"/\"\n\
         [pause]\nmax_wait = \"0s\"\n{rest}"
    );
    std::fs::write(&file, study).unwrap();
    file.to_string_lossy().into_owned()
}

#[track_caller]
fn results(home: &Home, options: &[&str]) -> serde_json::Value {
    let mut command = vec!["study", "run", "--force", "--seed=5"];
    command.extend(options);
    let output = home.tonnage(&command);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let folder = Path::new(printed.lines().last().unwrap());
    serde_json::from_slice(&std::fs::read(folder.join("results.json")).unwrap()).unwrap()
}

#[test]
fn a_budget_ends_a_run_in_time_with_more_blocks_than_asked_for() {
    let home = Home::new();
    let file = study(
        &home,
        "budget",
        "stack = \"native\"\nthreads = [1, 2]\nclients = 4",
        "",
    );
    let began = Instant::now();
    let results = results(&home, &[&file, "--budget", "60s"]);
    // The look at the machine and the report are not part of it.
    assert!(began.elapsed() < Duration::from_mins(2));
    let trials = results["trials"].as_array().unwrap();
    let took: f64 = trials
        .iter()
        .filter_map(|trial| trial["took_us"].as_f64())
        .sum();
    assert!(took < 60e6, "{took} µs");
    assert!(trials.len() >= 5, "{trials:#?}");
}

#[test]
fn a_budget_that_does_not_hold_the_screening_is_refused_before_anything_runs() {
    let home = Home::new();
    let file = study(
        &home,
        "small",
        "stack = \"native\"\nthreads = [1, 2]\nclients = 4",
        "",
    );
    let run = home.tonnage(&["study", "run", &file, "--force", "--budget", "5s"]);
    let error = text(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{error}");
    assert!(error.contains("does not hold the three blocks"), "{error}");
    let left = std::fs::read_dir(home.path().join("runs")).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn the_largest_rate_under_an_objective_is_searched_in_open_loop() {
    let home = Home::new();
    let search = "[experiment]\nblocks = 1\nreference = false\nduplicate = false\n\
                  [search.rate]\nobjective = \"p90<2s\"\nfrom = 140\nto = 400\nwithin = 0.5\n";
    let file =
        study(&home, "rate", "stack = \"native\"\nclients = 4", search).replace("300ms", "1500ms");
    let results = results(&home, &[&file, "--set=duration=1500ms"]);
    let rates = results["rates"].as_array().unwrap();
    assert_eq!(rates.len(), 1, "{rates:?}");
    // A native service answers 400 requests a second within two seconds anywhere.
    assert_eq!(rates[0]["largest_rps"].as_f64(), Some(400.0), "{rates:?}");
}

#[test]
fn stacks_are_compared_at_equal_capacity() {
    let home = Home::new();
    let file = study(
        &home,
        "fair",
        "stack = [\"gunicorn-sync\", \"gunicorn-gthread\"]\nin_flight = 4\nclients = 4",
        "[experiment]\nblocks = 1\nreference = false\nduplicate = false\n",
    );
    let results = results(&home, &[&file]);
    let sizes: Vec<String> = results["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| {
            let factor = |name: &str| cell["factors"][name].as_str().unwrap_or("1").to_owned();
            format!(
                "{} {} × {}",
                factor("stack"),
                factor("workers"),
                factor("threads")
            )
        })
        .collect();
    for size in &sizes {
        let numbers = size.rsplit_once(' ').unwrap();
        let threads: u32 = numbers.1.parse().unwrap();
        let workers: u32 = numbers
            .0
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(workers * threads, 4, "{sizes:?}");
    }
    let dev = study(
        &home,
        "dev",
        "stack = \"flask-dev\"\nin_flight = 4\nclients = 4",
        "",
    );
    let output = home.tonnage(&["study", "run", &dev]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(
        error.contains("cannot be made to work on just 4 requests"),
        "{error}"
    );
}

#[test]
fn two_runs_are_compared_cell_by_cell() {
    let home = Home::new();
    let file = study(
        &home,
        "twice",
        "stack = \"native\"\nthreads = [1, 2]\nclients = 4",
        "[experiment]\nblocks = 3\n",
    );
    let runs: Vec<String> = (0..2)
        .map(|_| {
            let results = results(&home, &[&file]);
            results["run"]["run_id"].as_str().unwrap().to_owned()
        })
        .collect();
    let compared = home.tonnage(&["study", "compare", &runs[0], &runs[1]]);
    let table = text(&compared.stdout);
    assert_eq!(
        compared.status.code(),
        Some(0),
        "{}",
        text(&compared.stderr)
    );
    assert!(
        table.contains("threads=1") && table.contains("threads=2"),
        "{table}"
    );
    let markdown = home.tonnage(&["study", "compare", &runs[0], &runs[1], "--markdown"]);
    assert!(
        text(&markdown.stdout).contains("| "),
        "{}",
        text(&markdown.stdout)
    );
    let unknown = home.tonnage(&["study", "compare", &runs[0], "no-such-run"]);
    assert_eq!(unknown.status.code(), Some(2));
}
