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

[[published]]
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
    insta::assert_snapshot!(error_with("workers =", "worker ="), @"sample.toml:8:1: unknown field `worker`, expected one of `stack`, `workload`, `workers`, `threads`, `in_flight`, `clients`, `think`, `rate`, `cpus`, `cpu_period`, `cpuset`, `memory`, `keepalive`, `requests`, `duration`, `warmup`");
    insta::assert_snapshot!(error_with("\"30s\"", "30"), @"sample.toml:10:12: `30` is no duration (expected a number and a unit, like 30s, 500ms or 1m30s)");
    insta::assert_snapshot!(error_with("warmup = \"2s\"", "warmup = 2"), @r#"sample.toml:11:10: invalid type: integer `2`, expected a duration like "30s""#);
    insta::assert_snapshot!(error_with("\"2n+1\"", "\"2x\""), @"sample.toml:8:11: `2x` is no number of workers (expected a number from 1 to 10000, or a rule like n, 2n or 2n+1)");
    insta::assert_snapshot!(error_with("{iterations}", "{iteration}"), @"sample.toml:23:8: nothing is known by the name of `{iteration}`: did you mean `iterations`? (known: iterations)");
    insta::assert_snapshot!(error_with("figure = \"clients\"", "figure = \"client\""), @"sample.toml:30:33: there is no figure `client`: did you mean `clients`? (known: clients, rps, wall_ms, min_ms, mean_ms, stdev_ms, p10_ms, p25_ms, p50_ms, p60_ms, p70_ms, p75_ms, p80_ms, p90_ms, p95_ms, p99_ms, p99_9_ms, p99_99_ms, max_ms, count, failed, error_percent, upstream_calls, cpu_share, cpu_us_per_request, throttled_percent, memory_peak_mib, pss_peak_mib, oom_kills, boot_ms, generator_cpu)");
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
    study.make_quick().unwrap();
    assert_eq!(study.factors.duration.0, ["5s".parse().unwrap()]);
    assert_eq!(study.factors.warmup, "2s".parse().unwrap());
    study.set("duration=1s").unwrap();
    assert_eq!(study.factors.duration.0, ["1s".parse().unwrap()]);
}

#[test]
fn clients_replace_the_ladder() {
    let mut study = study();
    study.set("clients=1,4,16").unwrap();
    assert_eq!(study.cells()[0].clients, Some(vec![1, 4, 16]));
    assert!(study.ladder.is_none());
}

#[test]
fn a_wrong_set_says_what_would_be_right() {
    let mut study = study();
    let mut error = |assignment: &str| study.set(assignment).unwrap_err().to_string();
    insta::assert_snapshot!(error("iteration=5"), @"there is no factor `iteration` in this study: did you mean `iterations`? (known: configuration, stack, workload, workers, threads, in_flight, clients, think, rate, cpus, cpu_period, cpuset, memory, keepalive, requests, duration, warmup, blocks, reference, duplicate, iterations)");
    insta::assert_snapshot!(error("clients=0"), @"`--set clients`: `0` is no number of clients (expected 1 to 100000)");
    insta::assert_snapshot!(error("threads=0"), @"`--set threads`: `0` is no number of threads (expected 1 to 100000)");
    insta::assert_snapshot!(error("duration=0s"), @"`--set duration`: a window must be longer than 0s");
    insta::assert_snapshot!(error("iterations=1 2"), @"`--set iterations`: `1 2` is empty or has blanks, which a request line cannot carry");
    insta::assert_snapshot!(error("clients"), @"`--set clients` is not of the form factor=value or factor=value,value,…");
    insta::assert_snapshot!(error("clients=1,2,1"), @"`--set clients`: `1` is there twice");
    insta::assert_snapshot!(error("warmup=1s,2s"), @"`--set warmup`: takes one value");
}

/// Two configurations, one for one workload only, under limits.
const LIMITED: &str = r#"
title = "Limits"
question = "How little?"

[factors]
workload = ["matmul", "fanout"]
clients = [100, 200]
think = "exp:1s"
cpus = [0.2, "none"]
cpu_period = "25ms"
memory = ["75MB", "10GB"]
keepalive = [false, true]
requests = 300
duration = "60s"
warmup = "0s"

[[configuration]]
name = "gunicorn 4p×50t"
stack = "gunicorn-gthread"
workers = 4
threads = 50

