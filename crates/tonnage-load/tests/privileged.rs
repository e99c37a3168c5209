//! Provocations that need privileges: a generator that is kept from running, and a
//! machine without free ports. Each needs surroundings of its own, so that a test
//! starts its own program again in them and runs there under the same name.

#![expect(
    clippy::unwrap_used,
    reason = "scripted peers are test code, though not all of it stands in tests"
)]

#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "it/scripted.rs"]
mod scripted;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tonnage_model::Detector;

use crate::scripted::{OK, answer, failures, plan, plan_for, run, serve};

/// Set in the surroundings of a test's own; its value is the test's affair.
const INSIDE: &str = "TONNAGE_TEST_INSIDE";

/// Runs the test `name` again, in a shell that does `prepare` first.
fn run_inside(shell: &mut Command, prepare: &str, name: &str, value: &str) {
    let program = std::env::current_exe().unwrap();
    let output = shell
        .args([
            "-c",
            &format!("{prepare} && exec \"$0\" --exact \"$1\" --nocapture"),
        ])
        .arg(program)
        .arg(name)
        .env(INSIDE, value)
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{prepare}:\n{text}");
    assert!(text.contains("1 passed"), "nothing was run:\n{text}");
}

#[test]
fn a_machine_without_free_ports() {
    if std::env::var_os(INSIDE).is_none() {
        let prepare =
            "ip link set lo up && echo 20000 20019 > /proc/sys/net/ipv4/ip_local_port_range";
        let mut shell = Command::new("unshare");
        shell.args(["--net", "--", "sh"]);
        return run_inside(&mut shell, prepare, "a_machine_without_free_ports", "yes");
    }
    let server = serve(|stream, number| {
        thread::sleep(Duration::from_millis(50));
        answer(OK)(stream, number)
    });
    let mut plan = plan(&server, 200);
    plan.connections = 40;
    let report = run(&plan);
    // Twenty ports, of which the server has one at most, for forty connections.
    assert!(report.counts.succeeded > 0, "{:?}", report.failures);
    let seen = failures(&report);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].starts_with("connect × ports: "), "{seen:?}");
    let verdict = &report.verdict;
    assert!(
        verdict.reason(Detector::PortExhaustion).is_some(),
        "{verdict:?}"
    );
}

/// A control group that allows 5 % of one CPU; removed when dropped.
struct Throttle(PathBuf);

impl Throttle {
    fn new() -> Self {
        let first = Path::new("/sys/fs/cgroup/cpu");
        let name = format!("tonnage-test-{}", std::process::id());
        if first.is_dir() {
            let group = Self(first.join(name));
            fs::create_dir(&group.0).unwrap();
            fs::write(group.0.join("cpu.cfs_period_us"), "100000").unwrap();
            fs::write(group.0.join("cpu.cfs_quota_us"), "5000").unwrap();
            group
        } else {
            let group = Self(Path::new("/sys/fs/cgroup").join(name));
            fs::create_dir(&group.0).unwrap();
            fs::write(group.0.join("cpu.max"), "5000 100000").unwrap();
            group
        }
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        // Whoever was in it has been waited for.
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_generator_that_is_kept_from_running() {
    let Ok(address) = std::env::var(INSIDE) else {
        // The server stays outside, with all the CPU that it wants.
        let server = serve(answer(OK));
        let throttle = Throttle::new();
        let prepare = format!("echo $$ > {}/cgroup.procs", throttle.0.display());
        return run_inside(
            &mut Command::new("sh"),
            &prepare,
            "a_generator_that_is_kept_from_running",
            &server.address.to_string(),
        );
    };
    let mut plan = plan_for(address.parse().unwrap(), 1);
    plan.connections = 8;
    plan.requests = None;
    plan.duration = Some(Duration::from_secs(3));
    let report = run(&plan);
    assert!(report.counts.succeeded > 0, "{:?}", report.failures);
    let verdict = &report.verdict;
    let reason = verdict.reason(Detector::GeneratorStarved);
    let reason = reason.unwrap_or_else(|| panic!("{verdict:?}"));
    assert!(reason.text.contains("was throttled"), "{reason:?}");
}
