//! Why workers ended, counted by cause.

use crate::supervisor::{
    self, EXIT_APP_LOAD_ERROR, EXIT_BOOT_ERROR, Ending, Phase, Signal, Supervisor, Worker,
};

/// Why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A reload put another in its place.
    Reload,
    /// It had served its number of requests.
    Requests,
    /// It was old enough.
    Age,
    /// It had grown too large.
    Memory,
    /// A request took too long.
    Overdue,
    /// Somebody else, or a hook, told it to stop, and another took its place.
    Told,
    /// Fewer workers are wanted, or the server ends.
    Stopped,
    /// It gave no sign of life.
    Timeout,
    /// It was asked to stop and did not in time.
    Unstoppable,
    /// The kernel killed it for want of memory.
    OutOfMemory,
    /// A signal ended it that the supervisor had not sent.
    Signal,
    /// It, or its application, could not start.
    Boot,
    /// It ended by itself, or with an error.
    Exit,
}

impl Cause {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::Reload,
        Self::Requests,
        Self::Age,
        Self::Memory,
        Self::Overdue,
        Self::Told,
        Self::Stopped,
        Self::Timeout,
        Self::Unstoppable,
        Self::OutOfMemory,
        Self::Signal,
        Self::Boot,
        Self::Exit,
    ];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Requests => "requests",
            Self::Age => "age",
            Self::Memory => "memory",
            Self::Overdue => "overdue",
            Self::Told => "told",
            Self::Stopped => "stopped",
            Self::Timeout => "timeout",
            Self::Unstoppable => "unstoppable",
            Self::OutOfMemory => "out_of_memory",
            Self::Signal => "signal",
            Self::Boot => "boot",
            Self::Exit => "exit",
        }
    }

    /// Why this worker ended, as far as the supervisor knew it before it heard of the end.
    pub fn of(
        worker: &Worker,
        ending: Ending,
        out_of_memory: bool,
        supervisor: &Supervisor,
    ) -> Self {
        const KILL: i32 = Signal::KILL.as_raw();
        let was_late =
            worker.phase == Phase::Killed || matches!(worker.phase, Phase::Aborted { .. });
        match (ending, worker.leaving) {
            (Ending::Signal(KILL), _) if out_of_memory => Self::OutOfMemory,
            // Whoever keeps a request for ever seldom stops when it is asked to.
            (_, Some(supervisor::Cause::Overdue)) => Self::Overdue,
            _ if was_late && worker.dismissed => Self::Unstoppable,
            _ if was_late => Self::Timeout,
            (Ending::Code(EXIT_BOOT_ERROR | EXIT_APP_LOAD_ERROR), _) if !worker.has_served => {
                Self::Boot
            }
            (_, Some(why)) => Self::of_replacement(why),
            _ if worker.dismissed && supervisor.is_halting() => Self::Stopped,
            _ if worker.dismissed && worker.generation != supervisor.generation() => Self::Reload,
            _ if worker.dismissed => Self::Stopped,
            (Ending::Signal(_), None) => Self::Signal,
            (Ending::Code(_), None) => Self::Exit,
        }
    }

    const fn of_replacement(why: supervisor::Cause) -> Self {
        match why {
            supervisor::Cause::Requests => Self::Requests,
            supervisor::Cause::Age(_) => Self::Age,
            supervisor::Cause::Memory { .. } => Self::Memory,
            supervisor::Cause::Overdue => Self::Overdue,
            supervisor::Cause::Told => Self::Told,
        }
    }
}

/// How many workers ended, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends([u64; Cause::ALL.len()]);

impl Ends {
    /// Counts one.
    pub fn count(&mut self, cause: Cause) {
        self.0[cause as usize] += 1;
    }

    /// How many there were.
    pub fn of(&self, cause: Cause) -> u64 {
        self.0[cause as usize]
    }

    /// Each cause, and how many there were.
    pub fn iter(&self) -> impl Iterator<Item = (Cause, u64)> {
        Cause::ALL.into_iter().zip(self.0)
    }
}
