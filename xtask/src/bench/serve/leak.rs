//! Whether a worker's memory grows: a million requests of several kinds, while other
//! clients go away in the middle of theirs.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;

use super::super::counters::{await_sockets, rss_kib, sockets, tree};
use super::Subject;
use super::ask::{HELLO, verify};
use super::clients::Nuisance;
use super::load::load;
use super::places::{Places, SERVERS};
use super::rivals::{Server, apps};
use super::rows::Setup;
use super::verdict::at_most;

/// How much memory there may be in the end, as a multiple of that after a tenth.
const MAX_GROWTH: f64 = 1.01;

/// The least share of clients that go away.
const MIN_LEAVING: f64 = 0.005;

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Requests of each interface
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    requests: u64,
    #[command(flatten)]
    subject: Subject,
}

pub(in crate::bench) fn run(settings: &Settings) -> anyhow::Result<()> {
    let places = settings.subject.install(&[SERVERS])?;
    let mut flat = true;
    for target in ["leak:wsgi", "leak:asgi"] {
        let times = one(&places, target, settings.requests)?;
        flat &= at_most(target, times, MAX_GROWTH);
    }
    ensure!(flat, "it may keep memory");
    Ok(())
}

/// How many times as much memory as after a tenth of the requests a worker has in the end.
fn one(places: &Places, target: &'static str, requests: u64) -> anyhow::Result<f64> {
    let running = places.start(Server::Tonnage, &Setup::once(target), &[])?;
    verify(HELLO, false)?;
    let worker = *tree(running.pid())?.get(1).context("there is no worker")?;
    let sockets_before = sockets(worker)?;
    let start = Instant::now();
    let tenth = requests / 10;
    let mut left = send(places, tenth)?;
    await_sockets(worker, |count| count <= sockets_before)?;
    let before_kib = rss_kib(worker)?;
    left += send(places, requests - tenth)?;
    await_sockets(worker, |count| count <= sockets_before)?;
    let after_kib = rss_kib(worker)?;
    println!(
        "{target}: {before_kib:.0} KiB resident after {tenth} requests, {after_kib:.0} KiB after \
         {requests}; {left} clients left in the middle; {:.0} s",
        start.elapsed().as_secs_f64()
    );
    let least = requests as f64 * MIN_LEAVING;
    ensure!(
        left as f64 >= least,
        "only {left} clients went away, {least:.0} should have"
    );
    Ok(after_kib / before_kib)
}

/// Sends so many requests; gives how many clients went away meanwhile.
fn send(places: &Places, requests: u64) -> anyhow::Result<u64> {
    let leaving = Nuisance::leaving(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let (lines, count) = (lines().display().to_string(), requests.to_string());
    load(places, &["-c", "32", "-n", &count, "--data", &lines])?;
    Ok(leaving.counted())
}

/// Methods, paths and bodies, one request a line.
fn lines() -> PathBuf {
    apps().join("leak.jsonl")
}
