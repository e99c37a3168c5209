//! New generations, replacements of single workers, and another number of workers.

use super::{Course, Supervisor, capped, log};
use crate::board::SlotId;
use crate::supervisor::Cause;
use crate::supervisor::event::{Action, Hook, Level, Policy};

impl Supervisor {
    pub(super) fn reloaded(&mut self, policy: Policy, out: &mut Vec<Action>) {
        if self.course != Course::Serving {
            return;
        }
        self.begin_generation();
        self.policy = policy;
        self.target = capped(self.policy.workers, self.slots);
        out.push(Action::Hook(Hook::OnReload));
    }

    /// Files have changed: those who run the code that counts say so, each for itself.
    pub(super) fn code_changed(&mut self, slot: SlotId, mark: u32, out: &mut Vec<Action>) {
        let current = self.current;
        let is_news = self
            .roster
            .at(slot)
            .is_some_and(|worker| worker.is_live() && worker.generation == current);
        if self.course == Course::Serving && is_news && mark != self.code_mark {
            self.code_mark = mark;
            self.begin_generation();
            log(out, Level::Info, "Reloading: the code has changed");
            out.push(Action::Hook(Hook::CodeChanged));
        }
    }

    fn begin_generation(&mut self) {
        if self.fallback.is_none() && self.settled == self.current {
            self.fallback = Some((self.policy.clone(), self.target));
        }
        self.last_generation += 1;
        self.current = self.last_generation;
        // The new code may have what the old one lacked.
        self.quick_deaths = 0;
        self.spawn_at_ms = 0;
    }

    /// A worker goes as soon as there is another in its place.
    pub(super) fn let_leave(&mut self, slot: SlotId, cause: Cause, out: &mut Vec<Action>) {
        let worker = self.roster.at(slot);
        let Some(worker) = worker.filter(|worker| worker.is_ready() && worker.leaving.is_none())
        else {
            return;
        };
        worker.leaving = Some(cause);
        if let Some(pid) = worker.pid {
            let text = format!("Replacing worker (pid:{pid}): {cause}");
            log(out, Level::Info, text);
        }
    }

    /// Wants another number of workers, whatever becomes of a reload that is under way.
    pub(super) fn retarget(&mut self, target: u32, out: &mut Vec<Action>) {
        self.set_target(target, out);
        if let Some((_, kept)) = &mut self.fallback {
            *kept = self.target;
        }
    }

    pub(super) fn set_target(&mut self, target: u32, out: &mut Vec<Action>) {
        let old = self.target;
        self.target = capped(target, self.slots);
        out.push(Action::Hook(Hook::WorkersChanged {
            new: self.target,
            old,
        }));
    }
}
