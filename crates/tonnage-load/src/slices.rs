//! From the threads' recorders to the report: each thread hands over its recorder
//! when a slice of the window ends, gets an empty one back, and goes on; the
//! collector adds them up meanwhile.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tonnage_model::{Series, Slice};

use crate::recorder::Recorder;

/// Length of a slice in nanoseconds.
pub(crate) const SLICE_NS: u64 = 1_000_000_000;

/// Recorders of each thread: one in use, one on its way, one in reserve.
const RECORDERS: usize = 3;

/// What a thread hands over when a slice ends.
pub(crate) struct Part {
    pub(crate) thread: usize,
    /// Numbers of the slices that it covers, and its end in nanoseconds after the
    /// window's beginning; `None` for what lies before the window.
    pub(crate) covers: Option<(Range<u64>, u64)>,
    pub(crate) recorder: Box<Recorder>,
    pub(crate) in_flight: u64,
    pub(crate) queued: u64,
    /// Whether it is the thread's last.
    pub(crate) last: bool,
}

/// A thread's end of the exchange.
pub(crate) struct Desk {
    thread: usize,
    full: SyncSender<Part>,
    empty: Receiver<Box<Recorder>>,
    pub(crate) recorder: Box<Recorder>,
    /// Where the current slice began.
    start_ns: u64,
    window_start_ns: Option<u64>,
}

impl Desk {
    /// When the current slice ends.
    pub(crate) fn slice_end_ns(&self) -> u64 {
        match self.window_start_ns {
            // What lies before the window is no slice, however long it is.
            None => u64::MAX,
            Some(start) => start + (self.slice_of(start) + 1) * SLICE_NS,
        }
    }

    fn slice_of(&self, window_start_ns: u64) -> u64 {
        (self.start_ns - window_start_ns) / SLICE_NS
    }

    /// The window begins: what came before is not part of it.
    pub(crate) fn begin_window(&mut self, now: u64) {
        self.hand_over(now, 0, 0, false);
        // Where the collector could not keep up, what was recorded is forgotten
        // here instead.
        self.recorder.clear();
        self.window_start_ns = Some(now);
        self.start_ns = now;
    }

    /// Hands over what was recorded. Where no empty recorder is there yet, the
    /// slice simply becomes longer, and the answer is `false`.
    pub(crate) fn hand_over(&mut self, now: u64, in_flight: u64, queued: u64, last: bool) -> bool {
        let fresh = if last {
            // Nothing will be recorded any more.
            Some(Box::new(Recorder::new()))
        } else {
            self.empty.try_recv().ok()
        };
        let Some(fresh) = fresh else {
            return false;
        };
        let part = Part {
            thread: self.thread,
            covers: self.window_start_ns.map(|start| {
                let end_ns = now - start;
                let first = self.slice_of(start);
                (first..(end_ns / SLICE_NS).max(first + 1), end_ns)
            }),
            recorder: std::mem::replace(&mut self.recorder, fresh),
            in_flight,
            queued,
            last,
        };
        // The collector only goes when every thread has.
        let _ = self.full.send(part);
        self.start_ns = now;
        true
    }
}

/// Adds up the slices of all threads.
pub(crate) struct Collector {
    parts: Receiver<Part>,
    back: Vec<SyncSender<Box<Recorder>>>,
    /// Everything in the window.
    pub(crate) total: Recorder,
    pub(crate) series: Series,
    /// Slices that some threads have not handed over yet, in order.
    open: VecDeque<OpenSlice>,
    /// For each thread, the first slice that it may still add to; `None` when it
    /// is done.
    next: Vec<Option<u64>>,
    /// Where the last slice of the series ends, in nanoseconds.
    end_ns: u64,
}

struct OpenSlice {
    /// Usually one second; more where a thread was late.
    seconds: Range<u64>,
    recorder: Recorder,
    end_ns: u64,
    /// In flight and queued, of each thread.
    levels: Vec<(u64, u64)>,
}

