//! Whether somebody who sends a request now can hope for an answer.

use super::view::Scene;
use crate::board::State;

/// A worker that gave no sign of life for so long, in ms, answers nobody. One that waits for
/// requests gives one each second at least.
const SILENT_MS: u64 = 10_000;

/// How the server fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// All workers that are wanted serve.
    Ok,
    /// Some do.
    Degraded,
    /// None has started yet.
    Starting,
    /// Those that there are give no sign of life.
    Stuck,
    /// There is none.
    Down,
    /// The server is on its way to its end.
    Stopping,
}

impl Health {
    /// How the server fares at `now_ms` of the monotonic clock.
    pub fn of(scene: Scene<'_>, now_ms: u64) -> Self {
        let (mut alive, mut silent, mut starting) = (0_u32, 0_u32, 0_u32);
        for (_, slot) in scene.board.used() {
            let is_silent = now_ms.saturating_sub(slot.heartbeat_ms()) > SILENT_MS;
            match slot.state() {
                State::Ready if is_silent => silent += 1,
                State::Ready => alive += 1,
                State::Stuck => silent += 1,
                State::Starting => starting += 1,
                State::Empty | State::Draining => {}
            }
        }
        if scene.supervisor.is_halting() {
            Self::Stopping
        } else if alive >= scene.supervisor.target().max(1) {
            Self::Ok
        } else if alive > 0 {
            Self::Degraded
        } else if silent > 0 {
            Self::Stuck
        } else if starting > 0 {
            Self::Starting
        } else {
            Self::Down
        }
    }

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Starting => "starting",
            Self::Stuck => "stuck",
            Self::Down => "down",
            Self::Stopping => "stopping",
        }
    }

    /// Whether requests should be sent here.
    pub const fn serves(self) -> bool {
        matches!(self, Self::Ok | Self::Degraded)
    }
}
