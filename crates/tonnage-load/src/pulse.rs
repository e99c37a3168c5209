//! What every thread of the engine does whatever it speaks: keep the window, obey
//! the wish to stop, hand over a slice each second, and ask the pacer who is due.

use std::sync::atomic::{AtomicU64, Ordering};

use tonnage_model::Arrivals;

use crate::clock::{Clock, thread_cpu_ns};
use crate::pacer::{Due, Pacer, Part};
use crate::recorder::Recorder;
use crate::slices::Desk;
use crate::surroundings::thread_wait_ns;
use crate::{LoadPlan, Stop};

/// How often the wish to stop is looked at, in nanoseconds.
const STOP_CHECK_NS: u64 = 100_000_000;

/// What a thread tells while it works, for progress displays.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) succeeded: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// What a thread measured, beside what it handed over slice by slice.
#[derive(Debug)]
pub(crate) struct ThreadResult {
    /// The window, in nanoseconds of the common clock.
    pub(crate) window_start_ns: u64,
    pub(crate) window_end_ns: u64,
    /// CPU time of the thread within the window.
    pub(crate) cpu_ns: u64,
    /// Time within the window in which it waited for a CPU.
    pub(crate) cpu_wait_ns: Option<u64>,
    /// Requests in the system times the nanoseconds that they spent there.
    pub(crate) occupancy_ns: u128,
    pub(crate) arrivals: Option<Arrivals>,
    pub(crate) connections: Connected,
    pub(crate) ended: ThreadEnd,
}

/// How many connections came about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Connected {
    /// That are up now.
    pub(crate) up: u32,
    /// The most that were up at once.
    pub(crate) most: u32,
    /// Slots that were up at least once.
    pub(crate) used: u32,
}

/// Why a thread ended its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadEnd {
    Duration,
    Count,
    Interrupted,
}

/// What a thread is given.
pub(crate) struct Task<'a> {
    pub(crate) plan: &'a LoadPlan,
    pub(crate) stops: [&'a Stop; 2],
    pub(crate) gauge: &'a Gauge,
    pub(crate) clock: Clock,
    pub(crate) part: Part,
    /// Connections of this thread.
    pub(crate) connections: u32,
    /// Requests of the window; `u64::MAX` for no limit.
    pub(crate) budget: u64,
    pub(crate) desk: Desk,
}

/// The heart of a thread.
pub(crate) struct Pulse<'a> {
    pub(crate) plan: &'a LoadPlan,
    pub(crate) clock: Clock,
    pub(crate) pacer: Pacer,
    stops: [&'a Stop; 2],
    gauge: &'a Gauge,
    desk: Desk,
    /// The budget of the window, which the warm-up does not touch.
    window_budget: u64,
    in_window: bool,
    window_start_ns: u64,
    /// When the window begins or, within it, ends.
    boundary_ns: u64,
    next_stop_check_ns: u64,
    cpu_at_start_ns: u64,
    wait_at_start_ns: Option<u64>,
    succeeded: u64,
    failed: u64,
}

impl<'a> Pulse<'a> {
    pub(crate) fn new(task: Task<'a>) -> Self {
        Self {
            plan: task.plan,
            clock: task.clock,
            pacer: Pacer::new(task.plan, task.part, task.connections),
            stops: task.stops,
            gauge: task.gauge,
            desk: task.desk,
            window_budget: task.budget,
            in_window: false,
            window_start_ns: 0,
            boundary_ns: task.plan.lead_in().as_nanos() as u64,
            next_stop_check_ns: 0,
            cpu_at_start_ns: 0,
            wait_at_start_ns: None,
            succeeded: 0,
            failed: 0,
        }
    }

    #[inline]
    pub(crate) fn recorder(&mut self) -> &mut Recorder {
        &mut self.desk.recorder
    }

    /// Does what is due by the clock; says when the window is over.
    pub(crate) fn tick(&mut self, now: u64) -> Option<ThreadEnd> {
        if now >= self.boundary_ns {
            if self.in_window {
                return Some(ThreadEnd::Duration);
            }
            self.begin_window(now);
        }
        if self.in_window && self.pacer.is_done() {
            return Some(ThreadEnd::Count);
        }
        if now >= self.next_stop_check_ns {
            self.next_stop_check_ns = now + STOP_CHECK_NS;
            self.publish();
            if self.stops.iter().any(|stop| stop.is_requested()) {
                return Some(ThreadEnd::Interrupted);
            }
        }
        if now >= self.desk.slice_end_ns() {
            self.hand_over(now, false);
        }
        None
    }

    /// The next moment at which [`tick`](Self::tick) or the pacer has something to do.
    pub(crate) fn wake_ns(&self) -> u64 {
        self.boundary_ns
            .min(self.next_stop_check_ns)
            .min(self.desk.slice_end_ns())
            .min(self.pacer.wake_ns())
    }

    /// The next request that is due and has a slot.
    #[inline]
    pub(crate) fn take_due(&mut self, now: u64) -> Option<Due> {
        self.pacer.take_due(now, &mut self.desk.recorder.send_lag)
    }

    fn begin_window(&mut self, now: u64) {
        (self.succeeded, self.failed) = (0, 0);
        self.desk.begin_window(now);
        self.desk.recorder.counts.in_flight_at_start = self.pacer.in_flight();
        self.in_window = true;
        self.pacer.begin_window(now, self.window_budget);
        self.window_start_ns = now;
        self.cpu_at_start_ns = thread_cpu_ns();
        self.wait_at_start_ns = thread_wait_ns();
        self.boundary_ns = self.plan.window().map_or(u64::MAX, |length| {
            now.saturating_add(length.as_nanos() as u64)
        });
    }

    fn hand_over(&mut self, now: u64, last: bool) {
        let counts = self.desk.recorder.counts;
        let (in_flight, queued) = (self.pacer.in_flight(), self.pacer.queued());
        if self.desk.hand_over(now, in_flight, queued, last) {
            self.succeeded += counts.succeeded;
            self.failed += counts.failed;
        }
    }

    fn publish(&self) {
        let counts = &self.desk.recorder.counts;
        let (succeeded, failed) = (
            self.succeeded + counts.succeeded,
            self.failed + counts.failed,
        );
        self.gauge.succeeded.store(succeeded, Ordering::Relaxed);
        self.gauge.failed.store(failed, Ordering::Relaxed);
    }

    /// Ends the window and hands over what is left.
    pub(crate) fn finish(
        mut self,
        now: u64,
        ended: ThreadEnd,
        connections: Connected,
    ) -> ThreadResult {
        if !self.in_window {
            // Stopped before it: an empty window.
            self.begin_window(now);
        }
        self.recorder().counts.unfinished = self.pacer.in_flight();
        self.publish();
        self.hand_over(now, true);
        ThreadResult {
            window_start_ns: self.window_start_ns,
            window_end_ns: now,
            cpu_ns: thread_cpu_ns() - self.cpu_at_start_ns,
            cpu_wait_ns: thread_wait_ns()
                .zip(self.wait_at_start_ns)
                .map(|(now, before)| now.saturating_sub(before)),
            occupancy_ns: self.pacer.occupancy_ns(now),
            arrivals: self.pacer.arrivals(),
            connections,
            ended,
        }
    }
}
