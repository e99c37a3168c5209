//! Which worker should have a connection: questions to the whole board. Several workers ask
//! at the same time, so that each answer is counted before the next is given.

use super::{Board, Slot, SlotId, State, now_ms};

/// A worker that may be sent a connection, and what it had at the moment of the look.
#[derive(Clone, Copy)]
struct Offer {
    id: SlotId,
    slot: &'static Slot,
    connections: u32,
    inbound: u32,
}

impl Offer {
    fn of((id, slot): (SlotId, &'static Slot)) -> Self {
        let (connections, inbound) = slot.connections();
        Self {
            id,
            slot,
            connections,
            inbound,
        }
    }

    /// Connections that the worker has or will have in a moment.
    fn load(&self) -> u32 {
        self.connections.saturating_add(self.inbound)
    }
}

impl Board {
    fn ready(&self) -> impl Iterator<Item = (SlotId, &'static Slot)> {
        self.used().filter(|(_, slot)| slot.state() == State::Ready)
    }

    /// Whether a worker other than this one can serve.
    pub fn has_other(&self, own: SlotId) -> bool {
        self.ready().any(|(id, _)| id != own)
    }

    /// Whether none that can serve has a thread to spare.
    pub fn all_busy(&self) -> bool {
        self.ready().all(|(_, slot)| slot.is_busy())
    }

    /// The ready worker with the fewest connections, for one that belongs to nobody. It is
    /// counted there: send it, or take it back by [`Slot::take_inbound`].
    pub fn claim_least_loaded(&self) -> Option<SlotId> {
        claim(|| least_loaded(self.ready()))
    }

    /// Where a connection should go that worker `own` has, if it is not to stay: one that
    /// is counted among its own already, or one that it has just accepted. It is counted
    /// there: send it, or take it back by [`Slot::take_inbound`].
    ///
    /// The other must have clearly fewer than those that `own` has besides, by more than an
    /// eighth: handing over costs a few system calls and a wake, and with it the busiest of
    /// four workers with 64 connections has at most 1.15 times those of the least busy. A
    /// worker that drains gives away whatever another can take, and a worker whose threads
    /// are all held up is given nothing.
    pub fn claim_better_home(&self, own: SlotId, is_counted: bool) -> Option<SlotId> {
        claim(|| self.better_home(own, is_counted))
    }

    /// Whether one of the connections of worker `own` should go to another.
    pub fn has_better_home(&self, own: SlotId) -> bool {
        self.better_home(own, true).is_some()
    }

    fn better_home(&self, own: SlotId, is_counted: bool) -> Option<Offer> {
        let now_ms = now_ms();
        let others = self.ready().filter(|(id, _)| *id != own);
        let offer = least_loaded(others.filter(|(_, slot)| !slot.is_held_up(now_ms)))?;
        let own_slot = self.slot(own);
        let drains = own_slot.state() != State::Ready;
        let besides = Offer::of((own, own_slot))
            .load()
            .saturating_sub(is_counted.into());
        let least = offer.load();
        (drains || besides > least.saturating_add(least / 8)).then_some(offer)
    }
}

fn least_loaded(workers: impl Iterator<Item = (SlotId, &'static Slot)>) -> Option<Offer> {
    workers.map(Offer::of).min_by_key(Offer::load)
}

/// Counts a connection at the worker that is found. Where another was counted there
/// meanwhile, it is looked for again: two that find the same worker the least loaded must
/// not both send to it.
fn claim(find: impl Fn() -> Option<Offer>) -> Option<SlotId> {
    loop {
        let offer = find()?;
        if offer.slot.add_inbound(offer.inbound) {
            return Some(offer.id);
        }
    }
}

#[cfg(test)]
mod tests;
