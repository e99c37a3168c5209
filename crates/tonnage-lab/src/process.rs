//! Facts about processes from `/proc`, and signals to them.

use std::fs;

use rustix::process::{Pid, Signal};

/// A process, told apart from a later one with the same number by when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct ProcessId {
    pub(crate) pid: u32,
    /// Clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub(crate) start_ticks: u64,
}

/// A process as the kernel shows it.
#[derive(Debug, Clone)]
pub(crate) struct ProcessInfo {
    pub(crate) id: ProcessId,
    pub(crate) name: String,
    pub(crate) parent: u32,
    pub(crate) session: u32,
    /// Ended, but not yet waited for by its parent.
    pub(crate) is_zombie: bool,
}

impl ProcessId {
    /// The calling process.
    pub(crate) fn own() -> Self {
        Self::of(std::process::id()).unwrap_or(Self {
            pid: std::process::id(),
            start_ticks: 0,
        })
    }

    /// The process that has the number now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        ProcessInfo::of(pid).map(|info| info.id)
    }

    /// Whether just this process is still there (a zombie is not).
    pub(crate) fn is_alive(self) -> bool {
        ProcessInfo::of(self.pid).is_some_and(|info| info.id == self && !info.is_zombie)
    }

    /// Sends a signal, unless the process is gone.
    pub(crate) fn signal(self, signal: Signal) {
        if !self.is_alive() {
            return;
        }
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            // It may end between the look and the signal; then all is well.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

impl ProcessInfo {
    pub(crate) fn of(pid: u32) -> Option<Self> {
        parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Every process that this one may see.
    pub(crate) fn all() -> Vec<Self> {
        fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(Self::of)
            .collect()
    }

    /// Whether the process was started with this variable in its environment.
    pub(crate) fn has_variable(&self, assignment: &str) -> bool {
        fs::read(format!("/proc/{}/environ", self.id.pid)).is_ok_and(|environ| {
            environ
                .split(|&b| b == 0)
                .any(|entry| entry == assignment.as_bytes())
        })
    }
}

/// One line of `/proc/PID/stat`; the name in parentheses may hold anything.
fn parse_stat(pid: u32, stat: &str) -> Option<ProcessInfo> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    Some(ProcessInfo {
        id: ProcessId {
            pid,
            start_ticks: fields.get(19)?.parse().ok()?,
        },
        name: name.to_owned(),
        is_zombie: *fields.first()? == "Z",
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_blanks_and_parentheses() {
        let stat = "77 (a) b (c)) S 12 77 34 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3";
        let info = parse_stat(77, stat).unwrap();
        assert_eq!((info.parent, info.session), (12, 34));
        assert_eq!(info.id.start_ticks, 98_765);
        assert_eq!(info.name, "a) b (c)");
        assert!(!info.is_zombie);
    }

    #[test]
    fn this_process_is_alive_and_its_number_with_another_start_is_not() {
        let own = ProcessId::own();
        assert!(own.is_alive());
        let other = ProcessId {
            start_ticks: own.start_ticks + 1,
            ..own
        };
        assert!(!other.is_alive());
    }
}
