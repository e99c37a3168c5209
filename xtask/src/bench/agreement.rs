//! Do two independent generators say the same of the same service? `tonnage
//! load` and wrk take turns on one running gunicorn with Flask.

use std::process::Command;

use anyhow::{Context, ensure};

use super::process::{Server, release_binary, run as run_to_end};
use super::{Settings, median, wrk};

const PORT: u16 = 18_100;

/// Users for which they must agree.
const CONNECTIONS: [u32; 3] = [1, 4, 16];

/// How far from 1 the median ratio of the rates may be.
const MAX_RATE_DIFFERENCE: f64 = 0.05;

/// How far from 1 the median ratio of the p50 may be.
const MAX_P50_DIFFERENCE: f64 = 0.10;

pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let tonnage = release_binary()?;
    let mut up = Command::new(&tonnage);
    up.args(["up", "gunicorn-sync", "loop", "--port", &PORT.to_string()]);
    up.stderr(std::process::Stdio::null());
    let _server = Server::start(&mut up, PORT)?;
    let url = format!("http://127.0.0.1:{PORT}/?it1=20000&it2=1");
    let seconds = format!("{}s", settings.seconds);
    println!(
        "{:>5} {:>10} {:>12} {:>12} {:>10} {:>16}",
        "users", "wrk rps", "tonnage rps", "wrk p50 ms", "p50 ms", "rate, p50"
    );
    let mut disagreements = Vec::new();
    for connections in CONNECTIONS {
        let users = connections.to_string();
        let (mut their_rates, mut our_rates) = (Vec::new(), Vec::new());
        let (mut their_p50s, mut our_p50s) = (Vec::new(), Vec::new());
        for _ in 0..settings.repeats {
            let mut command = Command::new("wrk");
            let arguments = ["-t", "1", "-c", &users, "-d", &seconds, "--latency", &url];
            let report = wrk::parse(&run_to_end(command.args(arguments))?.text)?;
            their_rates.push(report.requests_per_second);
            their_p50s.push(report.p50_ms.context("wrk printed no median")?);

            let mut command = Command::new(&tonnage);
            let arguments = [
                "load", "-t", "1", "-c", &users, "-d", &seconds, "--json", "-", &url,
            ];
            let report = run_to_end(command.args(arguments))?.text;
            let report: serde_json::Value = serde_json::from_str(&report)?;
            our_rates.push(
                report["throughput"]["goodput_rps"]
                    .as_f64()
                    .context("no rate")?,
            );
            let p50 = &report["service_time"]["percentiles"][0];
            ensure!(p50["percentile"] == 50.0, "the first percentile is {p50}");
            our_p50s.push(p50["value_us"].as_f64().context("no median")? / 1e3);
        }
        let rate_off = median(&ratios(&our_rates, &their_rates)) - 1.0;
        let p50_off = median(&ratios(&our_p50s, &their_p50s)) - 1.0;
        println!(
            "{connections:>5} {:>10.1} {:>12.1} {:>12.3} {:>10.3} {:>16}",
            median(&their_rates),
            median(&our_rates),
            median(&their_p50s),
            median(&our_p50s),
            format!("{:+.1} % {:+.1} %", rate_off * 100.0, p50_off * 100.0)
        );
        if rate_off.abs() > MAX_RATE_DIFFERENCE || p50_off.abs() > MAX_P50_DIFFERENCE {
            disagreements.push(users);
        }
    }
    ensure!(
        disagreements.is_empty(),
        "the generators disagree at {} users (rates may differ by 5 %, medians by 10 %)",
        disagreements.join(" and ")
    );
    Ok(())
}

/// Our figure over theirs, for each pair of neighbouring runs: a drift of the
/// machine's speed meets both alike.
fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect()
}
