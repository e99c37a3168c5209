//! What the kernel says of running processes: who descends from whom, CPU time, memory
//! and open sockets.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// `USER_HZ`, which is 100 on every architecture that Tonnage runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process and all that descend from it, itself first. Those that end meanwhile are
/// left out.
pub(super) fn tree(root: u32) -> anyhow::Result<Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(pid) = pid
            && let Ok(fields) = stat(pid)
            && let Some(parent) = fields.get(1).and_then(|parent| parent.parse().ok())
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        found.extend(children.get(pid).into_iter().flatten());
        at += 1;
    }
    Ok(found)
}

/// CPU seconds of some processes together: `utime` and `stime`, fields 14 and 15.
pub(super) fn cpu_seconds(pids: &[u32]) -> anyhow::Result<f64> {
    pids.iter().map(|pid| seconds_of(*pid, 14)).sum()
}

/// CPU seconds of all children of this process that were waited for: `cutime` and
/// `cstime`, fields 16 and 17.
pub(super) fn waited_cpu_seconds() -> anyhow::Result<f64> {
    seconds_of(std::process::id(), 16)
}

/// Two neighbouring fields of `/proc/PID/stat` that are ticks, by proc(5)'s numbers.
fn seconds_of(pid: u32, first: usize) -> anyhow::Result<f64> {
    let fields = stat(pid)?;
    // What follows the name begins with field 3.
    let ticks = fields.get(first - 3..first - 1).context("a short stat")?;
    Ok((ticks[0].parse::<f64>()? + ticks[1].parse::<f64>()?) / TICKS_PER_SECOND)
}

/// What follows the name in `/proc/PID/stat`.
fn stat(pid: u32) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(')').context("a stat without a name")?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

/// The proportional set size: pages that several processes have count in parts.
pub(super) fn pss_kib(pid: u32) -> anyhow::Result<f64> {
    kib(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// The resident set.
pub(super) fn rss_kib(pid: u32) -> anyhow::Result<f64> {
    kib(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// The most that the resident set ever was.
pub(super) fn peak_rss_kib(pid: u32) -> anyhow::Result<f64> {
    kib(&format!("/proc/{pid}/status"), "VmHWM:")
}

fn kib(file: &str, key: &str) -> anyhow::Result<f64> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let words = line.with_context(|| format!("{file} has no {key}"))?;
    let number = words.split_whitespace().next().context("no number")?;
    Ok(number.parse()?)
}

/// How many sockets a process has open.
pub(super) fn sockets(pid: u32) -> anyhow::Result<usize> {
    let links = fs::read_dir(format!("/proc/{pid}/fd"))?.flatten();
    let targets = links.filter_map(|entry| fs::read_link(entry.path()).ok());
    Ok(targets
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count())
}

/// Waits until a process has as few sockets as before, or as many as it should have.
pub(super) fn await_sockets(pid: u32, right: impl Fn(usize) -> bool) -> anyhow::Result<()> {
    const TIMEOUT: Duration = Duration::from_secs(30);
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let count = sockets(pid)?;
        if right(count) {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "process {pid} has {count} sockets after {TIMEOUT:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_is_found_below_its_parent() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pids = tree(std::process::id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(pids[0], std::process::id());
        assert!(pids.contains(&child.id()));
    }

    #[test]
    fn this_process_has_memory_sockets_and_used_cpu() {
        let pid = std::process::id();
        let pss_kib = pss_kib(pid).unwrap();
        assert!(pss_kib > 100.0 && pss_kib <= peak_rss_kib(pid).unwrap());
        assert!(rss_kib(pid).unwrap() > 100.0);
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        await_sockets(pid, |count| count >= 1).unwrap();
        let start = Instant::now();
        while cpu_seconds(&[pid]).unwrap() < 0.02 {
            assert!(start.elapsed() < Duration::from_secs(30));
        }
    }
}
