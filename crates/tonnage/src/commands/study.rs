//! `tonnage study`: list, run, show, report.

use std::ffi::OsString;
use std::path::Path;
use std::sync::mpsc;

use tonnage_lab::{Catalog, LabError, RunEnd, RunRequest, Store, run_study};
use tonnage_model::{ExitStatus, Study};

use crate::args::{RunArgs, StudyArgs, StudyCommand};
use crate::{console, documents, output, settings, signals};

/// How many runs `study list` shows.
const LISTED_RUNS: usize = 20;

pub(crate) fn run(args: StudyArgs, command_line: &[OsString]) -> anyhow::Result<ExitStatus> {
    match args.command {
        StudyCommand::List => list(),
        StudyCommand::Run(args) => run_one(args, command_line),
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
    }
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
    let request = RunRequest {
        study: args.study,
        quick: args.quick,
        sets: args.sets,
        target: args.target,
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
    let stop = signals::stop_on_signals()?;
    // The study runs on this thread: its servers end with the thread that
    // started them, and this one lives as long as the process.
    let end = std::thread::scope(|scope| {
        let (events, shown) = mpsc::channel();
        scope.spawn(|| {
            let shown = shown;
            console::show(&shown, Some(&study));
        });
        run_study(&settings, &request, &stop, &events)
    })?;
    Ok(conclude(&settings.store_path(), end))
}

/// Prints what was measured and writes its report; whatever happens, the folder
/// is the last line.
fn conclude(store: &Path, end: RunEnd) -> ExitStatus {
    let mut status = end
        .error
        .as_ref()
        .map_or(ExitStatus::Done, LabError::exit_status);
    if let Err(error) = write_report(store, &end) {
        output::error(&error.context("the report could not be written"));
        if status == ExitStatus::Done {
            status = ExitStatus::Internal;
        }
    }
    if let Some(error) = end.error {
        let early = "the run ended early; what was measured is kept";
        output::error(&anyhow::Error::new(error).context(early));
    }
    output::result(&end.folder.display().to_string());
    status
}

fn write_report(store: &Path, end: &RunEnd) -> anyhow::Result<()> {
    let document = documents::load(&Store::open(store)?, Some(&end.run_id))?;
    if document
        .trials
        .iter()
        .any(|trial| trial.measured().is_some())
    {
        output::result(&format!("\n{}", tonnage_report::csv_block(&document)?));
        output::result(&tonnage_report::comparison_text(&document, output::width()));
    }
    documents::write(&document, &end.folder)
}
