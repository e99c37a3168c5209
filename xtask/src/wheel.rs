//! `cargo xtask wheel`: the wheel, built the way `pip install .` builds it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;

use crate::environments::{forget_cargo, python, run, target};

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The Python that it is for: a version, or the path of its program
    #[arg(long, default_value = "3.12")]
    pub(crate) python: String,
    /// Not optimised, and with no verb but `serve`: seconds in place of minutes
    #[arg(long)]
    pub(crate) dev: bool,
}

/// Builds it and prints where it is.
pub(crate) fn wheel(settings: &Settings) -> anyhow::Result<()> {
    let built = build(&python(&settings.python)?, settings.dev)?;
    println!("{}", built.display());
    Ok(())
}

/// Builds it below `target/wheels`, by pip and maturin.
pub(crate) fn build(python: &Path, dev: bool) -> anyhow::Result<PathBuf> {
    let folder = target().join("wheels");
    fs::create_dir_all(&folder)?;
    // Of its own, so that the wheel needs no name.
    let fresh = tempfile::tempdir_in(&folder)?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "wheel", "--quiet", "--no-deps"])
        .arg("--disable-pip-version-check")
        .arg("--wheel-dir")
        .arg(fresh.path())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    if dev {
        pip.env("MATURIN_PEP517_ARGS", "--profile dev --no-default-features");
    }
    forget_cargo(&mut pip);
    run(&mut pip)?;
    let wheels: Vec<PathBuf> = fs::read_dir(fresh.path())?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    ensure!(wheels.len() == 1, "pip built {} wheels", wheels.len());
    let name = wheels[0].file_name().context("a wheel has a name")?;
    let kept = folder.join(name);
    fs::rename(&wheels[0], &kept)?;
    Ok(kept)
}
