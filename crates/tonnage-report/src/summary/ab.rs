//! The layout of ab, the benchmark of Apache's server.

use std::fmt::Write as _;

use tonnage_model::{Cause, LatencySummary, LoadReport, Phase};

use super::{DUE, failed, per_second, statuses, window_s};
use crate::figure::NOT_AVAILABLE;

const PERCENTILES: [u32; 8] = [50, 66, 75, 80, 90, 95, 98, 99];

pub(super) fn summary(report: &LoadReport) -> (String, Vec<&'static str>) {
    let mut text = target(report);
    text.push_str(&totals(report));
    text.push_str(&rates(report));
    if report.response_time.count > 0 {
        text.push_str(&connection_times(report));
        text.push_str(&percentages(report));
    }
    (text, notes(report))
}

/// A line with its value at ab's column.
fn line(name: &str, value: &str) -> String {
    format!("{:<23} {value}\n", format!("{name}:"))
}

fn target(report: &LoadReport) -> String {
    let url = &report.request.url;
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // The colon of a port comes after the bracket of an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ if scheme.ends_with('s') => (authority, "443"),
        _ => (authority, "80"),
    };
    let length = match report.bodies.kinds.as_slice() {
        [] => NOT_AVAILABLE.to_owned(),
        [first, rest @ ..] if rest.iter().all(|kind| kind.bytes == first.bytes) => {
            format!("{} bytes", first.bytes)
        }
        _ => "Variable".to_owned(),
    };
    let mut text = line("Server Software", NOT_AVAILABLE);
    text.push_str(&line("Server Hostname", host));
    text.push_str(&line("Server Port", port));
    if scheme.ends_with('s') {
        text.push_str(&line("SSL/TLS Protocol", NOT_AVAILABLE));
    }
    text.push('\n');
    text.push_str(&line(
        "Document Path",
        if path.is_empty() { "/" } else { path },
    ));
    text.push_str(&line("Document Length", &length));
    text.push('\n');
    text
}

fn totals(report: &LoadReport) -> String {
    let connect = failed(report, |phase, _| {
        [Phase::Connect, Phase::Tls].contains(&phase)
    });
    let length = failed(report, |_, cause| cause == Cause::Body);
    // ab counts a whole response with another status as complete.
    let answered = failed(report, |_, cause| cause == Cause::Status);
    let bad = report.counts.failed.saturating_sub(answered);
    let receive = bad.saturating_sub(connect + length);
    let mut text = line("Concurrency Level", &report.request.connections.to_string());
    text.push_str(&line(
        "Time taken for tests",
        &format!("{:.3} seconds", window_s(report)),
    ));
    text.push_str(&line("Complete requests", &report.answered().to_string()));
    text.push_str(&line("Failed requests", &bad.to_string()));
    if bad > 0 {
        writeln!(
            text,
            "   (Connect: {connect}, Receive: {receive}, Length: {length}, Exceptions: 0)"
        )
        .expect("writing to memory does not fail");
    }
    let unexpected = statuses(report, |status| !(200..300).contains(&status));
    if unexpected > 0 {
        text.push_str(&line("Non-2xx responses", &unexpected.to_string()));
    }
    if report.request.keepalive {
        text.push_str(&line("Keep-Alive requests", NOT_AVAILABLE));
    }
    let bytes = format!("{} bytes", report.counts.bytes_received);
    text.push_str(&line("Total transferred", &bytes));
    text.push_str(&line("HTML transferred", &body_bytes(report)));
    text
}

/// Bytes of bodies, where every body was told apart.
fn body_bytes(report: &LoadReport) -> String {
    let kinds = &report.bodies.kinds;
    if kinds.is_empty() || report.bodies.others > 0 {
        return NOT_AVAILABLE.to_owned();
    }
    let sum: u64 = kinds.iter().map(|kind| kind.bytes * kind.count).sum();
    format!("{sum} bytes")
}

