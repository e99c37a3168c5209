//! What one thread counts and times in one slice of the window. Nothing here is
//! shared: when a slice ends, the whole recorder is handed to the collector and
//! an empty one takes its place.

use tonnage_model::{Cause, Counts, FailureCount, Histogram, LatencySummary, Phase};

use crate::body::{BodyPrint, BodyTally};

/// Statuses are counted by their number; three digits are all that HTTP has.
const STATUSES: usize = 1000;

/// The moments of one request, in nanoseconds of the common clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    /// When it was due.
    pub(crate) due_ns: u64,
    /// When its first byte was written.
    pub(crate) sent_ns: u64,
    /// When the first bytes of its response came.
    pub(crate) first_byte_ns: u64,
    /// When its response was whole.
    pub(crate) end_ns: u64,
}

/// Counters and histograms of one slice.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) counts: Counts,
    /// Successes that were sent when they were due and came in one piece: service
    /// time, response time and time to the first byte are the same, so that the
    /// most frequent case costs one record.
    plain: Histogram,
    /// Other successes: first write → last byte of the response.
    service_time: Histogram,
    /// Other successes: due → last byte of the response.
    response_time: Histogram,
    /// Other successes: first write → first bytes of the response.
    first_byte_time: Histogram,
    /// Other successes: first bytes → last byte of the response.
    body_time: Histogram,
    /// Whole responses that are no success: first write → last byte.
    pub(crate) failed_service_time: Histogram,
    /// `connect` called → socket writable.
    pub(crate) connect_time: Histogram,
    /// Socket writable → handshake done.
    pub(crate) tls_time: Histogram,
    /// Due → the generator acted.
    pub(crate) send_lag: Histogram,
    bodies: BodyTally,
    failures: [[u64; Cause::ALL.len()]; Phase::ALL.len()],
    statuses: Box<[u64; STATUSES]>,
}

