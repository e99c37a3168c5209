//! `cargo xtask conformance`: the wheel in an environment of its own, and the suite in
//! `tests/` against real `tonnage serve` processes.

use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

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
    let requirements = root().join("tests/requirements.lock");
    // One computes, the other mostly waits for packages.
    let (wheel, environment) = thread::scope(|scope| {
        let wheel = scope.spawn(|| wheel::build(python, !release));
        let environment = Environment::of(python, &requirements, "tests");
        (wheel.join(), environment)
    });
    let wheel = wheel.map_err(|_| anyhow!("building the wheel panicked"))??;
    let environment = environment?;
    environment.install(&wheel)?;
    Ok(environment)
}

/// Runs the suite; `cargo` has built the command line before.
pub(crate) fn suite(environment: &Environment, arguments: &[String]) -> anyhow::Result<()> {
    run(&mut pytest(environment, arguments))
}

/// The suite while it runs beside something else. What it prints is kept until it is asked for.
pub(crate) struct Beside {
    pytest: Child,
    printed: File,
}

impl Beside {
    /// Starts the suite; `cargo` has built the command line before.
    pub(crate) fn start(environment: &Environment) -> anyhow::Result<Self> {
        let printed = tempfile::tempfile().context("cannot keep what the suite prints")?;
        let pytest = pytest(environment, &[])
            .stdin(Stdio::null())
            .stdout(printed.try_clone()?)
            .stderr(printed.try_clone()?)
            .spawn()
            .context("cannot start pytest")?;
        Ok(Self { pytest, printed })
    }

    /// Waits for its end and prints what it has printed, its closing line last.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let status = self.pytest.wait()?;
        self.printed.rewind()?;
        io::copy(&mut self.printed, &mut io::stdout())?;
        ensure!(status.success(), "pytest ended with {status}");
        Ok(())
    }
}

impl Drop for Beside {
    /// Ends it as Ctrl-C does, so that it stops the servers that it has started.
    fn drop(&mut self) {
        if let Ok(None) = self.pytest.try_wait() {
            let _ = kill_process(Pid::from_child(&self.pytest), Signal::INT);
            let _ = self.pytest.wait();
        }
    }
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
