//! What wrk and the kernel say of a server under load.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::ensure;

use super::counters;
use super::process::{CLIENT_CPU, pinned, run as run_to_end};
use super::wrk;

/// Seconds of load before the ones that count: caches, branch predictors, wrk's own
/// connections.
pub(super) const WARM_UP_SECONDS: u32 = 1;

/// What a generator counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counts {
    pub(super) requests: f64,
    pub(super) requests_per_second: f64,
}

/// The figures of one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) requests_per_second: f64,
    /// CPU time of all the server's processes for each request.
    pub(super) server_us: f64,
    /// How much of its core the generator used, from 0 to 1.
    pub(super) generator_busy: f64,
}

impl Sample {
    /// Loads a server that runs as some processes, after a moment that is not counted.
    /// The generator sends for so many seconds, and prints as wrk does.
    pub(super) fn take(
        server: &[u32],
        generator: impl Fn(u32) -> anyhow::Result<Command>,
        seconds: u32,
    ) -> anyhow::Result<Self> {
        Self::take_by(server, generator, wrk::counts, seconds)
    }

    /// The same by a generator that prints otherwise.
    pub(super) fn take_by(
        server: &[u32],
        generator: impl Fn(u32) -> anyhow::Result<Command>,
        counts: impl Fn(&str) -> anyhow::Result<Counts>,
        seconds: u32,
    ) -> anyhow::Result<Self> {
        run_to_end(&mut generator(WARM_UP_SECONDS)?)?;
        let before = counters::cpu_seconds(server)?;
        let start = Instant::now();
        let finished = run_to_end(&mut generator(seconds)?)?;
        let took_seconds = start.elapsed().as_secs_f64();
        let server_seconds = counters::cpu_seconds(server)? - before;
        let counts = counts(&finished.text)?;
        ensure!(counts.requests > 0.0, "nothing was answered");
        Ok(Self {
            requests_per_second: counts.requests_per_second,
            server_us: server_seconds * 1e6 / counts.requests,
            generator_busy: finished.cpu_seconds / took_seconds,
        })
    }
}

/// wrk with one thread on the clients' core; the URL is left to be added.
pub(super) fn generator(connections: u32, seconds: u32) -> Command {
    let mut wrk = pinned(CLIENT_CPU, Path::new("wrk"));
    wrk.args(["-t", "1", "-c", &connections.to_string()]);
    wrk.args(["-d", &format!("{seconds}s"), "--timeout", "10s"]);
    wrk
}
