//! Keeping as many workers as are wanted: who is asked to stop, who is started, and who has
//! had time enough.

use rustix::process::Signal;

use super::{Course, QUICK_MS, STOP_MARGIN, Supervisor, log, send};
use crate::board::SlotId;
use crate::supervisor::event::{Action, Hook, Level};
use crate::supervisor::roster::{Phase, Worker};

impl Supervisor {
    /// What follows from how things stand, whatever has happened.
    pub(super) fn manage(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        self.kill_the_late(now_ms, out);
        match self.course {
            Course::Opening | Course::Over => {}
            Course::Serving => {
                self.forget_deaths(now_ms);
                self.retire(now_ms, out);
                self.spawn(now_ms, out);
                self.announce(out);
            }
            Course::Halting { end, limit_ms, .. } => {
                // A process that does not even die of KILL is not waited for.
                if self.roster.is_empty() || now_ms >= limit_ms + QUICK_MS {
                    self.finish(end, out);
                }
            }
        }
    }

    fn kill_the_late(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        let late = self
            .roster
            .slots(|worker| worker.kill_at_ms().is_some_and(|at| at <= now_ms));
        for slot in late {
            let Some(worker) = self.roster.at(slot) else {
                continue;
            };
            if let (Phase::Stopping { .. }, Some(pid)) = (worker.phase, worker.pid) {
                log(
                    out,
                    Level::Warning,
                    format!("Worker (pid:{pid}) did not stop in time"),
                );
            }
            worker.phase = Phase::Killed;
            send(worker, Signal::KILL, out);
        }
    }

    /// Asks to stop who is not needed any more.
    fn retire(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        let current = self.current;
        // Whoever has not served yet and belongs to an older generation is of no use.
        let abandoned = self
            .roster
            .slots(|worker| worker.phase == Phase::Starting && worker.generation != current);
        self.stop_all(&abandoned, now_ms, out);

        // Until the new generation has proved itself, nothing is taken from the old one.
        let trusted = self
            .fallback
            .as_ref()
            .map_or(0, |(_, target)| *target)
            .max(self.target);
        let serving = self.roster.count(Worker::is_ready);
        let outgoing = self
            .roster
            .slots(|worker| worker.is_ready() && !worker.stays(current));
        let surplus = serving.saturating_sub(trusted) as usize;
        self.stop_all(&outgoing[..surplus.min(outgoing.len())], now_ms, out);

        // Too many of the current generation: first those that do not serve yet, the
        // youngest first, and then the oldest, as in gunicorn.
        let mut staying = self
            .roster
            .slots(|worker| worker.stays(current) && !worker.is_ready());
        staying.reverse();
        staying.extend(
            self.roster
                .slots(|worker| worker.stays(current) && worker.is_ready()),
        );
        let surplus = staying.len().saturating_sub(self.target as usize);
        self.stop_all(&staying[..surplus], now_ms, out);
    }

    /// How many workers to start.
    pub(super) fn to_spawn(&self) -> u32 {
        let current = self.current;
        let staying = self.roster.count(|worker| worker.stays(current));
        let missing = self.target.saturating_sub(staying);
        let older = self
            .roster
            .count(|worker| worker.is_live() && worker.generation != current);
        if self.settled != current && older > 0 {
            // A generation must prove with one worker that it can serve.
            return missing.min(1u32.saturating_sub(staying));
        }
        // Replacements one after the other, or an eighth at a time.
        let leaving = self.roster.count(|worker| {
            worker.is_live() && worker.generation == current && worker.leaving.is_some()
        });
        let most = self.target + 1 + self.target / 8;
        missing.min(most.saturating_sub(staying + leaving))
    }

    fn spawn(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        if now_ms < self.spawn_at_ms {
            return;
        }
        for _ in 0..self.to_spawn() {
            // Where all places are taken by workers that stop, one will be free soon.
            let Some(slot) = self.roster.free_slot(self.slots) else {
                return;
            };
            self.last_age += 1;
            let (age, generation) = (self.last_age, self.current);
            self.roster.add(slot, age, generation, now_ms);
            out.push(Action::Spawn {
                slot,
                age,
                generation,
            });
        }
    }

    fn announce(&mut self, out: &mut Vec<Action>) {
        let current = self.current;
        let serving = self
            .roster
            .count(|worker| worker.stays(current) && worker.is_ready());
        if self.announced < current && self.target > 0 && serving >= self.target {
            self.announced = current;
            if current > 1 {
                log(
                    out,
                    Level::Info,
                    format!("Reloaded: {serving} new workers serve"),
                );
            }
            out.push(Action::Hook(Hook::GenerationReady {
                generation: current,
            }));
        }
    }

    pub(super) fn stop_all(&mut self, slots: &[SlotId], now_ms: u64, out: &mut Vec<Action>) {
        let kill_at_ms = now_ms + self.patience_ms();
        for slot in slots {
            if let Some(worker) = self.roster.at(*slot) {
                worker.dismiss(kill_at_ms);
                send(worker, Signal::TERM, out);
            }
        }
    }

    /// How long a worker that was asked to stop is waited for.
    pub(super) fn patience_ms(&self) -> u64 {
        (self.policy.graceful_timeout + STOP_MARGIN).as_millis() as u64
    }
}
