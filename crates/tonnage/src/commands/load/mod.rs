//! `tonnage load`: one load, one summary, and an exit code that says whether to
//! believe it.

mod live;
mod merge;
mod plan;
mod sinks;
mod watch;

use tonnage_load::{LoadPlan, Stop, calibrate};
use tonnage_model::{EndReason, ExitStatus, Level, LoadReport};

use self::live::LivePage;
use self::sinks::Sinks;
use self::watch::Watch;
use crate::args::{LoadArgs, LoadCommand};
use crate::signals;

pub(crate) fn run(mut args: LoadArgs) -> anyhow::Result<ExitStatus> {
    if let Some(LoadCommand::Merge(merge)) = args.command {
        return merge::run(&merge);
    }
    let stop = signals::stop_on_signals()?;
    let live = live::address(&mut args)?;
    // Opened before any load is sent: a typo must not cost a measurement.
    let sinks = Sinks::open(&args.output)?;
    let calibrated = !args.no_calibration;
    let quiet = args.output.quiet;
    let mut plan = plan::plan(args)?;
    let live = live
        .map(|address| LivePage::start(address, &plan.target.url))
        .transpose()?;
    if calibrated && !stop.is_requested() {
        plan.ceiling_rps = calibrate(&plan, &stop)?;
    }
    let report = send(&plan, &stop, quiet, live)?;
    sinks.write(&report)?;
    Ok(exit_status(&report))
}

/// Sends the load, showing progress where somebody watches.
fn send(
    plan: &LoadPlan,
    stop: &Stop,
    quiet: bool,
    live: Option<LivePage>,
) -> anyhow::Result<LoadReport> {
    let watch = Watch::new(plan, quiet, live);
    let report = watch.during(|observer| tonnage_load::run(plan, stop, observer))?;
    Ok(report)
}

/// The exit code for a report: what the user did, then what the target did, then
/// whether the figures count, then whether they are good enough.
fn exit_status(report: &LoadReport) -> ExitStatus {
    let misses = |result: &tonnage_model::AssertionResult| result.holds == Some(false);
    if report.ended == EndReason::Interrupted {
        ExitStatus::Interrupted
    } else if report.counts.succeeded == 0 {
        ExitStatus::TargetFailed
    } else if report.verdict.level == Level::Invalid {
        ExitStatus::InvalidMeasurement
    } else if report.assertions.iter().any(misses) {
        ExitStatus::AssertionFailed
    } else {
        ExitStatus::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonnage_model::{AssertionResult, Verdict};

    #[test]
    fn the_worst_news_decides_the_exit_code() {
        let mut report = LoadReport::default();
        assert_eq!(exit_status(&report), ExitStatus::TargetFailed);
        report.counts.succeeded = 1;
        assert_eq!(exit_status(&report), ExitStatus::Done);
        let unanswerable = AssertionResult {
            assertion: "p99<1s".to_owned(),
            holds: None,
            figure: "n/a".to_owned(),
        };
        report.assertions = vec![unanswerable.clone()];
        assert_eq!(exit_status(&report), ExitStatus::Done);
        report.assertions.push(AssertionResult {
            holds: Some(false),
            ..unanswerable
        });
        assert_eq!(exit_status(&report), ExitStatus::AssertionFailed);
        report.verdict = Verdict {
            level: Level::Invalid,
            reasons: vec![],
        };
        assert_eq!(exit_status(&report), ExitStatus::InvalidMeasurement);
        report.ended = EndReason::Interrupted;
        assert_eq!(exit_status(&report), ExitStatus::Interrupted);
    }
}
