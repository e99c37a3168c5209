//! How late requests of an open loop leave, and how much memory a long load takes.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::ensure;

use super::counters::peak_rss_kib;
use super::nginx::{self, HTTP1_PORT};
use super::own::Report;
use super::process::{CLIENT_CPU, pinned, release_binary, run as run_to_end};
use super::{Settings, median};

/// Arrivals per second on one core.
const RATE: &str = "20000";

/// Most p99 of the send lag, in microseconds.
const MAX_LAG_US: f64 = 150.0;

pub(super) fn lag(settings: Settings) -> anyhow::Result<()> {
    let tonnage = release_binary()?;
    let folder = tempfile::tempdir()?;
    let _server = nginx::start(folder.path())?;
    let (url, length) = (url(), format!("{}s", settings.seconds));
    println!("send lag at {RATE} arrivals/s on one core, in µs");
    println!("{:>6} {:>8} {:>8} {:>8}", "repeat", "p50", "p99", "p99.9");
    let mut lags = Vec::new();
    for repeat in 1..=settings.repeats {
        let mut command = pinned(CLIENT_CPU, &tonnage);
        command.args(["load", "-q", "--no-calibration", "--json", "-", "-t", "1"]);
        command.args(["-r", RATE, "--warmup", "1s", "-d", &length, &url]);
        let report = Report::parse(&run_to_end(&mut command)?.text)?;
        let lag = |percentile| report.percentile_us("send_lag", percentile);
        let p99 = lag(99.0)?;
        println!(
            "{repeat:>6} {:>8.1} {p99:>8.1} {:>8.1}",
            lag(50.0)?,
            lag(99.9)?
        );
        lags.push(p99);
    }
    let p99 = median(&lags);
    println!("median of the p99: {p99:.1} µs (at most {MAX_LAG_US})");
    ensure!(
        p99 <= MAX_LAG_US,
        "requests leave later than {MAX_LAG_US} µs"
    );
    Ok(())
}

/// Requests and connections of the long load, and the memory that it may take.
const REQUESTS: &str = "20000000";
const CONNECTIONS: &str = "1000";
const MAX_RSS_KIB: f64 = 64.0 * 1024.0;

pub(super) fn memory() -> anyhow::Result<()> {
    let tonnage = release_binary()?;
    let folder = tempfile::tempdir()?;
    let _server = nginx::start(folder.path())?;
    let mut command = pinned(CLIENT_CPU, &tonnage);
    command.args(["load", "-q", "-t", "1", "-c", CONNECTIONS, "-n", REQUESTS]);
    let mut child = command.arg(url()).stdout(Stdio::null()).spawn()?;
    println!("{REQUESTS} requests at {CONNECTIONS} connections; this takes minutes …");
    let mut peak_kib = 0.0;
    let status = loop {
        // The kernel's own high-water mark: looking now and then misses nothing.
        peak_kib = peak_rss_kib(child.id()).unwrap_or(peak_kib);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_millis(200));
    };
    println!("at most {peak_kib} KiB resident (may be {MAX_RSS_KIB}), ended with {status}");
    ensure!(
        matches!(status.code(), Some(0 | 4)),
        "the load ended with {status}"
    );
    ensure!(peak_kib > 0.0, "the memory was never seen");
    ensure!(
        peak_kib <= MAX_RSS_KIB,
        "the load took more memory than {MAX_RSS_KIB} KiB"
    );
    Ok(())
}

fn url() -> String {
    format!("http://127.0.0.1:{HTTP1_PORT}/")
}
