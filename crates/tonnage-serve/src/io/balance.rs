//! Giving connections away that nothing happens on, to workers that have clearly fewer.
//!
//! Where a connection goes is decided when it is accepted, by what is known then. It is
//! not enough: a worker that was started later has none at first, and after many were
//! closed at once the others' numbers are old for a moment. What has come of a request that
//! nobody has read goes with its socket, so that the client notices nothing.

use super::{Io, Neighbours, Token};

/// Connections that are given away at once: few enough that requests do not wait for it.
const GIVEN_AT_ONCE: usize = 128;

impl Io {
    /// Looks, every few milliseconds, whether others have clearly fewer connections.
    pub(super) fn balance(&mut self) {
        let now_ms = self.now_ms();
        let neighbours = self.neighbours.as_mut();
        if neighbours.is_some_and(|neighbours| neighbours.is_time_to_look(now_ms)) {
            self.give_idle_away();
        }
    }

    /// A connection was kept because of the others' numbers, which change most while many
    /// come: for a moment it is looked all the time.
    pub(super) fn look_closely(&mut self) {
        let now_ms = self.now_ms();
        if let Some(neighbours) = &mut self.neighbours {
            neighbours.look_closely(now_ms);
        }
    }

    /// Gives connections away until others have about as many, or all that they take if this
    /// worker drains.
    pub(super) fn give_idle_away(&mut self) {
        let neighbours = self.neighbours.as_ref();
        if !neighbours.is_some_and(Neighbours::have_clearly_fewer) {
            return;
        }
        // The last to come first: they are what is too much.
        let newest_first = self.slots.here().rev();
        let idle = newest_first
            .filter(|(_, connection)| connection.can_move())
            .map(|(token, _)| token)
            .take(GIVEN_AT_ONCE);
        for token in idle.collect::<Vec<_>>() {
            if !self.give_away(token) {
                return;
            }
        }
    }

    /// Gives one away; `false` where nobody should have it.
    fn give_away(&mut self, token: Token) -> bool {
        let (Some(connection), Some(neighbours)) = (self.slots.get(token), &self.neighbours) else {
            return false;
        };
        if !neighbours.send(connection.socket(), connection.listener as u16, true) {
            return false;
        }
        // Closing it does not end that: the other worker has the same socket open.
        self.poller.unwatch(connection.socket());
        self.remove(token);
        self.counts.handed_over += 1;
        true
    }
}
