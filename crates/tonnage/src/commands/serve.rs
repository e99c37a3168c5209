//! `tonnage serve` from a program that is no Python: it runs the server of the active
//! environment's Python, in this process's place.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use tonnage_model::ExitStatus;

use crate::args::ServeArgs;
use crate::commands::UsageError;
use crate::settings;

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitStatus> {
    let python = settings::active_python().ok_or_else(|| {
        UsageError("`tonnage serve` runs inside Python, and there is no python3 on PATH".to_owned())
    })?;
    if !has_tonnage(&python) {
        return Err(UsageError(missing(&python)).into());
    }
    let error = server(&python, &args.arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", python.display()))
}

fn server(python: &Path, arguments: &[OsString]) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "tonnage", "serve"]).args(arguments);
    command
}

/// Whether this Python has the package, for its own version.
fn has_tonnage(python: &PathBuf) -> bool {
    let asked = Command::new(python)
        .args(["-c", "import tonnage._tonnage"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

fn missing(python: &Path) -> String {
    format!(
        "`tonnage serve` runs inside Python, and {} has no package `tonnage`: activate the \
         environment that has it, or install it into one of your own (`python3 -m venv .venv && \
         . .venv/bin/activate && pip install .` in a checkout of Tonnage)",
        python.display()
    )
}