fn rates(report: &LoadReport) -> String {
    let done = report.answered();
    if done == 0 {
        return String::new();
    }
    let across_ms = window_s(report) * 1e3 / done as f64;
    // Only in a closed loop is every connection busy all the time.
    let each = if report.arrivals.is_some() {
        NOT_AVAILABLE.to_owned()
    } else {
        format!("{:.3}", across_ms * f64::from(report.request.connections))
    };
    let received = per_second(report, report.counts.bytes_received) / 1024.0;
    [
        (
            "Requests per second",
            format!("{:.2} [#/sec] (mean)", report.throughput.answered_rps),
        ),
        ("Time per request", format!("{each} [ms] (mean)")),
        (
            "Time per request",
            format!("{across_ms:.3} [ms] (mean, across all concurrent requests)"),
        ),
        (
            "Transfer rate",
            format!("{received:.2} [Kbytes/sec] received"),
        ),
    ]
    .map(|(name, value)| line(name, &value))
    .concat()
}

fn rows(report: &LoadReport) -> [(&'static str, &'static str, &LatencySummary); 4] {
    [
        (
            "Connect:",
            "the initial connection time",
            &report.connect_time,
        ),
        ("Processing:", "the processing time", &report.service_time),
        ("Waiting:", "the waiting time", &report.first_byte_time),
        ("Total:", "the total time", &report.response_time),
    ]
}

fn connection_times(report: &LoadReport) -> String {
    let whole = |us: Option<f64>| {
        us.map_or_else(|| NOT_AVAILABLE.to_owned(), |us| format!("{:.0}", us / 1e3))
    };
    let mut text =
        String::from("\nConnection Times (ms)\n              min  mean[+/-sd] median   max\n");
    for (name, _, times) in rows(report) {
        let stdev = times
            .stdev_us
            .map_or_else(|| NOT_AVAILABLE.to_owned(), |us| format!("{:.1}", us / 1e3));
        writeln!(
            text,
            "{name:<12}{:>5} {:>4} {stdev:>5} {:>6} {:>7}",
            whole(times.min_us),
            whole(times.mean_us),
            whole(times.percentile_us(50.0)),
            whole(times.max_us)
        )
        .expect("writing to memory does not fail");
    }
    for (_, what, times) in rows(report) {
        text.push_str(&sanity(what, times));
    }
    text
}

/// What ab says where mean and median lie far apart.
fn sanity(what: &str, times: &LatencySummary) -> String {
    let (Some(mean), Some(median), Some(stdev)) =
        (times.mean_us, times.percentile_us(50.0), times.stdev_us)
    else {
        return String::new();
    };
    let distance = (mean - median).abs();
    if distance > 2.0 * stdev {
        format!(
            "ERROR: The median and mean for {what} are more than twice the standard\n       deviation apart. These results are NOT reliable.\n"
        )
    } else if distance > stdev {
        format!(
            "WARNING: The median and mean for {what} are not within a normal deviation\n        These results are probably not that reliable.\n"
        )
    } else {
        String::new()
    }
}

fn percentages(report: &LoadReport) -> String {
    let total = report.response_time.histogram();
    let mut text = String::from("\nPercentage of the requests served within a certain time (ms)\n");
    for percentile in PERCENTILES {
        let value = total
            .percentile_us(f64::from(percentile))
            .map_or_else(|| NOT_AVAILABLE.to_owned(), |us| format!("{:.0}", us / 1e3));
        writeln!(text, "  {percentile}%  {value:>5}").expect("writing to memory does not fail");
    }
    let longest_ms = total.max_us().unwrap_or_default() / 1e3;
    writeln!(text, " 100%  {longest_ms:>5.0} (longest request)")
        .expect("writing to memory does not fail");
    text
}

fn notes(report: &LoadReport) -> Vec<&'static str> {
    let mut notes = vec![
        "Connection Times are of successes, and Connect of requests that needed a connection; ab's are of every request, with 0 for a connection kept open.",
        "a response with an unexpected status counts as complete, as in ab; one of another length is no failure unless its body is checked.",
    ];
    if report.arrivals.is_some() {
        notes.push(DUE);
    }
    notes
}
