//! Benchmarks against other tools: never part of the tests, since a figure from
//! a shared machine is no verdict by itself. Each alternates A B A B, compares
//! medians, and fails where a ratio is beyond what the design allows.

mod agreement;
mod counters;
mod discard;
mod echo;
mod evaluate;
mod experiments;
mod grpc;
mod h2load;
mod http1;
mod http2;
mod nginx;
mod oha;
mod own;
mod pace;
mod process;
mod sample;
mod serve;
mod truths;
mod wrk;

use anyhow::ensure;
use clap::{Args, Subcommand};

use self::agreement::Other;
use crate::packages;

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// CPU of `tonnage load` for each request, beside wrk's, against a static nginx
    Load(Settings),
    /// The same over HTTP/2, beside oha's (`cargo install --locked oha`)
    Http2(Settings),
    /// Unary gRPC calls per second, beside a loop over Python's grpcio
    Grpc(Settings),
    /// The generator for large bodies, as other benchmarks start it
    #[command(hide = true)]
    Discard(discard::Settings),
    /// The client of websockets, as other benchmarks start it
    #[command(hide = true)]
    Echo(echo::Settings),
    /// Conditions per second natively, beside Python that spawns an interpreter for each
    Evaluate(evaluate::Settings),
    /// `tonnage serve` beside the other servers of Python, on one core
    Serve(serve::Settings),
    /// The same over HTTP/2, TLS and websockets, and with greenlets
    ServeProtocols(serve::Settings),
    /// Memory of `tonnage serve` with Flask, beside gunicorn's
    ServeMemory(serve::memory::Settings),
    /// What a normal load notices of 10,000 idle and 200 slow connections
    ServeCrowd(serve::crowd::Settings),
    /// Whether `tonnage serve` gains memory over a million requests
    ServeLeak(serve::leak::Settings),
    /// The small experiments that decided how `tonnage serve` is built
    Experiments(experiments::Settings),
    /// How late the requests of an open loop leave at 20,000 arrivals/s
    Lag(Settings),
    /// Studies whose answer is known: equal cells, and one that is 1.3 times slower
    Truths(truths::Settings),
    /// Memory of 20 million requests at 1,000 connections
    Memory,
    /// Rates and medians of `tonnage load` and another generator against the same Flask service
    Agreement {
        #[command(flatten)]
        settings: Settings,
        /// The other generator (oha: `cargo install --locked oha`)
        #[arg(long, value_enum, default_value_t = Other::Wrk)]
        other: Other,
    },
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Settings {
    /// Alternating repeats
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(3..=100))]
    pub(crate) repeats: u32,
    /// Length of each run in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) seconds: u32,
}

pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    let needed: &[&str] = match bench {
        Bench::Load(_) => &["wrk", "nginx", "taskset"],
        Bench::Http2(_) => &["oha", "nginx", "taskset"],
        Bench::Grpc(_) => &["python3", "nginx", "taskset"],
        Bench::Evaluate(_) => &["python3", "taskset"],
        Bench::Serve(_) | Bench::ServeProtocols(_) | Bench::Experiments(_) => &["wrk", "taskset"],
        Bench::ServeMemory(_) | Bench::ServeLeak(_) => &["taskset"],
        Bench::ServeCrowd(_) => &["prlimit", "taskset"],
        Bench::Truths(_) => &["python3"],
        Bench::Discard(_) | Bench::Echo(_) => &[],
        Bench::Lag(_) | Bench::Memory => &["nginx", "taskset"],
        Bench::Agreement { other, .. } => &[other.program(), "taskset"],
    };
    let missing: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|program| packages::find(program).is_none())
        .collect();
    ensure!(
        missing.is_empty(),
        "{} not found; install the packages first: apt-get install {}",
        missing.join(" and "),
        packages::names().join(" ")
    );
    match bench {
        Bench::Load(settings) => http1::run(*settings),
        Bench::Http2(settings) => http2::run(*settings),
        Bench::Discard(settings) => discard::run(settings),
        Bench::Echo(settings) => echo::run(settings),
        Bench::Grpc(settings) => grpc::run(*settings),
        Bench::Evaluate(settings) => evaluate::run(*settings),
        Bench::Serve(settings) => serve::run(settings),
        Bench::ServeProtocols(settings) => serve::protocols::run(settings),
        Bench::ServeMemory(settings) => serve::memory::run(settings),
        Bench::ServeCrowd(settings) => serve::crowd::run(settings),
        Bench::ServeLeak(settings) => serve::leak::run(settings),
        Bench::Lag(settings) => pace::lag(*settings),
        Bench::Experiments(settings) => experiments::run(settings),
        Bench::Truths(settings) => truths::run(settings),
        Bench::Memory => pace::memory(),
        Bench::Agreement { settings, other } => agreement::run(*settings, *other),
    }
}

/// The middle of some figures; of an even number, the mean of the two in the
/// middle. NaN for none.
fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_median_is_in_the_middle() {
        assert!((super::median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((super::median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(super::median(&[]).is_nan());
    }
}
