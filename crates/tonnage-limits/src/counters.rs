//! The counters of a control group, of either version, read as often as one likes
//! from files that stay open.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What a group used so far. `None` where the kernel does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// CPU time, user and system, in microseconds.
    pub cpu_us: Option<u64>,
    /// Periods of the CPU quota that had work in them.
    pub periods: Option<u64>,
    /// Periods in which the quota was used up.
    pub throttled_periods: Option<u64>,
    /// Time that its threads were kept waiting by the quota, in microseconds, over
    /// all CPUs.
    pub throttled_us: Option<u64>,
    /// Time in which some of its threads waited for a CPU, throttling included, in
    /// microseconds (pressure stall information, `some`).
    pub cpu_pressure_us: Option<u64>,
    /// Time in which some of its threads waited for memory, in microseconds.
    pub memory_pressure_us: Option<u64>,
    /// Memory charged to it now, in bytes.
    pub memory_bytes: Option<u64>,
    /// Most memory charged to it at once, in bytes.
    pub memory_peak_bytes: Option<u64>,
    /// Processes of it that the kernel killed for want of memory.
    pub oom_kills: Option<u64>,
    /// Times that its memory limit was hit and pages had to be reclaimed. Linux
    /// 6.18 counts none on version 1 where the machine has swap.
    pub memory_limit_hits: Option<u64>,
}

/// Which files a group's counters are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// A group's folder in each hierarchy; in version 2 all are one.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    pub(crate) version: Version,
    pub(crate) cpu: Option<PathBuf>,
    pub(crate) cpuacct: Option<PathBuf>,
    pub(crate) cpuset: Option<PathBuf>,
    pub(crate) memory: Option<PathBuf>,
    pub(crate) pids: Option<PathBuf>,
    /// Version 2's, beside version 1 too: it has pressure and `cgroup.kill`.
    pub(crate) unified: Option<PathBuf>,
}

impl Folders {
    /// Nowhere.
    pub(crate) fn none(version: Version) -> Self {
        Self {
            version,
            cpu: None,
            cpuacct: None,
            cpuset: None,
            memory: None,
            pids: None,
            unified: None,
        }
    }

    /// Everything in one folder of version 2.
    pub(crate) fn all_in(folder: &Path) -> Self {
        let every = || Some(folder.to_owned());
        Self {
            version: Version::V2,
            cpu: every(),
            cpuacct: every(),
            cpuset: every(),
            memory: every(),
            pids: every(),
            unified: every(),
        }
    }

    /// Each folder once; version 2's comes first, since it kills best.
    pub(crate) fn all(&self) -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = Vec::new();
        let folders = [
            &self.unified,
            &self.memory,
            &self.cpuacct,
            &self.cpu,
            &self.cpuset,
            &self.pids,
        ];
        for folder in folders.into_iter().flatten() {
            if !all.contains(folder) {
                all.push(folder.clone());
            }
        }
        all
    }
}

/// Open files with a group's counters. They stay readable until the group is
/// removed.
#[derive(Debug)]
pub(crate) struct CounterFiles {
    version: Version,
    cpu_used: Option<File>,
    cpu_stat: Option<File>,
    cpu_pressure: Option<File>,
    memory_pressure: Option<File>,
    memory_now: Option<File>,
    memory_peak: Option<File>,
    memory_events: Option<File>,
    memory_hits: [Option<File>; 2],
    /// Not kept open: version 1 makes a list once, and gives that to whoever reads
    /// the same open file again within a second (`cgroup_pidlist_start`).
    members: Option<PathBuf>,
}

impl CounterFiles {
    /// Opens what is there.
    pub(crate) fn open(folders: &Folders) -> Self {
        let open =
            |folder: &Option<PathBuf>, name: &str| File::open(folder.as_ref()?.join(name)).ok();
        let is_v1 = folders.version == Version::V1;
        let name = |v1, v2| if is_v1 { v1 } else { v2 };
        Self {
            version: folders.version,
            cpu_used: open(&folders.cpuacct, "cpuacct.usage"),
            cpu_stat: open(&folders.cpu, "cpu.stat"),
            cpu_pressure: open(&folders.unified, "cpu.pressure"),
            memory_pressure: open(&folders.unified, "memory.pressure"),
            memory_now: open(
                &folders.memory,
                name("memory.usage_in_bytes", "memory.current"),
            ),
            memory_peak: open(
                &folders.memory,
                name("memory.max_usage_in_bytes", "memory.peak"),
            ),
            memory_events: open(&folders.memory, name("memory.oom_control", "memory.events")),
            // Where both limits are equal it is the one with swap that is hit, since
            // the kernel charges it first.
            memory_hits: if is_v1 {
                ["memory.failcnt", "memory.memsw.failcnt"].map(|name| open(&folders.memory, name))
            } else {
                [None, None]
            },
            members: folders
                .all()
                .first()
                .map(|folder| folder.join("cgroup.procs")),
        }
    }