/// Latencies of the successes, as a report has them.
pub(crate) struct Latencies {
    pub(crate) service_time: LatencySummary,
    pub(crate) response_time: LatencySummary,
    pub(crate) first_byte_time: LatencySummary,
    pub(crate) body_time: LatencySummary,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            counts: Counts::default(),
            plain: Histogram::new(),
            service_time: Histogram::new(),
            response_time: Histogram::new(),
            first_byte_time: Histogram::new(),
            body_time: Histogram::new(),
            failed_service_time: Histogram::new(),
            connect_time: Histogram::new(),
            tls_time: Histogram::new(),
            send_lag: Histogram::new(),
            bodies: BodyTally::default(),
            failures: Default::default(),
            statuses: Box::new([0; STATUSES]),
        }
    }

    fn histograms(&mut self) -> [&mut Histogram; 9] {
        [
            &mut self.plain,
            &mut self.service_time,
            &mut self.response_time,
            &mut self.first_byte_time,
            &mut self.body_time,
            &mut self.failed_service_time,
            &mut self.connect_time,
            &mut self.tls_time,
            &mut self.send_lag,
        ]
    }

    /// Forgets everything. The memory is kept: fresh memory would stall the next
    /// requests by a page fault each.
    pub(crate) fn clear(&mut self) {
        self.counts = Counts::default();
        for histogram in self.histograms() {
            if histogram.count() > 0 {
                histogram.clear();
            }
        }
        self.bodies.clear();
        self.failures = Default::default();
        self.statuses.fill(0);
    }

    /// Adds everything that `other` has. Exact; the order does not matter.
    pub(crate) fn merge(&mut self, other: &mut Self) {
        self.counts = self.counts.plus(&other.counts);
        for (ours, theirs) in self.histograms().into_iter().zip(other.histograms()) {
            if theirs.count() > 0 {
                ours.merge(theirs);
            }
        }
        self.bodies.merge(&other.bodies);
        let theirs = other.failures.iter().flatten();
        for (ours, theirs) in self.failures.iter_mut().flatten().zip(theirs) {
            *ours += theirs;
        }
        for (ours, theirs) in self.statuses.iter_mut().zip(other.statuses.iter()) {
            *ours += theirs;
        }
    }

    /// A response with an expected status that passed its checks.
    #[inline]
    pub(crate) fn success(&mut self, status: u16, body: BodyPrint, at: Moments) {
        self.counts.succeeded += 1;
        self.count_status(status);
        self.bodies.count(body);
        let service_ns = at.end_ns - at.sent_ns;
        if at.due_ns == at.sent_ns && at.first_byte_ns == at.end_ns {
            self.plain.record(service_ns);
        } else {
            self.service_time.record(service_ns);
            self.response_time.record(at.end_ns - at.due_ns);
            self.first_byte_time.record(at.first_byte_ns - at.sent_ns);
            self.body_time.record(at.end_ns - at.first_byte_ns);
        }
    }

    /// A whole response that is none that was wanted.
    pub(crate) fn unexpected(&mut self, status: u16, cause: Cause, service_ns: u64) {
        self.count_status(status);
        self.failed_service_time.record(service_ns);
        self.failure(Phase::Check, cause);
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

    /// Due → last byte of the response, of the successes.
    pub(crate) fn response_times(&self) -> Histogram {
        let mut all = self.plain.clone();
        all.merge(&self.response_time);
        all
    }

    /// The latencies of the successes.
    pub(crate) fn latencies(&self) -> Latencies {
        let with_plain = |others: &Histogram| {
            let mut all = self.plain.clone();
            all.merge(others);
            LatencySummary::of(&all)
        };
        let mut body_time = self.body_time.clone();
        // What came in one piece has a body time of nothing.
        body_time.record_n(0, self.plain.count());
        Latencies {
            service_time: with_plain(&self.service_time),
            response_time: with_plain(&self.response_time),
            first_byte_time: with_plain(&self.first_byte_time),
            body_time: LatencySummary::of(&body_time),
        }
    }

    pub(crate) fn bodies(&self) -> tonnage_model::Bodies {
        self.bodies.bodies()
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

    const BODY: BodyPrint = BodyPrint { bytes: 2, crc32: 7 };

    fn moments(due_ns: u64, sent_ns: u64, first_byte_ns: u64, end_ns: u64) -> Moments {
        Moments {
            due_ns,
            sent_ns,
            first_byte_ns,
            end_ns,
        }
    }

    #[test]
    fn merged_is_the_sum() {
        let mut left = Recorder::new();
        left.success(200, BODY, moments(0, 0, 1_000, 1_000));
        left.failure(Phase::Wait, Cause::Reset);
        let mut right = Recorder::new();
        right.success(204, BODY, moments(0, 1_000, 2_000, 4_000));
        right.unexpected(500, Cause::Status, 5_000);
        right.failure(Phase::Wait, Cause::Reset);
        left.merge(&mut right);
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
        assert_eq!(left.bodies().kinds[0].count, 2);
    }

    #[test]
    fn a_plain_request_counts_everywhere() {
        let mut recorder = Recorder::new();
        recorder.success(200, BODY, moments(0, 0, 1_000, 1_000));
        recorder.success(200, BODY, moments(0, 1_000, 3_000, 6_000));
        let latencies = recorder.latencies();
        let extremes = |summary: &LatencySummary| {
            (
                summary.count,
                summary.min_us.unwrap().round(),
                summary.max_us.unwrap().round(),
            )
        };
        assert_eq!(extremes(&latencies.service_time), (2, 1.0, 5.0));
        assert_eq!(extremes(&latencies.response_time), (2, 1.0, 6.0));
        assert_eq!(extremes(&latencies.first_byte_time), (2, 1.0, 2.0));
        assert_eq!(extremes(&latencies.body_time), (2, 0.0, 3.0));
        assert_eq!(recorder.response_times().count(), 2);
    }

    #[test]
    fn cleared_is_empty() {
        let mut recorder = Recorder::new();
        recorder.success(200, BODY, moments(0, 0, 1_000, 1_000));
        recorder.unexpected(500, Cause::Body, 1_000);
        recorder.clear();
        assert_eq!(recorder.counts, Counts::default());
        assert_eq!(recorder.answered(), 0);
        assert_eq!(recorder.failures(), []);
        assert_eq!(recorder.response_times().count(), 0);
        assert_eq!(recorder.failed_service_time.count(), 0);
    }
}
