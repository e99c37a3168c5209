//! The small experiments that decided how `tonnage serve` is built: each asks one
//! question of real sockets, with nothing of the server in it. `docs/experiments.md` has
//! the answers.

mod gil;
mod hop;
mod respawn;
mod tasks;
mod wakes;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use clap::{Args, ValueEnum};

use super::counters::tree;
use super::median;
use super::process::{SERVER_CPU, Server};
use super::sample::{Sample, generator};
use super::serve::{Places, SERVERS, Subject};

/// Where the experiments' servers listen, one at a time.
const PORT: u16 = 18_102;

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Experiment {
    /// Is a request run by the thread that reads it, or handed to another?
    Hop,
    /// Is the interpreter's lock released around a send that does not wait?
    Gil,
    /// Does a request's task begin at once, or with the loop's next turn?
    Tasks,
    /// Whom does a new connection wake?
    Wakes,
    /// What is lost when workers are replaced, by whose the sockets are?
    Respawn,
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Alternating repeats
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    /// Length of each run in seconds, after one second that is not counted
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Experiments to make, such as `hop,gil`; all of them without it
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Experiment>,
    #[command(flatten)]
    subject: Subject,
}

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let places = settings.subject.install(&[SERVERS])?;
    for experiment in Experiment::value_variants() {
        if !settings.only.is_empty() && !settings.only.contains(experiment) {
            continue;
        }
        match experiment {
            Experiment::Hop => hop::run(settings)?,
            Experiment::Gil => gil::run(settings, &places)?,
            Experiment::Tasks => tasks::run(settings, &places)?,
            Experiment::Wakes => wakes::run(settings, &places)?,
            Experiment::Respawn => respawn::run(settings, &places)?,
        }
    }
    Ok(())
}

/// A script on the servers' core.
fn script(places: &Places, name: &str) -> anyhow::Result<Command> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/experiments/scripts");
    let path: PathBuf = folder.join(name);
    ensure!(path.is_file(), "there is no {}", path.display());
    let mut command = places.python_on(SERVER_CPU)?;
    command.arg(path);
    Ok(command)
}

/// Measures a script that serves in several ways, each in turn, and prints the medians.
fn compare(
    settings: &Settings,
    places: &Places,
    name: &str,
    ways: &[&[&str]],
) -> anyhow::Result<()> {
    measure_in_turn(settings, ways, |words| {
        let mut command = script(places, name)?;
        command.arg(PORT.to_string()).args(*words);
        let server = Server::start(&mut command, PORT)?;
        Sample::take(
            &tree(server.pid())?,
            |seconds| Ok(wrk(64, seconds)),
            settings.seconds,
        )
    })
}

/// Each way once, then each again; prints a line for each.
fn measure_in_turn(
    settings: &Settings,
    ways: &[&[&str]],
    mut measure: impl FnMut(&&[&str]) -> anyhow::Result<Sample>,
) -> anyhow::Result<()> {
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); ways.len()];
    for _ in 0..settings.repeats {
        for (way, samples) in ways.iter().zip(&mut samples) {
            samples.push(measure(way)?);
        }
    }
    println!(
        "{:>36} {:>11} {:>17} {:>14}",
        "", "requests/s", "of the repeats", "server CPU µs"
    );
    for (way, samples) in ways.iter().zip(&samples) {
        let mut rates: Vec<f64> = samples.iter().map(|s| s.requests_per_second).collect();
        rates.sort_by(f64::total_cmp);
        let costs: Vec<f64> = samples.iter().map(|s| s.server_us).collect();
        println!(
            "{:>36} {:>11.0} {:>17} {:>14.1}",
            way.join(", "),
            median(&rates),
            format!("{:.0}–{:.0}", rates[0], rates[rates.len() - 1]),
            median(&costs)
        );
    }
    Ok(())
}

fn wrk(connections: u32, seconds: u32) -> Command {
    let mut wrk = generator(connections, seconds);
    wrk.arg(format!("http://127.0.0.1:{PORT}/"));
    wrk
}
