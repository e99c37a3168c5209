//! Whether this machine lets us do what some tests need: make a network namespace
//! and a control group for CPU time.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The cargo feature that adds those tests.
pub(crate) const FEATURE: &str = "tonnage-load/privileged-tests";

/// What those tests are about.
pub(crate) const PURPOSE: &str = "a throttled generator and exhausted ports";

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
