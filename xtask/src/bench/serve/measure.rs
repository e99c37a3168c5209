//! One run of one server under load, and the application without any server.

use std::process::Command;

use anyhow::Context;

use super::super::counters::tree;
use super::super::discard;
use super::super::process::{SERVER_CPU, run as run_to_end};
use super::super::sample::{self, Sample};
use super::ask::verify;
use super::places::Places;
use super::rivals::{PORT, Server, apps};
use super::rows::{Generator, Row};

/// What starting and ending a server takes, for the estimate.
pub(super) const START_SECONDS: f64 = 1.3;

/// Starts a server, asks it and loads it.
pub(super) fn one(
    row: &Row,
    server: Server,
    places: &Places,
    seconds: u32,
) -> anyhow::Result<Sample> {
    let running = places.start(server, &row.setup, &[])?;
    verify(row.body, matches!(row.asked_by, Generator::Uploads(_)))?;
    let processes = tree(running.pid())?;
    Sample::take(&processes, |seconds| generator(row, seconds), seconds)
}

fn generator(row: &Row, seconds: u32) -> anyhow::Result<Command> {
    let connections = row.setup.connections;
    if matches!(row.asked_by, Generator::Discard) {
        return discard::generator(connections, seconds, PORT);
    }
    let mut wrk = sample::generator(connections, seconds);
    if let Generator::Uploads(script) = row.asked_by {
        wrk.arg("-s").arg(apps().join(script));
    }
    wrk.arg(format!("http://127.0.0.1:{PORT}/"));
    Ok(wrk)
}

/// Calls per second of the application alone, by the same Python on the servers' core.
pub(super) fn call_in_a_loop(
    row: &Row,
    kind: &str,
    places: &Places,
    seconds: u32,
) -> anyhow::Result<f64> {
    let mut command = places.python_on(SERVER_CPU)?;
    command
        .arg(apps().join("loop.py"))
        .args([kind, row.setup.target, &seconds.to_string()])
        .env("PYTHONPATH", apps());
    let text = run_to_end(&mut command)?.text;
    let calls_per_second = text.trim().parse();
    calls_per_second.with_context(|| format!("the loop printed {text:?}"))
}
