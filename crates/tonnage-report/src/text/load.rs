//! The summary of one load, answer first: what `tonnage load URL` prints.

use std::fmt::Write as _;
use std::time::Duration;

use tonnage_model::{
    EndReason, HumanDuration, LatencySummary, LoadReport, MIN_TAIL_SAMPLES, format_bytes,
    format_micros, format_significant,
};

use super::wrap;
use crate::answer::{BUSY_SHARE, LITTLE_LIMIT};
use crate::figure::{NOT_AVAILABLE, counted, grouped, percent};

/// A row of the latency table: its name and how to read it from a summary.
type Row = (&'static str, fn(&LatencySummary) -> Option<f64>);

const MOMENTS: [Row; 2] = [("mean", |s| s.mean_us), ("stdev", |s| s.stdev_us)];

/// The summary of a load in lines of at most `width` columns (the latency table
/// needs 60).
pub fn load_text(report: &LoadReport, width: usize) -> String {
    let mut text = wrap("", &answer(report), width, 0);
    text.push_str(&wrap("", &conditions(report), width, 2));
    text.push('\n');
    text.push_str(&latencies(report));
    text.push('\n');
    for (name, value) in facts(report) {
        text.push_str(&wrap(&format!("{name:<12}"), &value, width, 12));
    }
    for warning in warnings(report) {
        text.push('\n');
        text.push_str(&wrap("WARNING: ", &warning, width, 2));
    }
    text
}

fn answer(report: &LoadReport) -> String {
    let failed = match report.counts.failed {
        0 => "none failed".to_owned(),
        count => format!("{} failed", counted(count, "request")),
    };
    format!(
        "{} requests/s succeeded, {failed}.",
        format_significant(report.throughput.goodput_rps, 4)
    )
}

fn conditions(report: &LoadReport) -> String {
    let request = &report.request;
    let keepalive = if request.keepalive {
        ""
    } else {
        ", a new connection each"
    };
    let ended = match report.ended {
        EndReason::Duration => "",
        EndReason::Count => ", ended by count",
        EndReason::Interrupted => ", interrupted",
    };
    format!(
        "{} {}: {}{keepalive}, {} after {} of warm-up{ended}",
        request.method,
        request.url,
        counted(u64::from(request.connections), "user"),
        // Whole milliseconds: `2.003417s` would claim more than anybody asked for.
        milliseconds(report.window_us),
        milliseconds(report.warmup_us),
    )
}

fn milliseconds(us: u64) -> String {
    HumanDuration(Duration::from_millis((us + 500) / 1000)).to_string()
}

fn latencies(report: &LoadReport) -> String {
    let service = &report.service_time;
    let response = &report.response_time;
    let mut text = String::from("latency      service    response\n");
    for (name, read) in MOMENTS {
        latency_row(&mut text, name, read(service), read(response), "");
    }
    for percentile in &service.percentiles {
        let value = response.percentile_us(percentile.percentile);
        let note = if percentile.value_us.is_none() {
            format!(
                "  (needs {} requests)",
                requests_needed(percentile.percentile)
            )
        } else {
            String::new()
        };
        let name = format!("p{}", percentile.percentile);
        latency_row(&mut text, &name, percentile.value_us, value, &note);
    }
    latency_row(&mut text, "max", service.max_us, response.max_us, "");
    text
}

fn latency_row(
    text: &mut String,
    name: &str,
    service: Option<f64>,
    response: Option<f64>,
    note: &str,
) {
    let shown = |us: Option<f64>| us.map_or_else(|| NOT_AVAILABLE.to_owned(), format_micros);
    let (service, response) = (shown(service), shown(response));
    writeln!(text, "{name:<8}{service:>12}{response:>12}{note}")
        .expect("writing to memory does not fail");
}

/// How many samples a percentile needs before [`MIN_TAIL_SAMPLES`] of them lie on
/// its thinner side.
pub(crate) fn requests_needed(percentile: f64) -> u64 {
    let thinner_side = percentile.min(100.0 - percentile) / 100.0;
    // Rounded first: 10 ÷ (1 − 0.999) is a little more than ten thousand.
    ((MIN_TAIL_SAMPLES as f64 / thinner_side) * 1e6)
        .round()
        .div_euclid(1e6) as u64
}

fn facts(report: &LoadReport) -> Vec<(String, String)> {
    let counts = &report.counts;
    let mut facts = vec![(
        "requests".to_owned(),
        format!(
            "{} succeeded, {} failed, {} unfinished",
            grouped(counts.succeeded),
            grouped(counts.failed),
            grouped(counts.unfinished)
        ),
    )];
    let failures = report.failures.iter().map(|failure| {
        let what = format!("{} × {}", failure.phase.name(), failure.cause.name());
        (
            "failed".to_owned(),
            format!("{what}  {}", grouped(failure.count)),
        )
    });
    facts.extend(failures);
    let statuses: Vec<String> = report
        .statuses
        .iter()
        .map(|(status, count)| format!("{status}: {}", grouped(*count)))
        .collect();
    if !statuses.is_empty() {
        facts.push(("status".to_owned(), statuses.join(", ")));
    }
    if let Some(mean) = report.connect_time.mean_us {
        let p99 = report
            .connect_time
            .percentile_us(99.0)
            .map_or_else(|| NOT_AVAILABLE.to_owned(), format_micros);
        facts.push((
            "connects".to_owned(),
            format!(
                "{}, mean {}, p99 {p99}",
                grouped(report.connect_time.count),
                format_micros(mean)
            ),
        ));
    }
    facts.push((
        "bytes".to_owned(),
        format!(
            "{} sent, {} received",
            format_bytes(counts.bytes_sent as f64),
            format_bytes(counts.bytes_received as f64)
        ),
    ));
    facts.push(("generator".to_owned(), generator(report)));
    facts
}

fn generator(report: &LoadReport) -> String {
    let generator = &report.generator;
    let cost = generator.cpu_us_per_response.map_or_else(
        || NOT_AVAILABLE.to_owned(),
        |us| format!("{} µs", format_significant(us, 3)),
    );
    let residual = generator
        .little_residual
        .map_or_else(|| NOT_AVAILABLE.to_owned(), percent);
    format!(
        "{} ({}), busiest at {} of one CPU, {cost} of CPU per response, Little's residual {residual}",
        counted(u64::from(generator.threads), "thread"),
        generator.engine,
        percent(generator.busiest_thread_cpu_share),
    )
}

fn warnings(report: &LoadReport) -> Vec<String> {
    let generator = &report.generator;
    let mut warnings = Vec::new();
    if generator.busiest_thread_cpu_share > BUSY_SHARE {
        warnings.push(format!(
            "the generator's busiest thread used {} of one CPU. It may be what limits this result; give it more threads or CPUs.",
            percent(generator.busiest_thread_cpu_share)
        ));
    }
    if let Some(residual) = generator.little_residual.filter(|r| *r > LITTLE_LIMIT) {
        warnings.push(format!(
            "users, rate and response time are {} apart from Little's law (at most 3 % is fine).",
            percent(residual)
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, LoadSketch};
    use insta::assert_snapshot;
    use tonnage_model::{Cause, FailureCount, Phase};

    fn fits(text: &str) {
        for line in text.lines() {
            assert!(line.chars().count() <= 60, "{line}");
        }
    }

    #[test]
    fn the_answer_comes_first() {
        let document = fixture::published();
        let text = load_text(document.trials[1].load.as_ref().unwrap(), 60);
        fits(&text);
        assert_snapshot!(text, @r"
        371.2 requests/s succeeded, none failed.
        GET http://127.0.0.1:8000/?it1=60000&it2=1: 2 users, 30s
          after 2s of warm-up

        latency      service    response
        mean         5.49 ms     5.58 ms
        stdev        1.32 ms     1.32 ms
        p50          5.26 ms     5.35 ms
        p75          5.73 ms     5.82 ms
        p90          6.04 ms     6.13 ms
        p95          10.8 ms     10.9 ms
        p99          10.8 ms     10.9 ms
        p99.9        10.8 ms     10.9 ms
        max          10.8 ms     10.9 ms

        requests    11 137 succeeded, 0 failed, 2 unfinished
        status      200: 11 137
        connects    11 137, mean 84.8 µs, p99 110 µs
        bytes       1.03 MiB sent, 1.74 MiB received
        generator   1 thread (epoll), busiest at 0.8 % of one CPU,
                    21.0 µs of CPU per response, Little's residual
                    0.4 %
        ");
    }

    #[test]
    fn failures_and_unsupported_percentiles_are_told() {
        let mut report = LoadSketch {
            clients: 16,
            rps: 12.0,
            failed: 35,
            window_s: 5,
        }
        .report();
        report.failures = vec![
            FailureCount {
                phase: Phase::Connect,
                cause: Cause::Refused,
                count: 30,
            },
            FailureCount {
                phase: Phase::Check,
                cause: Cause::Status,
                count: 5,
            },
        ];
        report.statuses.insert(503, 5);
        report.request.url =
            "http://127.0.0.1:8000/a/path/that/is/longer/than/a/line/of/sixty/columns".to_owned();
        report.generator.busiest_thread_cpu_share = 0.97;
        report.generator.little_residual = Some(0.12);
        let text = load_text(&report, 60);
        fits(&text);
        assert_snapshot!(text, @r"
        12.00 requests/s succeeded, 35 requests failed.
        GET http://127.0.0.1:8000/a/path/that/is/longer/than/a/line/
          of/sixty/columns: 16 users, 5s after 2s of warm-up

        latency      service    response
        mean          1.38 s      1.38 s
        stdev         366 ms      366 ms
        p50           1.30 s      1.30 s
        p75           1.42 s      1.42 s
        p90              n/a         n/a  (needs 100 requests)
        p95              n/a         n/a  (needs 200 requests)
        p99              n/a         n/a  (needs 1000 requests)
        p99.9            n/a         n/a  (needs 10000 requests)
        max           2.67 s      2.67 s

        requests    60 succeeded, 35 failed, 16 unfinished
        failed      connect × refused  30
        failed      check × status  5
        status      200: 60, 503: 5
        connects    60, mean 84.9 µs, p99 n/a
        bytes       5.68 KiB sent, 9.61 KiB received
        generator   1 thread (epoll), busiest at 97 % of one CPU,
                    21.0 µs of CPU per response, Little's residual
                    12 %

        WARNING: the generator's busiest thread used 97 % of one
          CPU. It may be what limits this result; give it more
          threads or CPUs.

        WARNING: users, rate and response time are 12 % apart from
          Little's law (at most 3 % is fine).
        ");
    }

    #[test]
    fn nothing_measured_is_no_panic() {
        let report = LoadSketch {
            clients: 1,
            rps: 0.0,
            failed: 0,
            window_s: 1,
        }
        .report();
        let text = load_text(&report, 60);
        fits(&text);
        assert!(text.starts_with("0 requests/s succeeded, none failed."));
    }

    #[test]
    fn a_percentile_needs_ten_samples_beyond_it() {
        for (percentile, needed) in [
            (50.0, 20),
            (75.0, 40),
            (90.0, 100),
            (95.0, 200),
            (99.0, 1000),
            (99.9, 10_000),
        ] {
            assert_eq!(requests_needed(percentile), needed, "p{percentile}");
        }
    }
}
