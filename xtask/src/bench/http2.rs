//! CPU for each request over HTTP/2: `tonnage load` beside oha (hyper, h2 and
//! tokio), against a static nginx on another core.

use std::path::Path;

use anyhow::ensure;

use super::nginx::{self, HTTP2_PORT};
use super::own::Report;
use super::process::{CLIENT_CPU, pinned, release_binary, run as run_to_end};
use super::{Settings, h2load, median, oha};
use crate::packages::find;

/// Connections, and streams on each.
const CONNECTIONS: &str = "16";
const STREAMS: &str = "4";

/// Most CPU for each request that `tonnage load` may use, as a multiple of oha's.
const MAX_RATIO: f64 = 0.75;

pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let tonnage = release_binary()?;
    let folder = tempfile::tempdir()?;
    let _server = nginx::start(folder.path())?;
    let url = format!("http://127.0.0.1:{HTTP2_PORT}/");
    println!(
        "CPU for each request over HTTP/2, {CONNECTIONS} connections with {STREAMS} streams, in µs (requests/s)"
    );
    println!(
        "{:>6} {:>20} {:>20} {:>7}",
        "repeat", "oha", "tonnage", "ratio"
    );
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for repeat in 1..=settings.repeats {
        let (oha_us, oha_rps) = measure_oha(&url, settings.seconds)?;
        let (own_us, own_rps) = measure_tonnage(&tonnage, &url, settings.seconds)?;
        println!(
            "{repeat:>6} {:>20} {:>20} {:>7.3}",
            format!("{oha_us:.2} ({oha_rps:.0})"),
            format!("{own_us:.2} ({own_rps:.0})"),
            own_us / oha_us
        );
        theirs.push(oha_us);
        ours.push(own_us);
    }
    let (their_us, our_us) = (median(&theirs), median(&ours));
    let ratio = our_us / their_us;
    println!(
        "medians: oha {their_us:.2} µs, tonnage {our_us:.2} µs, ratio {ratio:.3} (at most {MAX_RATIO})"
    );
    if find("h2load").is_some() {
        let mut command = pinned(CLIENT_CPU, Path::new("h2load"));
        command.args(["-t", "1", "-c", CONNECTIONS, "-m", STREAMS]);
        let us = h2load::cpu_us(command.args(["-D", &settings.seconds.to_string(), &url]))?;
        println!("once: h2load {us:.2} µs, {:.2} times oha's", us / their_us);
    }
    ensure!(
        ratio <= MAX_RATIO,
        "tonnage load uses more than {MAX_RATIO} times oha's CPU over HTTP/2"
    );
    Ok(())
}

fn measure_oha(url: &str, seconds: u32) -> anyhow::Result<(f64, f64)> {
    let mut command = pinned(CLIENT_CPU, Path::new("oha"));
    command.args(["--http2", "-c", CONNECTIONS, "-p", STREAMS, "--no-tui"]);
    command.args(["-z", &format!("{seconds}s"), "--output-format", "json", url]);
    let finished = run_to_end(&mut command)?;
    let rate = oha::parse(&finished.text)?.requests_per_second;
    let requests = rate * f64::from(seconds);
    Ok((finished.cpu_seconds * 1e6 / requests, rate))
}

fn measure_tonnage(tonnage: &Path, url: &str, seconds: u32) -> anyhow::Result<(f64, f64)> {
    let mut command = pinned(CLIENT_CPU, tonnage);
    command.args(["load", "-q", "--no-calibration", "--json", "-", "--http2"]);
    command.args(["-t", "1", "-c", CONNECTIONS, "--streams", STREAMS]);
    command.args(["-d", &format!("{seconds}s"), url]);
    let finished = run_to_end(&mut command)?;
    let report = Report::parse(&finished.text)?;
    let us = finished.cpu_seconds * 1e6 / report.succeeded()?;
    Ok((us, report.goodput_rps()?))
}