[[configuration]]
name = "pool"
stack = "native"
workload = "fanout"
clients = 5
environment = { EVALUATE_MODE = "pool" }

[requests.matmul]
path = "/cpu_bound?num=1000"

[requests.fanout]
path = "/io_bound?delay=1"
grpc = { method = "MyApp/io_bound", send = '{{"num": 1}}' }

[search.memory]
from = "20MB"
to = "500MB"
where = { cpus = "none" }

[quick]
blocks = 1
set = ["cpus=none", "requests=60"]

[[published]]
seed = "001-cpu"
row = "{configuration}"
metrics = { rps = "rps" }
where = { workload = "matmul" }
"#;

#[test]
fn configurations_are_combined_with_the_other_factors() {
    let study = Study::parse("limits.toml", LIMITED).unwrap();
    let cells = study.cells();
    // 3 pairs of configuration and workload, 2 quotas, 2 amounts, kept or not.
    assert_eq!(cells.len(), 3 * 2 * 2 * 2);
    let pool = cells
        .iter()
        .find(|cell| cell.configuration == "pool")
        .unwrap();
    assert_eq!(pool.clients, Some(vec![5]));
    assert_eq!(pool.environment["EVALUATE_MODE"], "pool");
    assert_eq!(pool.workload, "fanout");
    let first = &cells[0];
    assert_eq!(
        (first.clients.as_deref(), first.threads),
        (Some(&[100, 200][..]), Some(50))
    );
    assert_eq!(first.limits.cpus.unwrap().to_string(), "0.2");
    assert_eq!(first.limits.cpu_period().as_millis(), 25);
    assert_eq!(first.limits.memory_bytes, Some(75_000_000));
    assert!(cells.iter().any(|cell| cell.limits.cpus.is_none()));
}

#[test]
fn quick_sets_factors_as_the_command_line_does() {
    let mut study = Study::parse("limits.toml", LIMITED).unwrap();
    study.make_quick().unwrap();
    assert_eq!(study.cells().len(), 3 * 2 * 2);
    assert_eq!(
        (study.experiment.blocks, &study.search),
        (1, &Searches::default())
    );
    study.set("configuration=pool").unwrap();
    study.set("blocks=7").unwrap();
    study.set("memory=none").unwrap();
    let cells = study.cells();
    assert_eq!((cells.len(), study.experiment.blocks), (2, 7));
    assert!(cells[0].limits.is_empty());
}

#[test]
fn a_configuration_may_have_its_own_connections_and_requests() {
    let own = "clients = 5\nkeepalive = false\nrequests = 7\n";
    let text = LIMITED.replacen("clients = 5\n", own, 1);
    let mut study = Study::parse("limits.toml", &text).unwrap();
    let kinds = |study: &Study, name: &str| {
        let cells = study.cells().into_iter();
        let named = cells.filter(|cell| cell.configuration == name);
        let mut kinds: Vec<_> = named
            .map(|cell| (cell.keepalive, cell.requests.unwrap()))
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(&study, "pool"), [(false, 7)]);
    let others = kinds(&study, "gunicorn 4p×50t");
    assert_eq!(others, [(false, 300), (true, 300)]);
    // What is set holds for all.
    study.set("keepalive=true").unwrap();
    study.set("requests=60").unwrap();
    assert_eq!(kinds(&study, "pool"), [(true, 60)]);
    assert_eq!(kinds(&study, "gunicorn 4p×50t"), [(true, 60)]);
}

#[test]
fn sizes_are_set_in_the_configurations_that_sweep_them() {
    let text = LIMITED.replacen("workers = 4\n", "workers = [1, 2, 4]\n", 1);
    let mut study = Study::parse("limits.toml", &text).unwrap();
    study.set("workers=2n+1,8").unwrap();
    let mut workers: Vec<Option<String>> = study
        .cells()
        .iter()
        .map(|cell| cell.workers.map(|rule| rule.to_string()))
        .collect();
    workers.sort();
    workers.dedup();
    let swept = |rule: &str| Some(rule.to_owned());
    assert_eq!(workers, [None, swept("2n+1"), swept("8")]);
    // Nobody sweeps threads here.
    assert!(study.set("threads=1,2").is_err());
}

