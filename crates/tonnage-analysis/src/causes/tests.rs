//! Planted causes, each found by its counter, and nothing found where nothing is.

use proptest::prelude::*;
use tonnage_model::TrialOutcome;

use super::*;
use crate::fixture::{self, Sketch};
use crate::validity::judge_all;

/// A study whose workload `fanout` waits for another service, and whose `loop` does not.
fn waiting() -> Study {
    let text = r#"
title = "Waiting"
question = "For whom?"
[factors]
stack = "gunicorn-sync"
workload = ["loop", "fanout"]
clients = 4
keepalive = true
duration = "10s"
warmup = "2s"
[parameters]
delay = 1
[requests.loop]
path = "/"
[requests.fanout]
path = "/io?delay={delay}"
"#;
    Study::parse("waiting.toml", text).unwrap()
}

fn found_in(sketches: &[Sketch], facts: &Facts) -> Vec<Finding> {
    let trials: Vec<_> = (0..)
        .zip(sketches)
        .map(|(block, sketch)| {
            let sketch = Sketch {
                block,
                position: block,
                ..sketch.clone()
            };
            sketch.trial()
        })
        .collect();
    let judged = judge_all(&trials, &[]);
    let view = CellView::of(&trials[0].cell, String::new(), &judged, 1);
    causes(&view, &fixture::run(), &waiting(), facts)
}

/// What is found in three trials that are like nothing is the matter but for `change`.
fn planted(change: impl FnOnce(&mut Sketch)) -> Vec<Finding> {
    let mut sketch = Sketch::new();
    change(&mut sketch);
    let capacities = [
        ("gunicorn-sync", "workers"),
        ("gunicorn-gthread", "workers * threads"),
    ];
    let facts = Facts {
        capacities: capacities
            .map(|(stack, capacity)| (stack.to_owned(), capacity.parse().unwrap()))
            .into(),
    };
    found_in(&[sketch.clone(), sketch.clone(), sketch], &facts)
}

fn main_cause(found: &[Finding]) -> Option<(Cause, &str)> {
    found
        .first()
        .map(|finding| (finding.cause, finding.text.as_str()))
}

#[test]
fn a_worker_that_is_killed_and_replaced_is_memory_killed_before_all_else() {
    let found = planted(|sketch| {
        sketch.cell.limits.memory_bytes = Some(50_000_000);
        (sketch.oom_kills, sketch.respawned) = (4, 4);
        (sketch.memory_pressure, sketch.throttled_share) = (0.3, Some(0.9));
    });
    assert_eq!(
        main_cause(&found),
        Some((
            Cause::MemoryKilled,
            "the kernel killed 12 processes for want of memory, and 12 were replaced (limit 50MB)"
        ))
    );
    let all: Vec<Cause> = found.iter().map(|finding| finding.cause).collect();
    assert!(
        all.contains(&Cause::Throttled) && all.contains(&Cause::MemoryReclaim),
        "{all:?}"
    );
}

#[test]
fn kills_before_anything_was_measured_count() {
    let mut sketch = Sketch::new();
    sketch.oom_kills = 1;
    let mut trial = sketch.trial();
    trial.outcome = TrialOutcome::Failed("the server never answered".to_owned());
    trial.load = None;
    let trials = [trial];
    let judged = judge_all(&trials, &[]);
    let view = CellView::of(&trials[0].cell, String::new(), &judged, 1);
    let found = causes(&view, &fixture::run(), &waiting(), &Facts::default());
    assert_eq!(
        main_cause(&found),
        Some((
            Cause::MemoryKilled,
            "the kernel killed 1 process for want of memory"
        ))
    );
}

#[test]
fn a_quota_that_is_used_up_is_named_with_its_periods() {
    let found = planted(|sketch| {
        sketch.cell.limits = fixture::quota(0.2);
        (sketch.cpus_used, sketch.throttled_share) = (0.2, Some(0.93));
    });
    assert_eq!(
        main_cause(&found),
        Some((
            Cause::Throttled,
            "throttled in 93 % of periods, 16.7 s of 30.0 s"
        ))
    );
}

#[test]
fn users_who_think_are_the_load_that_is_offered() {
    let found = planted(|sketch| {
        sketch.cell.clients = 500;
        sketch.cell.think = "exp:1s".to_owned();
        (sketch.rps, sketch.mean_ms, sketch.cpus_used) = (483.0, Some(35.0), 0.6);
    });
    let (cause, text) = main_cause(&found).unwrap();
    assert_eq!(cause, Cause::OfferedLoad);
    assert!(
        text.contains("ask 483 requests/s by Little's law; 483 were served"),
        "{text}"
    );
    // Where answers take longer than thinking, the server is the limit again.
    let slow = planted(|sketch| {
        sketch.cell.think = "exp:1s".to_owned();
        (sketch.rps, sketch.mean_ms) = (1.0, Some(3000.0));
    });
    assert!(
        slow.iter()
            .all(|finding| finding.cause != Cause::OfferedLoad)
    );
    let open = planted(|sketch| {
        sketch.cell.rate_rps = Some(100.0);
        sketch.rps = 99.5;
    });
    assert_eq!(main_cause(&open).unwrap().0, Cause::OfferedLoad);
}

