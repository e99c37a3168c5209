//! What the supervisor's machine is told, and what it asks for.

use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::{Cause, Recycling};
use crate::board::{Boot, SlotId};

/// How much somebody wants to know of something, as in Python's `logging`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Of interest to those who look for a fault.
    Debug,
    /// The normal course.
    Info,
    /// Not as it should be, but nothing is lost.
    Warning,
    /// Something failed.
    Error,
    /// Somebody should look at it now.
    Critical,
}

/// What the configuration asks of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How many workers to keep, at least 1.
    pub workers: u32,
    /// How long a worker may give no sign of life; `None` for ever.
    pub timeout: Option<Duration>,
    /// How long a worker that was asked to stop may take.
    pub graceful_timeout: Duration,
    /// When a worker has served enough.
    pub recycling: Recycling,
    /// Whether the server runs in the background, where WINCH stops the workers.
    pub daemon: bool,
}

impl Default for Policy {
    /// As gunicorn.
    fn default() -> Self {
        Self {
            workers: 1,
            timeout: Some(Duration::from_secs(30)),
            graceful_timeout: Duration::from_secs(30),
            recycling: Recycling::default(),
            daemon: false,
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It ended itself, with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The sockets are open: workers may start.
    Started,
    /// Somebody sent this process a signal.
    Signal(Signal),
    /// The worker that was asked for runs.
    Spawned {
        /// Its place.
        slot: SlotId,
        /// Its process.
        pid: Pid,
    },
    /// The worker that was asked for could not be made.
    SpawnFailed {
        /// The place it was meant for.
        slot: SlotId,
        /// What the kernel says.
        reason: String,
    },
    /// A worker can serve.
    Ready {
        /// Its place.
        slot: SlotId,
    },
    /// A worker is to be replaced: it has served enough, or somebody else has asked it to
    /// stop.
    WantsReplacement {
        /// Its place.
        slot: SlotId,
        /// Why.
        cause: Cause,
    },
    /// A worker has seen that files of its application have changed.
    CodeChanged {
        /// Its place.
        slot: SlotId,
        /// What has changed, as a number: all workers see the same change.
        mark: u32,
    },
    /// A worker has given no sign of life for longer than the policy allows.
    Silent {
        /// Its place.
        slot: SlotId,
        /// How far its start had come.
        booting: Option<Boot>,
    },
    /// A child process is gone.
    Exited {
        /// The process.
        pid: Pid,
        /// How it ended.
        ending: Ending,
        /// Whether the kernel has killed for want of memory meanwhile.
        out_of_memory: bool,
        /// Why it could not start, where it said so.
        reason: Option<String>,
    },
    /// The configuration was read again; or why it could not be.
    Reloaded(Result<Policy, String>),
    /// A new server runs beside this one; or why it could not be started.
    Reexecuted(Result<Pid, String>),
    /// The server that this one is to replace is gone.
    Promoted,
    /// Time has passed.
    Tick,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start a worker, and say [`Event::Spawned`] or [`Event::SpawnFailed`].
    Spawn {
        /// Its place.
        slot: SlotId,
        /// How many workers were started until now, this one included.
        age: u64,
        /// The generation of configuration and code that it belongs to, from 1 on.
        generation: u32,
    },
    /// Send a worker a signal.
    Kill {
        /// Its place.
        slot: SlotId,
        /// Its process.
        pid: Pid,
        /// TERM and QUIT: it is asked to stop. ABRT: it is stuck.
        signal: Signal,
    },
    /// A worker is gone, and its place free.
    Vacated {
        /// Its place.
        slot: SlotId,
    },
    /// Say something.
    Log {
        /// How much it matters.
        level: Level,
        /// The text, one line.
        text: String,
    },
    /// Read the configuration again and say [`Event::Reloaded`].
    Reload,
    /// Start a new server beside this one and say [`Event::Reexecuted`].
    Reexec,
    /// Open the log files anew.
    ReopenLogs,
    /// Close this process's listening sockets.
    CloseListeners {
        /// Whether the files of Unix sockets go too.
        unlink: bool,
    },
    /// Do something with the pidfile.
    Pidfile(PidfileStep),
    /// Call a hook.
    Hook(Hook),
    /// End with this code. Nothing comes after it.
    Exit(i32),
}

/// What is done with the pidfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PidfileStep {
    /// Give it the name without `.2`.
    Promote,
    /// Remove it.
    Remove,
}

/// A moment at which somebody may want to do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// Before anything is opened: gunicorn's `on_starting`.
    OnStarting,
    /// The sockets are open: gunicorn's `when_ready`.
    WhenReady {
        /// Their names, as "Listening at" has them.
        listening: Vec<String>,
    },
    /// The configuration was read again: gunicorn's `on_reload`.
    OnReload,
    /// A generation begins with the configuration of the one before, because files of the
    /// application have changed.
    CodeChanged,
    /// Another number of workers is wanted than the configuration says, or that number
    /// again: gunicorn's `nworkers_changed`. What the configuration says, at the start and
    /// at a reload, the host knows itself.
    WorkersChanged {
        /// How many.
        new: u32,
        /// How many it were.
        old: u32,
    },
    /// A worker is gone: gunicorn's `child_exit`.
    ChildExit {
        /// Its process, where it had come to have one.
        pid: Pid,
        /// Its number in the order of starts.
        age: u64,
    },
    /// All workers of a generation serve, for the first time.
    GenerationReady {
        /// The generation.
        generation: u32,
    },
    /// A generation did not start; the one before goes on, and so should its
    /// configuration.
    GenerationFailed {
        /// The one that failed.
        generation: u32,
        /// The one that goes on.
        kept: u32,
    },
    /// The server that this one replaces is gone.
    Promoted,
    /// All is over: gunicorn's `on_exit`.
    OnExit,
}
