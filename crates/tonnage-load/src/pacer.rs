//! Who may send when: the load model of one thread, without sockets.
//!
//! A *slot* is whatever can carry one request at a time: a connection, or a
//! stream on one. Of a thread with C connections, slot `s` is stream `s / C` of
//! connection `s % C`, so that the first slots lie on different connections. In a
//! closed loop each slot belongs to a user; in an open loop
//! the slots are a pool that arrivals are given to. The protocol's worker asks
//! [`Pacer::take_due`] for what is due, and [`Pacer::next`] when a slot is free.

mod closed;
mod open;

use tonnage_model::{Arrivals, Histogram};

use self::closed::Closed;
use self::open::Open;
use crate::plan::{LoadModel, LoadPlan};

/// A request that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) slot: u32,
    pub(crate) due_ns: u64,
}

/// The load model of one thread.
#[derive(Debug)]
pub(crate) struct Pacer {
    mode: Mode,
    /// Requests that may still become due.
    budget: u64,
    /// Requests that a slot has taken and not ended.
    in_flight: u64,
    occupancy: Occupancy,
}

#[derive(Debug)]
enum Mode {
    Closed(Closed),
    Open(Box<Open>),
}

/// The thread's number and how many there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) thread: u32,
    pub(crate) threads: u32,
}

/// The slots that fall to one thread.
#[derive(Debug, Clone, Copy)]
struct Share {
    part: Part,
    /// Slots of each connection.
    streams: u32,
    /// Connections of this thread.
    connections: u32,
    /// Connections of all threads.
    all_connections: u32,
}

impl Share {
    fn slots(self) -> u32 {
        self.connections * self.streams
    }

    /// How many of `wanted` users are this thread's: each connection gets its
    /// first before any gets its second, and of T threads, thread i has the
    /// connections i, i + T, i + 2T and so on.
    fn of(self, wanted: u32) -> u32 {
        let Part { thread, threads } = self.part;
        let rounds = wanted / self.all_connections;
        let rest = wanted % self.all_connections;
        let mine = rounds * self.connections + (rest + threads - 1 - thread) / threads;
        mine.min(self.slots())
    }
}

impl Pacer {
    /// The part of the plan's load that falls to one thread with so many of the
    /// plan's connections.
    pub(crate) fn new(plan: &LoadPlan, part: Part, connections: u32) -> Self {
        let share = Share {
            part,
            streams: plan.protocol.streams(),
            connections,
            all_connections: plan.connections,
        };
        let mode = match plan.model {
            LoadModel::Closed { think } => {
                Mode::Closed(Closed::new(plan.profile(), think, plan.seed, share))
            }
            LoadModel::Open { law, overload, .. } => Mode::Open(Box::new(Open::new(
                plan.profile(),
                law,
                overload,
                plan.seed,
                part,
                share.slots(),
            ))),
        };
        Self {
            mode,
            budget: u64::MAX,
            in_flight: 0,
            occupancy: Occupancy::default(),
        }
    }

    /// The window begins; from now on `budget` more requests may become due.
    /// What is still open from the warm-up, or waits since then, counts among them.
    pub(crate) fn begin_window(&mut self, now: u64, budget: u64) {
        self.budget = match budget {
            u64::MAX => u64::MAX,
            budget => budget.saturating_sub(self.in_flight + self.queued()),
        };
        self.occupancy.restart(now);
        if let Mode::Open(open) = &mut self.mode {
            open.begin_window();
        }
    }

    /// The next moment at which something may become due by itself.
    pub(crate) fn wake_ns(&self) -> u64 {
        if self.budget == 0 {
            return u64::MAX;
        }
        match &self.mode {
            Mode::Closed(closed) => closed.wake_ns(),
            Mode::Open(open) => open.wake_ns(),
        }
    }

    /// The next request that is due and has a slot. What is due and finds none is
    /// queued or dropped here. How late it is noticed goes to `lag`.
    pub(crate) fn take_due(&mut self, now: u64, lag: &mut Histogram) -> Option<Due> {
        if self.budget == 0 {
            return None;
        }
        let due = match &mut self.mode {
            Mode::Closed(closed) => closed.take_due(now, lag)?,
            Mode::Open(open) => {
                let waiting = open.queued();
                let due = open.take_due(now, &mut self.budget, lag);
                self.occupancy
                    .change(now, open.queued() as i64 - waiting as i64);
                self.occupancy.change(now, i64::from(due.is_some()));
                self.in_flight += u64::from(due.is_some());
                return due;
            }
        };
        self.take(now);
        Some(due)
    }

    /// A request has ended, in whatever way.
    #[inline]
    pub(crate) fn ended(&mut self, now: u64) {
        self.in_flight -= 1;
        self.occupancy.change(now, -1);
    }

    /// The slot is free: when its next request was due, if it is to make one now.
    #[inline]
    pub(crate) fn next(&mut self, slot: u32, now: u64) -> Option<u64> {
        match &mut self.mode {
            Mode::Closed(closed) => {
                let due = closed.next(slot, now, self.budget > 0)?;
                self.take(now);
                Some(due)
            }
            Mode::Open(open) => {
                let due = open.next(slot)?;
                // It was in the system already, waiting.
                self.in_flight += 1;
                Some(due)
            }
        }
    }

    #[inline]
    fn take(&mut self, now: u64) {
        if self.budget != u64::MAX {
            self.budget -= 1;
        }
        self.in_flight += 1;
        self.occupancy.change(now, 1);
    }

    /// Requests that a slot has taken and not ended.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Arrivals that wait for a slot.
    pub(crate) fn queued(&self) -> u64 {
        match &self.mode {
            Mode::Closed(_) => 0,
            Mode::Open(open) => open.queued(),
        }
    }

    /// Whether nothing more will come and nothing is open.
    pub(crate) fn is_done(&self) -> bool {
        self.budget == 0 && self.in_flight == 0 && self.queued() == 0
    }

    /// Whether a slot that is free has nothing to wait for, so that its
    /// connection is of no use.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.budget == 0
    }

    /// Requests in the system (waiting ones included) times the nanoseconds that
    /// they spent there since the window began.
    pub(crate) fn occupancy_ns(&mut self, now: u64) -> u128 {
        self.occupancy.change(now, 0);
        self.occupancy.area_ns
    }

    /// What became of this thread's arrivals in the window; `None` in a closed loop.
    pub(crate) fn arrivals(&self) -> Option<Arrivals> {
        match &self.mode {
            Mode::Closed(_) => None,
            Mode::Open(open) => Some(open.arrivals()),
        }
    }
}

/// How many requests are in the system, integrated over time: one side of
/// Little's law, measured apart from the other.
#[derive(Debug, Default)]
struct Occupancy {
    level: i64,
    since_ns: u64,
    area_ns: u128,
}

impl Occupancy {
    #[inline]
    fn change(&mut self, now: u64, by: i64) {
        // Events of one batch may be seen a little out of order.
        let passed = now.saturating_sub(self.since_ns);
        self.area_ns += u128::from(passed) * self.level as u128;
        self.since_ns += passed;
        self.level += by;
    }

    fn restart(&mut self, now: u64) {
        self.since_ns = now;
        self.area_ns = 0;
    }
}

#[cfg(test)]
mod tests;
