//! The facts of a load's summary: name and value, wrapped or tabulated by whoever
//! shows them.

use tonnage_model::{Arrivals, Bodies, LoadReport, format_bytes, format_significant};

use crate::figure::{NOT_AVAILABLE, counted, grouped, percent};

/// What is known besides the latencies, most important first.
pub(crate) fn facts(report: &LoadReport) -> Vec<(&'static str, String)> {
    let counts = &report.counts;
    let mut facts = vec![(
        "requests",
        format!(
            "{} succeeded, {} failed, {} unfinished",
            grouped(counts.succeeded),
            grouped(counts.failed),
            grouped(counts.unfinished)
        ),
    )];
    facts.extend(report.failures.iter().map(|failure| {
        let what = format!("{} × {}", failure.phase.name(), failure.cause.name());
        ("failed", format!("{what}  {}", grouped(failure.count)))
    }));
    if !report.statuses.is_empty() {
        facts.push(("status", statuses(report)));
    }
    if let Some(arrivals) = &report.arrivals {
        facts.push(("arrivals", arrived(arrivals)));
    }
    facts.extend(bodies(&report.bodies).map(|text| ("bodies", text)));
    facts.push(("connects", grouped(report.counts.connections_opened)));
    facts.push((
        "bytes",
        format!(
            "{} sent, {} received",
            format_bytes(counts.bytes_sent as f64),
            format_bytes(counts.bytes_received as f64)
        ),
    ));
    if let Some(why) = &report.server_unknown {
        facts.push(("server", format!("its own figures are not known: {why}")));
    }
    facts.push(("generator", generator(report)));
    facts
}

fn statuses(report: &LoadReport) -> String {
    let statuses: Vec<String> = report
        .statuses
        .iter()
        .map(|(status, count)| format!("{status}: {}", grouped(*count)))
        .collect();
    statuses.join(", ")
}

fn arrived(arrivals: &Arrivals) -> String {
    format!(
        "{} asked for at {} requests/s, {} sent, {} had to wait (at most {} at once), {} dropped, {} waiting at the end",
        grouped(arrivals.arrived),
        format_significant(arrivals.target_rps, 4),
        grouped(arrivals.sent),
        grouped(arrivals.queued),
        grouped(arrivals.most_queued),
        grouped(arrivals.dropped),
        grouped(arrivals.queued_at_end),
    )
}

/// The kinds of bodies, where there is more than one.
fn bodies(bodies: &Bodies) -> Option<String> {
    /// More kinds than this say no more than their number does.
    const SHOWN: usize = 4;
    if bodies.kinds.len() < 2 && bodies.others == 0 {
        return None;
    }
    let mut parts: Vec<String> = bodies
        .kinds
        .iter()
        .take(SHOWN)
        .map(|kind| {
            format!(
                "{} × {} ({:08x})",
                grouped(kind.count),
                format_bytes(kind.bytes as f64),
                kind.crc32
            )
        })
        .collect();
    let rest = bodies.kinds.iter().skip(SHOWN).map(|kind| kind.count);
    let others = rest.sum::<u64>() + bodies.others;
    if others > 0 {
        parts.push(format!("{} others", grouped(others)));
    }
    Some(parts.join(", "))
}

/// The rate as a share of what this client reaches here, where that was measured.
fn share_of_ceiling(report: &LoadReport) -> Option<f64> {
    let ceiling_rps = report.generator.ceiling_rps.filter(|rps| *rps > 0.0)?;
    Some(report.throughput.answered_rps / ceiling_rps)
}

/// How busy the generator was.
fn generator(report: &LoadReport) -> String {
    let generator = &report.generator;
    let cost = generator.cpu_us_per_response.map_or_else(
        || NOT_AVAILABLE.to_owned(),
        |us| format!("{} µs", format_significant(us, 3)),
    );
    let residual = generator
        .little_residual
        .map_or_else(|| NOT_AVAILABLE.to_owned(), percent);
    let ceiling = share_of_ceiling(report).map_or_else(String::new, |share| {
        format!(", at {} of what this client can do here", percent(share))
    });
    format!(
        "{} ({}), busiest at {} of one CPU, {cost} of CPU per response, Little's residual {residual}{ceiling}",
        counted(u64::from(generator.threads), "thread"),
        generator.engine,
        percent(generator.busiest_thread_cpu_share),
    )
}