    /// Reads everything.
    pub(crate) fn read(&self) -> Counters {
        let stat = text(self.cpu_stat.as_ref());
        let events = text(self.memory_events.as_ref());
        let stat = |key| stat.as_deref().and_then(|text| field(text, key));
        let event = |key| events.as_deref().and_then(|text| field(text, key));
        let (cpu_us, throttled_us, hits) = match self.version {
            Version::V1 => {
                let hits = self
                    .memory_hits
                    .each_ref()
                    .map(|file| number(file.as_ref()));
                (
                    number(self.cpu_used.as_ref()).map(|ns| ns / 1000),
                    stat("throttled_time").map(|ns| ns / 1000),
                    hits[0].map(|hits_without_swap| hits_without_swap + hits[1].unwrap_or(0)),
                )
            }
            Version::V2 => (stat("usage_usec"), stat("throttled_usec"), event("max")),
        };
        Counters {
            cpu_us,
            periods: stat("nr_periods"),
            throttled_periods: stat("nr_throttled"),
            throttled_us,
            cpu_pressure_us: pressure(self.cpu_pressure.as_ref()),
            memory_pressure_us: pressure(self.memory_pressure.as_ref()),
            memory_bytes: number(self.memory_now.as_ref()),
            memory_peak_bytes: number(self.memory_peak.as_ref()),
            oom_kills: event("oom_kill"),
            memory_limit_hits: hits,
        }
    }

    /// The numbers of its processes; `None` where there is no group, and nobody in one
    /// that is gone.
    pub(crate) fn members(&self) -> Option<Vec<u32>> {
        let text = std::fs::read_to_string(self.members.as_ref()?).unwrap_or_default();
        let mut pids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        pids.sort_unstable();
        pids.dedup();
        Some(pids)
    }
}

/// Reads a file from its beginning; one of the kernel is made anew for each read
/// there.
fn text(file: Option<&File>) -> Option<String> {
    let file = file?;
    let mut bytes = vec![0; 4096];
    let mut length = 0;
    loop {
        match file.read_at(&mut bytes[length..], length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
        if length == bytes.len() {
            bytes.resize(2 * length, 0);
        }
    }
    bytes.truncate(length);
    String::from_utf8(bytes).ok()
}

fn number(file: Option<&File>) -> Option<u64> {
    text(file)?.trim().parse().ok()
}

/// The value behind a key in lines of `key value`.
pub(crate) fn field(text: &str, key: &str) -> Option<u64> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == key)
        .and_then(|(_, value)| value.trim().parse().ok())
}

/// The total of the line `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`.
fn pressure(file: Option<&File>) -> Option<u64> {
    let text = text(file)?;
    let some = text.lines().find(|line| line.starts_with("some "))?;
    some.rsplit_once("total=")?.1.trim().parse().ok()
}

/// The numbers of the processes in a group's folder.
pub(crate) fn members_of(folder: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn version_1_counts_nanoseconds_and_both_limits() {
        let home = tempfile::tempdir().unwrap();
        let folder = Some(home.path().to_owned());
        for (name, text) in [
            ("cpuacct.usage", "92042999\n"),
            (
                "cpu.stat",
                "nr_periods 9\nnr_throttled 8\nthrottled_time 718388849\n",
            ),
            ("memory.usage_in_bytes", "4096\n"),
            ("memory.max_usage_in_bytes", "12288\n"),
            (
                "memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
            ),
            ("memory.failcnt", "2\n"),
            ("memory.memsw.failcnt", "2613\n"),
            (
                "cpu.pressure",
                "some avg10=1.00 avg60=0.00 avg300=0.00 total=718552\nfull avg10=0 total=5\n",
            ),
            ("cgroup.procs", "30\n4\n30\n"),
        ] {
            fs::write(home.path().join(name), text).unwrap();
        }
        let files = CounterFiles::open(&Folders {
            cpu: folder.clone(),
            cpuacct: folder.clone(),
            memory: folder.clone(),
            unified: folder,
            ..Folders::none(Version::V1)
        });
        let counters = files.read();
        assert_eq!(
            counters,
            Counters {
                cpu_us: Some(92_042),
                periods: Some(9),
                throttled_periods: Some(8),
                throttled_us: Some(718_388),
                cpu_pressure_us: Some(718_552),
                memory_pressure_us: None,
                memory_bytes: Some(4096),
                memory_peak_bytes: Some(12_288),
                oom_kills: Some(1),
                memory_limit_hits: Some(2615),
            }
        );
        assert_eq!(files.members().unwrap(), [4, 30]);
        // The files stay open and are read anew.
        fs::write(home.path().join("cpuacct.usage"), "93000000\n").unwrap();
        assert_eq!(files.read().cpu_us, Some(93_000));
    }

    #[test]
    fn without_a_group_nothing_is_known() {
        let files = CounterFiles::open(&Folders::none(Version::V1));
        assert_eq!(files.read(), Counters::default());
        assert_eq!(files.members(), None);
    }

    #[test]
    fn many_members_are_all_read() {
        let home = tempfile::tempdir().unwrap();
        let pids: Vec<u32> = (100_000..105_000).collect();
        let lines: Vec<_> = pids.iter().map(u32::to_string).collect();
        fs::write(home.path().join("cgroup.procs"), lines.join("\n")).unwrap();
        let files = CounterFiles::open(&Folders {
            unified: Some(home.path().to_owned()),
            ..Folders::none(Version::V2)
        });
        assert_eq!(files.members().unwrap(), pids);
    }
}
