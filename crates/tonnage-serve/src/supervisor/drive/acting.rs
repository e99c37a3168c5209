//! What the machine asks for, done: processes are started and signalled here.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, kill_process};

use super::Drive;
use crate::board::{SlotId, now_ms};
use crate::supervisor::{Action, Birth, Event, Host, Level};

impl<H: Host> Drive<'_, H> {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Spawn {
                slot,
                age,
                generation,
            } => self.spawn(slot, age, generation),
            Action::Kill { slot, pid, signal } => self.kill(slot, pid, signal),
            Action::Vacated { slot } => self.vacate(slot),
            Action::Log { level, text } => self.say(level, &text),
            Action::Reload => self.reload(),
            Action::Reexec => {
                let result = self
                    .host
                    .reexec(&self.listeners)
                    .map_err(|error| error.to_string());
                self.events.push_back(Event::Reexecuted(result));
            }
            Action::ReopenLogs => self.host.reopen_logs(),
            Action::CloseListeners { unlink } => {
                self.reopening = None;
                self.listeners.close(unlink);
            }
            Action::Pidfile(step) => self.pidfile(step),
            // The host has said what went wrong.
            Action::Hook(hook) => {
                let _ = self.host.hook(&hook);
            }
            Action::Exit(code) => self.exit = Some(code),
        }
    }

    fn spawn(&mut self, slot: SlotId, age: u64, generation: u32) {
        self.board.prepare(slot, generation, age, now_ms());
        self.reasons.take(slot);
        // Who answers with a traceback only is no loss.
        let replaces = self
            .machine
            .outgoing()
            .any(|old| !self.board.slot(old).is_failing());
        let birth = Birth {
            slot,
            age,
            generation,
            replaces,
            reasons: &self.reasons,
            supervisor: getpid(),
            board: self.board,
            listeners: &self.listeners,
            inboxes: &self.inboxes,
            bell: &self.bell,
            reports: &self.reports,
            signals: &self.signals,
            private: self.explaining.descriptors(),
        };
        let event = match self.host.spawn(&birth) {
            Ok(pid) => {
                self.board.slot(slot).set_pid(pid);
                Event::Spawned { slot, pid }
            }
            Err(error) => Event::SpawnFailed {
                slot,
                reason: error.to_string(),
            },
        };
        self.events.push_back(event);
    }

    fn kill(&mut self, slot: SlotId, pid: Pid, signal: Signal) {
        match signal {
            Signal::TERM | Signal::QUIT => self.board.slot(slot).drain(),
            Signal::ABORT => self.board.slot(slot).mark_stuck(),
            _ => {}
        }
        match kill_process(pid, signal) {
            // Gone already: it is buried in a moment.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => self.say(
                Level::Error,
                &format!("Cannot send a signal to worker (pid:{pid}): {error}"),
            ),
        }
    }
}
