//! Looks at a server at the beginning and the end of a measured window, and the
//! difference of two of them.
//!
//! Processes that are gone at the window's end are lost with their context switches,
//! and so are threads that ended. Their CPU time is in the group's counter. Without a
//! group it is in their parent's, if that one waited for them and is still there.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use tonnage_model::{ProcessUsage, Usage};

use crate::Counters;
use crate::process::{MachineTime, ProcessLook, Switches, switches};

/// A process, told apart from a later one with the same number.
type ProcessKey = (u32, u64);

/// All about a server at one moment.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) at: Instant,
    pub(crate) counters: Counters,
    pub(crate) cpu_us: u64,
    processes: HashMap<ProcessKey, ProcessLook>,
    threads: HashMap<(ProcessKey, u32), Switches>,
    machine: Option<MachineTime>,
}

/// The processes in a look.
pub(crate) struct Processes {
    looks: Vec<ProcessLook>,
    threads: HashMap<(ProcessKey, u32), Switches>,
}

impl Processes {
    pub(crate) fn look(proc: &Path, pids: &[u32]) -> Self {
        let looks: Vec<_> = pids
            .iter()
            .filter_map(|pid| ProcessLook::of(proc, *pid))
            .collect();
        let mut threads = HashMap::new();
        for look in &looks {
            let of_process = switches(proc, look.pid);
            threads.extend(
                of_process
                    .into_iter()
                    .map(|(thread, switches)| ((key(look), thread), switches)),
            );
        }
        Self { looks, threads }
    }
}

fn key(look: &ProcessLook) -> ProcessKey {
    (look.pid, look.start_ticks)
}

/// CPU time of processes and of the children that they waited for, in microseconds:
/// what is left to go by without a group.
pub(crate) fn cpu_us_of<'a>(looks: impl IntoIterator<Item = &'a ProcessLook>) -> u64 {
    looks
        .into_iter()
        .map(|look| look.cpu_us + look.children_us)
        .sum()
}

impl Look {
    /// Puts a look together; `at` is when the counters were read.
    pub(crate) fn new(at: Instant, counters: Counters, processes: Processes, proc: &Path) -> Self {
        let Processes { looks, threads } = processes;
        Self {
            at,
            cpu_us: counters.cpu_us.unwrap_or_else(|| cpu_us_of(&looks)),
            counters,
            processes: looks.into_iter().map(|look| (key(&look), look)).collect(),
            threads,
            machine: MachineTime::read(proc),
        }
    }
}

/// What was used between two looks. Figures of the group's whole life and the series
/// are for the caller to add.
pub(crate) fn between(begin: &Look, end: &Look) -> Usage {
    let since = |pick: fn(&Counters) -> Option<u64>| {
        Some(pick(&end.counters)?.saturating_sub(pick(&begin.counters)?))
    };
    let (mut voluntary, mut involuntary) = (0, 0);
    for (thread, now) in &end.threads {
        let before = begin.threads.get(thread).copied().unwrap_or_default();
        voluntary += now.voluntary.saturating_sub(before.voluntary);
        involuntary += now.involuntary.saturating_sub(before.involuntary);
    }
    let switches = |sum: u64| (!end.threads.is_empty()).then_some(sum);
    let is_new = |process: &&ProcessKey| !begin.processes.contains_key(*process);
    let mut processes: Vec<_> = end
        .processes
        .iter()
        .map(|(process, now)| {
            let before = begin.processes.get(process).map_or(0, |look| look.cpu_us);
            ProcessUsage {
                pid: now.pid,
                name: now.name.clone(),
                cpu_us: now.cpu_us.saturating_sub(before),
                threads: now.threads,
            }
        })
        .collect();
    processes.sort_by_key(|process| process.pid);
    Usage {
        window_us: end.at.duration_since(begin.at).as_micros() as u64,
        cpu_us: end.cpu_us.saturating_sub(begin.cpu_us),
        periods: since(|counters| counters.periods),
        throttled_periods: since(|counters| counters.throttled_periods),
        throttled_us: since(|counters| counters.throttled_us),
        cpu_pressure_us: since(|counters| counters.cpu_pressure_us),
        memory_pressure_us: since(|counters| counters.memory_pressure_us),
        respawned: end.processes.keys().filter(is_new).count() as u64,
        voluntary_switches: switches(voluntary),
        involuntary_switches: switches(involuntary),
        steal_share: (|| end.machine?.steal_share_since(begin.machine?))(),
        processes,
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn process(pid: u32, start_ticks: u64, cpu_us: u64) -> ProcessLook {
        ProcessLook {
            pid,
            start_ticks,
            name: format!("worker {pid}"),
            cpu_us,
            children_us: 5,
            threads: 2,
        }
    }

    fn look(
        at: Instant,
        cpu_us: Option<u64>,
        looks: Vec<ProcessLook>,
        threads: &[(ProcessKey, u32, u64)],
    ) -> Look {
        let threads = threads
            .iter()
            .map(|(process, thread, voluntary)| {
                let switches = Switches {
                    voluntary: *voluntary,
                    involuntary: 1,
                };
                ((*process, *thread), switches)
            })
            .collect();
        let counters = Counters {
            cpu_us,
            periods: cpu_us.map(|us| us / 10),
            ..Counters::default()
        };
        let nowhere = Path::new("/nowhere");
        Look::new(at, counters, Processes { looks, threads }, nowhere)
    }

    #[test]
    fn a_worker_that_was_replaced_is_new_even_with_the_same_number() {
        let start = Instant::now();
        let begin = look(
            start,
            Some(1000),
            vec![process(1, 10, 100), process(2, 20, 200)],
            &[((1, 10), 1, 7), ((2, 20), 2, 50)],
        );
        let end = look(
            start + Duration::from_secs(3),
            Some(1500),
            vec![process(1, 10, 150), process(2, 99, 30), process(3, 98, 1)],
            &[((1, 10), 1, 9), ((1, 10), 4, 3), ((2, 99), 2, 11)],
        );
        let usage = between(&begin, &end);
        assert_eq!((usage.window_us, usage.cpu_us), (3_000_000, 500));
        assert_eq!((usage.periods, usage.throttled_us), (Some(50), None));
        assert_eq!(usage.respawned, 2);
        assert_eq!(usage.voluntary_switches, Some(2 + 3 + 11));
        let cpu_us: Vec<_> = usage
            .processes
            .iter()
            .map(|process| process.cpu_us)
            .collect();
        assert_eq!(cpu_us, [50, 30, 1]);
        assert_eq!(usage.steal_share, None);
    }

    #[test]
    fn without_a_group_processes_and_their_children_are_summed() {
        let start = Instant::now();
        let begin = look(start, None, vec![process(1, 10, 100)], &[]);
        let end = look(
            start,
            None,
            vec![process(1, 10, 160), process(2, 9, 7)],
            &[],
        );
        let usage = between(&begin, &end);
        assert_eq!(usage.cpu_us, 60 + 7 + 5);
        assert_eq!((usage.periods, usage.voluntary_switches), (None, None));
    }
}