impl OpenSlice {
    fn new(seconds: Range<u64>, threads: usize) -> Self {
        Self {
            seconds,
            recorder: Recorder::new(),
            end_ns: 0,
            levels: vec![(0, 0); threads],
        }
    }

    fn absorb(&mut self, mut next: Self) {
        self.seconds =
            self.seconds.start.min(next.seconds.start)..self.seconds.end.max(next.seconds.end);
        self.recorder.merge(&mut next.recorder);
        self.end_ns = self.end_ns.max(next.end_ns);
        self.levels = next.levels;
    }
}

/// The collector and a desk for each of `threads`.
pub(crate) fn exchange(threads: usize) -> (Collector, Vec<Desk>) {
    let (full, parts) = sync_channel(threads * RECORDERS);
    let mut back = Vec::with_capacity(threads);
    let desks = (0..threads)
        .map(|thread| {
            let (give_back, empty) = sync_channel(RECORDERS);
            for _ in 1..RECORDERS {
                // The channel has room for all of them.
                let _ = give_back.try_send(Box::new(Recorder::new()));
            }
            back.push(give_back);
            Desk {
                thread,
                full: full.clone(),
                empty,
                recorder: Box::new(Recorder::new()),
                start_ns: 0,
                window_start_ns: None,
            }
        })
        .collect();
    let collector = Collector {
        parts,
        back,
        total: Recorder::new(),
        series: Series {
            slice_us: SLICE_NS / 1000,
            slices: Vec::new(),
        },
        open: VecDeque::new(),
        next: vec![Some(0); threads],
        end_ns: 0,
    };
    (collector, desks)
}

impl Collector {
    /// Takes the next part; `Err` when all threads are gone or nothing came in
    /// time.
    pub(crate) fn receive(
        &mut self,
        timeout: std::time::Duration,
    ) -> Result<(), std::sync::mpsc::RecvTimeoutError> {
        let part = self.parts.recv_timeout(timeout)?;
        self.add(part);
        Ok(())
    }

    fn add(&mut self, mut part: Part) {
        if let Some((seconds, end_ns)) = part.covers.take() {
            self.total.merge(&mut part.recorder);
            self.next[part.thread] = Some(seconds.end);
            let open = self.open_slice(seconds);
            open.recorder.merge(&mut part.recorder);
            open.end_ns = open.end_ns.max(end_ns);
            open.levels[part.thread] = (part.in_flight, part.queued);
        }
        if part.last {
            self.next[part.thread] = None;
        }
        part.recorder.clear();
        // A thread that is done wants it no more.
        let _ = self.back[part.thread].try_send(part.recorder);
        self.close_slices();
    }

    /// The open slice that covers `seconds`: a new one, or those that are there,
    /// made into one.
    fn open_slice(&mut self, seconds: Range<u64>) -> &mut OpenSlice {
        let overlaps =
            |open: &OpenSlice| open.seconds.start < seconds.end && seconds.start < open.seconds.end;
        let at = self
            .open
            .iter()
            .position(|open| open.seconds.end > seconds.start)
            .unwrap_or(self.open.len());
        let mut slice = OpenSlice::new(seconds.clone(), self.next.len());
        while self.open.get(at).is_some_and(overlaps) {
            if let Some(open) = self.open.remove(at) {
                slice.absorb(open);
            }
        }
        self.open.insert(at, slice);
        &mut self.open[at]
    }

    /// Moves slices that every thread has handed over into the series.
    fn close_slices(&mut self) {
        let complete = self.next.iter().flatten().min().copied();
        let is_complete = |open: &OpenSlice| complete.is_none_or(|next| next >= open.seconds.end);
        while self.open.front().is_some_and(is_complete) {
            if let Some(open) = self.open.pop_front() {
                self.close(&open);
            }
        }
    }

