//! What a study file may say, and how its mistakes are shown.

use super::*;

const SAMPLE: &str = r#"
title = "Sample"
question = "How many?"

[factors]
stack = "gunicorn-sync"
workload = "loop"
workers = ["2n+1", 3]
keepalive = true
duration = "30s"
warmup = "2s"

[parameters]
iterations = 60000

[ladder]
start = 1
multiply_by = 2
max = 1024
stop_when_gain_below = 0.05

[request]
path = "/?it1={iterations}&it2=1"

[quick]
duration = "5s"

[console]
step = "Injecting with {clients} vus. rps={rps}"
csv = [{ name = "vus", figure = "clients" }]

[published]
seed = "004"
row = "vus={clients}"
metrics = { rps = "rps", p95_ms = "p95" }
"#;

fn study() -> Study {
    Study::parse("sample.toml", SAMPLE).unwrap()
}

/// The error of the sample with `from` replaced by `to`.
#[track_caller]
fn error_with(from: &str, to: &str) -> String {
    assert!(SAMPLE.contains(from), "the sample has no {from}");
    Study::parse("sample.toml", &SAMPLE.replacen(from, to, 1))
        .expect_err("the change should be refused")
        .to_string()
}

#[test]
fn a_study_unfolds_into_every_combination() {
    let mut study = study();
    study.set("iterations=1000,2000").unwrap();
    let cells = study.cells();
    let summary: Vec<_> = cells
        .iter()
        .map(|cell| {
            format!(
                "{} {}",
                cell.workers.unwrap(),
                cell.parameters["iterations"]
            )
        })
        .collect();
    assert_eq!(summary, ["2n+1 1000", "2n+1 2000", "3 1000", "3 2000"]);
}

#[test]
fn mistakes_are_shown_with_place_and_expectation() {
    insta::assert_snapshot!(error_with("workers =", "worker ="), @"sample.toml:8:1: unknown field `worker`, expected one of `stack`, `workload`, `workers`, `threads`, `keepalive`, `duration`, `warmup`");
    insta::assert_snapshot!(error_with("\"30s\"", "30"), @"sample.toml:10:12: `30` is no duration (expected a number and a unit, like 30s, 500ms or 1m30s)");
    insta::assert_snapshot!(error_with("warmup = \"2s\"", "warmup = 2"), @r#"sample.toml:11:10: invalid type: integer `2`, expected a duration like "30s""#);
    insta::assert_snapshot!(error_with("\"2n+1\"", "\"2x\""), @"sample.toml:8:11: `2x` is no number of workers (expected a number from 1 to 10000, or a rule like n, 2n or 2n+1)");
    insta::assert_snapshot!(error_with("{iterations}", "{iteration}"), @"sample.toml:23:8: nothing is known by the name of `{iteration}`: did you mean `iterations`? (known: iterations)");
    insta::assert_snapshot!(error_with("figure = \"clients\"", "figure = \"client\""), @"sample.toml:30:33: there is no figure `client`: did you mean `clients`? (known: clients, rps, p50_ms, p95_ms, p99_ms, mean_ms, max_ms, failed, generator_cpu)");
    insta::assert_snapshot!(error_with("start = 1", "start = 0"), @"sample.toml:16:1: a ladder starts at 1 or above, multiplies by 2 or more, and ends between its start and 100000");
    insta::assert_snapshot!(error_with("start = 1", "start = \"one\""), @r#"sample.toml:17:9: invalid type: string "one", expected u32"#);
    insta::assert_snapshot!(error_with("\"/?it1", "\"?it1"), @"sample.toml:23:8: a request path begins with /");
    insta::assert_snapshot!(error_with("question = \"How many?\"\n", ""), @"sample.toml:1:1: missing field `question`");
}

#[test]
fn workers_and_threads_may_be_left_to_the_stacks() {
    let text = SAMPLE.replace("workers = [\"2n+1\", 3]\n", "");
    let mut study = Study::parse("sample.toml", &text).unwrap();
    let own = (None, None);
    let chosen = |study: &Study| -> Vec<_> {
        let cells = study.cells().into_iter();
        cells.map(|cell| (cell.workers, cell.threads)).collect()
    };
    assert_eq!(chosen(&study), [own]);
    study.set("threads=1,8").unwrap();
    assert_eq!(chosen(&study), [(None, Some(1)), (None, Some(8))]);
}

#[test]
fn quick_changes_what_it_names_and_nothing_else() {
    let mut study = study();
    study.make_quick();
    assert_eq!(study.factors.duration.0, ["5s".parse().unwrap()]);
    assert_eq!(study.factors.warmup, "2s".parse().unwrap());
    study.set("duration=1s").unwrap();
    assert_eq!(study.factors.duration.0, ["1s".parse().unwrap()]);
}

#[test]
fn clients_replace_the_ladder() {
    let mut study = study();
    study.set("clients=1,4,16").unwrap();
    assert_eq!(study.ladder.fixed, Some(vec![1, 4, 16]));
}

#[test]
fn a_wrong_set_says_what_would_be_right() {
    let mut study = study();
    let mut error = |assignment: &str| study.set(assignment).unwrap_err().to_string();
    insta::assert_snapshot!(error("iteration=5"), @"there is no factor `iteration` in this study: did you mean `iterations`? (known: stack, workload, workers, threads, keepalive, duration, warmup, clients, iterations)");
    insta::assert_snapshot!(error("clients=0"), @"`--set clients`: `0` is no number of clients (expected 1 to 100000)");
    insta::assert_snapshot!(error("threads=0"), @"`--set threads`: `0` is no number of threads (expected 1 to 100000)");
    insta::assert_snapshot!(error("duration=0s"), @"`--set duration`: a window must be longer than 0s");
    insta::assert_snapshot!(error("iterations=1 2"), @"`--set iterations`: `1 2` is empty or has blanks, which a request line cannot carry");
    insta::assert_snapshot!(error("clients"), @"`--set clients` is not of the form factor=value or factor=value,value,…");
    insta::assert_snapshot!(error("clients=1,2,1"), @"`--set clients`: `1` is there twice");
    insta::assert_snapshot!(error("warmup=1s,2s"), @"`--set warmup`: takes one value");
}