#[test]
fn threads_of_one_interpreter_are_told_from_processes() {
    let one_busy = |threads: u32, stack: &'static str| {
        planted(move |sketch| {
            sketch.cell.stack = stack.to_owned();
            (sketch.cell.workers, sketch.cell.threads) = (Some(1), Some(threads));
            (sketch.worker_shares, sketch.threads) = (vec![1.0], threads);
            (sketch.cpus_used, sketch.cell.clients) = (0.98, 100);
        })
    };
    let found = one_busy(50, "gunicorn-gthread");
    assert_eq!(
        main_cause(&found),
        Some((
            Cause::GilBound,
            "1 worker of up to 50 threads used 0.980 CPU each; 0.980 of 2.00 CPUs were used"
        ))
    );
    assert!(
        found
            .iter()
            .all(|finding| finding.cause != Cause::WorkersStarved)
    );
    assert_eq!(
        main_cause(&one_busy(1, "gunicorn-gthread")).unwrap().0,
        Cause::CpuBound
    );
    assert_ne!(
        main_cause(&one_busy(50, "native")).map(|(cause, _)| cause),
        Some(Cause::GilBound)
    );
    // Two such workers on two CPUs have nothing left: that is the CPUs' limit.
    let full = planted(|sketch| {
        sketch.cell.workers = Some(2);
        (sketch.cpus_used, sketch.threads, sketch.worker_shares) = (1.95, 50, vec![0.5; 2]);
    });
    assert_eq!(
        main_cause(&full),
        Some((Cause::CpuBound, "1.95 of 2.00 CPUs were used"))
    );
}

#[test]
fn waiting_for_a_worker_is_told_from_waiting_for_the_service_behind() {
    let fanout = |clients: u32, mean_ms: f64| {
        planted(move |sketch| {
            sketch
                .cell
                .parameters
                .insert("delay".to_owned(), "1".to_owned());
            sketch.cell.clients = clients;
            (sketch.rps, sketch.mean_ms, sketch.cpus_used) = (2.0, Some(mean_ms), 0.1);
        })
    };
    let found = fanout(100, 50_000.0);
    assert_eq!(
        main_cause(&found),
        Some((
            Cause::WorkersStarved,
            "100 requests in flight for 4 that are worked on at once, with 0.100 of 2.00 CPUs used"
        ))
    );
    let found = fanout(2, 1_020.0);
    assert_eq!(
        main_cause(&found).unwrap().0,
        Cause::UpstreamBound,
        "{found:?}"
    );
}

#[test]
fn the_delay_of_a_study_is_none_of_a_workload_that_calls_nobody() {
    let waits = |workload: &'static str, upstream_calls: Option<u64>| {
        let found = planted(move |sketch| {
            let delay = ("delay".to_owned(), "1".to_owned());
            sketch.cell.parameters.extend([delay]);
            workload.clone_into(&mut sketch.cell.workload);
            (sketch.cell.clients, sketch.upstream_calls) = (2, upstream_calls);
            (sketch.rps, sketch.mean_ms, sketch.cpus_used) = (2.0, Some(1_020.0), 0.1);
        });
        found
            .iter()
            .any(|finding| finding.cause == Cause::UpstreamBound)
    };
    assert!(waits("fanout", None) && waits("loop", Some(20)));
    assert!(!waits("loop", None));
    assert!(!waits("fanout", Some(1)), "nineteen of twenty from a cache");
}

#[test]
fn threads_that_wait_for_a_cpu_are_told_from_those_that_have_none_to_wait_for() {
    let contended = |change: fn(&mut Sketch)| {
        planted(|sketch| {
            (sketch.cpu_pressure, sketch.cpus_used) = (0.89, 1.2);
            change(sketch);
        })
    };
    assert_eq!(
        main_cause(&contended(|_| {})),
        Some((
            Cause::CpuContended,
            "its threads waited for a CPU 89 % of the time, with 1.20 of 2.00 CPUs used"
        ))
    );
    let names = |found: &[Finding]| -> Vec<Cause> { found.iter().map(|f| f.cause).collect() };
    assert_eq!(names(&contended(|sketch| sketch.cpu_pressure = 0.29)), []);
    let busy = contended(|sketch| sketch.cpus_used = 1.9);
    assert_eq!(names(&busy), [Cause::CpuBound]);
    let throttled = contended(|sketch| sketch.throttled_share = Some(0.9));
    assert_eq!(names(&throttled), [Cause::Throttled]);
    let uneven = contended(|sketch| {
        sketch.cell.clients = 8;
        sketch.worker_shares = vec![0.7, 0.1, 0.1, 0.1];
    });
    assert!(!names(&uneven).contains(&Cause::CpuContended), "{uneven:?}");
}

