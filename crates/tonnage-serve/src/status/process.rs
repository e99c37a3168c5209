//! What the kernel says of a worker's process: whether it runs, sleeps or was stopped, its
//! memory and its processor time.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::Pid;

/// A process at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Process {
    /// In a word.
    pub(super) state: &'static str,
    /// Memory that it has, in bytes.
    pub(super) resident_bytes: u64,
    /// Processor time that it has taken, in seconds.
    pub(super) cpu_s: f64,
    pub(super) threads: u64,
}

impl Process {
    /// `None` where it is gone.
    pub(super) fn of(pid: Pid) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// See proc(5), `/proc/pid/stat`. The name may have blanks and parentheses.
    fn parse(stat: &str) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The first of them is the third of all.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            state: state(fields.first()?),
            resident_bytes: number(24)? * page_size() as u64,
            cpu_s: (number(14)? + number(15)?) as f64 / clock_ticks_per_second() as f64,
            threads: number(20)?,
        })
    }
}

fn state(letter: &str) -> &'static str {
    match letter {
        "R" => "running",
        "S" | "I" => "sleeping",
        "D" => "waiting",
        "T" | "t" => "stopped",
        "Z" | "X" => "dead",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_known() {
        let process = Process::of(rustix::process::getpid()).unwrap();
        assert!(process.resident_bytes > 100_000 && process.threads > 0);
        assert!(["running", "sleeping"].contains(&process.state));
    }

    #[test]
    fn a_name_may_have_parentheses() {
        let stat = "7 (a) b) T 1 7 7 0 -1 0 0 0 0 0 50 25 0 0 20 0 3 0 9 0 2 0 0";
        let process = Process::parse(stat).unwrap();
        assert_eq!((process.state, process.threads), ("stopped", 3));
        assert_eq!(process.resident_bytes, 2 * page_size() as u64);
        assert!((process.cpu_s * clock_ticks_per_second() as f64 - 75.0).abs() < 1e-9);
        assert_eq!(Process::parse("7 (a"), None);
    }
}
