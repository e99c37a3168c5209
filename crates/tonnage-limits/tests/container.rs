//! A server in a real container of podman: limits hold, counters are those of the
//! container's own group, and nothing is left. Needs podman, runc and root;
//! `cargo xtask test` runs it where it can.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tonnage_limits::{Asked, Backend, Group, Places, Remains, Sampler, SharedPaths};
use tonnage_model::{CpuQuota, Isolation, Limits};

const PATIENCE: Duration = Duration::from_mins(1);

/// Podman alone, even where docker is there too, and no image from elsewhere: the
/// machine's own programs are mounted.
fn backend(home: &Path, limits: &Limits) -> Backend {
    let podman = ["/usr/bin/podman", "/usr/local/bin/podman"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.is_file())
        .unwrap();
    let _ = std::os::unix::fs::symlink(podman, home.join("podman"));
    let places = Places::of_machine(vec![home.to_owned()])
        .unwrap()
        .with_base_image("scratch");
    Backend::choose(Asked::Container, limits, &places).unwrap()
}

fn start(group: &Group, home: &Path, script: &str) -> Child {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script])
        .env("GREETING", "hello you")
        .current_dir(home);
    let shared = SharedPaths {
        writable: vec![home.to_owned()],
        ..SharedPaths::default()
    };
    let mut wrapped = group.wrap(command, &shared).unwrap();
    wrapped.stdin(Stdio::null()).spawn().unwrap()
}

/// Lets the container come first on its CPU, so that its quota alone decides what it
/// gets: its group and those around it get the largest weight.
fn favour(group: &Group) {
    let pid = group.members().unwrap()[0];
    let own = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    for (marker, mount, file, weight) in [
        (":cpu:", "/sys/fs/cgroup/cpu", "cpu.shares", "262144"),
        (
            ":cpu,cpuacct:",
            "/sys/fs/cgroup/cpu,cpuacct",
            "cpu.shares",
            "262144",
        ),
        ("0::", "/sys/fs/cgroup", "cpu.weight", "10000"),
    ] {
        let Some((_, path)) = own.lines().find_map(|line| line.split_once(marker)) else {
            continue;
        };
        let folder = PathBuf::from(format!("{mount}{path}"));
        for folder in folder
            .ancestors()
            .take_while(|folder| *folder != Path::new(mount))
        {
            // Of three places only those that the machine has can be written.
            let _ = fs::write(folder.join(file), weight);
        }
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_there(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn limits_hold_in_a_container_and_its_counters_are_read() {
    let home = tempfile::tempdir().unwrap();
    let limits = Limits {
        cpus: CpuQuota::new(0.2),
        cpu_period_us: Some(25_000),
        cpuset: Some("1".parse().unwrap()),
        memory_bytes: Some(50_000_000),
    };
    let backend = backend(home.path(), &limits);
    println!("{}", backend.describe());
    assert_eq!(backend.isolation(), Isolation::Container);
    let name = format!("test-{}-limits", std::process::id());
    let mut group = backend.group(&name, &limits).unwrap();
    assert_eq!(backend.remains(&name), group.remains());
    let script = "echo $GREETING > greeting; while :; do :; done";
    let mut child = start(&group, home.path(), script);
    group.settle(PATIENCE).unwrap();
    let mut sampler = Sampler::start(Some(&group), Vec::new);
    favour(&group);
    wait_until("it is throttled", || {
        group.counters().throttled_periods > Some(2)
    });
    sampler.window_begins();
    std::thread::sleep(Duration::from_secs(3));
    sampler.window_ends();
    let usage = sampler.finish();
    let without_series = tonnage_model::Usage {
        series: vec![],
        ..usage.clone()
    };
    println!("{without_series:?}");
    let cpus = usage.mean_cpus().unwrap();
    assert!((0.18..=0.204).contains(&cpus), "{cpus}");
    assert!(usage.throttled_share() > Some(0.5));
    assert!(usage.memory_peak_bytes > Some(50_000) && usage.oom_kills == Some(0));
    assert!(usage.pss_peak_bytes.is_some() && usage.processes.len() == 1);
    let greeting = fs::read_to_string(home.path().join("greeting")).unwrap();
    assert_eq!(greeting, "hello you\n");

    let members = group.members().unwrap();
    drop(group);
    child.wait().unwrap();
    wait_until("its processes are gone", || {
        !members.iter().copied().any(is_there)
    });
}

/// Apart from a CPU quota: on Linux 6.18 a thread is not throttled while it looks
/// for memory in the kernel, and pays for that long afterwards.
#[test]
fn a_worker_that_is_killed_for_memory_is_seen_behind_a_parent_that_lives() {
    let home = tempfile::tempdir().unwrap();
    let limits = Limits {
        memory_bytes: Some(12_000_000),
        ..Limits::default()
    };
    let backend = backend(home.path(), &limits);
    let name = format!("test-{}-memory", std::process::id());
    let mut group = backend.group(&name, &limits).unwrap();
    // Without a newline `tail` has to keep everything; the kernel is to prefer it.
    let script = "while :; do (echo 1000 > /proc/self/oom_score_adj; \
                  head -c 40000000 /dev/zero | tail >/dev/null); done";
    let mut child = start(&group, home.path(), script);
    group.settle(PATIENCE).unwrap();
    wait_until("two workers were killed", || {
        group.counters().oom_kills >= Some(2)
    });
    assert!(child.try_wait().unwrap().is_none(), "the parent lives");
    assert!(group.counters().memory_peak_bytes <= Some(12_000_000));
    drop(group);
    child.wait().unwrap();
}

#[test]
fn what_a_killed_owner_left_is_removed() {
    let home = tempfile::tempdir().unwrap();
    let backend = backend(home.path(), &Limits::default());
    let name = format!("test-{}-remains", std::process::id());
    let mut group = backend.group(&name, &Limits::default()).unwrap();
    let mut child = start(&group, home.path(), "trap '' TERM; sleep 1000 & sleep 1000");
    group.settle(PATIENCE).unwrap();
    let json = serde_json::to_string(&group.remains()).unwrap();
    wait_until("all are there", || group.members().unwrap().len() == 3);
    let members = group.members().unwrap();
    std::mem::forget(group);
    let remains: Remains = serde_json::from_str(&json).unwrap();
    let start = Instant::now();
    remains.remove().unwrap();
    println!("removed after {:?}", start.elapsed());
    child.wait().unwrap();
    wait_until("its processes are gone", || {
        !members.iter().copied().any(is_there)
    });
    remains.remove().unwrap();
}
