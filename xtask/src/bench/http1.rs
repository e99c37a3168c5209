//! CPU for each request: `tonnage load`, with all its recording and checking on,
//! beside wrk, against a static nginx on another core.

use std::path::Path;

use anyhow::{Context, ensure};

use super::nginx::{self, HTTP1_PORT};
use super::own::Report;
use super::process::{CLIENT_CPU, pinned, release_binary, run as run_to_end};
use super::{Settings, h2load, median, oha, wrk};
use crate::packages::find;

const CONNECTIONS: [u32; 2] = [64, 256];

/// Most CPU for each request that `tonnage load` may use, as a multiple of wrk's.
const MAX_RATIO: f64 = 1.0;

pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let tonnage = release_binary()?;
    let folder = tempfile::tempdir()?;
    let _server = nginx::start(folder.path())?;
    let mut too_much = Vec::new();
    for connections in CONNECTIONS {
        println!("CPU for each request at {connections} connections, in µs (requests/s)");
        println!(
            "{:>6} {:>20} {:>20} {:>7}",
            "repeat", "wrk", "tonnage", "ratio"
        );
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for repeat in 1..=settings.repeats {
            let wrk = measure_wrk(connections, settings.seconds)?;
            let own = measure_tonnage(&tonnage, connections, settings.seconds)?;
            let ratio = own.cpu_us / wrk.cpu_us;
            println!("{repeat:>6} {wrk:>20} {own:>20} {ratio:>7.3}");
            theirs.push(wrk.cpu_us);
            ours.push(own.cpu_us);
        }
        let (their_us, our_us) = (median(&theirs), median(&ours));
        let ratio = our_us / their_us;
        println!(
            "medians: wrk {their_us:.2} µs, tonnage {our_us:.2} µs, ratio {ratio:.3} (at most {MAX_RATIO})"
        );
        others(connections, settings.seconds, their_us)?;
        if ratio > MAX_RATIO {
            too_much.push(connections.to_string());
        }
    }
    ensure!(
        too_much.is_empty(),
        "tonnage load uses more than {MAX_RATIO} times wrk's CPU at {} connections",
        too_much.join(" and ")
    );
    Ok(())
}

/// One run of whatever else is installed, for comparison only.
fn others(connections: u32, seconds: u32, wrk_us: f64) -> anyhow::Result<()> {
    let (users, length) = (connections.to_string(), format!("{seconds}s"));
    if find("oha").is_some() {
        let mut oha = pinned(CLIENT_CPU, Path::new("oha"));
        oha.args([
            "-c",
            &users,
            "-z",
            &length,
            "--no-tui",
            "--output-format",
            "json",
        ]);
        let finished = run_to_end(oha.arg(url()))?;
        let report = oha::parse(&finished.text)?;
        let us = finished.cpu_seconds * 1e6 / (report.requests_per_second * f64::from(seconds));
        println!("once: oha {us:.2} µs, {:.2} times wrk's", us / wrk_us);
    }
    if find("h2load").is_some() {
        let mut command = pinned(CLIENT_CPU, Path::new("h2load"));
        command.args(["--h1", "-t", "1", "-c", &users]);
        let us = h2load::cpu_us(command.args(["-D", &seconds.to_string()]).arg(url()))?;
        println!("once: h2load {us:.2} µs, {:.2} times wrk's", us / wrk_us);
    }
    if find("hey").is_some() {
        let mut hey = pinned(CLIENT_CPU, Path::new("hey"));
        let finished = run_to_end(hey.args(["-c", &users, "-z", &length]).arg(url()))?;
        let rate = finished
            .text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Requests/sec:"))
            .and_then(|rate| rate.trim().parse::<f64>().ok())
            .context("hey printed no rate")?;
        let us = finished.cpu_seconds * 1e6 / (rate * f64::from(seconds));
        println!("once: hey {us:.2} µs, {:.2} times wrk's", us / wrk_us);
    }
    Ok(())
}

/// One run of a generator.
struct Cost {
    /// CPU time for each request, start and end of the program included.
    cpu_us: f64,
    requests_per_second: f64,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!(
            "{:.2} ({:.0})",
            self.cpu_us, self.requests_per_second
        ))
    }
}

fn measure_wrk(connections: u32, seconds: u32) -> anyhow::Result<Cost> {
    let mut command = pinned(CLIENT_CPU, Path::new("wrk"));
    let finished = run_to_end(command.args(common(connections, seconds)).arg(url()))?;
    let report = wrk::parse(&finished.text)?;
    Ok(Cost {
        cpu_us: finished.cpu_seconds * 1e6 / report.requests,
        requests_per_second: report.requests_per_second,
    })
}

/// With a look at every body, which wrk does not do. The calibration is left out:
/// it is a third of a second of CPU that is not spent on these requests.
fn measure_tonnage(tonnage: &Path, connections: u32, seconds: u32) -> anyhow::Result<Cost> {
    let mut command = pinned(CLIENT_CPU, tonnage);
    command.args(["load", "-q", "--no-calibration", "--json", "-"]);
    command.args(["--expect-status", "200", "--expect-body", "^hello"]);
    let finished = run_to_end(command.args(common(connections, seconds)).arg(url()))?;
    let report = Report::parse(&finished.text)?;
    Ok(Cost {
        cpu_us: finished.cpu_seconds * 1e6 / report.succeeded()?,
        requests_per_second: report.goodput_rps()?,
    })
}

/// The flags that both understand.
fn common(connections: u32, seconds: u32) -> [String; 6] {
    let words = ["-t", "1", "-c"].map(str::to_owned);
    let [t, one, c] = words;
    [
        t,
        one,
        c,
        connections.to_string(),
        "-d".to_owned(),
        format!("{seconds}s"),
    ]
}

fn url() -> String {
    format!("http://127.0.0.1:{HTTP1_PORT}/")
}
