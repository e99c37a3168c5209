//! The command line: arguments and environment in, commands, text and exit codes
//! out. Measuring, storing and drawing are left to the other crates.

mod args;
mod commands;
mod console;
mod documents;
mod output;
mod settings;
mod signals;

use std::ffi::OsString;

use clap::Parser;
use tonnage_lab::{LabError, StoreError};
use tonnage_load::LoadError;
use tonnage_model::ExitStatus;
use tonnage_services::ServiceError;

use crate::args::{Cli, Command};
pub use crate::settings::Installed;

/// Runs one command line, whose first item is the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitStatus {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors and go to standard output.
            let _ = error.print();
            return if error.use_stderr() {
                ExitStatus::Usage
            } else {
                ExitStatus::Done
            };
        }
    };
    let ended = match cli.command {
        Command::Load(load) => commands::load::run(*load),
        Command::Serve(serve) => commands::serve::run(&serve),
        Command::Study(study) => commands::study::run(study, &arguments),
        Command::Up(up) => commands::up::run(&up),
        Command::Service(service) => commands::service::run(&service),
        Command::Stack(_) => commands::catalog::stacks(),
        Command::Workload(_) => commands::catalog::workloads(),
        Command::Doctor(doctor) => commands::doctor::run(&doctor),
        Command::Audit(audit) => commands::audit::run(&audit),
    };
    ended.unwrap_or_else(|error| {
        output::error(&error);
        exit_status(&error)
    })
}

/// The same for a program that is no process of its own: inside Python the running program
/// is the interpreter.
pub fn run_installed(
    installed: Installed,
    arguments: impl IntoIterator<Item = OsString>,
) -> ExitStatus {
    settings::set_installed(installed);
    run(arguments)
}

/// The exit code of an error, by what lies at its bottom.
fn exit_status(error: &anyhow::Error) -> ExitStatus {
    if let Some(error) = error.downcast_ref::<LabError>() {
        return error.exit_status();
    }
    if let Some(error) = error.downcast_ref::<ServiceError>() {
        return error.exit_status();
    }
    if error.is::<commands::UsageError>() {
        return ExitStatus::Usage;
    }
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::NoSuchRun { .. } | StoreError::Folder { .. }) => return ExitStatus::Usage,
        Some(_) => return ExitStatus::Internal,
        None => {}
    }
    error
        .downcast_ref::<LoadError>()
        .map_or(ExitStatus::Internal, LoadError::exit_status)
}
