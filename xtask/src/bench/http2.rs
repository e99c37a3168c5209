//! CPU for each request over HTTP/2: `tonnage load` beside oha (hyper, h2 and
//! tokio), against a static nginx on another core.

use std::path::Path;

use anyhow::ensure;

use super::nginx::{self, HTTP2_PORT};
use super::own::Report;
use super::process::{CLIENT_CPU, pinned, release_binary, run as run_to_end};
use super::{Settings, h2load, median, oha};
use crate::packages::find;

/// Connections, and streams on each: one at a time, a few, many.
const SHAPES: [(&str, &str); 3] = [("64", "1"), ("16", "4"), ("8", "64")];

/// Most CPU for each request that `tonnage load` may use, as a multiple of oha's.
const MAX_RATIO: f64 = 0.75;

pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let tonnage = release_binary()?;
    let folder = tempfile::tempdir()?;
    let _server = nginx::start(folder.path())?;
    let url = format!("http://127.0.0.1:{HTTP2_PORT}/");
    let mut highest: f64 = 0.0;
    for (connections, streams) in SHAPES {
        let shape = Shape {
            connections,
            streams,
            url: &url,
            seconds: settings.seconds,
        };
        highest = highest.max(shape.compare(&tonnage, settings.repeats)?);
    }
    ensure!(
        highest <= MAX_RATIO,
        "tonnage load uses more than {MAX_RATIO} times oha's CPU over HTTP/2"
    );
    Ok(())
}

/// One load that both generators put on the server.
struct Shape<'a> {
    connections: &'a str,
    streams: &'a str,
    url: &'a str,
    seconds: u32,
}

impl Shape<'_> {
    /// Runs both in turn; gives the ratio of the medians, ours to oha's.
    fn compare(&self, tonnage: &Path, repeats: u32) -> anyhow::Result<f64> {
        println!(
            "CPU for each request over HTTP/2, {} connections with {} streams, in µs (requests/s)",
            self.connections, self.streams
        );
        println!(
            "{:>6} {:>20} {:>20} {:>7}",
            "repeat", "oha", "tonnage", "ratio"
        );
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for repeat in 1..=repeats {
            let (oha_us, oha_rps) = self.measure_oha()?;
            let (own_us, own_rps) = self.measure_tonnage(tonnage)?;
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
            command.args(["-t", "1", "-c", self.connections, "-m", self.streams]);
            let us = h2load::cpu_us(command.args(["-D", &self.seconds.to_string(), self.url]))?;
            println!("once: h2load {us:.2} µs, {:.2} times oha's", us / their_us);
        }
        Ok(ratio)
    }

    fn measure_oha(&self) -> anyhow::Result<(f64, f64)> {
        let mut command = pinned(CLIENT_CPU, Path::new("oha"));
        command.args([
            "--http2",
            "-c",
            self.connections,
            "-p",
            self.streams,
            "--no-tui",
        ]);
        let length = format!("{}s", self.seconds);
        command.args(["-z", &length, "--output-format", "json", self.url]);
        let finished = run_to_end(&mut command)?;
        let rate = oha::parse(&finished.text)?.requests_per_second;
        let requests = rate * f64::from(self.seconds);
        Ok((finished.cpu_seconds * 1e6 / requests, rate))
    }

    fn measure_tonnage(&self, tonnage: &Path) -> anyhow::Result<(f64, f64)> {
        let mut command = pinned(CLIENT_CPU, tonnage);
        command.args(["load", "-q", "--no-calibration", "--json", "-", "--http2"]);
        command.args(["-t", "1", "-c", self.connections, "--streams", self.streams]);
        command.args(["-d", &format!("{}s", self.seconds), self.url]);
        let finished = run_to_end(&mut command)?;
        let report = Report::parse(&finished.text)?;
        let us = finished.cpu_seconds * 1e6 / report.succeeded()?;
        Ok((us, report.goodput_rps()?))
    }
}
