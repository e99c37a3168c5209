//! The running kernel's control groups: quotas hold, memory kills are seen, and
//! nothing is left. Needs root; `cargo xtask test` runs it where it can.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod cleanup;
mod limits;
mod sampling;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use tonnage_limits::{Asked, Backend, Group, Places};
use tonnage_model::{CpuQuota, Limits};

/// How long anything may take that only has to happen at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tests that measure CPU time hold it alone; those that use much of it share it.
static CPU: RwLock<()> = RwLock::new(());

/// Until dropped, no other test here uses much CPU time.
fn quiet() -> RwLockWriteGuard<'static, ()> {
    CPU.write().unwrap_or_else(PoisonError::into_inner)
}

/// Until dropped, no other test here measures CPU time.
fn noisy() -> RwLockReadGuard<'static, ()> {
    CPU.read().unwrap_or_else(PoisonError::into_inner)
}

fn backend(limits: &Limits) -> Backend {
    let places = Places::of_machine(Vec::new()).unwrap();
    Backend::choose(Asked::Cgroup, limits, &places).unwrap()
}

/// A name that no other test and no other run has.
fn name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("test-{}-{number}", std::process::id())
}

fn group(limits: &Limits) -> Group {
    backend(limits).group(&name(), limits).unwrap()
}

fn quota(cpus: f64, period_ms: u64) -> Limits {
    Limits {
        cpus: CpuQuota::new(cpus),
        cpu_period_us: Some(period_ms * 1000),
        ..Limits::default()
    }
}

/// Lets the group come first wherever it competes with others on the machine, so that
/// its quota alone decides what it gets.
fn favour(group: &Group) {
    let weights = [("cpu.shares", "262144"), ("cpu.weight", "10000")];
    let written = group.paths().iter().any(|folder| {
        let write = |(name, weight)| {
            let file = folder.join(name);
            file.is_file() && fs::write(file, weight).is_ok()
        };
        weights.into_iter().any(write)
    });
    assert!(written, "no weight in {:?}", group.paths());
}

/// A shell script that runs in the group, killed when dropped.
struct InGroup(Child);

impl Drop for InGroup {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(
    unsafe_code,
    reason = "a process joins its group between fork and exec"
)]
fn run(group: &Group, script: &str) -> InGroup {
    let joiner = group.joiner().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null());
    // SAFETY: `join` makes a few system calls, and neither allocates nor locks.
    unsafe { command.pre_exec(move || joiner.join()) };
    InGroup(command.spawn().unwrap())
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn left_over(paths: &[PathBuf]) -> Vec<&PathBuf> {
    paths.iter().filter(|path| path.exists()).collect()
}
