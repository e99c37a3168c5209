//! What the kernel says of the generator's surroundings: whether its threads got
//! the CPU they wanted, whether the hypervisor or a control group took it away,
//! and whether a listener of this machine turned connects away. Where the kernel
//! does not say, there is no figure.

use std::fs;
use std::path::PathBuf;

/// Nanoseconds that the calling thread was ready to run and waited for a CPU,
/// time in which its control group was throttled included
/// (`/proc/thread-self/schedstat`, second field).
pub(crate) fn thread_wait_ns() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().nth(1)?.parse().ok()
}

/// Counters of the machine, read before and after a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Snapshot {
    /// CPU time of the machine that its hypervisor gave to others, in ticks, and
    /// CPU time in all.
    steal: Option<(u64, u64)>,
    throttled_periods: Option<u64>,
    listen_overflows: Option<u64>,
}

/// What changed between two snapshots.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Surroundings {
    pub(crate) steal_share: Option<f64>,
    pub(crate) throttled_periods: Option<u64>,
    pub(crate) listen_overflows: Option<u64>,
}

impl Snapshot {
    pub(crate) fn take() -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        Self {
            steal: read("/proc/stat").and_then(|text| steal(&text)),
            throttled_periods: throttled_periods(),
            // Of this network namespace: all listeners that loopback can reach.
            listen_overflows: read("/proc/self/net/netstat")
                .and_then(|text| tcp_ext(&text, "ListenOverflows")),
        }
    }

    /// What has changed since.
    pub(crate) fn until(&self, later: &Self) -> Surroundings {
        let grown = |before: Option<u64>, after: Option<u64>| Some(after?.saturating_sub(before?));
        let steal_share = self.steal.zip(later.steal).and_then(|(before, after)| {
            let all = after.1.saturating_sub(before.1);
            (all > 0).then(|| after.0.saturating_sub(before.0) as f64 / all as f64)
        });
        Surroundings {
            steal_share,
            throttled_periods: grown(self.throttled_periods, later.throttled_periods),
            listen_overflows: grown(self.listen_overflows, later.listen_overflows),
        }
    }
}

/// Stolen and total ticks of the line `cpu` of `/proc/stat` (proc(5): user, nice,
/// system, idle, iowait, irq, softirq, steal; what follows is contained in user).
fn steal(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|field| field.parse().ok())
        .collect();
    Some((*ticks.get(7)?, ticks.iter().sum()))
}

/// A counter of `TcpExt` in `/proc/net/netstat`: a line of names, then one of values.
fn tcp_ext(netstat: &str, name: &str) -> Option<u64> {
    let mut lines = netstat.lines().filter(|line| line.starts_with("TcpExt:"));
    let column = lines.next()?.split_whitespace().position(|n| n == name)?;
    lines.next()?.split_whitespace().nth(column)?.parse().ok()
}

/// How often the control groups of this process were throttled, summed from its
/// own group up to the root.
fn throttled_periods() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut found = None;
    for folder in groups.lines().filter_map(cpu_group) {
        let root = folder.root;
        let mut group = root.join(folder.path.trim_start_matches('/'));
        while group.starts_with(&root) {
            if let Ok(text) = fs::read_to_string(group.join("cpu.stat"))
                && let Some(periods) = throttled(&text)
            {
                *found.get_or_insert(0) += periods;
            }
            if !group.pop() {
                break;
            }
        }
    }
    found
}

/// A hierarchy with a CPU controller, and this process's place in it.
#[derive(Debug, PartialEq)]
struct CpuGroup<'a> {
    root: PathBuf,
    path: &'a str,
}

/// Reads a line of `/proc/self/cgroup` (cgroups(7)): `0::/path` of version 2, or
/// `4:cpu,cpuacct:/path` of version 1.
fn cpu_group(line: &str) -> Option<CpuGroup<'_>> {
    let mut fields = line.splitn(3, ':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let root = if controllers.is_empty() {
        "/sys/fs/cgroup"
    } else if controllers.split(',').any(|name| name == "cpu") {
        "/sys/fs/cgroup/cpu"
    } else {
        return None;
    };
    Some(CpuGroup {
        root: PathBuf::from(root),
        path,
    })
}

fn throttled(cpu_stat: &str) -> Option<u64> {
    let line = cpu_stat
        .lines()
        .find_map(|l| l.strip_prefix("nr_throttled "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let stat = "cpu  10 0 20 60 0 1 2 7 5 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(steal(stat), Some((7, 100)));
        let netstat = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 22 3\nIpExt: A\nIpExt: 4\n";
        assert_eq!(tcp_ext(netstat, "ListenOverflows"), Some(22));
        assert_eq!(tcp_ext(netstat, "Nothing"), None);
        assert_eq!(throttled("nr_periods 5\nnr_throttled 3\n"), Some(3));
        let group = cpu_group("4:cpu,cpuacct:/a/b").unwrap();
        assert_eq!(
            (group.root.to_str(), group.path),
            (Some("/sys/fs/cgroup/cpu"), "/a/b")
        );
        assert_eq!(cpu_group("0::/").unwrap().path, "/");
        assert_eq!(cpu_group("3:memory:/x"), None);
    }

    #[test]
    fn this_machine_says_something() {
        let before = Snapshot::take();
        let changed = before.until(&Snapshot::take());
        assert!(changed.listen_overflows.is_some());
        assert!(
            changed
                .steal_share
                .is_none_or(|share| (0.0..=1.0).contains(&share))
        );
        assert!(thread_wait_ns().is_some());
    }
}
