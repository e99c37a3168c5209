//! What follows from an audited table, in sentences: its think time, its unit, the rows
//! that cannot be, and from where on it shows the load offered and not the server.

use tonnage_model::format_significant;
use tonnage_stats::{Audit, TOLERANCE};

use super::{AuditedTable, off_by, percent, short, think_share};

/// From this share of a client's cycle on, thinking is nearly all of it: a server that
/// answers at once would raise the throughput by no more than a ninth.
const OFFERED: f64 = 0.9;

/// A think time below this is none: it is within what the tolerance leaves of common
/// latencies, or the client's own work between two requests.
const NO_THINK_S: f64 = 0.001;

/// What follows from the figures, in sentences.
pub(super) fn conclusions(audited: &AuditedTable) -> Vec<String> {
    let mut sentences = vec![think_sentence(audited)];
    if let Some(unit) = &audited.better_unit {
        sentences.push(format!(
            "Read in {unit}, the latencies would agree with most rows: try `--latency-unit {unit}`."
        ));
    }
    let is_sound = audited.audit.is_conclusive() || audited.think_is_given;
    if is_sound {
        sentences.extend(flaws(audited));
    }
    if is_sound && audited.audit.think_s >= NO_THINK_S {
        sentences.extend(offered_load(audited));
    }
    for row in &audited.left_out {
        sentences.push(format!("Line {} is left out: {}.", row.line, row.reason));
    }
    sentences
}

fn think_sentence(audited: &AuditedTable) -> String {
    let Audit {
        think_s,
        agreeing,
        usable,
        ..
    } = audited.audit;
    let within = format!("within {:.0} %", TOLERANCE * 100.0);
    if audited.think_is_given {
        return format!(
            "With the think time Z = {} s that was given, {agreeing} of {usable} rows agree {within}.",
            seconds(think_s)
        );
    }
    if !audited.audit.is_conclusive() {
        return format!(
            "The rows agree on no think time (at best {agreeing} of {usable}, {within}): the latency \
             is no mean, its unit is another, the columns are others, or the clients were not all at work."
        );
    }
    if think_s < NO_THINK_S {
        return format!(
            "{agreeing} of {usable} rows agree {within} that there is no think time: each client asks \
             again as soon as it has its answer, and the throughput is what the server gave so many clients."
        );
    }
    format!(
        "{agreeing} of {usable} rows agree {within} on a think time of Z = {} s between an answer \
         and the client's next request.",
        seconds(think_s)
    )
}

fn seconds(value: f64) -> String {
    format_significant(value, 3)
}

/// The rows that do not agree, each with what the law says instead.
fn flaws(audited: &AuditedTable) -> Vec<String> {
    let flawed = audited.audit.inconsistent().into_iter();
    flawed
        .map(|index| {
            let (row, judged) = (&audited.rows[index], &audited.audit.rows[index]);
            let predicted = judged.predicted_rps.unwrap_or(0.0);
            let why = if predicted > row.throughput_rps {
                "either figure is wrong, or not all clients were at work"
            } else {
                "either figure is wrong, or there were more clients"
            };
            let off = judged.residual.map(off_by).unwrap_or_default();
            let pause = if audited.audit.think_s >= NO_THINK_S {
                format!(" and {} s of thinking", seconds(audited.audit.think_s))
            } else {
                String::new()
            };
            format!(
                "Line {}{} does not fit: {} clients with a mean latency of {} ms{pause} make {} \
                 requests per second, not {} ({off}); {why}.",
                row.line,
                named(&row.label),
                short(row.clients),
                short(row.response_s * 1e3),
                short(predicted),
                short(row.throughput_rps),
            )
        })
        .collect()
}

fn named(label: &str) -> String {
    if label.is_empty() {
        String::new()
    } else {
        format!(" ({label})")
    }
}

/// Which rows show the load that clients offered, and which the server.
fn offered_load(audited: &AuditedTable) -> Vec<String> {
    let think_s = audited.audit.think_s;
    let agrees = |index: usize| audited.audit.rows[index].consistent;
    let is_offered = |index: usize| think_share(audited, &audited.rows[index]) >= OFFERED;
    let select = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
        (0..audited.rows.len())
            .filter(|index| agrees(*index) && wanted(*index))
            .collect()
    };
    let offered = select(&is_offered);
    let others = select(&|index| !is_offered(index));
    let mut sentences = Vec::new();
    let clients = offered.iter().map(|index| audited.rows[*index].clients);
    if let Some(most) = clients.reduce(f64::max) {
        sentences.push(format!(
            "{} the clients think for {} of their cycle or more. The throughput there is N ÷ (R + Z), \
             the load that the clients offer, and not what the server can carry: one that answered at \
             once would get {} requests per second from {} clients. How these rows differ says \
             nothing about capacity: for that, take the think time away, or add clients.",
            where_from(audited, &offered),
            percent(OFFERED),
            short(most / think_s),
            short(most),
        ));
    }
    if !others.is_empty() && !offered.is_empty() {
        let waits = || {
            others
                .iter()
                .map(|index| 1.0 - think_share(audited, &audited.rows[*index]))
        };
        let (least, most) = (waits().fold(1.0, f64::min), waits().fold(0.0, f64::max));
        let share = if percent(least) == percent(most) {
            percent(most)
        } else {
            format!("{:.0} to {}", least * 100.0, percent(most))
        };
        sentences.push(format!(
            "On {} they wait for {share} of their cycle: there the server holds the clients back.",
            lines(audited, &others)
        ));
    }
    sentences
}

/// `From line 12 on` where nothing else follows, the lines otherwise.
fn where_from(audited: &AuditedTable, rows: &[usize]) -> String {
    let (first, count) = (rows[0], audited.rows.len());
    if rows.len() == count {
        return "In all rows".to_owned();
    }
    if rows.len() > 1 && rows.iter().copied().eq(first..count) {
        let row = &audited.rows[first];
        return format!("From line {}{} on", row.line, named(&row.label));
    }
    format!("On {}", lines(audited, rows))
}

/// `lines 12–14 (0.5 to 2) and 17`: neighbours together, with what they are about.
fn lines(audited: &AuditedTable, rows: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &row in rows {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == row => *last = row,
            _ => ranges.push((row, row)),
        }
    }
    let texts: Vec<String> = ranges
        .iter()
        .map(|&(first, last)| {
            let (first, last) = (&audited.rows[first], &audited.rows[last]);
            if first.line == last.line {
                return format!("{}{}", first.line, named(&first.label));
            }
            let label = if first.label.is_empty() {
                String::new()
            } else {
                named(&format!("{} to {}", first.label, last.label))
            };
            format!("{}–{}{label}", first.line, last.line)
        })
        .collect();
    let noun = if rows.len() == 1 { "line" } else { "lines" };
    format!("{noun} {}", listed(&texts))
}

fn listed(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
