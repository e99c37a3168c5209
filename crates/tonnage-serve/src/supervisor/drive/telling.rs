//! What the supervisor tells of its server: who asks at the status address, and the collector
//! of metrics, see the board through it.

use std::os::fd::RawFd;
use std::time::SystemTime;

use rustix::event::PollFd;
use rustix::process::{Pid, getpid};

use super::Drive;
use crate::board::{Board, Logged, now_ms};
use crate::listen::{ListenOptions, Listeners};
use crate::status::{Cause, Ends, Facts, Scene, Statsd, StatusServer};
use crate::supervisor::{Ending, Host, Level, Supervisor, Telling};

/// Who is told, and what only this process knows.
pub(super) struct Explaining {
    facts: Facts,
    ends: Ends,
    logged: [u64; 4],
    listen: ListenOptions,
    status: Option<StatusServer>,
    statsd: Option<Statsd>,
}

impl Explaining {
    pub(super) fn new(telling: &Telling, listen: &ListenOptions) -> Self {
        let facts = Facts {
            application: String::new(),
            pid: getpid().as_raw_pid().unsigned_abs(),
            started: SystemTime::now(),
            started_ms: now_ms(),
        };
        let mut explaining = Self {
            facts,
            ends: Ends::default(),
            logged: [0; 4],
            listen: ListenOptions {
                umask: listen.umask,
                owner: listen.owner,
                ..ListenOptions::default()
            },
            status: None,
            statsd: None,
        };
        explaining.change(telling);
        explaining
    }

    /// The configuration asks for this from now on.
    pub(super) fn change(&mut self, telling: &Telling) {
        self.facts.application.clone_from(&telling.application);
        if self.status.as_ref().map(StatusServer::address) != telling.status.as_ref() {
            self.close();
            let server = |address| StatusServer::new(address, self.listen.clone());
            self.status = telling.status.clone().map(server);
        }
        if self.statsd.as_ref().map(Statsd::options) != telling.statsd.as_ref() {
            self.statsd = telling.statsd.clone().map(Statsd::new);
        }
    }

    fn close(&mut self) {
        if let Some(status) = &mut self.status {
            status.close();
        }
    }

    /// Sockets that no worker may keep.
    pub(super) fn descriptors(&self) -> Vec<RawFd> {
        let status = self.status.iter().flat_map(StatusServer::descriptors);
        status
            .chain(self.statsd.iter().filter_map(Statsd::descriptor))
            .collect()
    }

    pub(super) fn watch<'s>(&'s self, sources: &mut Vec<PollFd<'s>>) {
        if let Some(status) = &self.status {
            status.watch(sources);
        }
    }

    /// Answers whoever asks.
    pub(super) fn answer(&mut self, supervisor: &Supervisor, board: Board, listeners: &Listeners) {
        let scene = Scene {
            facts: &self.facts,
            supervisor,
            board,
            ends: &self.ends,
            listeners,
            logged: self.logged,
        };
        let now_ms = now_ms();
        if let Some(status) = &mut self.status {
            status.serve(scene, now_ms);
        }
        if let Some(statsd) = &mut self.statsd {
            statsd.tell(scene, now_ms);
        }
    }

    /// The supervisor's log has a line more.
    pub(super) fn note_logged(&mut self, level: Level) {
        let what = match level {
            Level::Debug | Level::Info => return,
            Level::Warning => Logged::Warning,
            Level::Error => Logged::Error,
            Level::Critical => Logged::Critical,
        };
        self.logged[what as usize] += 1;
    }

    /// A process is gone; before the supervisor hears of it, and forgets it.
    pub(super) fn note_end(
        &mut self,
        pid: Pid,
        ending: Ending,
        out_of_memory: bool,
        supervisor: &Supervisor,
    ) {
        let worker = supervisor.workers().find(|worker| worker.pid == Some(pid));
        if let Some(worker) = worker {
            let cause = Cause::of(worker, ending, out_of_memory, supervisor);
            self.ends.count(cause);
        }
    }
}

impl<H: Host> Drive<'_, H> {
    /// Tells whoever is to be told now.
    pub(super) fn explain(&mut self) {
        let status = self.explaining.status.as_mut();
        let opened = status.and_then(|status| {
            let opened = status.open(now_ms())?;
            Some(opened.map_err(|error| (status.address().to_string(), error)))
        });
        match opened {
            Some(Ok(name)) => self.say(Level::Info, &format!("Status at: {name}")),
            Some(Err((address, error))) => {
                let text =
                    format!("Cannot tell the status at {address}, which is tried again: {error}");
                self.say(Level::Error, &text);
            }
            None => {}
        }
        self.explaining
            .answer(&self.machine, self.board, &self.listeners);
        if self.exit.is_some() {
            self.explaining.close();
        }
    }
}
