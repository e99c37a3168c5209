//! Adds load reports together: of generators that loaded the same target at the
//! same time, or one after the other. Counts and distributions lose nothing;
//! nothing is averaged that can be added up. Assertions are left to the caller,
//! who checks them again on the whole.

mod generator;
mod series;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{
    Arrivals, Bodies, BodyKind, Counts, EndReason, FailureCount, LOAD_SCHEMA, LatencySummary,
    LoadReport, RequestSummary, ThroughputSummary, Verdict,
};

/// Two reports that cannot be added up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// A report is of another version than this program reads.
    #[error("a report has the schema `{0}`; this program merges `{LOAD_SCHEMA}`")]
    Schema(String),
    /// They loaded different targets.
    #[error("the reports are of different targets: `{0}` and `{1}`")]
    Url(String, String),
    /// They asked in different ways.
    #[error("the reports are of different methods: `{0}` and `{1}`")]
    Method(String, String),
}

/// How the windows of two reports lie to each other on the wall clock.
struct Windows {
    /// Beginning of the earlier one, in microseconds since 1970.
    start_us: u64,
    /// Time covered by at least one of them, in microseconds.
    length_us: u64,
    /// Whether they share any time. Then they were different generators, whose
    /// users and threads add up.
    overlap: bool,
    /// How much later than `start_us` the left and the right one begin within the
    /// merged window, in microseconds. A pause between them is left out.
    offsets_us: [u64; 2],
}

impl Windows {
    fn of(left: &LoadReport, right: &LoadReport) -> Self {
        let starts = [left, right].map(|r| r.started_unix_us.saturating_add(r.warmup_us));
        let lengths = [left.window_us, right.window_us];
        let early = usize::from(starts[1] < starts[0]);
        let late = 1 - early;
        let distance = starts[late] - starts[early];
        let overlap = distance < lengths[early];
        let mut offsets_us = [0, 0];
        offsets_us[late] = distance.min(lengths[early]);
        Self {
            start_us: starts[early],
            length_us: lengths[early].max(offsets_us[late] + lengths[late]),
            overlap,
            offsets_us,
        }
    }

    /// Adds up what different generators have at once, and takes the larger of
    /// what the same one had twice.
    fn at_once<T: Ord + std::ops::Add<Output = T>>(&self, left: T, right: T) -> T {
        if self.overlap {
            left + right
        } else {
            left.max(right)
        }
    }

    /// The mean over the merged window of a rate or level that held in each
    /// window: so that parallel generators add up and runs in turn are pooled.
    fn pooled(&self, left: (f64, u64), right: (f64, u64)) -> f64 {
        if self.length_us == 0 {
            return 0.0;
        }
        (left.0 * left.1 as f64 + right.0 * right.1 as f64) / self.length_us as f64
    }
}

impl LoadReport {
    /// One report of both loads. Its window is the time that either covered, so
    /// that the rates of parallel generators add up and runs in turn are pooled;
    /// every distribution is merged sample by sample, and the verdict holds every
    /// reason of both. Assertions are dropped: check them again on the result.
    pub fn merge(&self, other: &Self) -> Result<Self, MergeError> {
        agree(self, other)?;
        let windows = Windows::of(self, other);
        let started_unix_us = self.started_unix_us.min(other.started_unix_us);
        let counts = self.counts.plus(&other.counts);
        let throughput = throughput(&counts, &windows, self, other);
        let times = |read: fn(&Self) -> &LatencySummary| merged_times(read(self), read(other));
        Ok(Self {
            schema: LOAD_SCHEMA.to_owned(),
            request: request(self, other, &windows),
            started_unix_us,
            warmup_us: windows.start_us - started_unix_us,
            window_us: windows.length_us,
            ended: ended(self.ended, other.ended),
            counts,
            throughput,
            failures: failures(&self.failures, &other.failures),
            statuses: statuses(&self.statuses, &other.statuses),
            service_time: times(|r| &r.service_time),
            response_time: times(|r| &r.response_time),
            failed_service_time: times(|r| &r.failed_service_time),
            connect_time: times(|r| &r.connect_time),
            tls_time: times(|r| &r.tls_time),
            first_byte_time: times(|r| &r.first_byte_time),
            body_time: times(|r| &r.body_time),
            send_lag: times(|r| &r.send_lag),
            arrivals: arrivals(self, other, &windows),
            series: series::merged(&self.series, &other.series, &windows),
            bodies: bodies(&self.bodies, &other.bodies),
            assertions: Vec::new(),
            // Generators that ran together asked the same server of the same requests.
            server: None,
            server_unknown: None,
            verdict: verdict(&self.verdict, &other.verdict),
            generator: generator::merged(self, other, &windows),
        })
    }
}

