//! Limits that are set hold.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tonnage_limits::{Asked, Backend, Group, LimitsError, Places};
use tonnage_model::{CpuQuota, Isolation, Limits};

use super::{backend, favour, group, name, noisy, quiet, quota, run, wait_until};

/// CPU-seconds per second between two readings of the counters, whole periods apart.
fn rate(group: &Group, window: Duration) -> f64 {
    let (before, start) = (group.counters().cpu_us.unwrap(), Instant::now());
    sleep(window);
    let (after, took) = (group.counters().cpu_us.unwrap(), start.elapsed());
    (after - before) as f64 / took.as_micros() as f64
}

#[test]
fn a_fifth_of_a_cpu_is_a_fifth_whatever_the_period() {
    let _quiet = quiet();
    for period_ms in [10, 25, 100] {
        let group = group(&quota(0.2, period_ms));
        favour(&group);
        let _busy = run(&group, "while :; do :; done & while :; do :; done");
        wait_until("both are there", || group.members().unwrap().len() == 2);
        wait_until("it is throttled", || {
            group.counters().throttled_periods > Some(2)
        });
        // Others on the machine can spoil a window, and shift a period into the next.
        let is_close = |rate: &f64| (rate / 0.2 - 1.0).abs() <= 0.02;
        let mut rates: Vec<f64> = Vec::new();
        while rates.len() < 5 && !rates.iter().any(is_close) {
            rates.push(rate(&group, Duration::from_secs(3)));
        }
        let counters = group.counters();
        println!("period {period_ms} ms: {rates:?} CPUs, {counters:?}");
        assert!(rates.iter().any(is_close), "{rates:?}");
        // What a window has too much, the one before or after it has too little.
        assert!(rates.iter().all(|rate| *rate < 0.25), "{rates:?}");

        let (periods, throttled) = (
            counters.periods.unwrap(),
            counters.throttled_periods.unwrap(),
        );
        assert!(throttled * 10 >= periods * 8, "{throttled} of {periods}");
        assert!(counters.throttled_us.unwrap() > 1_000_000);
        // Where version 2 is there too, pressure says the same in its own words.
        if let Some(pressure_us) = counters.cpu_pressure_us {
            assert!(pressure_us > 2_000_000, "{pressure_us}");
        }
    }
}

#[test]
fn a_worker_that_is_killed_for_memory_is_seen_behind_a_parent_that_lives() {
    let _noise = noisy();
    let limits = Limits {
        memory_bytes: Some(12_000_000),
        ..Limits::default()
    };
    let group = group(&limits);
    // Without a newline `tail` has to keep everything; the kernel is to prefer it.
    let script = "while :; do (echo 1000 > /proc/self/oom_score_adj; \
                  head -c 40000000 /dev/zero | tail >/dev/null); done";
    let mut parent = run(&group, script);
    wait_until("two workers were killed", || {
        group.counters().oom_kills >= Some(2)
    });
    assert!(parent.0.try_wait().unwrap().is_none(), "the parent lives");
    let counters = group.counters();
    println!("{counters:?}");
    let peak = counters.memory_peak_bytes.unwrap();
    assert!((11_000_000..=12_000_000).contains(&peak), "{peak}");
    assert!(counters.memory_limit_hits.unwrap() > 0);
    if let Some(pressure_us) = counters.memory_pressure_us {
        assert!(pressure_us > 0);
    }
}

#[test]
fn processes_run_where_they_are_pinned_and_nowhere_else() {
    for cpu in ["0", "1"] {
        let limits = Limits {
            cpuset: Some(cpu.parse().unwrap()),
            ..Limits::default()
        };
        let group = group(&limits);
        let child = run(&group, "exec sleep 1000");
        let status = fs::read_to_string(format!("/proc/{}/status", child.0.id())).unwrap();
        let allowed = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
            .unwrap();
        assert_eq!(allowed.trim(), cpu);
    }
}

#[test]
fn all_limits_hold_together() {
    let limits = Limits {
        cpus: CpuQuota::new(0.5),
        cpuset: Some("1".parse().unwrap()),
        memory_bytes: Some(75_000_000),
        ..Limits::default()
    };
    let backend = backend(&limits);
    assert_ne!(backend.isolation(), Isolation::None);
    let name = name();
    let group = backend.group(&name, &limits).unwrap();
    assert_eq!(backend.remains(&name), group.remains());
    let child = run(&group, "exec sleep 1000");
    assert_eq!(group.members().unwrap(), [child.0.id()]);
    let counters = group.counters();
    assert!(counters.memory_bytes.is_some() && counters.cpu_us.is_some());
    assert_eq!(counters.oom_kills, Some(0));
}

#[test]
fn what_the_kernel_refuses_is_said_with_file_reason_and_way_out() {
    // 0.05 CPUs of 10 ms are 500 µs, and the kernel wants a millisecond.
    let limits = quota(0.05, 10);
    let error = backend(&limits).group(&name(), &limits).unwrap_err();
    let text = error.to_string();
    println!("{text}");
    for part in ["500", "cpu.", "Invalid argument", "longer period"] {
        assert!(text.contains(part), "{text}");
    }

    let limits = Limits {
        cpuset: Some("0,4095".parse().unwrap()),
        ..Limits::default()
    };
    let places = Places::of_machine(Vec::new()).unwrap();
    let error = Backend::choose(Asked::Cgroup, &limits, &places).unwrap_err();
    println!("{error}");
    assert!(matches!(error, LimitsError::CpusNotAllowed { .. }));
}

#[test]
fn more_cpus_than_the_machine_has_are_no_error() {
    let limits = quota(64.0, 100);
    drop(group(&limits));
}

#[test]
fn a_second_group_of_one_name_is_an_error_and_leaves_the_first() {
    let limits = Limits::default();
    let backend = backend(&limits);
    let name = name();
    let first = backend.group(&name, &limits).unwrap();
    let error = backend.group(&name, &limits).unwrap_err();
    assert!(matches!(error, LimitsError::Create { .. }), "{error}");
    assert!(first.paths().iter().all(|path| path.is_dir()));
}
