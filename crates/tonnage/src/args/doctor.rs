//! Flags of `tonnage doctor`.

use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "Grades: A differences of a few per cent can be seen, B of a tenth, C only large \
ones, D what is measured says little (a study has to be forced). The exit code is 0 with every \
grade."
)]
pub(crate) struct DoctorArgs {
    /// Look for two seconds only, as at the start of each run
    #[arg(long)]
    pub(crate) brief: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
