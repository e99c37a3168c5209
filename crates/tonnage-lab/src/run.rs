//! One execution of a study: prepared, carried out trial by trial, each into the
//! store the moment it ends, and gone on with where it was cut off. Which trial
//! comes next is the schedule's choice, making it is `trial`'s part.

mod checks;
mod course;
mod prepare;
mod telling;

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tonnage_limits::Asked;
use tonnage_load::Stop;
use tonnage_model::{RunRecord, RunStatus, Study};

use self::course::Course;
use crate::{Catalog, LabError, LabEvent, Settings, Store, lease};

/// Which study is to be run, and how.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// Name of a study that ships, or a TOML file.
    pub study: String,
    /// Its quick form.
    pub quick: bool,
    /// `--set` options, in order.
    pub sets: Vec<String>,
    /// A server that somebody else started, as `http://host:port/`.
    pub target: Option<String>,
    /// How limits are to be set.
    pub isolation: Asked,
    /// Time that the run may take, in place of a number of blocks.
    pub budget: Option<Duration>,
    /// Seed of every order and draw; one from the clock by default.
    pub seed: Option<u64>,
    /// Whether to measure on a machine whose figures say little.
    pub force: bool,
    /// The run's folder; by default one of its own below the runs' folder.
    pub out: Option<PathBuf>,
    /// The command line, for the record.
    pub argv: Vec<String>,
    /// Version of Tonnage, for the record.
    pub tool_version: String,
}

/// A run that ended, and the error that ended it, if one did.
#[derive(Debug)]
pub struct RunEnd {
    /// Its name.
    pub run_id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What made it end early, or why nothing could be measured; the trials done are
    /// in the store all the same.
    pub error: Option<LabError>,
}

/// Runs a study. An error means that it did not even begin; what goes wrong
/// later is part of [`RunEnd`] and of the store.
pub fn run_study(
    settings: &Settings,
    request: &RunRequest,
    stop: &Stop,
    events: &Sender<LabEvent>,
) -> Result<RunEnd, LabError> {
    let (name, study_toml) = Catalog.study_text(&request.study)?;
    let study = Study::prepare(&request.study, &study_toml, request.quick, &request.sets)?;
    let target = request
        .target
        .as_deref()
        .map(tonnage_load::base_of)
        .transpose()?;
    let prepared = prepare::prepare(settings, &study, request, target.as_deref())?;
    let mut store = clear_up(settings, events)?;
    let begun = prepare::Begun::of(settings, request, &name)?;
    let refused = |_: &LabError| begun.take_back();
    let conditions = prepare::conditions(settings, &study, &prepared, request, stop, events)
        .inspect_err(refused)?;
    let run = begun.record(request, name, study_toml, conditions);
    let course = Course::new(&study, &run, target.as_deref(), prepared);
    course.check_budget().inspect_err(refused)?;
    store.begin_run(&run)?;
    Ok(carry_out(
        settings,
        &course,
        &mut store,
        Vec::new(),
        stop,
        events,
    ))
}

/// Goes on with a run that was interrupted, failed or abandoned; the newest by
/// default. What it had measured counts, what was cut off is measured anew.
pub fn resume_study(
    settings: &Settings,
    run: Option<&str>,
    stop: &Stop,
    events: &Sender<LabEvent>,
) -> Result<RunEnd, LabError> {
    let mut store = clear_up(settings, events)?;
    let name = match run {
        Some(name) => store.run(Some(name))?.run_id,
        None => newest_unfinished(&store)?,
    };
    let found = store.run(Some(&name))?;
    let study = Study::prepare(
        &format!("{} (as stored)", found.study),
        &found.study_toml,
        found.quick,
        &found.sets,
    )?;
    let prepared = prepare::prepare_again(settings, &study, &found)?;
    std::fs::create_dir_all(&found.folder).map_err(LabError::io(&found.folder))?;
    if !store.take_over(&name)? {
        return Err(LabError::Usage(format!(
            "the run {name} is being made by another process"
        )));
    }
    // Only now: until here its owner may have added to it.
    let run = store.run(Some(&name))?;
    let trials = store.trials(&name)?;
    let target = run
        .target
        .clone()
        .map(|target| tonnage_load::base_of(&target));
    let target = target.transpose()?;
    Ok(carry_out(
        settings,
        &Course::new(&study, &run, target.as_deref(), prepared),
        &mut store,
        trials,
        stop,
        events,
    ))
}

/// The newest run that is not complete.
fn newest_unfinished(store: &Store) -> Result<String, LabError> {
    let runs = store.runs()?;
    let unfinished = runs.iter().find(|run| run.status != RunStatus::Done);
    unfinished.map(|run| run.run_id.clone()).ok_or_else(|| {
        LabError::Usage("there is no run to go on with: every one is complete".to_owned())
    })
}

/// Makes the trials that are left, and notes how the run ended.
fn carry_out(
    settings: &Settings,
    course: &Course<'_>,
    store: &mut Store,
    trials: Vec<tonnage_model::TrialRecord>,
    stop: &Stop,
    events: &Sender<LabEvent>,
) -> RunEnd {
    let run: &RunRecord = course.run;
    let _ = events.send(LabEvent::RunBegins {
        run_id: run.run_id.clone(),
        folder: run.folder.clone(),
        conditions: Box::new(run.conditions.clone()),
    });
    let error = course
        .run_trials(settings, store, trials, stop, events)
        .err();
    let (status, reason) = match &error {
        None => (RunStatus::Done, String::new()),
        Some(LabError::Interrupted) => (
            RunStatus::Interrupted,
            "somebody asked it to stop".to_owned(),
        ),
        Some(error) => (RunStatus::Failed, error.to_string()),
    };
    let noted = store.end_run(&run.run_id, status, &reason, unix_us());
    RunEnd {
        run_id: run.run_id.clone(),
        folder: run.folder.clone(),
        // What went wrong first is what matters.
        error: error.or(noted.err().map(LabError::from)),
    }
}

/// Opens the store, after removing what runs that vanished have left behind.
fn clear_up(settings: &Settings, events: &Sender<LabEvent>) -> Result<Store, LabError> {
    let swept = lease::sweep(settings);
    if swept > 0 {
        let _ = events.send(LabEvent::Swept { processes: swept });
    }
    let store = Store::open(&settings.store_path())?;
    store.mark_abandoned()?;
    for other in store.other_runs()? {
        let _ = events.send(LabEvent::OtherRun(other));
    }
    Ok(store)
}

/// Microseconds since 1970, wall clock: for names and records, never for
/// measuring.
pub(crate) fn unix_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}
