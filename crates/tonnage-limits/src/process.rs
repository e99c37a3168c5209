//! What `/proc` says of single processes: CPU time, threads, context switches and
//! memory; and of the machine, the CPU time that its hypervisor kept (proc(5)).

use std::fs;
use std::path::Path;

/// A look at one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessLook {
    pub(crate) pid: u32,
    /// Clock ticks from boot to its start; tells apart two with one number.
    pub(crate) start_ticks: u64,
    pub(crate) name: String,
    /// User and system, in microseconds; the kernel tells it in ticks of 10 ms.
    pub(crate) cpu_us: u64,
    /// That of its children that it has waited for.
    pub(crate) children_us: u64,
    pub(crate) threads: u32,
}

impl ProcessLook {
    /// Looks; `None` where the process is gone.
    pub(crate) fn of(proc: &Path, pid: u32) -> Option<Self> {
        let stat = fs::read(proc.join(pid.to_string()).join("stat")).ok()?;
        parse_stat(pid, &String::from_utf8_lossy(&stat), tick_us())
    }
}

/// A clock tick, in microseconds.
fn tick_us() -> u64 {
    1_000_000 / rustix::param::clock_ticks_per_second()
}

/// One line of `/proc/PID/stat`; the name in parentheses may hold anything.
fn parse_stat(pid: u32, stat: &str, tick_us: u64) -> Option<ProcessLook> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    // The first of them is field 3, the state.
    let fields: Vec<&str> = after.split_whitespace().collect();
    let number = |field: usize| -> Option<u64> { fields.get(field - 3)?.parse().ok() };
    Some(ProcessLook {
        pid,
        name: name.to_owned(),
        cpu_us: (number(14)? + number(15)?) * tick_us,
        children_us: (number(16)? + number(17)?) * tick_us,
        threads: u32::try_from(number(20)?).ok()?,
        start_ticks: number(22)?,
    })
}

/// Context switches of a thread so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    pub(crate) voluntary: u64,
    pub(crate) involuntary: u64,
}

/// Each thread of a process with its number and switches; those that ended are lost.
pub(crate) fn switches(proc: &Path, pid: u32) -> Vec<(u32, Switches)> {
    fs::read_dir(proc.join(pid.to_string()).join("task"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|task| {
            let number = task.file_name().to_str()?.parse().ok()?;
            let status = fs::read_to_string(task.path().join("status")).ok()?;
            Some((number, parse_switches(&status)?))
        })
        .collect()
}

fn parse_switches(status: &str) -> Option<Switches> {
    let value = |key: &str| -> Option<u64> {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
    };
    Some(Switches {
        voluntary: value("voluntary_ctxt_switches:")?,
        involuntary: value("nonvoluntary_ctxt_switches:")?,
    })
}

/// Its share of the memory that it has, in bytes: a page that four processes share
/// counts a quarter. The kernel walks its page tables for this.
pub(crate) fn pss_bytes(proc: &Path, pid: u32) -> Option<u64> {
    let file = proc.join(pid.to_string()).join("smaps_rollup");
    parse_pss(&fs::read_to_string(file).ok()?)
}

fn parse_pss(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The machine's CPU time so far, in clock ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MachineTime {
    /// What the hypervisor gave to others while we wanted it.
    steal: u64,
    total: u64,
}

impl MachineTime {
    pub(crate) fn read(proc: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(proc.join("stat")).ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        // User, nice, system, idle, waiting, interrupts (2), stolen; what follows is
        // in the first two already.
        let fields: Vec<u64> = line
            .split_whitespace()
            .take(8)
            .map_while(|field| field.parse().ok())
            .collect();
        Some(Self {
            steal: *fields.get(7)?,
            total: fields.iter().sum(),
        })
    }

    /// The stolen share since an earlier look, 0 to 1.
    pub(crate) fn steal_share_since(self, earlier: Self) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|t| *t > 0)?;
        Some(self.steal.saturating_sub(earlier.steal) as f64 / total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read() {
        let stat = "77 (a) b (c)) S 12 77 34 0 -1 4194560 1 2 3 4 50 6 7 8 20 0 11 0 98765 1 2 3";
        let look = parse_stat(77, stat, 10_000).unwrap();
        assert_eq!(
            look,
            ProcessLook {
                pid: 77,
                start_ticks: 98_765,
                name: "a) b (c)".to_owned(),
                cpu_us: 560_000,
                children_us: 150_000,
                threads: 11,
            }
        );
    }

    #[test]
    fn switches_are_told_apart() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t545\n";
        let switches = parse_switches(status).unwrap();
        assert_eq!((switches.voluntary, switches.involuntary), (150, 545));
    }

    #[test]
    fn pss_is_not_its_parts() {
        let rollup = "55d0-7ffd ---p 00000000 00:00 0    [rollup]\nRss:                9644 kB\nPss:                2010 kB\nPss_Dirty:           712 kB\n";
        assert_eq!(parse_pss(rollup), Some(2010 * 1024));
        assert_eq!(parse_pss(""), None);
    }

    #[test]
    fn this_process_is_there() {
        let proc = Path::new("/proc");
        let own = std::process::id();
        let look = ProcessLook::of(proc, own).unwrap();
        assert!(look.threads >= 1 && look.start_ticks > 0);
        assert!(switches(proc, own).iter().any(|(thread, _)| *thread == own));
        assert!(pss_bytes(proc, own).unwrap() > 4096);
        assert!(MachineTime::read(proc).is_some());
        assert_eq!(ProcessLook::of(proc, u32::MAX), None);
    }

    #[test]
    fn steal_is_a_share_of_all_time() {
        let time = |stat| MachineTime::parse(stat).unwrap();
        let earlier = time("cpu  100 0 0 100 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
        let later = time("cpu  140 0 0 150 0 0 0 10 999 0\n");
        assert_eq!(later.steal_share_since(earlier), Some(0.1));
        assert_eq!(earlier.steal_share_since(earlier), None);
    }
}
