//! What a worker has done, in shared memory: requests, how they were answered, and where
//! their time went. Unlike what is in a slot, it stays when the worker ends and its
//! successor goes on with it, so that sums over all slots never fall.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::histogram::{Histogram, Timer};

/// The statuses that are counted, one by one.
const FIRST_STATUS: u16 = 100;
const STATUSES: usize = 900;

/// Where the time of a request went, in ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Split {
    /// From being complete to being given to the application, but for [`Split::gil_ns`].
    pub queue_ns: u64,
    /// The thread that was to run it waited for the interpreter's lock.
    pub gil_ns: u64,
    /// In the application's hands, but for [`Split::write_ns`].
    pub application_ns: u64,
    /// The response was handed to the kernel, or waited until the client had room for it.
    pub write_ns: u64,
}

impl Split {
    /// All of it: the service time.
    pub fn service_ns(&self) -> u64 {
        self.queue_ns + self.gil_ns + self.application_ns + self.write_ns
    }
}

/// How grave a line of the log is, for those who count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logged {
    /// A warning.
    Warning,
    /// An error.
    Error,
    /// An error with a traceback.
    Exception,
    /// Somebody should look at it now.
    Critical,
}

/// All that is counted of the workers of a slot. Lines of its own: whoever counts slows
/// nobody down (processors fetch lines in pairs).
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Meters {
    /// Service times of requests that the application was given.
    pub service: Timer,
    /// How long they waited to be given to it.
    pub queue: Timer,
    /// How long that was for want of the interpreter's lock.
    pub gil: Timer,
    /// How late the event loop's timers were.
    pub lag: Timer,
    application_ns: AtomicU64,
    write_ns: AtomicU64,
    body_bytes: AtomicU64,
    refused: AtomicU64,
    turned_away: AtomicU64,
    slow: AtomicU64,
    timed_out: AtomicU64,
    connections: AtomicU64,
    handshakes_failed: AtomicU64,
    lost: AtomicU64,
    /// Requests that were answered in the application's place, and that it still has.
    answered_for: AtomicU32,
    /// When the event loop's timer is due, in ms of the monotonic clock; 0 without a loop.
    loop_due_ms: AtomicU64,
    /// Complete requests that wait.
    waiting: AtomicU32,
    logged: [AtomicU64; 4],
    statuses: [AtomicU64; STATUSES],
}

/// What the worker does.
impl Meters {
    /// Counts a request that the application was given and that was answered.
    pub fn count_served(&self, status: u16, split: &Split, body_bytes: u64) {
        self.count_status(status);
        self.service.add(split.service_ns());
        self.queue.add(split.queue_ns);
        self.gil.add(split.gil_ns);
        self.application_ns.fetch_add(split.application_ns, Relaxed);
        self.write_ns.fetch_add(split.write_ns, Relaxed);
        self.body_bytes.fetch_add(body_bytes, Relaxed);
    }

    /// Adds the time from the end of the application's work on a response until the last of
    /// it was handed to the kernel. It is no part of the service time.
    pub fn count_tail(&self, took_ns: u64) {
        self.write_ns.fetch_add(took_ns, Relaxed);
    }

