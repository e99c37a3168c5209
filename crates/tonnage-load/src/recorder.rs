//! What one thread counts and times. Threads merge their recorders once, at the
//! end; nothing here is shared.

use tonnage_model::{Cause, Counts, FailureCount, Histogram, Phase};

/// Statuses are counted by their number; three digits are all that HTTP has.
const STATUSES: usize = 1000;

/// Counters and histograms of one measured window.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) counts: Counts,
    /// Successes: first write → last byte of the response.
    pub(crate) service_time: Histogram,
    /// Successes: due → last byte of the response.
    pub(crate) response_time: Histogram,
    /// Whole responses with an unexpected status: first write → last byte.
    pub(crate) failed_service_time: Histogram,
    /// `connect` called → socket writable.
    pub(crate) connect_time: Histogram,
    failures: [[u64; Cause::ALL.len()]; Phase::ALL.len()],
    statuses: Box<[u64; STATUSES]>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            counts: Counts::default(),
            service_time: Histogram::new(),
            response_time: Histogram::new(),
            failed_service_time: Histogram::new(),
            connect_time: Histogram::new(),
            failures: Default::default(),
            statuses: Box::new([0; STATUSES]),
        }
    }

    /// Forgets the warm-up, of which `in_flight` requests are still open.
    pub(crate) fn begin_window(&mut self, in_flight: u64) {
        // Cleared, not made anew: fresh memory would stall the first requests of
        // the window by a page fault each.
        for histogram in [
            &mut self.service_time,
            &mut self.response_time,
            &mut self.failed_service_time,
            &mut self.connect_time,
        ] {
            histogram.clear();
        }
        self.failures = Default::default();
        self.statuses.fill(0);
        self.counts = Counts {
            in_flight_at_start: in_flight,
            ..Counts::default()
        };
    }

    #[inline]
    pub(crate) fn success(&mut self, status: u16, service_ns: u64, response_ns: u64) {
        self.counts.succeeded += 1;
        self.count_status(status);
        self.service_time.record(service_ns);
        self.response_time.record(response_ns);
    }

    pub(crate) fn unexpected_status(&mut self, status: u16, service_ns: u64) {
        self.count_status(status);
        self.failed_service_time.record(service_ns);
        self.failure(Phase::Check, Cause::Status);
    }

    pub(crate) fn failure(&mut self, phase: Phase, cause: Cause) {
        self.counts.failed += 1;
        self.failures[phase as usize][cause as usize] += 1;
    }

    #[inline]
    fn count_status(&mut self, status: u16) {
        if let Some(count) = self.statuses.get_mut(usize::from(status)) {
            *count += 1;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let (ours, theirs) = (&mut self.counts, &other.counts);
        ours.in_flight_at_start += theirs.in_flight_at_start;
        ours.started += theirs.started;
        ours.succeeded += theirs.succeeded;
        ours.failed += theirs.failed;
        ours.unfinished += theirs.unfinished;
        ours.connections_opened += theirs.connections_opened;
        ours.bytes_sent += theirs.bytes_sent;
        ours.bytes_received += theirs.bytes_received;
        self.service_time.merge(&other.service_time);
        self.response_time.merge(&other.response_time);
        self.failed_service_time.merge(&other.failed_service_time);
        self.connect_time.merge(&other.connect_time);
        for (ours, theirs) in self
            .failures
            .iter_mut()
            .flatten()
            .zip(other.failures.iter().flatten())
        {
            *ours += theirs;
        }
        for (ours, theirs) in self.statuses.iter_mut().zip(other.statuses.iter()) {
            *ours += theirs;
        }
    }

    /// Whole responses, whatever their status.
    pub(crate) fn answered(&self) -> u64 {
        self.statuses.iter().sum()
    }

    pub(crate) fn statuses(&self) -> impl Iterator<Item = (u16, u64)> {
        (0u16..)
            .zip(self.statuses.iter().copied())
            .filter(|(_, count)| *count > 0)
    }

    pub(crate) fn failures(&self) -> Vec<FailureCount> {
        Phase::ALL
            .iter()
            .flat_map(|&phase| Cause::ALL.iter().map(move |&cause| (phase, cause)))
            .map(|(phase, cause)| FailureCount {
                phase,
                cause,
                count: self.failures[phase as usize][cause as usize],
            })
            .filter(|failure| failure.count > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_is_the_sum() {
        let mut left = Recorder::new();
        left.success(200, 1_000, 2_000);
        left.failure(Phase::Wait, Cause::Reset);
        let mut right = Recorder::new();
        right.success(204, 3_000, 3_000);
        right.unexpected_status(500, 5_000);
        right.failure(Phase::Wait, Cause::Reset);
        left.merge(&right);
        assert_eq!((left.counts.succeeded, left.counts.failed), (2, 3));
        assert_eq!(left.answered(), 3);
        assert_eq!(
            left.statuses().collect::<Vec<_>>(),
            [(200, 1), (204, 1), (500, 1)]
        );
        let failures: Vec<_> = left
            .failures()
            .iter()
            .map(|f| (f.phase, f.cause, f.count))
            .collect();
        assert_eq!(
            failures,
            [
                (Phase::Wait, Cause::Reset, 2),
                (Phase::Check, Cause::Status, 1)
            ]
        );
        assert_eq!(left.service_time.count(), 2);
    }

    #[test]
    fn the_window_begins_empty() {
        let mut recorder = Recorder::new();
        recorder.success(200, 1_000, 1_000);
        recorder.begin_window(3);
        assert_eq!(recorder.counts.succeeded, 0);
        assert_eq!(recorder.counts.in_flight_at_start, 3);
        assert_eq!(recorder.service_time.count(), 0);
    }
}