#[test]
fn what_configurations_rule_out_is_refused() {
    let error = |from: &str, to: &str| {
        assert!(LIMITED.contains(from), "{from}");
        let text = LIMITED.replacen(from, to, 1);
        Study::parse("limits.toml", &text).unwrap_err().to_string()
    };
    insta::assert_snapshot!(error("keepalive", "workers = 2\nkeepalive"), @"limits.toml:5:1: `stack`, `workers` and `threads` are each [[configuration]]'s own, where there are any");
    insta::assert_snapshot!(error("name = \"pool\"", "name = \"gunicorn 4p×50t\""), @"limits.toml:5:1: two configurations have the name `gunicorn 4p×50t`");
    insta::assert_snapshot!(error("[requests.matmul]", "[requests.matmull]"), @"limits.toml:1:1: nothing says what is sent to `matmul`: there is neither [request] nor [requests.matmul]");
    insta::assert_snapshot!(error("clients = [100, 200]\n", ""), @"limits.toml:1:1: nothing says how many clients there are: there is neither `clients` nor a [ladder]");
    insta::assert_snapshot!(error("\"75MB\"", "\"75 parsecs\""), @"limits.toml:11:10: `75 parsecs` is no amount of memory (expected a number and a unit, such as 75MB, 1GB or 512MiB)");
    insta::assert_snapshot!(error("from = \"20MB\"", "from = \"2GB\""), @"limits.toml:37:1: a search goes from less to more, and `within` is a share");
    insta::assert_snapshot!(error("where = { cpus", "where = { cpu"), @"limits.toml:37:1: there is no factor `cpu`: did you mean `cpus`? (known: configuration, stack, workload, workers, worker_rule, threads, in_flight, clients, think, rate, cpus, cpu_period, cpuset, memory, keepalive, requests, duration, warmup)");
    insta::assert_snapshot!(error("\"requests=60\"", "\"request=60\""), @"limits.toml:44:21: there is no factor `request` in this study: did you mean `requests`? (known: configuration, stack, workload, workers, threads, in_flight, clients, think, rate, cpus, cpu_period, cpuset, memory, keepalive, requests, duration, warmup, blocks, reference, duplicate)");
    insta::assert_snapshot!(error("\"{configuration}\"", "\"{config}\""), @"limits.toml:48:7: nothing is known by the name of `{config}`: did you mean `configuration`? (known: clients, rps, wall_ms, min_ms, mean_ms, stdev_ms, p10_ms, p25_ms, p50_ms, p60_ms, p70_ms, p75_ms, p80_ms, p90_ms, p95_ms, p99_ms, p99_9_ms, p99_99_ms, max_ms, count, failed, error_percent, upstream_calls, cpu_share, cpu_us_per_request, throttled_percent, memory_peak_mib, pss_peak_mib, oom_kills, boot_ms, generator_cpu, configuration, stack, workload, workers, worker_rule, threads, in_flight, clients, think, rate, cpus, cpu_period, cpuset, memory, keepalive, requests, duration, warmup)");
    // The number of blocks is no factor of a cell.
    insta::assert_snapshot!(error("\"{configuration}\"", "\"{blocks}\""), @"limits.toml:48:7: nothing is known by the name of `{blocks}`: known: clients, rps, wall_ms, min_ms, mean_ms, stdev_ms, p10_ms, p25_ms, p50_ms, p60_ms, p70_ms, p75_ms, p80_ms, p90_ms, p95_ms, p99_ms, p99_9_ms, p99_99_ms, max_ms, count, failed, error_percent, upstream_calls, cpu_share, cpu_us_per_request, throttled_percent, memory_peak_mib, pss_peak_mib, oom_kills, boot_ms, generator_cpu, configuration, stack, workload, workers, worker_rule, threads, in_flight, clients, think, rate, cpus, cpu_period, cpuset, memory, keepalive, requests, duration, warmup");
    let mut study = Study::parse("limits.toml", LIMITED).unwrap();
    let mut set = |text: &str| study.set(text).unwrap_err().to_string();
    insta::assert_snapshot!(set("stack=native"), @"`--set stack`: this study names its stacks and their sizes in [[configuration]]; choose some with --set configuration=NAME,NAME");
    insta::assert_snapshot!(set("configuration=poll"), @"`--set configuration`: there is no configuration `poll`: did you mean `pool`? (known: gunicorn 4p×50t, pool)");
}
