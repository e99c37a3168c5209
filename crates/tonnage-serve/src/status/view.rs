//! What is known of the server at a moment: gathered from the supervisor, the board and the
//! kernel, in numbers, for whoever puts it into words.

use std::time::SystemTime;

use super::ends::Ends;
use super::health::Health;
use super::process::Process;
use crate::board::{Board, SlotId, Snapshot, State, Totals};
use crate::listen::Listeners;
use crate::supervisor::Supervisor;

/// What does not change while the server runs.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The application as it was named; empty where nobody said it.
    pub application: String,
    /// The supervisor's process.
    pub pid: u32,
    /// When it started.
    pub started: SystemTime,
    /// The same, in ms of the monotonic clock.
    pub started_ms: u64,
}

/// Where a view is taken from.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// What does not change.
    pub facts: &'a Facts,
    /// Who knows what the workers are about.
    pub supervisor: &'a Supervisor,
    /// Where they write how they fare.
    pub board: Board,
    /// Why workers ended so far.
    pub ends: &'a Ends,
    /// Where the server listens.
    pub listeners: &'a Listeners,
    /// Lines of the supervisor's own log, by [`crate::board::Logged`].
    pub logged: [u64; 4],
}

/// The server at a moment.
#[derive(Debug)]
pub struct View<'a> {
    pub(super) scene: Scene<'a>,
    pub(super) now_ms: u64,
    /// Whether it serves.
    pub health: Health,
    /// The workers that there are, and places where there were some.
    pub(super) places: Vec<Place>,
    /// The sum over all places.
    pub totals: Totals,
}

/// A worker's place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) slot: SlotId,
    pub(super) worker: Snapshot,
    pub(super) totals: Totals,
    pub(super) waiting: u32,
    pub(super) lag_ms: Option<u64>,
    /// Where there is one.
    pub(super) process: Option<Process>,
}

impl Place {
    pub(super) fn is_taken(&self) -> bool {
        self.worker.state != State::Empty
    }
}

impl<'a> View<'a> {
    /// The server at `now_ms` of the monotonic clock.
    pub fn new(scene: Scene<'a>, now_ms: u64) -> Self {
        let places: Vec<Place> = scene
            .board
            .used()
            .map(|(id, slot)| {
                let (worker, meters) = (slot.snapshot(), scene.board.meters(id));
                Place {
                    slot: id,
                    worker,
                    totals: meters.snapshot(),
                    waiting: meters.waiting(),
                    lag_ms: meters.lag_ms(now_ms),
                    process: worker.pid.and_then(Process::of),
                }
            })
            .collect();
        let mut totals = Totals::default();
        for place in &places {
            totals.add(&place.totals);
        }
        Self {
            health: Health::of(scene, now_ms),
            scene,
            now_ms,
            places,
            totals,
        }
    }

    /// How long the server has run, in ms.
    pub(super) fn uptime_ms(&self) -> u64 {
        self.now_ms.saturating_sub(self.scene.facts.started_ms)
    }
}

/// What a worker is about, in a word.
pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Empty => "empty",
        State::Starting => "starting",
        State::Ready => "ready",
        State::Draining => "draining",
        State::Stuck => "stuck",
    }
}
