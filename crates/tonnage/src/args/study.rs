//! Flags of `tonnage study`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct StudyArgs {
    #[command(subcommand)]
    pub(crate) command: StudyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StudyCommand {
    /// List the studies that ship, and the runs made here
    List,
    /// Run a study
    Run(RunArgs),
    /// Show a run's figures
    Show(ShowArgs),
    /// Write a run's report anew
    Report(ReportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A study that ships (see `tonnage study list`), or a TOML file
    #[arg(value_name = "NAME|FILE")]
    pub(crate) study: String,
    /// A smoke version that ends within about two minutes
    #[arg(long)]
    pub(crate) quick: bool,
    /// Set a factor to one value, or to several to try each; may be repeated
    #[arg(long = "set", value_name = "FACTOR=A,B,…")]
    pub(crate) sets: Vec<String>,
    /// Load a server that somebody else started, such as <http://10.0.0.7:8000/>
    #[arg(long, value_name = "URL")]
    pub(crate) target: Option<String>,
    /// The folder for the run's report and logs
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run; the newest by default
    pub(crate) run: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run; the newest by default
    pub(crate) run: Option<String>,
    /// The folder to write to; the run's own by default
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
