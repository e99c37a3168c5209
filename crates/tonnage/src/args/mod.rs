//! The flags, as they are typed: nothing here is looked up or resolved.

mod audit;
mod doctor;
mod load;
mod service;
mod study;

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};
use tonnage_lab::Asked;
use tonnage_model::{CpuQuota, HumanBytes, MAX_THREADS, WorkerRule};

pub(crate) use audit::AuditArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use load::{
    ConnectionArgs, ExpectArgs, LoadArgs, LoadCommand, MergeArgs, OutputArgs, PaceArgs, PickArg,
    ProtocolArgs, RequestArgs, TlsArgs,
};
pub(crate) use service::{ServiceArgs, TroubleArgs};
pub(crate) use study::{CompareArgs, RunArgs, StudyArgs, StudyCommand};

/// How much load a Python web service can carry, measured honestly.
#[derive(Debug, Parser)]
#[command(
    name = "tonnage",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit codes: 0 done, 1 internal error, 2 bad usage or file, 3 the target failed, \
4 invalid measurement, 5 an assertion failed, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send load to a URL and report what came back
    Load(Box<LoadArgs>),
    /// Run, list, show and report studies
    Study(StudyArgs),
    /// Serve a WSGI or ASGI application, with gunicorn's settings
    // Its flags are gunicorn's, read where the server runs: inside Python.
    #[command(disable_help_flag = true)]
    Serve(ServeArgs),
    /// Run a stack in the foreground
    Up(UpArgs),
    /// Run a native service in the foreground
    Service(ServiceArgs),
    /// What serves apps
    Stack(ListArgs),
    /// What a request does
    Workload(ListArgs),
    /// What this machine can measure, and how noisy it is
    Doctor(DoctorArgs),
    /// Check a published table by Little's law
    Audit(AuditArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// What `tonnage serve` is given, as it is
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENTS"
    )]
    pub(crate) arguments: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The stack (see `tonnage stack list`), or the path of a folder with a stack.toml
    pub(crate) stack: String,
    /// The workload (see `tonnage workload list`)
    pub(crate) workload: String,
    /// Worker processes: a number, or a rule like 2n+1 with n the CPUs that may be used
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<WorkerRule>,
    /// Threads of each worker
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_THREADS)))]
    pub(crate) threads: Option<u32>,
    /// CPU time that it may use: 0.5 is half a CPU
    #[arg(long, value_name = "N")]
    pub(crate) cpus: Option<CpuQuota>,
    /// Memory that it may use, such as 75MB
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<HumanBytes>,
    /// How these limits are set: auto, none, cgroup or container
    #[arg(long, value_name = "HOW", default_value_t)]
    pub(crate) isolation: Asked,
    /// Address to listen on; 0.0.0.0 for every network
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// Port to listen on
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct ListArgs {
    #[command(subcommand)]
    pub(crate) _command: ListCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ListCommand {
    /// List them
    List,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        super::Cli::command().debug_assert();
    }
}
