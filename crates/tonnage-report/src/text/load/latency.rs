//! The tables of a load's summary: service and response time, and the phases
//! that a request passes through.

use std::fmt::Write as _;

use tonnage_model::{LatencySummary, LoadReport, MIN_TAIL_SAMPLES, format_micros};

use crate::figure::NOT_AVAILABLE;

/// A row of the latency table: its name and how to read it from a summary.
type Row = (&'static str, fn(&LatencySummary) -> Option<f64>);

const MOMENTS: [Row; 2] = [("mean", |s| s.mean_us), ("stdev", |s| s.stdev_us)];

pub(super) fn latency_table(report: &LoadReport) -> String {
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
    let (service, response) = (time(service), time(response));
    writeln!(text, "{name:<8}{service:>12}{response:>12}{note}")
        .expect("writing to memory does not fail");
}

fn time(us: Option<f64>) -> String {
    us.map_or_else(|| NOT_AVAILABLE.to_owned(), format_micros)
}

/// A phase whose longest time is no more than this took none.
const NOTHING_US: f64 = 0.001;

/// The phases that have samples, in the order in which a request passes through
/// them.
pub(crate) fn phases(report: &LoadReport) -> Vec<(&'static str, &LatencySummary)> {
    [
        ("send lag", &report.send_lag),
        ("connect", &report.connect_time),
        ("TLS", &report.tls_time),
        ("first byte", &report.first_byte_time),
        ("body", &report.body_time),
    ]
    .into_iter()
    .filter(|(_, times)| times.count > 0)
    // Bodies that came in one piece with their heads are recorded as 1 ns.
    .filter(|(_, times)| times.max_us.is_some_and(|us| us > NOTHING_US))
    .collect()
}

/// A row for each phase, nothing where there is none.
pub(super) fn phase_table(report: &LoadReport) -> String {
    let phases = phases(report);
    if phases.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nphase           mean         p50         p99\n");
    for (name, times) in phases {
        let [mean, p50, p99] = [
            times.mean_us,
            times.percentile_us(50.0),
            times.percentile_us(99.0),
        ]
        .map(time);
        writeln!(text, "{name:<10}{mean:>10}{p50:>12}{p99:>12}")
            .expect("writing to memory does not fail");
    }
    text
}

/// Where the server says that the time went, nothing where it was not asked.
pub(super) fn server_table(report: &LoadReport) -> String {
    let Some(server) = &report.server else {
        return String::new();
    };
    let mut text = format!(
        "\nserver          mean   (of {} requests that it answered)\n",
        server.requests
    );
    let whole = ("service", server.service_us);
    for (name, us) in server.parts().into_iter().chain([whole]) {
        writeln!(text, "{name:<12}{:>8}", time(us)).expect("writing to memory does not fail");
    }
    let outside = report.service_time.mean_us.zip(server.service_us);
    // The kernel on both sides, the network, the generator; a server that counts the
    // requests of others too may be slower than what was seen of it.
    let outside = outside.map(|(seen, served)| (seen - served).max(0.0));
    writeln!(text, "{:<12}{:>8}", "outside", time(outside))
        .expect("writing to memory does not fail");
    text
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
