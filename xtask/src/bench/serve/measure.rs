//! One run of one server under load, and the application without any server.

use std::process::Command;

use anyhow::Context;

use super::super::counters::tree;
use super::super::h2load;
use super::super::process::{SERVER_CPU, run as run_to_end};
use super::super::sample::{self, Sample};
use super::super::wrk;
use super::super::{discard, echo};
use super::ask::{verify, verify_by_curl};
use super::mode::Mode;
use super::places::Places;
use super::protocols::H2_STREAMS;
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
    let more = row.mode.arguments(server, places.certificate())?;
    let running = places.start(server, &row.setup, &more)?;
    match row.mode {
        Mode::Plain | Mode::Websockets | Mode::Greenlets => {
            verify(row.body, matches!(row.asked_by, Generator::Uploads(_)))?;
        }
        Mode::Https | Mode::Http2 | Mode::Http2Tls => verify_by_curl(row.mode, row.body)?,
    }
    let processes = tree(running.pid())?;
    let read = match row.asked_by {
        Generator::H2load => h2load::counts,
        _ => wrk::counts,
    };
    Sample::take_by(&processes, |seconds| generator(row, seconds), read, seconds)
}

fn generator(row: &Row, seconds: u32) -> anyhow::Result<Command> {
    let connections = row.setup.connections;
    let mut command = match row.asked_by {
        Generator::Discard => return discard::generator(connections, seconds, PORT),
        Generator::Echo(bytes) => return echo::generator(connections, seconds, PORT, bytes),
        Generator::H2load => h2load::generator(connections, H2_STREAMS, seconds),
        Generator::Wrk | Generator::Uploads(_) => sample::generator(connections, seconds),
    };
    if let Generator::Uploads(script) = row.asked_by {
        command.arg("-s").arg(apps().join(script));
    }
    command.arg(row.mode.url());
    Ok(command)
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
