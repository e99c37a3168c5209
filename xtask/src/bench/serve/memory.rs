//! How much memory a worker takes that serves Flask's least, beside gunicorn's; and what
//! forking workers after the application is loaded saves.
//!
//! Compared is the proportional set size of supervisor and worker together: a page that
//! they share counts half for each. A worker's alone is printed and not judged: it says what
//! its supervisor has loaded as well. gunicorn's has OpenSSL and argparse, whose pages then
//! count half in its worker; ours has neither, and its worker bears OpenSSL, which Flask
//! imports, by itself.

use anyhow::{Context, ensure};
use clap::Args;

use super::super::counters::{pss_kib, tree};
use super::super::median;
use super::Subject;
use super::ask::{HELLO, verify};
use super::load::load;
use super::places::{Places, SERVERS};
use super::rivals::Server;
use super::rows::Setup;
use super::verdict::at_most;

/// Requests before the look.
const REQUESTS: &str = "10000";

/// Most memory, as a multiple of gunicorn's.
const MAX_RATIO: f64 = 1.1;

/// Workers that are forked from a loaded application.
const WORKERS: u32 = 4;

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Alternating repeats
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    #[command(flatten)]
    subject: Subject,
}

/// One look, in KiB.
struct Look {
    supervisor: f64,
    /// All of them.
    workers: f64,
}

pub(in crate::bench) fn run(settings: &Settings) -> anyhow::Result<()> {
    let places = settings.subject.install(&[SERVERS])?;
    let one = Setup::once("flask_hello:app");
    let four = Setup {
        workers: WORKERS,
        ..one
    };
    println!("proportional set size after {REQUESTS} requests, in KiB: supervisor + workers");
    println!(
        "{:>16} {:>16} {:>24}",
        "gunicorn sync", "tonnage", "tonnage --preload, four"
    );
    let (mut theirs, mut ours, mut forked) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..settings.repeats {
        theirs.push(look(&places, Server::GunicornSync, &one, &[])?);
        ours.push(look(&places, Server::Tonnage, &one, &[])?);
        forked.push(look(
            &places,
            Server::Tonnage,
            &four,
            &["--preload".to_owned()],
        )?);
        let last = [&theirs, &ours, &forked]
            .map(|looks| looks.last().map_or_else(String::new, Look::text));
        println!("{:>16} {:>16} {:>24}", last[0], last[1], last[2]);
    }
    let [theirs, ours, forked] = [theirs, ours, forked].map(|looks| Look::median(&looks));
    let four_times = f64::from(WORKERS);
    let alone = ours.workers / theirs.workers;
    let together = ours.together() / theirs.together();
    let forked_alone = forked.workers / ours.workers;
    let forked_together = forked.together() / ours.workers;
    println!("a worker alone, beside gunicorn's: {alone:.3} times");
    let verdicts = [
        at_most(
            "supervisor and worker, beside gunicorn's",
            together,
            MAX_RATIO,
        ),
        at_most("four forked workers, beside one", forked_alone, four_times),
        at_most("with their supervisor", forked_together, four_times),
    ];
    ensure!(
        verdicts.iter().all(|holds| *holds),
        "it takes too much memory"
    );
    Ok(())
}

/// Starts a server, loads it, and looks.
fn look(places: &Places, server: Server, setup: &Setup, more: &[String]) -> anyhow::Result<Look> {
    let running = places.start(server, setup, more)?;
    verify(HELLO, false)?;
    load(places, &["-c", "16", "-n", REQUESTS])?;
    let processes = tree(running.pid())?;
    let (supervisor, workers) = processes.split_first().context("no process")?;
    ensure!(
        workers.len() == setup.workers as usize,
        "{} has {} workers",
        server.name(),
        workers.len()
    );
    let sizes = workers.iter().map(|worker| pss_kib(*worker));
    Ok(Look {
        supervisor: pss_kib(*supervisor)?,
        workers: sizes.sum::<anyhow::Result<f64>>()?,
    })
}

impl Look {
    fn median(looks: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(&looks.iter().map(figure).collect::<Vec<_>>());
        Self {
            supervisor: of(|look| look.supervisor),
            workers: of(|look| look.workers),
        }
    }

    fn together(&self) -> f64 {
        self.supervisor + self.workers
    }

    fn text(&self) -> String {
        format!("{:.0} + {:.0}", self.supervisor, self.workers)
    }
}
