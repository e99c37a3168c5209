//! `tonnage load merge`: reports of several generators, or of several runs, as one.

use std::fs;
use std::path::Path;

use tonnage_model::{ExitStatus, LoadReport};

use super::sinks::Sinks;
use crate::args::MergeArgs;
use crate::commands::UsageError;

pub(super) fn run(args: &MergeArgs) -> anyhow::Result<ExitStatus> {
    let sinks = Sinks::open(&args.output)?;
    let mut merged: Option<LoadReport> = None;
    for path in &args.reports {
        let report = read(path)?;
        merged = Some(match merged {
            None => report,
            Some(before) => before
                .merge(&report)
                .map_err(|error| UsageError(format!("{}: {error}", path.display())))?,
        });
    }
    let Some(mut merged) = merged else {
        return Err(UsageError("no reports to merge".to_owned()).into());
    };
    let results = args.assertions.iter().map(|a| a.check(&merged)).collect();
    merged.assertions = results;
    sinks.write(&merged)?;
    Ok(super::exit_status(&merged))
}

fn read(path: &Path) -> anyhow::Result<LoadReport> {
    let text = fs::read_to_string(path)
        .map_err(|error| UsageError(format!("cannot read {}: {error}", path.display())))?;
    let report = serde_json::from_str(&text).map_err(|error| {
        UsageError(format!(
            "{} is no report of `tonnage load --json`: {error}",
            path.display()
        ))
    })?;
    Ok(report)
}
