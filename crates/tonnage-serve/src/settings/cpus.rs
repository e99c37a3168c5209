//! How many CPUs this process may use: those that its affinity leaves it, and what the
//! quotas of its control groups allow, of both versions. `--workers auto` goes by it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// What bounds the CPUs of a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cpus {
    /// CPUs that it may run on.
    pub affinity: u32,
    /// CPUs' worth of time that it may use, where that is bounded.
    pub quota: Option<f64>,
}

impl Cpus {
    /// What bounds this process now.
    pub fn of_this_process() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let files = |path: &Path| fs::read_to_string(path).ok();
        Self {
            affinity: affinity(),
            quota: quota(&groups, Path::new(MOUNT), files),
        }
    }

    /// How many processes can compute at once: a part of a CPU counts as one, since it
    /// would be left unused otherwise. At least one.
    pub fn usable(&self) -> u32 {
        let quota = self.quota.map_or(u32::MAX, |quota| quota.ceil() as u32);
        self.affinity.min(quota).max(1)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.affinity == 1 { "" } else { "s" };
        write!(f, "the affinity allows {} CPU{plural}, ", self.affinity)?;
        match self.quota {
            Some(quota) => write!(f, "the quota {quota:.2}"),
            None => f.write_str("and there is no quota"),
        }
    }
}

fn affinity() -> u32 {
    rustix::thread::sched_getaffinity(None).map_or_else(
        // More CPUs than the set has places for.
        |_| std::thread::available_parallelism().map_or(1, |number| number.get() as u32),
        |set| set.count(),
    )
}

/// The tightest quota, in CPUs, of the groups that `/proc/self/cgroup` names and of those
/// around them. In a container the named folder may be missing, and the mount's own counts.
fn quota(groups: &str, mount: &Path, read: impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let mut tightest: Option<f64> = None;
    for line in groups.lines() {
        let Some((controllers, path)) = line
            .split_once(':')
            .and_then(|(_, rest)| rest.split_once(':'))
        else {
            continue;
        };
        let of_folder = if controllers.is_empty() {
            quota_v2
        } else if controllers.split(',').any(|name| name == "cpu") {
            quota_v1
        } else {
            continue;
        };
        for root in roots(mount, controllers) {
            let own = root.join(path.trim_start_matches('/'));
            let around = own
                .ancestors()
                .take_while(|folder| folder.starts_with(&root));
            for quota in around.filter_map(|folder| of_folder(folder, &read)) {
                tightest = Some(tightest.map_or(quota, |before| before.min(quota)));
            }
        }
    }
    tightest
}

/// Where a hierarchy may be mounted.
fn roots(mount: &Path, controllers: &str) -> Vec<PathBuf> {
    if controllers.is_empty() {
        vec![mount.to_owned(), mount.join("unified")]
    } else {
        vec![mount.join("cpu"), mount.join(controllers)]
    }
}

/// `cpu.max`: microseconds in a period, or `max`, and the period.
fn quota_v2(folder: &Path, read: &impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let text = read(&folder.join("cpu.max"))?;
    let (quota, period) = text.trim().split_once(' ')?;
    share(quota.parse().ok()?, period.parse().ok()?)
}

/// The same in two files; -1 is no bound.
fn quota_v1(folder: &Path, read: &impl Fn(&Path) -> Option<String>) -> Option<f64> {
    let number = |name| read(&folder.join(name))?.trim().parse::<f64>().ok();
    share(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
}

fn share(quota_us: f64, period_us: f64) -> Option<f64> {
    (quota_us > 0.0 && period_us > 0.0).then(|| quota_us / period_us)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn found(groups: &str, files: &[(&str, &str)]) -> Option<f64> {
        let files: BTreeMap<PathBuf, String> = files
            .iter()
            .map(|(path, text)| (Path::new("/cg").join(path), (*text).to_owned()))
            .collect();
        quota(groups, Path::new("/cg"), |path| files.get(path).cloned())
    }

    #[test]
    fn the_tightest_group_counts_in_both_versions() {
        let v2 = [
            ("a/b/cpu.max", "max 100000\n"),
            ("a/cpu.max", "150000 100000\n"),
            ("cpu.max", "400000 100000\n"),
        ];
        assert_eq!(found("0::/a/b\n", &v2), Some(1.5));
        let v1 = [
            ("cpu/x/cpu.cfs_quota_us", "-1\n"),
            ("cpu/x/cpu.cfs_period_us", "100000\n"),
            ("cpu/cpu.cfs_quota_us", "50000\n"),
            ("cpu/cpu.cfs_period_us", "100000\n"),
        ];
        assert_eq!(found("4:memory:/x\n2:cpu,cpuacct:/x\n", &v1), Some(0.5));
    }

    #[test]
    fn in_a_container_the_mount_itself_counts() {
        let own = [("cpu.max", "200000 100000\n")];
        assert_eq!(found("0::/docker/0a1b\n", &own), Some(2.0));
    }

    #[test]
    fn without_bounds_there_is_no_quota() {
        for text in [
            "",
            "nonsense",
            "0::/a\n",
            "3:cpuset:/a\n2:cpuacct:/a\n",
            "0::/../..\n",
        ] {
            assert_eq!(
                found(text, &[("a/cpu.max", "max 100000\n")]),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn a_part_of_a_cpu_is_one_and_there_is_always_one() {
        let usable = |affinity, quota| Cpus { affinity, quota }.usable();
        assert_eq!(usable(8, Some(1.5)), 2);
        assert_eq!(usable(8, Some(0.2)), 1);
        assert_eq!(usable(2, Some(16.0)), 2);
        assert_eq!(usable(4, None), 4);
        assert_eq!(usable(0, None), 1);
        assert!(Cpus::of_this_process().usable() >= 1);
    }

    #[test]
    fn it_says_what_bounds_it() {
        let said = |affinity, quota| Cpus { affinity, quota }.to_string();
        assert_eq!(
            said(8, Some(1.5)),
            "the affinity allows 8 CPUs, the quota 1.50"
        );
        assert_eq!(
            said(1, None),
            "the affinity allows 1 CPU, and there is no quota"
        );
    }
}
