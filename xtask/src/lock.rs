//! `cargo xtask lock`: resolves every `*.in` below `stacks/`, of the server's tests and
//! of its benchmark into a lock file with hashes, for all supported versions of Python at once, or for the one that
//! its first line names (`# python 3.6`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The oldest Python that the locks must suit.
const OLDEST_PYTHON: &str = "3.10";

pub(crate) fn lock() -> anyhow::Result<()> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stacks = xtask.join("../stacks");
    let mut inputs = inputs_in(&stacks)?;
    inputs.extend(inputs_in(&xtask.join("../tests"))?);
    inputs.extend(inputs_in(&xtask.join("src/bench/serve/requirements"))?);
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
                "--generate-hashes",
            ])
            .args(versions(&fs::read_to_string(&input)?))
            // Neither a path nor a host of this machine belongs into the file.
            .args([
                "--no-header",
                "--no-annotate",
                "--no-emit-index-url",
                "--no-emit-find-links",
            ])
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

/// The options that say for which Python requirements are resolved.
fn versions(requirements: &str) -> Vec<&str> {
    let first = requirements.lines().next().unwrap_or_default();
    match first.strip_prefix("# python ") {
        Some(only) => vec!["--python-version", only.trim()],
        None => vec!["--universal", "--python-version", OLDEST_PYTHON],
    }
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
