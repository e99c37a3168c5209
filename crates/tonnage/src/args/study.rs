//! Flags of `tonnage study`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tonnage_lab::Asked;
use tonnage_model::{HumanDuration, Study};

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
    /// Go on with a run that was cut off
    Resume(ShowArgs),
    /// Show a run's figures
    Show(ShowArgs),
    /// Write a run's report anew
    Report(ReportArgs),
    /// Compare two runs: two commits of an app, two machines
    Compare(CompareArgs),
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
    /// Blocks: how often each cell is measured
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: Option<u32>,
    /// Time that the run may take: cells that are clearly worse are dropped early, the
    /// others get more blocks
    #[arg(long, value_name = "TIME", conflicts_with = "repeat")]
    pub(crate) budget: Option<HumanDuration>,
    /// How CPU and memory limits are set: auto, none, cgroup or container
    #[arg(long, value_name = "HOW", default_value_t)]
    pub(crate) isolation: Asked,
    /// Seed of the order and of everything drawn at random; from the clock by default
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Measure even where the machine is too noisy to
    #[arg(long)]
    pub(crate) force: bool,
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
pub(crate) struct CompareArgs {
    /// The run that is compared with
    pub(crate) first: String,
    /// The run that is compared
    pub(crate) second: String,
    /// The figure that is compared, such as `p95_ms`; the study's own by default
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(Study::FIGURES))]
    pub(crate) figure: Option<String>,
    /// Write Markdown instead of a table for the terminal
    #[arg(long)]
    pub(crate) markdown: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run; the newest by default
    pub(crate) run: Option<String>,
    /// The folder to write to; the run's own by default
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
