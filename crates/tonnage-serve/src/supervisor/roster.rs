//! The workers that the supervisor knows, and the questions that its machine asks of them.

use rustix::process::{Pid, Signal};

use super::Cause;
use crate::board::SlotId;

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It was asked for, and does not serve yet.
    Starting,
    /// It serves.
    Ready,
    /// It was asked to stop.
    Stopping {
        /// When it is killed, in milliseconds of the monotonic clock.
        kill_at_ms: u64,
    },
    /// It gave no sign of life and was sent ABRT.
    Aborted {
        /// When it is killed, in milliseconds of the monotonic clock.
        kill_at_ms: u64,
    },
    /// It was sent KILL.
    Killed,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Its place on the board.
    pub slot: SlotId,
    /// Its process, once it is known.
    pub pid: Option<Pid>,
    /// How many workers had been started when it was, itself included.
    pub age: u64,
    /// The generation of configuration and code that it belongs to.
    pub generation: u32,
    /// When it was asked for, in milliseconds of the monotonic clock.
    pub spawned_ms: u64,
    /// How far it is.
    pub phase: Phase,
    /// Whether it has ever served.
    pub has_served: bool,
    /// Why it is to be replaced, where it is.
    pub leaving: Option<Cause>,
    /// Whether it was asked to stop, so that its end is no surprise.
    pub dismissed: bool,
    /// A signal that could not be sent because the process was not known yet.
    pub(super) owed: Option<Signal>,
}

impl Worker {
    /// Whether it serves or will, and has not been asked to stop.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Ready)
    }

    /// Whether it serves and has not been asked to stop.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Whether it is to stay: it belongs to this generation and does not want to go.
    pub(super) fn stays(&self, generation: u32) -> bool {
        self.is_live() && self.generation == generation && self.leaving.is_none()
    }

    /// Takes note that it is asked to stop, and when it is killed if it does not.
    pub(super) fn dismiss(&mut self, kill_at_ms: u64) {
        self.phase = Phase::Stopping { kill_at_ms };
        self.dismissed = true;
    }

    /// When it is killed unless it is gone by then.
    pub(super) fn kill_at_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::Stopping { kill_at_ms } | Phase::Aborted { kill_at_ms } => Some(kill_at_ms),
            Phase::Starting | Phase::Ready | Phase::Killed => None,
        }
    }
}

/// All workers, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Roster {
    workers: Vec<Worker>,
}

impl Roster {
    /// Adds a worker, which must be younger than all others.
    pub(super) fn add(&mut self, slot: SlotId, age: u64, generation: u32, now_ms: u64) {
        self.workers.push(Worker {
            slot,
            pid: None,
            age,
            generation,
            spawned_ms: now_ms,
            phase: Phase::Starting,
            has_served: false,
            leaving: None,
            dismissed: false,
            owed: None,
        });
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Worker> {
        self.workers.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Worker> {
        self.workers.iter_mut()
    }

    pub(super) fn at(&mut self, slot: SlotId) -> Option<&mut Worker> {
        self.workers.iter_mut().find(|worker| worker.slot == slot)
    }

    pub(super) fn remove_slot(&mut self, slot: SlotId) -> Option<Worker> {
        let index = self.workers.iter().position(|worker| worker.slot == slot)?;
        Some(self.workers.remove(index))
    }

    pub(super) fn remove_pid(&mut self, pid: Pid) -> Option<Worker> {
        let index = self
            .workers
            .iter()
            .position(|worker| worker.pid == Some(pid))?;
        Some(self.workers.remove(index))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    pub(super) fn count(&self, wanted: impl Fn(&Worker) -> bool) -> u32 {
        self.workers.iter().filter(|worker| wanted(worker)).count() as u32
    }

    /// The places of those that are wanted, the oldest first.
    pub(super) fn slots(&self, wanted: impl Fn(&Worker) -> bool) -> Vec<SlotId> {
        self.workers
            .iter()
            .filter(|worker| wanted(worker))
            .map(|worker| worker.slot)
            .collect()
    }

    /// The lowest place that nobody has.
    pub(super) fn free_slot(&self, slots: u16) -> Option<SlotId> {
        (0..slots)
            .map(SlotId::new)
            .find(|slot| self.workers.iter().all(|worker| worker.slot != *slot))
    }
}