    /// Counts a response with this status; what is no status is left out.
    pub fn count_status(&self, status: u16) {
        let at = usize::from(status.wrapping_sub(FIRST_STATUS));
        if let Some(count) = self.statuses.get(at) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Counts a request that took too long and was answered in the application's place,
    /// which still has it.
    pub(crate) fn count_answered_for(&self, status: u16, split: &Split, body_bytes: u64) {
        self.answered_for.fetch_add(1, Relaxed);
        self.count_served(status, split, body_bytes);
    }

    /// The application has given such a request back.
    pub(crate) fn count_given_back(&self) {
        self.answered_for.fetch_sub(1, Relaxed);
    }

    /// Counts a request that broke the protocol or a limit.
    pub fn count_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Counts a request that there was no time for.
    pub fn count_turned_away(&self) {
        self.turned_away.fetch_add(1, Relaxed);
    }

    /// Counts requests that have become slow, and others that have had their time.
    pub fn count_late(&self, slow: usize, timed_out: usize) {
        self.slow.fetch_add(slow as u64, Relaxed);
        self.timed_out.fetch_add(timed_out as u64, Relaxed);
    }

    /// Counts a connection that was taken.
    pub fn count_connection(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    /// Counts a TLS handshake that came to nothing.
    pub fn count_failed_handshake(&self) {
        self.handshakes_failed.fetch_add(1, Relaxed);
    }

    /// Says how many complete requests wait.
    pub fn set_waiting(&self, waiting: u32) {
        self.waiting.store(waiting, Relaxed);
    }

    /// The event loop's timer came so late, and is due again at `due_ms`.
    pub fn count_lag(&self, late_ns: u64, due_ms: u64) {
        self.lag.add(late_ns);
        self.loop_due_ms.store(due_ms, Relaxed);
    }

    /// Counts a line of the log.
    pub fn count_logged(&self, what: Logged) {
        self.logged[what as usize].fetch_add(1, Relaxed);
    }
}

/// What the supervisor does.
impl Meters {
    /// The worker is gone, with so many requests in its hands. Those that were answered in
    /// its place are not lost.
    pub(super) fn vacate(&self, in_flight: u32) {
        let answered_for = self.answered_for.swap(0, Relaxed);
        let lost = in_flight.saturating_sub(answered_for);
        self.lost.fetch_add(lost.into(), Relaxed);
        self.waiting.store(0, Relaxed);
        self.loop_due_ms.store(0, Relaxed);
    }

    /// A copy of all numbers, taken one after the other.
    pub fn snapshot(&self) -> Totals {
        let statuses = self.statuses.iter().zip(FIRST_STATUS..);
        let statuses = statuses.map(|(count, status)| (status, count.load(Relaxed)));
        Totals {
            service: self.service.snapshot(),
            queue: self.queue.snapshot(),
            gil: self.gil.snapshot(),
            lag: self.lag.snapshot(),
            application_ns: self.application_ns.load(Relaxed),
            write_ns: self.write_ns.load(Relaxed),
            body_bytes: self.body_bytes.load(Relaxed),
            refused: self.refused.load(Relaxed),
            turned_away: self.turned_away.load(Relaxed),
            slow: self.slow.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
            connections: self.connections.load(Relaxed),
            handshakes_failed: self.handshakes_failed.load(Relaxed),
            lost: self.lost.load(Relaxed),
            logged: self.logged.each_ref().map(|count| count.load(Relaxed)),
            statuses: statuses.filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// Complete requests that wait.
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Relaxed)
    }

    /// How late the event loop's timer is at this moment, in ms; `None` without a loop.
    pub fn lag_ms(&self, now_ms: u64) -> Option<u64> {
        let due_ms = self.loop_due_ms.load(Relaxed);
        (due_ms != 0).then(|| now_ms.saturating_sub(due_ms))
    }
}

/// A copy of [`Meters`], or several of them added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Service times of requests that the application was given.
    pub service: Histogram,
    /// How long they waited to be given to it.
    pub queue: Histogram,
    /// How long that was for want of the interpreter's lock.
    pub gil: Histogram,
    /// How late event loops' timers were.
    pub lag: Histogram,
    /// Time in the application's hands, in ns.
    pub application_ns: u64,
    /// Time that the writing of responses took, in ns.
    pub write_ns: u64,
    /// Bytes of responses' bodies.
    pub body_bytes: u64,
    /// Requests that broke the protocol or a limit.
    pub refused: u64,
    /// Requests that there was no time for.
    pub turned_away: u64,
    /// Requests that became slow, without those that had had their time by then.
    pub slow: u64,
    /// Requests that had had their time.
    pub timed_out: u64,
    /// Connections that were taken.
    pub connections: u64,
    /// TLS handshakes that came to nothing.
    pub handshakes_failed: u64,
    /// Requests that were in a worker's hands when it was gone.
    pub lost: u64,
    /// Lines of the log, by [`Logged`].
    pub logged: [u64; 4],
    /// How many responses had each status, those that there were, in their order.
    pub statuses: Vec<(u16, u64)>,
}

impl Totals {
    /// Responses, whoever made them.
    pub fn responses(&self) -> u64 {
        self.statuses.iter().map(|(_, count)| count).sum()
    }

    /// Adds those of another slot.
    pub fn add(&mut self, other: &Self) {
        self.service.add(&other.service);
        self.queue.add(&other.queue);
        self.gil.add(&other.gil);
        self.lag.add(&other.lag);
        self.application_ns += other.application_ns;
        self.write_ns += other.write_ns;
        self.body_bytes += other.body_bytes;
        self.refused += other.refused;
        self.turned_away += other.turned_away;
        self.slow += other.slow;
        self.timed_out += other.timed_out;
        self.connections += other.connections;
        self.handshakes_failed += other.handshakes_failed;
        self.lost += other.lost;
        for (count, more) in self.logged.iter_mut().zip(other.logged) {
            *count += more;
        }
        for (status, more) in &other.statuses {
            match self
                .statuses
                .binary_search_by_key(status, |(known, _)| *known)
            {
                Ok(at) => self.statuses[at].1 += more,
                Err(at) => self.statuses.insert(at, (*status, *more)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Board, SlotId};

    #[test]
    fn what_was_counted_outlives_the_worker_and_adds_up() {
        let board = Board::new(2).unwrap();
        let [first, second] = [0, 1].map(SlotId::new);
        let split = Split {
            queue_ns: 1000,
            gil_ns: 200,
            application_ns: 30_000,
            write_ns: 400,
        };
        board.prepare(first, 1, 1, 5);
        board.meters(first).count_served(200, &split, 7);
        board.meters(first).count_lag(5, 99);
        board.slot(first).set_in_flight(4, None);
        board.meters(first).count_answered_for(503, &split, 0);
        board.meters(first).count_answered_for(503, &split, 0);
        board.meters(first).count_given_back();
        board.meters(first).count_answered_for(503, &split, 0);
        board.clear(first);
        board.prepare(first, 1, 2, 6);
        board.meters(first).count_served(404, &split, 1);
        board.meters(second).count_served(200, &split, 0);
        board.meters(second).count_refused();
        board.meters(second).count_failed_handshake();
        board.meters(second).count_status(400);
        board.meters(second).count_status(999);
        board.meters(second).count_status(1000);
        board.meters(second).count_status(99);
        board.meters(second).count_tail(6);
        let mut totals = board.meters(first).snapshot();
        assert_eq!((totals.responses(), totals.lost), (5, 2));
        assert_eq!(board.meters(first).lag_ms(100), None);
        totals.add(&board.meters(second).snapshot());
        assert_eq!(
            totals.statuses,
            [(200, 2), (400, 1), (404, 1), (503, 3), (999, 1)]
        );
        assert_eq!((totals.refused, totals.body_bytes), (1, 8));
        assert_eq!(totals.handshakes_failed, 1);
        assert_eq!(totals.service.sum_ns, 6 * 31_600);
        assert_eq!(totals.application_ns, 180_000);
        assert_eq!(totals.write_ns, 2406);
        assert_eq!(totals.lag.count(), 1);
    }
}
