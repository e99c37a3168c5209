//! Mistakes of the load: it was not the one that was asked for.

use tonnage_model::{Cause, Detector, Histogram, Level, LoadReport, Reason};

use super::{Asked, beyond, percent, suspect};

/// Arrivals that the generator noticed, as a share of those that were due: below
/// this, it did not keep its own schedule.
const NOTICED_INVALID: f64 = 0.99;

/// Share of the arrivals that were dropped, or still waited at the end.
const NOT_SENT_SUSPECT: f64 = 0.01;

/// Little's residual.
const LITTLE_SUSPECT: f64 = 0.03;
const LITTLE_INVALID: f64 = 0.30;

/// Fewer requests than this say nothing about Little's law: those cut off by the
/// window's ends weigh too much.
const LITTLE_MIN_REQUESTS: u64 = 100;

/// A connect that takes this long has sent its SYN twice: the kernel repeats it
/// after one second (RFC 6298, section 2).
const SYN_RETRY_NS: u64 = 900_000_000;

pub(super) fn rate_missed(report: &LoadReport, _: Asked) -> Option<Reason> {
    let arrivals = report.arrivals?;
    let due = arrivals.target_rps * report.window_us as f64 / 1e6;
    // Poisson arrivals differ from their mean by chance: three deviations.
    let missing = due - arrivals.arrived as f64 - 3.0 * due.sqrt() - 1.0;
    if missing > due * (1.0 - NOTICED_INVALID) {
        return Some(Reason {
            detector: Detector::RateMissed,
            level: Level::Invalid,
            text: format!(
                "the schedule has {due:.0} arrivals, of which the generator came to {}",
                arrivals.arrived
            ),
        });
    }
    let offered = (arrivals.arrived + arrivals.queued_at_start).max(1) as f64;
    let dropped = arrivals.dropped as f64 / offered;
    if dropped > NOT_SENT_SUSPECT {
        return Some(suspect(
            Detector::RateMissed,
            format!(
                "{} of the arrivals were dropped because every connection was busy; the latencies are those of the others (more connections: -c)",
                percent(dropped)
            ),
        ));
    }
    let grown = arrivals
        .queued_at_end
        .saturating_sub(arrivals.queued_at_start);
    let waiting = grown as f64 / offered;
    (waiting > NOT_SENT_SUSPECT).then(|| {
        suspect(
            Detector::RateMissed,
            format!(
                "the target does not keep up: {} arrivals ({}) still waited at the end, and response times grow as long as the load lasts",
                arrivals.queued_at_end,
                percent(waiting)
            ),
        )
    })
}

pub(super) fn littles_law(report: &LoadReport, _: Asked) -> Option<Reason> {
    if report.counts.succeeded < LITTLE_MIN_REQUESTS {
        return None;
    }
    let residual = report.generator.little_residual?;
    beyond(
        Detector::LittlesLaw,
        residual,
        LITTLE_SUSPECT,
        LITTLE_INVALID,
        || {
            format!(
                "requests in flight, rate and response time are {} apart from Little's law (3 % is fine); the window may be too short for the response time",
                percent(residual)
            )
        },
    )
}

pub(super) fn fewer_connections(report: &LoadReport, asked: Asked) -> Option<Reason> {
    let used = report.generator.connections_used;
    // A pool grows only as far as it is needed, and stages as far as they say.
    let expected = !asked.is_open && !asked.is_staged && report.counts.succeeded > 0;
    (expected && used < asked.connections).then(|| {
        suspect(
            Detector::FewerConnections,
            format!(
                "only {used} of {} connections were ever established; the load is that of fewer users",
                asked.connections
            ),
        )
    })
}

pub(super) fn port_exhaustion(report: &LoadReport, _: Asked) -> Option<Reason> {
    let count: u64 = report
        .failures
        .iter()
        .filter(|failure| failure.cause == Cause::Ports)
        .map(|failure| failure.count)
        .sum();
    (count > 0).then(|| Reason {
        detector: Detector::PortExhaustion,
        level: Level::Invalid,
        text: format!(
            "{count} connects found no free local port on this machine (closed connections keep theirs for a minute); keep connections alive, or widen net.ipv4.ip_local_port_range"
        ),
    })
}

pub(super) fn backlog_overflow(report: &LoadReport, _: Asked) -> Option<Reason> {
    let connects: Histogram = report.connect_time.histogram();
    let slow = connects.count() - connects.count_at_most(SYN_RETRY_NS);
    let full: u64 = report
        .failures
        .iter()
        .filter(|failure| failure.cause == Cause::Backlog)
        .map(|failure| failure.count)
        .sum();
    let overflows = report.generator.listen_overflows.unwrap_or(0);
    if slow == 0 && full == 0 && overflows == 0 {
        return None;
    }
    let seen = if overflows > 0 {
        format!("the kernel turned {overflows} connects away")
    } else if full > 0 {
        format!("{full} connects were turned away")
    } else {
        format!("{slow} connects took a second or more, as if sent twice")
    };
    Some(suspect(
        Detector::BacklogOverflow,
        format!(
            "the listener's backlog overflowed: {seen}; give the server a longer backlog, or ramp up (--ramp)"
        ),
    ))
}
