//! Version 2 as a whole, on the fake kernel.

use std::fs;

use tonnage_model::{CpuQuota, Isolation, Limits};

use super::{FakeMachine, get, put};
use crate::{Asked, Backend, Counters, LimitsError, Sampler};

fn all_limits() -> Limits {
    Limits {
        cpus: CpuQuota::new(0.2),
        cpu_period_us: Some(25_000),
        cpuset: Some("0-1,3".parse().unwrap()),
        memory_bytes: Some(75_000_000),
    }
}

fn choose(machine: &FakeMachine, limits: &Limits) -> Result<Backend, LimitsError> {
    Backend::choose(Asked::Auto, limits, &machine.places())
}

fn refusal(machine: &FakeMachine, limits: &Limits) -> String {
    choose(machine, limits).unwrap_err().to_string()
}

fn leave_to_others(machine: &FakeMachine, group: &str) {
    put(&machine.folder(group), "cgroup.procs", "4711\n4712");
}

#[test]
fn the_real_root_hands_out_controllers_though_it_has_processes() {
    let machine = FakeMachine::new("/", "");
    leave_to_others(&machine, "/");
    let backend = choose(&machine, &all_limits()).unwrap();
    assert_eq!(backend.isolation(), Isolation::CgroupV2);
    let group = backend.group("server-1", &all_limits()).unwrap();
    let folder = machine.folder("/tonnage/server-1");
    for (name, text) in [
        ("cpu.max", "5000 25000"),
        ("cpuset.cpus", "0-1,3"),
        // A page is 4096 bytes, and the kernel rounds down.
        ("memory.max", "74997760"),
        ("memory.swap.max", "0"),
    ] {
        assert_eq!(get(&folder, name), text, "{name}");
    }
    group.joiner().unwrap().join().unwrap();
    assert_eq!(get(&folder, "cgroup.procs"), "0");
    put(&folder, "cgroup.procs", "4713");
    assert_eq!(group.members().unwrap(), [4713]);
    assert_eq!(group.paths(), [folder]);
    assert_eq!(backend.remains("server-1"), group.remains());
    drop(group);
    assert!(!machine.folder("/tonnage").exists());
    let log = machine.kernel.log.lock().unwrap();
    assert!(log.contains(&("tonnage/server-1/cgroup.kill".to_owned(), "1".to_owned())));
}

#[test]
fn a_delegated_group_is_left_by_us_alone_and_only_once() {
    let machine = FakeMachine::new("/user/scope", "cpuset cpu memory pids");
    let backend = choose(&machine, &all_limits()).unwrap();
    assert!(
        backend.describe().ends_with("user/scope"),
        "{}",
        backend.describe()
    );
    let group = backend.group("a", &all_limits()).unwrap();
    let owner = machine.folder("/user/scope/tonnage-owner");
    assert_eq!(get(&owner, "cgroup.procs"), std::process::id().to_string());
    assert_eq!(get(&machine.folder("/user/scope"), "cgroup.procs"), "");

    // The kernel now says so of us, and the next backend makes its groups beside.
    machine.put_proc("/user/scope/tonnage-owner", "rw");
    let again = choose(&machine, &all_limits()).unwrap();
    let second = again.group("b", &all_limits()).unwrap();
    assert_eq!(second.paths(), [machine.folder("/user/scope/tonnage/b")]);
    drop((group, second));
    assert!(!machine.folder("/user/scope/tonnage").exists());
}

#[test]
fn beside_foreign_processes_an_outer_group_helps_if_it_hands_out_all() {
    let machine = FakeMachine::new("/slice/scope", "cpuset cpu memory pids");
    leave_to_others(&machine, "/slice/scope");
    let backend = choose(&machine, &all_limits()).unwrap();
    let group = backend.group("a", &all_limits()).unwrap();
    assert_eq!(group.paths(), [machine.folder("/slice/tonnage/a")]);
    assert_eq!(
        get(&machine.folder("/slice/scope"), "cgroup.procs"),
        "4711\n4712"
    );
}

