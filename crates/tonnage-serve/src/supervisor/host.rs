//! What the supervisor leaves to its host: everything that belongs to the language in
//! which the workers' application is written, and everything it prints.

use std::io;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::process::Pid;

use super::{Bell, Hook, Level, Policy, Reasons, Reports, Signals};
use crate::board::{Board, Slot, SlotId};
use crate::listen::{Address, Inboxes, ListenOptions, Listeners};
use crate::status::StatsdOptions;

/// What the configuration asks of the supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// How many workers, and how patient to be with them.
    pub policy: Policy,
    /// Where to listen.
    pub addresses: Vec<Address>,
    /// How.
    pub listen: ListenOptions,
    /// Where to write the process number.
    pub pidfile: Option<PathBuf>,
    /// Where the server explains itself, and to whom.
    pub telling: Telling,
}

/// Where the server explains itself, and to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Telling {
    /// The application, for people.
    pub application: String,
    /// Where questions are answered ([`crate::status`]).
    pub status: Option<Address>,
    /// A collector of statsd's metrics.
    pub statsd: Option<StatsdOptions>,
}

/// A worker about to be born: all it needs of its supervisor.
#[derive(Debug)]
pub struct Birth<'a> {
    /// Its place on the board, which has been got ready.
    pub slot: SlotId,
    /// How many workers were started until now, this one included.
    pub age: u64,
    /// The generation of configuration and code that it belongs to, from 1 on.
    pub generation: u32,
    /// Whether it takes the place of another, which serves until this one is ready and goes
    /// on if this one does not start.
    pub replaces: bool,
    /// Where it says why it could not start.
    pub reasons: &'a Arc<Reasons>,
    /// The supervisor. A worker whose parent is another has lost it, and should stop.
    pub supervisor: Pid,
    /// What all workers write on and read.
    pub board: Board,
    /// Where to accept.
    pub listeners: &'a Listeners,
    /// Where connections from other workers arrive, and where they are sent.
    pub inboxes: &'a Arc<Inboxes>,
    /// To be rung after the worker said that it is ready or wants a replacement.
    pub bell: &'a Arc<Bell>,
    /// Where it has the supervisor say something, which it may do whatever its state.
    pub reports: &'a Arc<Reports>,
    /// The supervisor's handlers, which the worker inherits; see [`Signals::missed`].
    pub signals: &'a Arc<Signals>,
    /// Descriptors of the supervisor alone: the worker closes them first of all.
    pub private: Vec<RawFd>,
}

impl Birth<'_> {
    /// The worker's place on the board.
    pub fn place(&self) -> &'static Slot {
        self.board.slot(self.slot)
    }
}

/// What the supervisor works for.
pub trait Host {
    /// Forks a worker and gives its process number. In the worker it never returns.
    ///
    /// The worker inherits the supervisor's signal handlers, which only count: it puts
    /// its own in their place and then asks for [`Signals::missed`]. It says on the
    /// board that it is ready, rings the bell, and beats more often than its timeout. TERM
    /// asks it to finish what it has, QUIT and INT to stop at once, USR1 to open its logs
    /// anew, ABRT to say where it is stuck and end.
    fn spawn(&mut self, birth: &Birth<'_>) -> io::Result<Pid>;

    /// Says something to whoever runs the server.
    fn log(&mut self, level: Level, text: &str);

    /// Reads the configuration again. What is wrong with it is the error.
    fn reload(&mut self) -> Result<Wanted, String>;

    /// Something happened that somebody may be waiting for. An error of
    /// [`Hook::OnStarting`] or [`Hook::WhenReady`] ends the start; others change nothing,
    /// and the host says itself what they are.
    fn hook(&mut self, hook: &Hook) -> Result<(), String>;

    /// Opens the log files anew.
    fn reopen_logs(&mut self);

    /// Forks and executes the program anew, with `GUNICORN_PID` and `GUNICORN_FD` in its
    /// environment and with these sockets ([`Listeners::survive_exec`]), and gives the
    /// process number of the new server.
    fn reexec(&mut self, listeners: &Listeners) -> io::Result<Pid>;

    /// Runs something that waits. A host with a lock that others wait for lets go of it.
    fn wait<R: Send>(&mut self, waiting: impl FnOnce() -> R + Send) -> R {
        waiting()
    }
}
