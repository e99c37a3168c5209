//! What a server used while it was measured: counters of its control group and
//! its processes, and how memory and CPU time went over time.

use serde::{Deserialize, Serialize};

/// What a server's processes used. Unless it says otherwise, a figure is of the
/// measured window; `None` where the backend or the kernel does not tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Length of the window in microseconds, monotonic clock.
    pub window_us: u64,
    /// CPU time, user and system, in microseconds.
    pub cpu_us: u64,
    /// Periods of the CPU quota that had work in them.
    pub periods: Option<u64>,
    /// Periods in which the quota was used up.
    pub throttled_periods: Option<u64>,
    /// Time that runnable threads were kept waiting by the quota, in microseconds,
    /// over all CPUs.
    pub throttled_us: Option<u64>,
    /// Time in which some of its threads waited for a CPU, throttling included, in
    /// microseconds (PSI of the group).
    pub cpu_pressure_us: Option<u64>,
    /// Time in which some of its threads waited for memory, in microseconds.
    pub memory_pressure_us: Option<u64>,
    /// Most memory that was charged to the group at once, its whole life long, in
    /// bytes: page cache and kernel memory included.
    pub memory_peak_bytes: Option<u64>,
    /// Most memory in the window by PSS summed over its processes, in bytes: pages
    /// that several share count once.
    pub pss_peak_bytes: Option<u64>,
    /// Processes that the kernel killed for want of memory, its whole life long.
    pub oom_kills: Option<u64>,
    /// Times that the memory limit was hit and pages had to be reclaimed first, its
    /// whole life long.
    pub memory_limit_hits: Option<u64>,
    /// Processes that were there at the window's end and not at its beginning:
    /// workers that were replaced.
    pub respawned: u64,
    /// Context switches because a thread had to wait for something.
    pub voluntary_switches: Option<u64>,
    /// Context switches because a thread's time was up.
    pub involuntary_switches: Option<u64>,
    /// Share of the machine's CPU time that its hypervisor gave to others, 0 to 1.
    pub steal_share: Option<f64>,
    /// CPU time of each process that was there at the window's end.
    pub processes: Vec<ProcessUsage>,
    /// Ten times a second from start to stop.
    pub series: Vec<UsagePoint>,
}

impl Usage {
    /// CPUs used on average, 0.2 being a fifth of one.
    pub fn mean_cpus(&self) -> Option<f64> {
        (self.window_us > 0).then(|| self.cpu_us as f64 / self.window_us as f64)
    }

    /// Share of the quota's periods that were throttled, 0 to 1.
    pub fn throttled_share(&self) -> Option<f64> {
        let periods = self.periods.filter(|periods| *periods > 0)?;
        Some(self.throttled_periods? as f64 / periods as f64)
    }
}

/// One process of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessUsage {
    /// Its number.
    pub pid: u32,
    /// Its name, as the kernel has it.
    pub name: String,
    /// CPU time in the window, in microseconds.
    pub cpu_us: u64,
    /// Threads at the window's end.
    pub threads: u32,
}

/// A look at a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsagePoint {
    /// Microseconds since its start.
    pub at_us: u64,
    /// Memory charged to its group, in bytes.
    pub memory_bytes: Option<u64>,
    /// PSS summed over its processes, in bytes.
    pub pss_bytes: Option<u64>,
    /// CPU time so far, in microseconds.
    pub cpu_us: u64,
    /// Time throttled so far, in microseconds.
    pub throttled_us: Option<u64>,
    /// Its processes.
    pub processes: u32,
}