fn agree(left: &LoadReport, right: &LoadReport) -> Result<(), MergeError> {
    for report in [left, right] {
        if report.schema != LOAD_SCHEMA {
            return Err(MergeError::Schema(report.schema.clone()));
        }
    }
    let (ours, theirs) = (&left.request, &right.request);
    if ours.url != theirs.url {
        return Err(MergeError::Url(ours.url.clone(), theirs.url.clone()));
    }
    if ours.method != theirs.method {
        return Err(MergeError::Method(
            ours.method.clone(),
            theirs.method.clone(),
        ));
    }
    Ok(())
}

fn merged_times(left: &LatencySummary, right: &LatencySummary) -> LatencySummary {
    let mut both = left.histogram();
    both.merge(&right.histogram());
    LatencySummary::of(&both)
}

/// The words of both, said once where they are the same.
fn joined(left: &str, right: &str) -> String {
    let mut words = [left, right];
    words.sort_unstable();
    match words {
        [one, other] if one == other || one.is_empty() => other.to_owned(),
        [one, other] => format!("{one} + {other}"),
    }
}

fn request(left: &LoadReport, right: &LoadReport, windows: &Windows) -> RequestSummary {
    let (ours, theirs) = (&left.request, &right.request);
    let first = if windows.offsets_us[0] == 0 {
        ours
    } else {
        theirs
    };
    RequestSummary {
        url: ours.url.clone(),
        method: ours.method.clone(),
        request_bytes: ours.request_bytes.max(theirs.request_bytes),
        connections: windows.at_once(ours.connections, theirs.connections),
        keepalive: ours.keepalive && theirs.keepalive,
        load_model: joined(&ours.load_model, &theirs.load_model),
        protocol: joined(&ours.protocol, &theirs.protocol),
        seed: first.seed,
    }
}

fn ended(left: EndReason, right: EndReason) -> EndReason {
    [EndReason::Interrupted, EndReason::Count]
        .into_iter()
        .find(|reason| [left, right].contains(reason))
        .unwrap_or_default()
}

fn throughput(
    counts: &Counts,
    windows: &Windows,
    left: &LoadReport,
    right: &LoadReport,
) -> ThroughputSummary {
    let per_second = |count: u64| match windows.length_us {
        0 => 0.0,
        us => count as f64 * 1e6 / us as f64,
    };
    ThroughputSummary {
        goodput_rps: per_second(counts.succeeded),
        answered_rps: per_second(left.answered() + right.answered()),
        failed_rps: per_second(counts.failed),
    }
}

fn failures(left: &[FailureCount], right: &[FailureCount]) -> Vec<FailureCount> {
    let mut sums = BTreeMap::new();
    for failure in left.iter().chain(right) {
        *sums.entry((failure.phase, failure.cause)).or_insert(0) += failure.count;
    }
    sums.into_iter()
        .map(|((phase, cause), count)| FailureCount {
            phase,
            cause,
            count,
        })
        .collect()
}

fn statuses(left: &BTreeMap<u16, u64>, right: &BTreeMap<u16, u64>) -> BTreeMap<u16, u64> {
    let mut sums = left.clone();
    for (status, count) in right {
        *sums.entry(*status).or_insert(0) += count;
    }
    sums
}

/// Sums, so that the equation of [`Arrivals`] holds for the whole, too.
fn arrivals(left: &LoadReport, right: &LoadReport, windows: &Windows) -> Option<Arrivals> {
    let (ours, theirs) = match (left.arrivals, right.arrivals) {
        (None, None) => return None,
        (ours, theirs) => (ours.unwrap_or_default(), theirs.unwrap_or_default()),
    };
    Some(Arrivals {
        target_rps: windows.pooled(
            (ours.target_rps, left.window_us),
            (theirs.target_rps, right.window_us),
        ),
        most_queued: windows.at_once(ours.most_queued, theirs.most_queued),
        ..ours.plus(&theirs)
    })
}

fn bodies(left: &Bodies, right: &Bodies) -> Bodies {
    let mut sums = BTreeMap::new();
    for kind in left.kinds.iter().chain(&right.kinds) {
        *sums.entry((kind.bytes, kind.crc32)).or_insert(0) += kind.count;
    }
    let mut kinds: Vec<BodyKind> = sums
        .into_iter()
        .map(|((bytes, crc32), count)| BodyKind {
            bytes,
            crc32,
            count,
        })
        .collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
    Bodies {
        kinds,
        others: left.others + right.others,
    }
}

fn verdict(left: &Verdict, right: &Verdict) -> Verdict {
    let mut reasons = left.reasons.clone();
    for reason in &right.reasons {
        if !reasons.contains(reason) {
            reasons.push(reason.clone());
        }
    }
    Verdict::from_reasons(reasons)
}
