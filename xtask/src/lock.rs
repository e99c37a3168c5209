//! `cargo xtask lock`: resolves every `*.in` below `stacks/` into a lock file
//! with hashes, for all supported versions of Python at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The oldest Python that the locks must suit.
const OLDEST_PYTHON: &str = "3.10";

pub(crate) fn lock() -> anyhow::Result<()> {
    let stacks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stacks");
    let mut inputs = inputs_in(&stacks)?;
    for folder in fs::read_dir(&stacks)?
        .flatten()
        .filter(|entry| entry.path().is_dir())
    {
        inputs.extend(inputs_in(&folder.path())?);
    }
    for input in inputs {
        let output = input.with_extension("lock");
        let status = Command::new("uv")
            .args([
                "pip",
                "compile",
                "--quiet",
                "--upgrade",
                "--universal",
                "--generate-hashes",
            ])
            // Neither a path nor a host of this machine belongs into the file.
            .args([
                "--no-header",
                "--no-annotate",
                "--no-emit-index-url",
                "--no-emit-find-links",
            ])
            .args(["--python-version", OLDEST_PYTHON])
            .arg(&input)
            .arg("--output-file")
            .arg(&output)
            .status()
            .context("cannot start uv (pip install uv)")?;
        ensure!(status.success(), "uv could not resolve {}", input.display());
        println!("{}", output.display());
    }
    Ok(())
}

fn inputs_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut inputs: Vec<PathBuf> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "in"))
        .collect();
    inputs.sort();
    Ok(inputs)
}
