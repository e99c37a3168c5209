//! `cargo xtask conformance`: the wheel in an environment of its own, and the suite in
//! `tests/` against real `tonnage serve` processes.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::environments::{Environment, python, run, target};
use crate::tasks::cargo;
use crate::wheel;

/// How many of the suite's tests run at a time. They wait more than they compute: on two
/// cores four take a third of the time of one, and more of them wait for each other.
const AT_A_TIME: &str = "--numprocesses=4";

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The Pythons to test with, such as `--python 3.10 --python 3.13`
    #[arg(long, default_value = "3.12")]
    python: Vec<String>,
    /// The wheel as it is shipped, in place of one that is built quickly
    #[arg(long)]
    release: bool,
    /// What pytest is given, after `--`
    #[arg(last = true)]
    pytest: Vec<String>,
}

pub(crate) fn conformance(settings: &Settings) -> anyhow::Result<()> {
    // The suite sends load with it.
    cargo(&["build", "--package", "tonnage"], None)?;
    for version in &settings.python {
        println!("conformance with Python {version}");
        let environment = prepare(&python(version)?, settings.release)?;
        suite(&environment, &settings.pytest)?;
    }
    Ok(())
}

/// The suite's environment for a Python, with the wheel in it.
pub(crate) fn prepare(python: &Path, release: bool) -> anyhow::Result<Environment> {
    let wheel = wheel::build(python, !release)?;
    let requirements = root().join("tests/requirements.lock");
    let environment = Environment::of(python, &requirements, "tests")?;
    environment.install(&wheel)?;
    Ok(environment)
}

/// Runs the suite; `cargo` has built the command line before.
pub(crate) fn suite(environment: &Environment, arguments: &[String]) -> anyhow::Result<()> {
    run(&mut pytest(environment, arguments))
}

/// What runs the suite.
pub(crate) fn pytest(environment: &Environment, arguments: &[String]) -> Command {
    let mut pytest = Command::new(environment.python());
    pytest
        .args(["-m", "pytest", AT_A_TIME])
        .args(arguments)
        .env("TONNAGE_PROGRAM", target().join("debug/tonnage"))
        .current_dir(root());
    pytest
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
