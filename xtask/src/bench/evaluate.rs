//! Conditions per second: the native evaluator beside Python's three modes on the
//! same logs, in one run on one core; and the replay of as many logs as study 3
//! had, which took its evaluator 71.6 minutes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;

use super::median;
use super::process::{CLIENT_CPU, pinned, run as run_to_end};

/// Least rate of the native evaluator as a multiple of the spawning original's.
const MIN_RATIO: f64 = 200.0;

/// What study 3 published.
const STUDY_LOGS: u32 = 459_311;
const STUDY_MINUTES: f64 = 71.6;

const SEED: &str = "3";

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Settings {
    /// Alternating repeats
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    /// Logs for which the original spawns an interpreter, in each repeat
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    spawned: u32,
    /// Logs of the replay
    #[arg(long, default_value_t = STUDY_LOGS, value_parser = clap::value_parser!(u32).range(1000..))]
    logs: u32,
}

pub(super) fn run(settings: Settings) -> anyhow::Result<()> {
    let native = example()?;
    let folder = tempfile::tempdir()?;
    let few = folder.path().join("few.jsonl");
    let many = folder.path().join("many.jsonl");
    write(&native, settings.spawned, &few)?;
    write(&native, 20 * settings.spawned, &many)?;
    println!("logs evaluated per second on one core (python3 on PATH)");
    println!(
        "{:>6} {:>10} {:>10} {:>10} {:>10} {:>7}",
        "repeat", "spawn", "pool", "inprocess", "native", "ratio"
    );
    let (mut theirs, mut ours, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    for repeat in 1..=settings.repeats {
        let spawn = python("spawn", &few)?;
        let pool = python("pool", &many)?;
        let inprocess = python("inprocess", &many)?;
        let took = replay(&native, settings.logs)?;
        let rate = f64::from(settings.logs) / took;
        println!(
            "{repeat:>6} {spawn:>10.1} {pool:>10.0} {inprocess:>10.0} {rate:>10.0} {:>7.0}",
            rate / spawn
        );
        theirs.push(spawn);
        ours.push(rate);
        seconds.push(took);
    }
    let took = median(&seconds);
    println!(
        "replay of {} logs: {took:.1} s native; {:.1} min at the rate of the spawning original; \
         {STUDY_MINUTES} min for {STUDY_LOGS} in study 3",
        settings.logs,
        f64::from(settings.logs) / median(&theirs) / 60.0,
    );
    let ratio = median(&ours) / median(&theirs);
    println!("ratio of medians {ratio:.0} (at least {MIN_RATIO})");
    ensure!(
        ratio >= MIN_RATIO,
        "the native evaluator reaches less than {MIN_RATIO} times the rate of the original"
    );
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds the native evaluator as it is measured.
fn example() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--package", "tonnage-services"])
        .args(["--example", "evaluate-rate"])
        .current_dir(root())
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "the release build failed");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target
        .join("release/examples/evaluate-rate")
        .canonicalize()?)
}

fn write(native: &Path, logs: u32, to: &Path) -> anyhow::Result<()> {
    let status = Command::new(native)
        .args(["write", &logs.to_string(), SEED])
        .stdout(fs::File::create(to)?)
        .status()?;
    ensure!(status.success(), "writing logs ended with {status}");
    Ok(())
}

/// Logs per second of one of Python's modes, its own start included. The bodies
/// come over standard input, so that no web framework is measured.
fn python(mode: &str, bodies: &Path) -> anyhow::Result<f64> {
    let mut command = pinned(CLIENT_CPU, Path::new("python3"));
    command
        .arg(root().join("apps/common/evaluator.py"))
        .env("EVALUATE_MODE", mode)
        .stdin(fs::File::open(bodies)?);
    let start = Instant::now();
    let output = command.output()?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(
        output.status.success(),
        "{mode} ended with {}",
        output.status
    );
    let answers = String::from_utf8(output.stdout)?;
    let failed = answers.lines().find(|line| line.contains("\"error\""));
    ensure!(failed.is_none(), "{mode} answered {failed:?}");
    Ok(answers.lines().count() as f64 / seconds)
}

/// Seconds that the native evaluator takes for so many logs.
fn replay(native: &Path, logs: u32) -> anyhow::Result<f64> {
    let mut command = pinned(CLIENT_CPU, native);
    command.args(["replay", &logs.to_string(), SEED]);
    let said: serde_json::Value = serde_json::from_str(&run_to_end(&mut command)?.text)?;
    said["seconds"].as_f64().context("no seconds")
}
