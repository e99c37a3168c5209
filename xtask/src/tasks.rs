//! `cargo xtask test` and `cargo xtask lint`.

use std::process::Command;

use anyhow::{Context, ensure};

use crate::packages::PACKAGES;
use crate::privileges;

/// Runs every test for which this machine has what it needs, and names the rest.
pub(crate) fn test() -> anyhow::Result<()> {
    // Tests may need several packages: one that is missing leaves them out.
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|package| !package.is_installed())
        .filter_map(|package| package.feature)
        .collect();
    let unprivileged = privileges::missing();
    let features: Vec<&str> = PACKAGES
        .iter()
        .filter_map(|package| package.feature)
        .filter(|feature| !missing.contains(feature))
        .chain(unprivileged.is_none().then_some(privileges::FEATURE))
        .collect();
    // No fail-fast: a list of everything that is broken saves a round.
    let passed = cargo(&[
        "test",
        "--workspace",
        "--no-fail-fast",
        "--features",
        &features.join(","),
    ]);
    for package in PACKAGES
        .iter()
        .filter(|package| package.feature.is_some() && !package.is_installed())
    {
        println!(
            "not run: {} (apt-get install {})",
            package.purpose, package.name
        );
    }
    if let Some(missing) = unprivileged {
        println!("not run: {} ({missing})", privileges::PURPOSE);
    }
    passed
}

/// Checks format, lints, documentation and dependencies.
pub(crate) fn lint() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ])?;
    if crate::packages::find("cargo-deny").is_some() {
        // Advisories need a database from outside and are left to people.
        cargo(&["deny", "check", "licenses", "bans", "sources"])?;
    } else {
        println!("not run: the check of licences and sources (cargo install cargo-deny)");
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(arguments)
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}
