//! Whether this machine lets us do what some tests need: make a network namespace
//! and a control group for CPU time.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The cargo features that add those tests.
pub(crate) const FEATURES: [&str; 3] = [
    "tonnage-load/privileged-tests",
    "tonnage-limits/privileged-tests",
    "tonnage/limits-tests",
];

/// What those tests are about.
pub(crate) const PURPOSE: &str =
    "a throttled generator, exhausted ports, control groups, servers under limits";

/// What is missing for them; `None` where nothing is.
pub(crate) fn missing() -> Option<&'static str> {
    if !can_make_network() {
        Some("needs root, and `unshare` and `ip` on PATH")
    } else if !can_limit_cpu() {
        Some("needs a CPU control group that can be written below /sys/fs/cgroup")
    } else {
        None
    }
}

/// What is missing for tests of containers, where podman is installed; `None` where
/// nothing is.
pub(crate) fn missing_for_containers() -> Option<&'static str> {
    let engine_answers = || {
        Command::new("podman")
            .arg("info")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if let Some(missing) = missing() {
        Some(missing)
    } else if !engine_answers() {
        Some("`podman info` fails here")
    } else {
        None
    }
}

fn can_make_network() -> bool {
    Command::new("unshare")
        .args(["--net", "--", "ip", "link", "set", "lo", "up"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Makes a group as the tests do, looks for its limit, and removes it.
fn can_limit_cpu() -> bool {
    let first = Path::new("/sys/fs/cgroup/cpu");
    let (root, limit) = if first.is_dir() {
        (first, "cpu.cfs_quota_us")
    } else {
        (Path::new("/sys/fs/cgroup"), "cpu.max")
    };
    let probe = root.join(format!("tonnage-probe-{}", std::process::id()));
    if fs::create_dir(&probe).is_err() {
        return false;
    }
    let has_limit = probe.join(limit).is_file();
    fs::remove_dir(&probe).is_ok() && has_limit
}