#[test]
fn a_lone_worker_in_a_short_window_is_known_by_its_group() {
    // Seen with 100 requests in 59 ms: the worker's ticks told 0.81 of a CPU, the group
    // 0.91.
    let found = planted(|sketch| {
        (sketch.cell.workers, sketch.worker_shares) = (Some(1), vec![0.89]);
        sketch.cpus_used = 0.91;
    });
    assert_eq!(main_cause(&found).unwrap().0, Cause::CpuBound, "{found:?}");
}

#[test]
fn a_server_may_use_the_cpus_that_its_own_trials_left_it() {
    let used = |run: &RunRecord, generator: Option<&str>| {
        let mut sketch = Sketch::new();
        sketch.cpus_used = 0.95;
        sketch.generator_cpus = generator.map(|set| set.parse().unwrap());
        let trials = [sketch.trial()];
        let judged = judge_all(&trials, &[]);
        let view = CellView::of(&trials[0].cell, String::new(), &judged, 1);
        available_cpus(&view, run)
    };
    let mut run = fixture::run();
    run.host.usable_cpus = 4;
    assert!((used(&run, Some("3")) - 3.0).abs() < 1e-9);
    run.conditions.server_cpus = Some("0-1".parse().unwrap());
    assert!((used(&run, Some("3")) - 2.0).abs() < 1e-9);
    // What the run set apart is nothing to a trial that shared all.
    assert!((used(&run, None) - 4.0).abs() < 1e-9);
}

#[test]
fn the_other_counters_are_read_too() {
    let with_clients = |clients: u32| {
        planted(move |sketch| {
            sketch.cell.clients = clients;
            "uwsgi".clone_into(&mut sketch.cell.stack);
            sketch.worker_shares = vec![0.55, 0.15, 0.15, 0.15];
        })
    };
    assert_eq!(with_clients(7), [], "too few clients to be shared out");
    let uneven = with_clients(8);
    assert_eq!(
        main_cause(&uneven),
        Some((
            Cause::UnevenlyLoaded,
            "the busiest of 4 workers used 2.20 times the CPU of their mean"
        ))
    );
    let spawning = planted(|sketch| sketch.worker_shares = vec![0.05; 4]);
    assert_eq!(
        main_cause(&spawning),
        Some((
            Cause::SpawnBound,
            "80 % of the CPU time went to processes that came and went"
        ))
    );
    let connecting = planted(|sketch| {
        (sketch.connections_per_request, sketch.connect_ms) = (1.0, 30.0);
    });
    assert_eq!(main_cause(&connecting).unwrap().0, Cause::ConnectionBound);
    let stolen = planted(|sketch| sketch.steal_share = 0.12);
    assert_eq!(
        main_cause(&stolen),
        Some((
            Cause::Steal,
            "the hypervisor gave 12 % of the CPU time to others"
        ))
    );
    let unsteady = planted(|sketch| sketch.steady = false);
    assert_eq!(
        main_cause(&unsteady),
        Some((Cause::NotSteady, "3 of 3 trials were still changing"))
    );
    let squeezed = planted(|sketch| sketch.generator_bound = true);
    assert_eq!(
        main_cause(&squeezed),
        Some((
            Cause::GeneratorBound,
            "a generator thread used 99 % of a CPU"
        ))
    );
}

#[test]
fn nothing_is_found_where_nothing_is_the_matter() {
    assert_eq!(planted(|_| {}), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn causes_come_once_and_in_order_whatever_the_counters(
        cpus_used in 0.0f64..2.2,
        throttled in 0.0f64..1.0,
        oom_kills in 0u64..3,
        pressure in 0.0f64..0.4,
        steal in 0.0f64..0.3,
        first in 0.0f64..1.0,
    ) {
        let found = planted(|sketch| {
            (sketch.cpus_used, sketch.throttled_share) = (cpus_used, Some(throttled));
            (sketch.oom_kills, sketch.memory_pressure) = (oom_kills, pressure);
            (sketch.steal_share, sketch.worker_shares) = (steal, vec![first, 1.0 - first]);
            sketch.histograms = false;
        });
        let order: Vec<Cause> = found.iter().map(|finding| finding.cause).collect();
        let mut sorted = order.clone();
        sorted.sort();
        sorted.dedup();
        prop_assert_eq!(&order, &sorted);
        let has = |cause| order.contains(&cause);
        prop_assert_eq!(has(Cause::MemoryKilled), oom_kills > 0);
        prop_assert_eq!(has(Cause::Steal), steal >= 0.05);
        prop_assert_eq!(has(Cause::MemoryReclaim), (pressure * 1e7).floor() >= 0.05e7);
        prop_assert!(found.iter().all(|finding| finding.text.chars().any(|c| c.is_ascii_digit())));
    }
}
