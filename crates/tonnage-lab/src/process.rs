//! Facts about processes from `/proc`, signals to them, and how they are started.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal};
use tonnage_limits::Joiner;
use tonnage_model::CpuSet;

use crate::LabError;

/// A process, told apart from a later one with the same number by when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct ProcessId {
    pub(crate) pid: u32,
    /// Clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub(crate) start_ticks: u64,
}

/// The process that something belongs to, recognised even after a reboot and
/// from inside another container that shares the folder.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Owner {
    process: ProcessId,
    /// The kernel's identity for the time since it was booted.
    boot_id: String,
    /// The namespace in which the number means this process.
    pid_namespace: String,
}

/// What is known of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnerState {
    /// At work, or out of sight in another namespace.
    MayBeAlive,
    /// It has ended; its processes may still be there.
    Gone,
    /// It ended with an earlier boot, and so did everything that it started.
    BeforeReboot,
}

impl Owner {
    /// The calling process.
    pub(crate) fn own() -> Self {
        Self {
            process: ProcessId::own(),
            boot_id: boot_id(),
            pid_namespace: pid_namespace(),
        }
    }

    pub(crate) fn process(&self) -> ProcessId {
        self.process
    }

    pub(crate) fn state(&self) -> OwnerState {
        if self.boot_id != boot_id() {
            OwnerState::BeforeReboot
        } else if self.pid_namespace != pid_namespace() || self.process.is_alive() {
            OwnerState::MayBeAlive
        } else {
            OwnerState::Gone
        }
    }

    /// An owner with this process's number that has ended.
    #[cfg(test)]
    pub(crate) fn gone() -> Self {
        let mut owner = Self::own();
        owner.process.start_ticks += 1;
        owner
    }

    /// An owner from before the last boot.
    #[cfg(test)]
    pub(crate) fn before_reboot() -> Self {
        Self {
            boot_id: "earlier".to_owned(),
            ..Self::gone()
        }
    }
}

fn boot_id() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

fn pid_namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().into_owned()
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

    /// The process in text, as names of what belongs to it begin: number and start.
    pub(crate) fn mark(self) -> String {
        format!("{}-{}", self.pid, self.start_ticks)
    }

    /// The process whose mark a name begins with; `None` where it begins otherwise.
    pub(crate) fn of_mark(name: &str) -> Option<Self> {
        let mut parts = name.split('-');
        Some(Self {
            pid: parts.next()?.parse().ok()?,
            start_ticks: parts.next()?.parse().ok()?,
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

/// Where a process is put before its program begins: a control group, and CPUs.
/// Its children inherit both.
#[derive(Debug, Default)]
pub(crate) struct Confinement {
    /// The way into its control group.
    pub(crate) joiner: Option<Joiner>,
    /// The CPUs that it may run on.
    pub(crate) cpus: Option<CpuSet>,
}

/// Starts a process as the leader of a session of its own, which gets `at_death`
/// when the thread that started it ends.
#[expect(
    unsafe_code,
    reason = "only between fork and exec can a child leave our session, join a control group and ask to end with us"
)]
pub(crate) fn spawn_in_session(
    command: &mut Command,
    at_death: Signal,
    confinement: Confinement,
) -> Result<Child, LabError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let parent = rustix::process::getpid();
    let Confinement { joiner, cpus } = confinement;
    let cpus = cpus.map(|cpus| affinity(&cpus));
    let in_child = move || {
        rustix::process::setsid()?;
        rustix::process::set_parent_process_death_signal(Some(at_death))?;
        // The parent may have died before the signal was asked for.
        if rustix::process::getppid() != Some(parent) {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        if let Some(joiner) = &joiner {
            joiner.join()?;
        }
        if let Some(cpus) = &cpus {
            rustix::thread::sched_setaffinity(None, cpus)?;
        }
        Ok(())
    };
    // SAFETY: the closure runs in the forked child before exec. It makes a handful
    // of system calls on files opened and masks built before, and neither allocates
    // nor takes a lock, so that it cannot meet a lock that another thread held at
    // the time of the fork.
    unsafe { command.pre_exec(in_child) };
    command
        .spawn()
        .map_err(|source| LabError::Spawn { program, source })
}

/// The kernel's form of a set of CPUs; numbers beyond what it can hold are left out.
pub(crate) fn affinity(cpus: &CpuSet) -> rustix::thread::CpuSet {
    let mut mask = rustix::thread::CpuSet::new();
    for &cpu in cpus.cpus() {
        if (cpu as usize) < rustix::thread::CpuSet::MAX_CPU {
            mask.set(cpu as usize);
        }
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_process_leads_its_own_session() {
        let mut child = spawn_in_session(
            Command::new("sleep").arg("1000"),
            Signal::TERM,
            Confinement::default(),
        )
        .unwrap();
        let info = ProcessInfo::of(child.id()).unwrap();
        assert_eq!(info.session, child.id());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_child_ends_with_the_thread_that_started_it() {
        let starter = std::thread::spawn(|| {
            spawn_in_session(
                Command::new("sleep").arg("1000"),
                Signal::TERM,
                Confinement::default(),
            )
            .unwrap()
        });
        let status = starter.join().unwrap().wait().unwrap();
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(15)
        );
    }

    #[test]
    fn a_started_process_stays_on_its_cpus() {
        let cpus = CpuSet::new(vec![0]).unwrap();
        let confinement = Confinement {
            joiner: None,
            cpus: Some(cpus),
        };
        let mut child =
            spawn_in_session(Command::new("sleep").arg("1000"), Signal::TERM, confinement).unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(status.contains("Cpus_allowed_list:\t0\n"), "{status}");
    }

    #[test]
    fn owners_are_told_apart() {
        assert_eq!(Owner::own().state(), OwnerState::MayBeAlive);
        assert_eq!(Owner::gone().state(), OwnerState::Gone);
        assert_eq!(Owner::before_reboot().state(), OwnerState::BeforeReboot);
        let elsewhere = Owner {
            pid_namespace: "pid:[1]".to_owned(),
            ..Owner::gone()
        };
        assert_eq!(elsewhere.state(), OwnerState::MayBeAlive);
    }

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
    fn a_mark_tells_the_process() {
        let own = ProcessId::own();
        assert_eq!(ProcessId::of_mark(&format!("{}-17", own.mark())), Some(own));
        for name in ["", "12", "somebody-elses-group", "12-x-0"] {
            assert_eq!(ProcessId::of_mark(name), None, "{name}");
        }
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