    fn close(&mut self, open: &OpenSlice) {
        let mut slice = Slice {
            start_us: self.end_ns / 1000,
            length_us: open.end_ns.saturating_sub(self.end_ns) / 1000,
            succeeded: open.recorder.counts.succeeded,
            failed: open.recorder.counts.failed,
            bytes_received: open.recorder.counts.bytes_received,
            in_flight: open.levels.iter().map(|level| level.0).sum(),
            queued: open.levels.iter().map(|level| level.1).sum(),
            ..Slice::default()
        };
        slice.set_latencies(&open.recorder.response_times());
        self.end_ns = self.end_ns.max(open.end_ns);
        match self.series.slices.last_mut() {
            // A thread that ended just when another slice had begun.
            Some(last) if slice.length_us == 0 => last.absorb(&slice),
            _ => self.series.push(slice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::BodyPrint;
    use crate::recorder::Moments;
    use std::time::Duration;

    fn success(desk: &mut Desk, at_ns: u64) {
        let body = BodyPrint { bytes: 0, crc32: 0 };
        let at = Moments {
            due_ns: at_ns,
            sent_ns: at_ns,
            first_byte_ns: at_ns + 1_000,
            end_ns: at_ns + 1_000,
        };
        desk.recorder.success(200, body, at);
    }

    fn drain(collector: &mut Collector) {
        while collector.receive(Duration::ZERO).is_ok() {}
    }

    #[test]
    fn slices_of_all_threads_add_up_and_the_warm_up_is_left_out() {
        let (mut collector, mut desks) = exchange(2);
        for desk in &mut desks {
            success(desk, 5);
            desk.begin_window(10);
            assert_eq!(desk.slice_end_ns(), 10 + SLICE_NS);
            success(desk, 20);
            desk.hand_over(10 + SLICE_NS, 3, 1, false);
        }
        drain(&mut collector);
        assert_eq!(collector.series.slices.len(), 1);
        for desk in &mut desks {
            success(desk, 30 + SLICE_NS);
            desk.hand_over(10 + SLICE_NS * 3 / 2, 0, 0, true);
        }
        drain(&mut collector);
        let slices = &collector.series.slices;
        assert_eq!(collector.total.counts.succeeded, 4);
        let seen: Vec<_> = slices
            .iter()
            .map(|s| (s.start_us, s.length_us, s.succeeded))
            .collect();
        assert_eq!(seen, [(0, 1_000_000, 2), (1_000_000, 500_000, 2)]);
        assert_eq!((slices[0].in_flight, slices[0].queued), (6, 2));
    }

    #[test]
    fn a_thread_that_is_late_loses_nothing() {
        let (mut collector, mut desks) = exchange(2);
        let [quick, slow] = &mut desks[..] else {
            unreachable!()
        };
        quick.begin_window(0);
        slow.begin_window(0);
        drain(&mut collector);
        success(quick, 1);
        quick.hand_over(SLICE_NS, 0, 0, false);
        success(quick, SLICE_NS + 1);
        quick.hand_over(2 * SLICE_NS, 0, 0, false);
        success(slow, 2);
        success(slow, SLICE_NS + 2);
        drain(&mut collector);
        assert_eq!(collector.series.slices.len(), 0, "one is still missing");
        slow.hand_over(2 * SLICE_NS, 0, 0, true);
        quick.hand_over(2 * SLICE_NS, 0, 0, true);
        drain(&mut collector);
        let slices = &collector.series.slices;
        assert_eq!(
            (slices.len(), slices[0].succeeded, slices[0].length_us),
            (1, 4, 2_000_000)
        );
        assert_eq!(collector.total.counts.succeeded, 4);
    }

    #[test]
    fn without_an_empty_recorder_the_slice_becomes_longer() {
        let (mut collector, mut desks) = exchange(1);
        let desk = &mut desks[0];
        desk.begin_window(0);
        for second in 1..=6 {
            success(desk, second * SLICE_NS - 5);
            desk.hand_over(second * SLICE_NS, 0, 0, false);
        }
        desk.hand_over(6 * SLICE_NS, 0, 0, true);
        drain(&mut collector);
        assert_eq!(collector.total.counts.succeeded, 6);
        let lengths: u64 = collector.series.slices.iter().map(|s| s.length_us).sum();
        assert_eq!(lengths, 6_000_000);
        assert!(collector.series.slices.len() < 6, "some were made into one");
    }
}
