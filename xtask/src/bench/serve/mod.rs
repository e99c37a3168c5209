//! `tonnage serve` under measurement: beside the other servers of Python, each in its
//! fastest honest setting (`run`, and `protocols` beyond plain HTTP/1.1), and alone, for
//! what it must never do (`memory`, `crowd`, `leak`).
//!
//! `rows.rs` and `protocols.rs` have what is asked, `rivals.rs` who is asked and how,
//! `mode.rs` in which protocol, `places.rs` where they are installed, `measure.rs` asks,
//! `table.rs` judges.

mod ask;
mod clients;
pub(super) mod crowd;
pub(super) mod leak;
mod load;
mod measure;
pub(super) mod memory;
mod mode;
mod places;
pub(super) mod protocols;
mod rivals;
mod rows;
mod table;
mod verdict;

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;

pub(super) use self::places::{Places, SERVERS};
use self::rows::{ROWS, Row};
use self::table::Table;
use super::sample;
use crate::environments;
use crate::wheel;

/// What is measured.
#[derive(Debug, Clone, Args)]
pub(crate) struct Subject {
    /// The Python of every server: a version, or the path of its program
    #[arg(long, default_value = "3.12")]
    python: String,
    /// The wheel to measure, in place of one that is built now
    #[arg(long)]
    wheel: Option<PathBuf>,
}

impl Subject {
    /// The environments of some locked sets; ours is in the one of that name.
    pub(super) fn install(&self, sets: &[&'static str]) -> anyhow::Result<Places> {
        let python = environments::python(&self.python)?;
        let wheel = match &self.wheel {
            Some(wheel) => wheel.clone(),
            None => wheel::build(&python, false)?,
        };
        Places::prepare(&python, &wheel, sets)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Alternating repeats; rows whose servers are nearly equal have seven at least
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    /// Length of each run in seconds, after one second that is not counted
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Rows to measure, such as `flask,raw-wsgi` or `h2-asgi`; all of them without it
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    subject: Subject,
}

impl Settings {
    fn repeats_of(&self, row: &Row) -> u32 {
        self.repeats.max(row.least_repeats)
    }
}

/// Measures each row, and fails where a demand is missed.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let rows = chosen(&ROWS, &settings.only)?;
    let places = settings.subject.install(&places::SETS)?;
    for (name, missing) in places.missing() {
        println!("not measured: {name} ({missing})");
    }
    measure_rows(&rows, &places, settings)
}

fn measure_rows(rows: &[&'static Row], places: &Places, settings: &Settings) -> anyhow::Result<()> {
    let minutes = minutes(rows, settings);
    println!("this takes about {minutes:.0} minutes; the machine should do nothing else");
    let mut failed = Vec::new();
    for row in rows {
        let table = Table::measure(row, places, settings.repeats_of(row), settings.seconds)?;
        table.print();
        failed.extend(table.failures());
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

fn chosen(rows: &'static [Row], names: &[String]) -> anyhow::Result<Vec<&'static Row>> {
    let known: Vec<&str> = rows.iter().map(|row| row.name).collect();
    for name in names {
        ensure!(
            known.contains(&name.as_str()),
            "there is no row {name}; there are {}",
            known.join(", ")
        );
    }
    let wanted = |row: &&Row| names.is_empty() || names.iter().any(|name| name == row.name);
    Ok(rows.iter().filter(wanted).collect())
}

/// How long the measuring takes, as far as it is known.
fn minutes(rows: &[&Row], settings: &Settings) -> f64 {
    let seconds = f64::from(settings.seconds);
    let each = seconds + f64::from(sample::WARM_UP_SECONDS) + measure::START_SECONDS;
    let of_row = |row: &&Row| {
        let runs = (row.rivals.len() + 1) as f64 * each;
        let loops = f64::from(u8::from(row.looped.is_some())) * seconds;
        (runs + loops) * f64::from(settings.repeats_of(row))
    };
    rows.iter().map(of_row).sum::<f64>() / 60.0
}
