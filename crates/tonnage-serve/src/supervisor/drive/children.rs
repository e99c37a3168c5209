//! What becomes of the workers: what they write on the board, how they end, and the
//! connections that they leave behind.

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus, wait, waitpid};

use super::Drive;
use crate::board::{SlotId, State, Wish, now_ms};
use crate::supervisor::{Cause, Ending, Event, Host, Level, Phase, Signal};

const KILL: i32 = Signal::KILL.as_raw();

impl<H: Host> Drive<'_, H> {
    /// What the workers have written on the board.
    pub(super) fn read_board(&self) -> Vec<Event> {
        let now_ms = now_ms();
        let timeout_ms = self
            .machine
            .policy()
            .timeout
            .map(|timeout| timeout.as_millis() as u64);
        let mut events = Vec::new();
        for worker in self.machine.workers() {
            let slot = worker.slot;
            let place = self.board.slot(slot);
            match (worker.phase, place.state()) {
                (Phase::Starting, State::Ready) => events.push(Event::Ready { slot }),
                // Somebody else has told it to stop: it is replaced before it is gone.
                (Phase::Ready, State::Draining) => events.push(Event::WantsReplacement {
                    slot,
                    cause: Cause::Told,
                }),
                _ => {}
            }
            if let Some(wish) = place.wants_replacement() {
                let cause = match wish {
                    Wish::Requests => Cause::Requests,
                    Wish::Overdue => Cause::Overdue,
                };
                events.push(Event::WantsReplacement { slot, cause });
            }
            if let Some(mark) = place.take_code_change() {
                events.push(Event::CodeChanged { slot, mark });
            }
            let silent_ms = now_ms.saturating_sub(place.heartbeat_ms());
            if timeout_ms.is_some_and(|timeout_ms| silent_ms > timeout_ms) {
                let booting = place.booting();
                events.push(Event::Silent { slot, booting });
            }
        }
        events
    }

    /// Buries the children that have died.
    pub(super) fn bury(&mut self) -> Vec<Event> {
        let mut dead = Vec::new();
        for pid in self.machine.pids() {
            match waitpid(Some(pid), WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => dead.extend(Some(pid).zip(ending(status))),
                // Somebody in this process has buried it already, and knows how it ended.
                Err(Errno::CHILD) => dead.push((pid, Ending::Code(0))),
                Ok(None) | Err(_) => {}
            }
        }
        if self.reaps_strangers {
            while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                dead.extend(Some(pid).zip(ending(status)));
            }
        }
        let mut exits = Vec::new();
        for (pid, ending) in dead {
            let killed = ending == Ending::Signal(KILL) && !self.machine.has_killed(pid);
            let out_of_memory = killed && self.memory.explains_a_death();
            if out_of_memory {
                let whose = self.memory.whose();
                let text = format!("Out of memory: the kernel killed process {pid}; {whose}");
                self.say(Level::Error, &text);
            }
            self.explaining
                .note_end(pid, ending, out_of_memory, &self.machine);
            exits.push(Event::Exited {
                pid,
                ending,
                out_of_memory,
                reason: self.reason_of(pid),
            });
        }
        exits
    }

    /// Why a worker could not start, if it has said so.
    fn reason_of(&self, pid: Pid) -> Option<String> {
        let mut workers = self.machine.workers();
        let worker = workers.find(|worker| worker.pid == Some(pid))?;
        self.reasons.take(worker.slot)
    }

    /// Gives a slot free. What is left in its inbox stays there until a worker can have it:
    /// a descriptor of it here would be inherited by every worker that is forked meanwhile,
    /// and a connection that one of them has and does not know of never ends for its client.
    pub(super) fn vacate(&mut self, slot: SlotId) {
        self.board.clear(slot);
        self.vacated.push(slot);
    }

    /// Passes connections that a dead worker did not take to one that lives. Where there is
    /// none they wait; when the server ends they are closed with it.
    pub(super) fn place_orphans(&mut self) {
        while let Some(slot) = self.vacated.last().copied() {
            let Some(home) = self.board.claim_least_loaded() else {
                return;
            };
            // Its next worker takes what is there by itself.
            let orphan = if home == slot {
                None
            } else {
                self.inboxes.take(slot).ok().flatten()
            };
            let Some(orphan) = orphan else {
                self.board.slot(home).take_inbound();
                self.vacated.pop();
                continue;
            };
            let send = |to| self.inboxes.send(to, &orphan.connection, orphan.listener);
            if !send(home).unwrap_or(false) {
                self.board.slot(home).take_inbound();
                // There is room: it came from there.
                let _ = send(slot);
                return;
            }
        }
    }
}

fn ending(status: WaitStatus) -> Option<Ending> {
    let code = status.exit_status().map(Ending::Code);
    code.or_else(|| status.terminating_signal().map(Ending::Signal))
}
