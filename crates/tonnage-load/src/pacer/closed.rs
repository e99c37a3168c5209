//! The closed loop: users who wait for their answer, think, and ask again. How
//! many there are may change over time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use tonnage_model::{Histogram, ThinkTime};

use super::{Due, Share};
use crate::profile::Profile;
use crate::random::{Purpose, Stream, Think};

/// How often the number of users is looked at while it changes.
const LEVEL_TICK_NS: u64 = 5_000_000;

/// The users of one thread.
#[derive(Debug)]
pub(super) struct Closed {
    profile: Arc<Profile>,
    share: Share,
    /// Users with a smaller number than this are wanted.
    active: u32,
    /// When to look at the number of users again.
    next_tick_ns: u64,
    think: Option<Think>,
    /// Users who think, by the time of their next request.
    thinking: BinaryHeap<Reverse<(u64, u32)>>,
    /// Users who are wanted and have not begun.
    ready: VecDeque<Due>,
    /// For each user whether it rests because it is not wanted.
    resting: Vec<bool>,
}

impl Closed {
    pub(super) fn new(profile: Arc<Profile>, think: ThinkTime, seed: u64, share: Share) -> Self {
        let thread = share.part.thread;
        let users = share.slots();
        Self {
            profile,
            share,
            active: 0,
            next_tick_ns: 0,
            think: Think::new(think, Stream::new(seed, Purpose::Think { thread })),
            thinking: BinaryHeap::new(),
            ready: VecDeque::with_capacity(users as usize),
            resting: vec![true; users as usize],
        }
    }

    pub(super) fn wake_ns(&self) -> u64 {
        let thought = self.thinking.peek().map_or(u64::MAX, |next| next.0.0);
        thought.min(self.next_tick_ns)
    }

    pub(super) fn take_due(&mut self, now: u64, lag: &mut Histogram) -> Option<Due> {
        if now >= self.next_tick_ns {
            self.look_at_level(now);
        }
        if let Some(due) = self.ready.pop_front() {
            return Some(due);
        }
        while let Some(&Reverse((due_ns, slot))) = self.thinking.peek() {
            if due_ns > now {
                return None;
            }
            self.thinking.pop();
            if slot < self.active {
                lag.record(now - due_ns);
                return Some(Due { slot, due_ns });
            }
            self.resting[slot as usize] = true;
        }
        None
    }

    #[inline]
    pub(super) fn next(&mut self, slot: u32, now: u64, more: bool) -> Option<u64> {
        if !more || slot >= self.active {
            self.resting[slot as usize] = true;
            return None;
        }
        match &mut self.think {
            None => Some(now),
            Some(think) => {
                let due_ns = now.saturating_add(think.draw_ns());
                self.thinking.push(Reverse((due_ns, slot)));
                None
            }
        }
    }

    fn look_at_level(&mut self, now: u64) {
        self.next_tick_ns = if self.profile.changes_after(now) {
            now + LEVEL_TICK_NS
        } else {
            u64::MAX
        };
        let wanted = self.profile.level_at(now).round() as u32;
        let mine = self.share.of(wanted);
        for slot in self.active..mine {
            // One who is still busy from before goes on by itself.
            if std::mem::replace(&mut self.resting[slot as usize], false) {
                self.ready.push_back(Due { slot, due_ns: now });
            }
        }
        self.active = mine;
    }
}
