//! What is heard of a worker while it lives: that it was forked, serves, or is silent.

use std::fmt::Write as _;

use rustix::process::{Pid, Signal};

use super::{ABORT_MS, Course, DEATHS_WITHOUT_BACKOFF, Supervisor, log};
use crate::board::{Boot, SlotId};
use crate::supervisor::event::{Action, Level};
use crate::supervisor::roster::Phase;

impl Supervisor {
    pub(super) fn spawned(&mut self, slot: SlotId, pid: Pid, out: &mut Vec<Action>) {
        if let Some(worker) = self.roster.at(slot) {
            worker.pid = Some(pid);
            if let Some(signal) = worker.owed.take() {
                out.push(Action::Kill { slot, pid, signal });
            }
        }
    }

    pub(super) fn spawn_failed(
        &mut self,
        slot: SlotId,
        reason: &str,
        now_ms: u64,
        out: &mut Vec<Action>,
    ) {
        if self.roster.remove_slot(slot).is_some() {
            log(out, Level::Error, format!("Cannot fork a worker: {reason}"));
            out.push(Action::Vacated { slot });
            // What a fork lacks, memory or processes, it will lack in a moment too.
            self.quick_deaths = self.quick_deaths.max(DEATHS_WITHOUT_BACKOFF);
            self.quick_death(now_ms, out);
        }
    }

    pub(super) fn ready(&mut self, slot: SlotId) {
        let current = self.current;
        let Some(worker) = self
            .roster
            .at(slot)
            .filter(|worker| worker.phase == Phase::Starting)
        else {
            return;
        };
        worker.phase = Phase::Ready;
        worker.has_served = true;
        if worker.generation == current {
            self.settled = current;
            self.fallback = None;
        }
    }

    pub(super) fn silent(
        &mut self,
        slot: SlotId,
        booting: Option<Boot>,
        now_ms: u64,
        out: &mut Vec<Action>,
    ) {
        // While the server ends, its own limit counts.
        if matches!(self.course, Course::Halting { .. }) {
            return;
        }
        let Some(worker) = self.roster.at(slot) else {
            return;
        };
        let Some(pid) = worker.pid else {
            return;
        };
        if !matches!(
            worker.phase,
            Phase::Starting | Phase::Ready | Phase::Stopping { .. }
        ) {
            return;
        }
        worker.phase = Phase::Aborted {
            kill_at_ms: now_ms + ABORT_MS,
        };
        let worker = worker.clone();
        log(out, Level::Critical, format!("WORKER TIMEOUT (pid:{pid})"));
        out.push(Action::Kill {
            slot,
            pid,
            signal: Signal::ABORT,
        });
        if !worker.has_served && !worker.dismissed && self.is_on_trial(&worker) {
            let mut reason = "a worker did not start within its timeout".to_owned();
            if let Some(step) = booting {
                let _ = write!(reason, ", which went by for {step}");
            }
            self.generation_failed(&reason, now_ms, out);
        }
    }
}
