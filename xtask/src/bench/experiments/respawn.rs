//! What is lost, and how late the rest is, when workers are replaced under an open-loop
//! load: by whose the sockets are.

use super::super::median;
use super::super::own::Report;
use super::super::process::{Server, run as run_to_end};
use super::super::serve::Places;
use super::{PORT, Settings, script};

/// Connections per second, a request each; two workers take 2 ms for one.
const RATE: &str = "600";

pub(super) fn run(settings: &Settings, places: &Places) -> anyhow::Result<()> {
    println!("\nA worker of two replaced every 200 ms, {RATE} connections per second");
    println!(
        "{:>36} {:>8} {:>8} {:>12}",
        "", "requests", "failed", "p99 in ms"
    );
    let ways = [
        "one shared socket",
        "sockets of the workers",
        "sockets of the slots",
    ];
    let mut p99s = vec![Vec::new(); ways.len()];
    let (mut failed, mut sent) = (vec![0.0; ways.len()], vec![0.0; ways.len()]);
    for _ in 0..settings.repeats {
        for (number, way) in ways.iter().enumerate() {
            let mut command = script(places, "respawn.py")?;
            let server = Server::start(command.args([&PORT.to_string(), *way]), PORT)?;
            let report = load(places, settings.seconds)?;
            drop(server);
            failed[number] += report.failed()?;
            sent[number] += report.failed()? + report.succeeded()?;
            p99s[number].push(report.percentile_us("response_time", 99.0)? / 1e3);
        }
    }
    for (number, way) in ways.iter().enumerate() {
        println!(
            "{way:>36} {:>8.0} {:>8.0} {:>12.1}",
            sent[number],
            failed[number],
            median(&p99s[number])
        );
    }
    Ok(())
}

/// Three times as long as the others: replacements are few.
fn load(places: &Places, seconds: u32) -> anyhow::Result<Report> {
    let mut command = places.load()?;
    let length = format!("{}s", 3 * seconds);
    command.args([
        "--no-keepalive",
        "-t",
        "1",
        "-c",
        "256",
        "-r",
        RATE,
        "-d",
        &length,
    ]);
    command.arg(format!("http://127.0.0.1:{PORT}/"));
    Report::with_failures(&run_to_end(&mut command)?.text)
}
