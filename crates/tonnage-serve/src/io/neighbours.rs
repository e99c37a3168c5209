//! What a worker knows of the others: who is better off with a new connection, and
//! whether anybody has time.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crate::board::{Board, Meters, SlotId};
use crate::listen::{HandedOver, Inboxes};

/// How often it is looked whether others have clearly fewer connections, in ms: their
/// numbers are in memory that they write to all the time.
const LOOK_EVERY_MS: u64 = 5;

/// How long the numbers are not to be trusted after a connection came, in ms: a few turns
/// of workers that share a processor.
const UNSETTLED_MS: u64 = 20;

/// A worker among the others.
#[derive(Debug, Clone)]
pub struct Neighbours {
    board: Board,
    own: SlotId,
    inboxes: Arc<Inboxes>,
    next_look_ms: u64,
    unsettled_until_ms: u64,
}

impl Neighbours {
    /// The worker in this slot.
    pub fn new(board: Board, own: SlotId, inboxes: Arc<Inboxes>) -> Self {
        Self {
            board,
            own,
            inboxes,
            next_look_ms: 0,
            unsettled_until_ms: 0,
        }
    }

    /// Where this worker counts what it does.
    pub(super) fn meters(&self) -> &'static Meters {
        self.board.meters(self.own)
    }

    /// What becomes readable when others have left a connection here.
    pub(super) fn inbox(&self) -> Option<BorrowedFd<'_>> {
        self.inboxes.receiver(self.own)
    }

    /// The next connection that was left here. It is counted as on its way until
    /// [`Neighbours::count_arrived`].
    pub(super) fn take(&self) -> Option<HandedOver> {
        self.inboxes.take(self.own).unwrap_or_else(|_| {
            // What cannot be taken now, for want of descriptors, is lost: nobody else could.
            self.count_arrived();
            None
        })
    }

    /// A connection that was taken is counted otherwise by now, or gone.
    pub(super) fn count_arrived(&self) {
        self.board.slot(self.own).take_inbound();
    }

    /// This worker has so many connections now.
    pub(super) fn set_connections(&self, connections: usize) {
        self.board
            .slot(self.own)
            .set_connections(connections as u32);
    }

    /// Sends a connection to a worker that has clearly fewer; `false` where none has, or it
    /// cannot take it now. `is_ours`: it is counted among those of this worker.
    pub(super) fn send(&self, socket: impl AsFd, listener: u16, is_ours: bool) -> bool {
        let Some(other) = self.board.claim_better_home(self.own, is_ours) else {
            return false;
        };
        let sent = self.inboxes.send(other, socket, listener).unwrap_or(false);
        if !sent {
            self.board.slot(other).take_inbound();
        }
        sent
    }

    /// Whether some worker should have one of the connections of this one.
    pub(super) fn have_clearly_fewer(&self) -> bool {
        self.board.has_better_home(self.own)
    }

    /// Whether it was not asked for a while.
    pub(super) fn is_time_to_look(&mut self, now_ms: u64) -> bool {
        let is_time = now_ms >= self.next_look_ms || now_ms < self.unsettled_until_ms;
        if is_time {
            self.next_look_ms = now_ms + LOOK_EVERY_MS;
        }
        is_time
    }

    /// From now on it is time to look whenever that is asked, for a moment.
    pub(super) fn look_closely(&mut self, now_ms: u64) {
        self.unsettled_until_ms = now_ms + UNSETTLED_MS;
    }

    /// Whether no worker waits for something to do.
    pub(super) fn all_busy(&self) -> bool {
        self.board.all_busy()
    }
}
