//! Development tasks: `cargo xtask test | conformance | sanitize | lint | lock | wheel | bench`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task's whole purpose is to tell people"
)]

mod bench;
mod conformance;
mod environments;
mod lock;
mod packages;
mod privileges;
mod sanitize;
mod tasks;
mod wheel;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of Tonnage's developers.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every test; those that need a system package where it is installed
    Test,
    /// Run the server's conformance suite (`tests/`) with the wheel
    Conformance(conformance::Settings),
    /// Run the server's tests and its suite under the address sanitizer
    Sanitize(sanitize::Settings),
    /// Check the format, the lints and, where cargo-deny is installed, the dependencies
    Lint,
    /// Resolve the requirements of all stacks anew (needs uv on PATH)
    Lock,
    /// Build the wheel, as `pip install .` does
    Wheel(wheel::Settings),
    /// Measure speed
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Name the system packages that tests and benchmarks use, for a script to install
    Packages,
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test => tasks::test(),
        Task::Conformance(settings) => conformance::conformance(&settings),
        Task::Sanitize(settings) => sanitize::sanitize(&settings),
        Task::Lint => tasks::lint(),
        Task::Lock => lock::lock(),
        Task::Wheel(settings) => wheel::wheel(&settings),
        Task::Bench(bench) => bench::run(&bench),
        Task::Packages => {
            println!("{}", packages::names().join(" "));
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