#[test]
fn foreign_processes_everywhere_are_an_error_that_names_the_way_out() {
    let machine = FakeMachine::new("/scope", "");
    leave_to_others(&machine, "/scope");
    // As in a container, where the root that one sees is not the real one.
    put(&machine.folder("/"), "cgroup.type", "domain");
    leave_to_others(&machine, "/");
    put(
        &machine.folder("/scope"),
        "cgroup.controllers",
        "cpuset cpu memory pids",
    );
    let text = refusal(&machine, &all_limits());
    for part in [
        "cannot limit CPU time and CPUs and memory",
        "/scope has 2 processes of its own",
        "Delegate=yes",
        "no controller `cpu` is mounted",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(
        machine.kernel.log.lock().unwrap().is_empty(),
        "nothing was moved"
    );
    // With nothing to limit it is enough that the groups count CPU time.
    let backend = choose(&machine, &Limits::default()).unwrap();
    assert_eq!(backend.isolation(), Isolation::CgroupV2);
    drop(backend.group("a", &Limits::default()).unwrap());
}

#[test]
fn a_controller_that_is_missing_is_named() {
    let machine = FakeMachine::new("/scope", "memory pids");
    put(&machine.folder("/"), "cgroup.controllers", "memory pids");
    let text = refusal(&machine, &all_limits());
    assert!(text.contains("cgroup.controllers has no `cpu`"), "{text}");
    // What is there can be limited.
    let limits = Limits {
        memory_bytes: Some(1 << 20),
        ..Limits::default()
    };
    let group = choose(&machine, &limits)
        .unwrap()
        .group("a", &limits)
        .unwrap();
    let folder = &group.paths()[0];
    assert_eq!(get(folder, "memory.max"), "1048576");
}

#[test]
fn a_read_only_hierarchy_is_named_and_without_limits_not_needed() {
    let machine = FakeMachine::new("/scope", "cpu memory");
    machine.put_proc("/scope", "ro");
    let text = refusal(&machine, &all_limits());
    assert!(
        text.contains("sys/fs/cgroup is mounted read-only"),
        "{text}"
    );
    let backend = choose(&machine, &Limits::default()).unwrap();
    assert_eq!(backend.isolation(), Isolation::None);
    let group = backend.group("a", &Limits::default()).unwrap();
    assert_eq!(group.counters(), Counters::default());
    assert!(group.paths().is_empty() && group.members().is_none());
    group.joiner().unwrap().join().unwrap();
    let asked = Backend::choose(Asked::Cgroup, &Limits::default(), &machine.places());
    assert!(asked.is_err());
    let asked = Backend::choose(Asked::None, &all_limits(), &machine.places());
    assert!(matches!(asked, Err(LimitsError::NothingToLimitWith)));
}

#[test]
fn cpus_outside_are_refused_with_those_that_are_allowed() {
    let machine = FakeMachine::new("/", "");
    let limits = Limits {
        cpuset: Some("2-5".parse().unwrap()),
        ..Limits::default()
    };
    let text = refusal(&machine, &limits);
    assert!(text.contains("CPUs 2-5 are asked for"), "{text}");
    assert!(text.contains("allows only 0-3"), "{text}");
}

#[test]
fn a_quota_that_the_kernel_refuses_leaves_no_group() {
    let machine = FakeMachine::new("/", "");
    let limits = Limits {
        cpus: CpuQuota::new(0.05),
        cpu_period_us: Some(10_000),
        ..Limits::default()
    };
    let error = choose(&machine, &limits)
        .unwrap()
        .group("a", &limits)
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`500 10000`") && text.contains("cpu.max"),
        "{text}"
    );
    assert!(!machine.folder("/tonnage").exists());
}

#[test]
fn counters_and_the_sampler_read_what_the_kernel_shows() {
    let machine = FakeMachine::new("/", "");
    let group = choose(&machine, &all_limits())
        .unwrap()
        .group("a", &all_limits())
        .unwrap();
    let folder = group.paths().remove(0);
    let own = std::process::id();
    put(&folder, "cgroup.procs", &own.to_string());
    put(&folder, "memory.current", "8192");
    let mut sampler = Sampler::start(Some(&group), Vec::new);
    sampler.window_begins();
    for (name, text) in [
        (
            "cpu.stat",
            "usage_usec 1000\nuser_usec 900\nsystem_usec 100\nnr_periods 40\nnr_throttled 30\nthrottled_usec 700\nnr_bursts 0",
        ),
        (
            "cpu.pressure",
            "some avg10=9.00 avg60=0.00 avg300=0.00 total=650\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=640",
        ),
        ("memory.current", "4096"),
        ("memory.peak", "12288"),
        (
            "memory.events",
            "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0",
        ),
    ] {
        put(&folder, name, text);
    }
    assert_eq!(
        group.counters(),
        Counters {
            cpu_us: Some(1000),
            periods: Some(40),
            throttled_periods: Some(30),
            throttled_us: Some(700),
            cpu_pressure_us: Some(650),
            memory_pressure_us: Some(0),
            memory_bytes: Some(4096),
            memory_peak_bytes: Some(12_288),
            oom_kills: Some(1),
            memory_limit_hits: Some(7),
        }
    );
    sampler.window_ends();
    let usage = sampler.finish();
    assert_eq!((usage.cpu_us, usage.throttled_us), (1000, Some(700)));
    assert_eq!(
        (usage.oom_kills, usage.memory_limit_hits),
        (Some(1), Some(7))
    );
    assert_eq!(usage.memory_peak_bytes, Some(12_288));
    put(&folder, "cgroup.procs", "");
}

#[test]
fn kernels_before_5_19_have_no_peak_and_the_series_stands_in() {
    let machine = FakeMachine::new("/", "");
    let group = choose(&machine, &all_limits())
        .unwrap()
        .group("a", &all_limits())
        .unwrap();
    let folder = group.paths().remove(0);
    fs::remove_file(folder.join("memory.peak")).unwrap();
    put(&folder, "memory.current", "8192");
    // The counters were opened with the group: open a copy of them anew.
    let mut group = group;
    group.open();
    let sampler = Sampler::start(Some(&group), Vec::new);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while sampler.looks() == 0 {
        assert!(std::time::Instant::now() < deadline);
        std::thread::yield_now();
    }
    let usage = sampler.finish();
    assert_eq!(usage.memory_peak_bytes, Some(8192));
    assert_eq!((usage.window_us, usage.cpu_us), (0, 0));
}
