//! `cargo xtask test` and `cargo xtask lint`.

use std::process::Command;

use anyhow::{Context, ensure};

use crate::environments::{self, Environment};
use crate::packages::PACKAGES;
use crate::{conformance, privileges};

/// How the features of tests that start containers end.
const CONTAINER_TESTS: &str = "/container-tests";

/// Runs every test for which this machine has what it needs, and names the rest.
pub(crate) fn test() -> anyhow::Result<()> {
    // Tests may need several packages: one that is missing leaves them out.
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|package| !package.is_installed())
        .filter_map(|package| package.feature)
        .collect();
    let unprivileged = privileges::missing();
    let without_containers = privileges::missing_for_containers();
    let of_containers = |feature: &str| feature.ends_with(CONTAINER_TESTS);
    let features: Vec<&str> = PACKAGES
        .iter()
        .filter_map(|package| package.feature)
        .filter(|feature| !missing.contains(feature))
        .filter(|feature| without_containers.is_none() || !of_containers(feature))
        .chain(
            privileges::FEATURES
                .into_iter()
                .filter(|_| unprivileged.is_none()),
        )
        .collect();
    // The server's package first: the zoo has stacks that run it.
    let environment = environments::default_python()
        .map(|python| conformance::prepare(&python, false))
        .transpose()?;
    let features = features.join(",");
    let tests = ["test", "--workspace", "--features", &features];
    // All is built before anything runs: no test has a compiler beside it.
    cargo(&[&tests[..], &["--no-run"]].concat(), environment.as_ref())?;
    // The server's tests mostly wait, and so do those of limits and containers.
    let beside = environment
        .as_ref()
        .map(conformance::Beside::start)
        .transpose()?;
    // No fail-fast: a list of everything that is broken saves a round.
    let passed = cargo(
        &[&tests[..], &["--no-fail-fast"]].concat(),
        environment.as_ref(),
    );
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
    if let Some(missing) = without_containers {
        println!("not run: servers in containers ({missing})");
    }
    // Last, so that the last lines are those of whoever counts the tests.
    let Some(beside) = beside else {
        println!("not run: the server's tests (no python3 of 3.10 or newer that has venv)");
        return passed;
    };
    let served = beside.finish();
    passed.and(served)
}

/// Checks format, lints, documentation and dependencies.
pub(crate) fn lint() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"], None)?;
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ];
    cargo(&arguments, None)?;
    if crate::packages::find("cargo-deny").is_some() {
        // Advisories need a database from outside and are left to people.
        cargo(&["deny", "check", "licenses", "bans", "sources"], None)?;
    } else {
        println!("not run: the check of licences and sources (cargo install cargo-deny)");
    }
    Ok(())
}

/// Runs cargo to its end; where an environment is given, it is the active one.
pub(crate) fn cargo(arguments: &[&str], active: Option<&Environment>) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    environments::forget_cargo(&mut command);
    if let Some(environment) = active {
        command.env("VIRTUAL_ENV", environment.folder());
    }
    let status = command
        .args(arguments)
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}
