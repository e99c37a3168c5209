//! Why a cell is as slow as it is, and the counter that says so. The rules are in
//! `causes/rules.rs`, one for each cause; what they look at is in `causes/seen.rs`.

mod cpus;
mod rules;
mod seen;

use tonnage_model::{RunRecord, Study};

pub(crate) use cpus::available_cpus;
pub(crate) use seen::{has_think_time, has_upstream};

use crate::analysis::Facts;
use crate::cells::CellView;

/// What limits a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The kernel killed processes for want of memory.
    MemoryKilled,
    /// The generator, not the server, was at its limit.
    GeneratorBound,
    /// The CPU quota was used up.
    Throttled,
    /// The load asked for no more: users think, or arrivals come by a schedule.
    OfferedLoad,
    /// Threads of one interpreter wait for each other.
    GilBound,
    /// Starting processes takes the CPU time.
    SpawnBound,
    /// All CPUs that it may use are busy.
    CpuBound,
    /// Its threads wait for a CPU although it does not use all that it may: others have
    /// them, or its threads want them at the same moments.
    CpuContended,
    /// Requests wait for a free worker or thread while CPUs are idle.
    WorkersStarved,
    /// Requests wait for the service behind.
    UpstreamBound,
    /// One worker has much more to do than the others.
    UnevenlyLoaded,
    /// Opening connections takes the time, or fails.
    ConnectionBound,
    /// Pages have to be reclaimed before memory can be had.
    MemoryReclaim,
    /// The hypervisor gave the CPUs to others.
    Steal,
    /// It was still changing while it was measured.
    NotSteady,
}

impl Cause {
    /// The name used in tables and in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::MemoryKilled => "memory-killed",
            Self::GeneratorBound => "generator-bound",
            Self::Throttled => "throttled",
            Self::OfferedLoad => "offered load",
            Self::GilBound => "GIL-bound",
            Self::SpawnBound => "spawn-bound",
            Self::CpuBound => "CPU-bound",
            Self::CpuContended => "CPU-contended",
            Self::WorkersStarved => "workers starved",
            Self::UpstreamBound => "upstream-bound",
            Self::UnevenlyLoaded => "unevenly loaded",
            Self::ConnectionBound => "connection-bound",
            Self::MemoryReclaim => "memory reclaim",
            Self::Steal => "steal",
            Self::NotSteady => "not steady",
        }
    }
}

/// A cause, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// The counter that says so: `throttled in 93 % of periods, 11.2 s of 20.0 s`.
    pub text: String,
}

/// Everything that limits a cell, main cause first: what makes a figure no figure of
/// this server comes before what the server lacks, and what explains idle CPUs before
/// what merely accompanies it. The order is that of [`Cause`].
pub fn causes(view: &CellView<'_>, run: &RunRecord, study: &Study, facts: &Facts) -> Vec<Finding> {
    let Some(seen) = seen::Seen::of(view, run, study, facts) else {
        return Vec::new();
    };
    let mut found: Vec<Finding> = rules::RULES
        .iter()
        .filter_map(|(cause, rule)| {
            Some(Finding {
                cause: *cause,
                text: rule(&seen)?,
            })
        })
        .collect();
    found.sort_by_key(|finding| finding.cause);
    found
}

#[cfg(test)]
mod tests;
