//! What a normal load notices of a crowd beside it: thousands of connections that are
//! kept and idle, and hundreds of clients that send a byte now and then.
//!
//! The load is an open loop at a moderate rate, so that the p99 is the server's latency
//! and not its capacity. It is measured alone and beside the crowd in turn, on one server
//! that has room for all (`--worker-connections`) and keeps what is idle for longer than
//! a measurement takes (`--keep-alive`). Everything else is as it comes.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;

use super::super::counters::{await_sockets, sockets, tree};
use super::super::median;
use super::super::process::{CLIENT_CPU, run as run_to_end};
use super::Subject;
use super::ask::{HELLO, verify};
use super::clients::{Idle, Nuisance};
use super::load::load;
use super::places::{Places, SERVERS};
use super::rivals::{PORT, Server};
use super::rows::Setup;
use super::verdict::at_most;

const IDLE: usize = 10_000;
const SLOW: usize = 200;

/// Open files of either side: the crowd, the load and what a process has anyway.
const FILES: usize = IDLE + SLOW + 1_000;

/// Arrivals per second: a tenth of what one core serves of Flask.
const RATE: &str = "2000";

/// How many times the p99 alone that beside the crowd may be.
const MAX_RATIO: f64 = 2.0;

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Alternating repeats
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    repeats: u8,
    /// Length of each run in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    #[command(flatten)]
    subject: Subject,
}

pub(in crate::bench) fn run(settings: &Settings) -> anyhow::Result<()> {
    let places = settings.subject.install(&[SERVERS])?;
    prepare()?;
    let flask = Setup::once("flask_hello:app");
    let four_threads = Setup {
        threads: 4,
        ..flask
    };
    let rows = [
        ("Flask, 1 thread", flask),
        ("Flask, 4 threads", four_threads),
        ("FastAPI", Setup::once("fastapi_upload:app")),
    ];
    let mut calm = true;
    for (number, (name, setup)) in rows.iter().enumerate() {
        println!("{name}: p99 in µs at {RATE} requests/s");
        let addresses = addresses(number as u8, settings.repeats);
        let times = one(&places, setup, &addresses, settings.seconds)?;
        calm &= at_most(name, times, MAX_RATIO);
    }
    ensure!(calm, "a normal load notices the crowd");
    Ok(())
}

/// This process has the crowd's sockets, and the clients' core. Servers inherit the limit.
fn prepare() -> anyhow::Result<()> {
    let own = std::process::id().to_string();
    run_to_end(Command::new("prlimit").args([&format!("--nofile={FILES}:"), "--pid", &own]))
        .with_context(|| format!("{FILES} open files are not allowed (ulimit -Hn)"))?;
    run_to_end(Command::new("taskset").args(["-a", "-c", "-p", CLIENT_CPU, &own]))?;
    Ok(())
}

/// One of its own for each crowd: a port that was used is not free again at once.
fn addresses(number: u8, repeats: u8) -> Vec<IpAddr> {
    let address = |repeat| IpAddr::V4(Ipv4Addr::new(127, 0, 1 + number, 1 + repeat));
    (0..repeats).map(address).collect()
}

/// The p99 beside the crowd as a multiple of that alone.
fn one(places: &Places, setup: &Setup, addresses: &[IpAddr], seconds: u32) -> anyhow::Result<f64> {
    let mut more = vec!["--worker-connections".to_owned(), "20000".to_owned()];
    for address in addresses {
        more.extend(["--bind".to_owned(), format!("{address}:{PORT}")]);
    }
    let running = places.start(Server::Tonnage, setup, &more)?;
    verify(HELLO, false)?;
    let worker = *tree(running.pid())?.get(1).context("there is no worker")?;
    let before = sockets(worker)?;
    // Not counted: whatever is slow once.
    p99_us(places, 1)?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for address in addresses {
        await_sockets(worker, |count| count <= before)?;
        let alone_us = p99_us(places, seconds)?;
        let mut idle = Idle::gather(*address, IDLE)?;
        let slow = Nuisance::slow(*address, SLOW);
        await_sockets(worker, |count| count >= before + IDLE + SLOW)?;
        let beside_us = p99_us(places, seconds)?;
        let (closed, bytes) = (idle.closed()?, slow.counted());
        // Whoever was sent away disturbs nobody.
        ensure!(closed == 0, "the server closed {closed} idle connections");
        println!(
            "  alone {alone_us:.0}, beside {IDLE} idle and {SLOW} slow clients {beside_us:.0} \
             ({bytes} bytes of the slow)"
        );
        alone.push(alone_us);
        beside.push(beside_us);
    }
    Ok(median(&beside) / median(&alone))
}

/// From when each request was due.
fn p99_us(places: &Places, seconds: u32) -> anyhow::Result<f64> {
    let length = format!("{seconds}s");
    let report = load(places, &["-r", RATE, "-c", "64", "-d", &length])?;
    report.percentile_us("response_time", 99.0)
}
