//! What the sampler tells of processes whose doings are known.

use std::time::{Duration, Instant};

use tonnage_limits::Sampler;
use tonnage_model::Limits;

use super::{favour, group, noisy, quiet, quota, run, wait_until};

#[test]
fn a_window_tells_what_was_used_in_it() {
    let _quiet = quiet();
    let group = group(&quota(0.2, 100));
    favour(&group);
    let _busy = run(&group, "while :; do :; done");
    let mut sampler = Sampler::start(Some(&group), || panic!("a group knows its members"));
    wait_until("it is throttled", || {
        group.counters().throttled_periods > Some(1)
    });
    sampler.window_begins();
    std::thread::sleep(Duration::from_secs(2));
    sampler.window_ends();
    let usage = sampler.finish();
    println!(
        "{:?}",
        tonnage_model::Usage {
            series: vec![],
            ..usage.clone()
        }
    );
    let cpus = usage.mean_cpus().unwrap();
    assert!((0.15..0.22).contains(&cpus), "{cpus}");
    assert!(
        (18..=22).contains(&usage.periods.unwrap()),
        "{:?}",
        usage.periods
    );
    assert!(usage.throttled_share().unwrap() > 0.5);
    assert!(usage.pss_peak_bytes.unwrap() > 50_000);
    assert!(usage.memory_peak_bytes.unwrap() > 50_000);
    assert_eq!((usage.oom_kills, usage.respawned), (Some(0), 0));
    assert!(usage.involuntary_switches.unwrap() > 5);
    assert!(usage.steal_share.is_some());
    let [process] = usage.processes.as_slice() else {
        panic!("{:?}", usage.processes);
    };
    assert_eq!((process.name.as_str(), process.threads), ("sh", 1));
    assert!(
        process.cpu_us.abs_diff(usage.cpu_us) < 100_000,
        "{process:?}"
    );
    // Ten points a second, at even distances.
    assert!(
        (20..=30).contains(&usage.series.len()),
        "{}",
        usage.series.len()
    );
    let last = usage.series.last().unwrap();
    assert!(last.memory_bytes > Some(50_000) && last.processes == 1);
    assert!(last.throttled_us > Some(100_000));
}

#[test]
fn a_worker_that_is_replaced_is_counted() {
    let _noise = noisy();
    let group = group(&Limits::default());
    let _master = run(&group, "while :; do sleep 0.3; done");
    wait_until("both are there", || group.members().unwrap().len() == 2);
    let mut sampler = Sampler::start(Some(&group), Vec::new);
    sampler.window_begins();
    let first = group.members().unwrap();
    let is_new = |pids: &[u32]| pids.len() == 2 && pids != first;
    wait_until("the worker is another", || {
        is_new(&group.members().unwrap())
    });
    sampler.window_ends();
    let usage = sampler.finish();
    assert_eq!(usage.respawned, 1, "{:?}", usage.processes);
    assert!(usage.voluntary_switches.unwrap() >= 1);
}

/// Not a limit but a figure: what ten looks a second cost beside twenty processes.
#[test]
fn looking_costs_little() {
    let _quiet = quiet();
    let group = group(&Limits::default());
    let script = "for i in $(seq 20); do python3 -c 'import json, http.server, asyncio, time\nx = list(range(100000))\ntime.sleep(1000)' & done; wait";
    let _servers = run(&group, script);
    wait_until("all have loaded", || {
        group.counters().memory_bytes > Some(100_000_000)
    });
    let own_cpu = || {
        let usage = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(usage.tv_sec as u64, usage.tv_nsec as u32)
    };
    let sampler = Sampler::start(Some(&group), Vec::new);
    let (before, start) = (own_cpu(), Instant::now());
    std::thread::sleep(Duration::from_secs(3));
    let (cpu, took) = (own_cpu().saturating_sub(before), start.elapsed());
    let series = sampler.finish().series;
    let with_pss = series
        .iter()
        .filter(|point| point.pss_bytes.is_some())
        .count();
    println!(
        "{} looks, {with_pss} with PSS, {cpu:?} of CPU in {took:?}, {:?}",
        series.len(),
        series.last().unwrap()
    );
    assert!(series.len() >= 25);
}
