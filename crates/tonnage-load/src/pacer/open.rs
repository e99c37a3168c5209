//! The open loop: arrivals that come by a schedule, whatever the target does, and
//! a pool of slots that serves them. What finds every slot busy waits in order,
//! or is dropped.

use std::sync::Arc;

use tonnage_model::{Arrivals, Histogram};

use super::{Due, Part};
use crate::plan::Overload;
use crate::profile::Profile;
use crate::schedule::{ArrivalLaw, Schedule};

/// The arrivals of one thread.
#[derive(Debug)]
pub(super) struct Open {
    schedule: Schedule,
    /// A second look at the same schedule, at the first arrival that waits: the
    /// queue needs no memory, however long it grows.
    waiting: Schedule,
    /// How many arrivals wait.
    queued: u64,
    /// Free slots; the one that was busy last is taken first, so that the pool is
    /// no larger than it has to be.
    idle: Vec<u32>,
    overload: Overload,
    counts: Arrivals,
}

impl Open {
    pub(super) fn new(
        profile: Arc<Profile>,
        law: ArrivalLaw,
        overload: Overload,
        seed: u64,
        part: Part,
        slots: u32,
    ) -> Self {
        let schedule = Schedule::new(profile, law, seed, part.thread, part.threads);
        Self {
            waiting: schedule.clone(),
            schedule,
            queued: 0,
            idle: (0..slots).rev().collect(),
            overload,
            counts: Arrivals::default(),
        }
    }

    pub(super) fn begin_window(&mut self) {
        self.counts = Arrivals {
            queued_at_start: self.queued,
            ..Arrivals::default()
        };
    }

    pub(super) fn wake_ns(&self) -> u64 {
        self.schedule.next_due_ns()
    }

    pub(super) fn take_due(
        &mut self,
        now: u64,
        budget: &mut u64,
        lag: &mut Histogram,
    ) -> Option<Due> {
        while self.schedule.next_due_ns() <= now && *budget > 0 {
            if *budget != u64::MAX {
                *budget -= 1;
            }
            let due_ns = self.schedule.next_due_ns();
            lag.record(now - due_ns);
            self.counts.arrived += 1;
            // A slot is only idle while nobody waits.
            if let Some(slot) = self.idle.pop() {
                self.schedule.pop();
                self.counts.sent += 1;
                return Some(Due { slot, due_ns });
            }
            match self.overload {
                Overload::Queue => {
                    if self.queued == 0 {
                        self.waiting = self.schedule.clone();
                    }
                    self.queued += 1;
                    self.counts.queued += 1;
                    self.counts.most_queued = self.counts.most_queued.max(self.queued);
                }
                Overload::Drop => self.counts.dropped += 1,
            }
            self.schedule.pop();
        }
        None
    }

    #[inline]
    pub(super) fn next(&mut self, slot: u32) -> Option<u64> {
        if self.queued == 0 {
            self.idle.push(slot);
            return None;
        }
        let due_ns = self.waiting.next_due_ns();
        self.waiting.pop();
        self.queued -= 1;
        self.counts.sent += 1;
        Some(due_ns)
    }

    pub(super) fn queued(&self) -> u64 {
        self.queued
    }

    pub(super) fn arrivals(&self) -> Arrivals {
        Arrivals {
            queued_at_end: self.queued,
            ..self.counts
        }
    }
}
