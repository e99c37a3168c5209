//! Development tasks: `cargo xtask test | lint | lock | bench`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task's whole purpose is to tell people"
)]

mod bench;
mod lock;
mod packages;
mod privileges;
mod tasks;

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
    /// Check the format, the lints and, where cargo-deny is installed, the dependencies
    Lint,
    /// Resolve the requirements of all stacks anew (needs uv on PATH)
    Lock,
    /// Measure speed
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Name the system packages that tests and benchmarks use, for a script to install
    Packages,
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test => tasks::test(),
        Task::Lint => tasks::lint(),
        Task::Lock => lock::lock(),
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
