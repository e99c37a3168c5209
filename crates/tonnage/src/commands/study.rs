//! `tonnage study`: list, run, resume, show, report, compare.

use std::ffi::OsString;
use std::path::Path;
use std::sync::mpsc::{self, Sender};

use tonnage_lab::{
    Catalog, LabError, LabEvent, RunEnd, RunRequest, Store, resume_study, run_study,
};
use tonnage_model::{ExitStatus, Study, TrialKind};
use tonnage_report::Validity;

use crate::args::{CompareArgs, RunArgs, StudyArgs, StudyCommand};
use crate::{console, documents, output, settings, signals};

/// How many runs `study list` shows.
const LISTED_RUNS: usize = 20;

pub(crate) fn run(args: StudyArgs, command_line: &[OsString]) -> anyhow::Result<ExitStatus> {
    match args.command {
        StudyCommand::List => list(),
        StudyCommand::Run(args) => run_one(args, command_line),
        StudyCommand::Resume(args) => resume(args.run.as_deref()),
        StudyCommand::Show(args) => {
            let document = documents::load(&open_store()?, args.run.as_deref())?;
            output::result(&tonnage_report::show_text(&document, output::width()));
            Ok(ExitStatus::Done)
        }
        StudyCommand::Report(args) => {
            let document = documents::load(&open_store()?, args.run.as_deref())?;
            let folder = args.out.unwrap_or_else(|| document.run.folder.clone());
            documents::write(&document, &folder)?;
            output::result(&folder.display().to_string());
            Ok(ExitStatus::Done)
        }
        StudyCommand::Compare(args) => compare(&args),
    }
}

/// The second of two runs beside the first.
fn compare(args: &CompareArgs) -> anyhow::Result<ExitStatus> {
    let store = open_store()?;
    let first = documents::load(&store, Some(&args.first))?;
    let second = documents::load(&store, Some(&args.second))?;
    let figure = args.figure.as_deref();
    let text = if args.markdown {
        tonnage_report::compare_markdown(&first, &second, figure)
    } else {
        tonnage_report::compare_text(&first, &second, figure, output::width())
    };
    output::result(text.trim_end());
    Ok(ExitStatus::Done)
}

fn open_store() -> anyhow::Result<Store> {
    let store = Store::open(&settings::lab()?.store_path())?;
    store.mark_abandoned()?;
    Ok(store)
}

fn list() -> anyhow::Result<ExitStatus> {
    output::result("Studies:");
    for name in Catalog.study_names() {
        output::result(&format!("  {name:<14} {}", Catalog.study(name)?.question));
    }
    // What ships can be listed without any place for records.
    let runs = match open_store().and_then(|store| Ok(store.runs()?)) {
        Ok(runs) => runs,
        Err(error) => {
            output::error(&error.context("runs cannot be listed"));
            return Ok(ExitStatus::Done);
        }
    };
    if !runs.is_empty() {
        output::result("Runs, newest first:");
    }
    for run in runs.iter().take(LISTED_RUNS) {
        output::result(&format!("  {} ({})", run.run_id, run.status.name()));
    }
    Ok(ExitStatus::Done)
}

fn run_one(args: RunArgs, command_line: &[OsString]) -> anyhow::Result<ExitStatus> {
    let settings = settings::lab()?;
    let mut sets = args.sets;
    sets.extend(args.repeat.map(|blocks| format!("blocks={blocks}")));
    let request = RunRequest {
        study: args.study,
        quick: args.quick,
        sets,
        target: args.target,
        isolation: args.isolation,
        budget: args.budget.map(|budget| budget.0),
        seed: args.seed,
        force: args.force,
        out: args.out,
        argv: command_line
            .iter()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    // For the lines that its steps print.
    let (_, text) = Catalog.study_text(&request.study)?;
    let study = Study::prepare(&request.study, &text, request.quick, &request.sets)
        .map_err(LabError::from)?;
    let searches = study.search.memory().is_some() || study.search.rate().is_some();
    if request.budget.is_some() && searches {
        output::note("A run with a budget leaves out what the study searches for.");
    }
    let stop = signals::stop_on_signals()?;
    let end = shown(&study, |events| {
        run_study(&settings, &request, &stop, events)
    })?;
    Ok(conclude(&settings.store_path(), end, request.force))
}

fn resume(run: Option<&str>) -> anyhow::Result<ExitStatus> {
    let settings = settings::lab()?;
    let study = documents::load(&open_store()?, run)?.study;
    let stop = signals::stop_on_signals()?;
    let end = shown(&study, |events| resume_study(&settings, run, &stop, events))?;
    Ok(conclude(&settings.store_path(), end, false))
}

/// Does something and shows what it tells meanwhile. It is done on this thread: its
/// servers end with the thread that started them, and this one lives as long as the
/// process.
fn shown(
    study: &Study,
    work: impl FnOnce(&Sender<LabEvent>) -> Result<RunEnd, LabError>,
) -> Result<RunEnd, LabError> {
    std::thread::scope(|scope| {
        let (events, shown) = mpsc::channel();
        scope.spawn(|| {
            let shown = shown;
            console::show(&shown, Some(study));
        });
        work(&events)
    })
}

/// Prints what was measured and writes its report; whatever happens, the folder
/// is the last line. A run of which nothing counts is no measurement, unless somebody
/// wanted it all the same.
fn conclude(store: &Path, end: RunEnd, forced: bool) -> ExitStatus {
    let mut status = end
        .error
        .as_ref()
        .map_or(ExitStatus::Done, LabError::exit_status);
    let done = status == ExitStatus::Done;
    match write_report(store, &end) {
        Err(error) => {
            output::error(&error.context("the report could not be written"));
            if done {
                status = ExitStatus::Internal;
            }
        }
        Ok(false) if done && !forced => {
            output::error(&anyhow::anyhow!(
                "no trial of this run counts; the report says why of each"
            ));
            status = ExitStatus::InvalidMeasurement;
        }
        Ok(_) => {}
    }
    if let Some(error) = end.error {
        let early = "the run ended early; what was measured is kept";
        output::error(&anyhow::Error::new(error).context(early));
    }
    output::result(&end.folder.display().to_string());
    status
}

/// Whether any trial of the run counts.
fn write_report(store: &Path, end: &RunEnd) -> anyhow::Result<bool> {
    let document = documents::load(&Store::open(store)?, Some(&end.run_id))?;
    if document
        .trials
        .iter()
        .any(|trial| trial.measured().is_some())
    {
        if !document.study.console.csv.is_empty() {
            output::result(&format!("\n{}", tonnage_report::csv_block(&document)?));
        }
        let summaries = tonnage_report::summaries_text(&document, output::width());
        if !summaries.is_empty() {
            output::result(&format!("\n{}", summaries.trim_end()));
        }
        output::result(&tonnage_report::comparison_text(&document, output::width()));
    }
    documents::write(&document, &end.folder)?;
    let analysis = document.analysis();
    Ok(analysis.trials.iter().any(|(trial, validity)| {
        trial.kind == TrialKind::Measure && *validity == Validity::Counted
    }))
}
