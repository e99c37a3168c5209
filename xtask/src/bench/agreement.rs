//! Do two independent generators say the same of the same service? `tonnage
//! load` and another generator take turns on one running gunicorn with Flask,
//! which has one core to itself while the generators share the other.
//!
//! The other generator runs twice in every round: how far it is from itself is
//! the noise floor, below which a difference between the two says nothing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use clap::ValueEnum;

use super::process::{CLIENT_CPU, SERVER_CPU, Server, pinned, release_binary, run as run_to_end};
use super::{Settings, median, oha, wrk};

const PORT: u16 = 18_100;

/// Users for which they must agree.
const CONNECTIONS: [u32; 3] = [1, 4, 16];

/// How far from 1 the ratio of the median rates may be.
const MAX_RATE_DIFFERENCE: f64 = 0.05;

/// How far from 1 the ratio of the median p50 may be.
const MAX_P50_DIFFERENCE: f64 = 0.10;

/// A generator that others wrote.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Other {
    /// Its latencies are back-filled: of a service that varies, they come out higher
    Wrk,
    /// Its latencies include connecting
    Oha,
}

impl Other {
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Oha => "oha",
        }
    }

    fn measure(self, users: u32, seconds: u32, url: &str) -> anyhow::Result<Sample> {
        let mut command = pinned(CLIENT_CPU, Path::new(self.program()));
        command.args(["-c", &users.to_string()]);
        let length = format!("{seconds}s");
        match self {
            Self::Wrk => {
                command.args(["-t", "1", "-d", &length, "--latency", url]);
                let report = wrk::parse(&run_to_end(&mut command)?.text)?;
                Ok(Sample {
                    requests_per_second: report.requests_per_second,
                    p50_ms: report.p50_ms.context("wrk printed no median")?,
                })
            }
            Self::Oha => {
                command.args(["-z", &length, "--no-tui", "--output-format", "json", url]);
                let report = oha::parse(&run_to_end(&mut command)?.text)?;
                Ok(Sample {
                    requests_per_second: report.requests_per_second,
                    p50_ms: report.p50_ms,
                })
            }
        }
    }
}

/// What one run of a generator says.
#[derive(Debug, Clone, Copy)]
struct Sample {
    requests_per_second: f64,
    p50_ms: f64,
}

/// The runs of one number of users.
#[derive(Default)]
struct Rounds {
    theirs: Vec<Sample>,
    ours: Vec<Sample>,
    theirs_again: Vec<Sample>,
}

pub(super) fn run(settings: Settings, other: Other) -> anyhow::Result<()> {
    let tonnage = release_binary()?;
    let port = PORT.to_string();
    let mut up = pinned(SERVER_CPU, &tonnage);
    up.args(["up", "gunicorn-sync", "loop", "--port", &port]);
    up.stderr(std::process::Stdio::null());
    let _server = Server::start(&mut up, PORT)?;
    let url = format!("http://127.0.0.1:{PORT}/?it1=60000&it2=1");
    let name = other.program();
    println!(
        "{:>5} {:>10} {:>12} {:>12} {:>14} {:>16} {:>16}",
        "users",
        format!("{name} rps"),
        "tonnage rps",
        format!("{name} p50 ms"),
        "tonnage p50 ms",
        "rate, p50",
        format!("{name} again"),
    );
    let mut disagreements = Vec::new();
    for users in CONNECTIONS {
        let mut rounds = Rounds::default();
        for _ in 0..settings.repeats {
            let theirs = || other.measure(users, settings.seconds, &url);
            rounds.theirs.push(theirs()?);
            rounds
                .ours
                .push(measure_tonnage(&tonnage, users, settings.seconds, &url)?);
            rounds.theirs_again.push(theirs()?);
        }
        let difference = print_rounds(users, &rounds);
        if difference.rate.abs() > MAX_RATE_DIFFERENCE || difference.p50.abs() > MAX_P50_DIFFERENCE
        {
            disagreements.push(users.to_string());
        }
    }
    ensure!(
        disagreements.is_empty(),
        "the generators disagree at {} users (rates may differ by 5 %, medians by 10 %)",
        disagreements.join(" and ")
    );
    Ok(())
}

fn measure_tonnage(tonnage: &Path, users: u32, seconds: u32, url: &str) -> anyhow::Result<Sample> {
    let mut command: Command = pinned(CLIENT_CPU, tonnage);
    let (users, length) = (users.to_string(), format!("{seconds}s"));
    command.args(["load", "-t", "1", "-c", &users, "-d", &length]);
    let report = run_to_end(command.args(["--json", "-", url]))?.text;
    let report: serde_json::Value = serde_json::from_str(&report)?;
    let p50 = &report["service_time"]["percentiles"][0];
    ensure!(p50["percentile"] == 50.0, "the first percentile is {p50}");
    Ok(Sample {
        requests_per_second: report["throughput"]["goodput_rps"]
            .as_f64()
            .context("no rate")?,
        p50_ms: p50["value_us"].as_f64().context("no median")? / 1e3,
    })
}

/// How far two sets of runs are apart: the ratio of their medians, less one.
struct Difference {
    rate: f64,
    p50: f64,
}

impl Difference {
    fn between(samples: &[Sample], reference: &[Sample]) -> Self {
        Self {
            rate: rate(samples) / rate(reference) - 1.0,
            p50: p50(samples) / p50(reference) - 1.0,
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!(
            "{:+.1} % {:+.1} %",
            self.rate * 100.0,
            self.p50 * 100.0
        ))
    }
}

fn rate(samples: &[Sample]) -> f64 {
    let rates: Vec<f64> = samples.iter().map(|s| s.requests_per_second).collect();
    median(&rates)
}

fn p50(samples: &[Sample]) -> f64 {
    let medians: Vec<f64> = samples.iter().map(|s| s.p50_ms).collect();
    median(&medians)
}

fn print_rounds(users: u32, rounds: &Rounds) -> Difference {
    let difference = Difference::between(&rounds.ours, &rounds.theirs);
    println!(
        "{users:>5} {:>10.1} {:>12.1} {:>12.3} {:>14.3} {difference:>16} {:>16}",
        rate(&rounds.theirs),
        rate(&rounds.ours),
        p50(&rounds.theirs),
        p50(&rounds.ours),
        Difference::between(&rounds.theirs_again, &rounds.theirs),
    );
    difference
}
