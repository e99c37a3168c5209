//! One execution of a study: every cell, its ladder of users, each trial into
//! the store the moment it ends.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::{SystemTime, UNIX_EPOCH};

use tonnage_load::Stop;
use tonnage_model::{CellPlan, LadderPoint, NextStep, Protocol, RunRecord, RunStatus, Study};

use crate::trial::Trials;
use crate::{
    Catalog, FoundStack, LabError, LabEvent, Settings, Size, Stacks, Store, availability, lease,
    machine,
};

/// Which study is to be run, and how.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Name of a study that ships, or a TOML file.
    pub study: String,
    /// Its quick form.
    pub quick: bool,
    /// `--set` options, in order.
    pub sets: Vec<String>,
    /// A server that somebody else started, as `http://host:port/`.
    pub target: Option<String>,
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
    /// What made it end early; the trials done are in the store all the same.
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
    let cells = study.cells();
    let stacks = check(settings, &cells, request)?;

    let mut store = clear_up(settings, events)?;
    let run = begin(settings, request, name, study_toml)?;
    store.begin_run(&run)?;
    let _ = events.send(LabEvent::RunBegins {
        run_id: run.run_id.clone(),
        folder: run.folder.clone(),
    });

    let trials = Trials {
        settings,
        study: &study,
        run_id: &run.run_id,
        run_folder: &run.folder,
        target: target.as_deref(),
        stacks: &stacks,
        stop,
        events,
    };
    let error = run_cells(&trials, &cells, &mut store).err();
    let (status, reason) = match &error {
        None => (RunStatus::Done, String::new()),
        Some(LabError::Interrupted) => (
            RunStatus::Interrupted,
            "somebody asked it to stop".to_owned(),
        ),
        Some(error) => (RunStatus::Failed, error.to_string()),
    };
    let noted = store.end_run(&run.run_id, status, &reason, unix_us());
    Ok(RunEnd {
        run_id: run.run_id,
        folder: run.folder,
        // What went wrong first is what matters.
        error: error.or(noted.err().map(LabError::from)),
    })
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

/// A run with its name and folder.
fn begin(
    settings: &Settings,
    request: &RunRequest,
    study: String,
    study_toml: String,
) -> Result<RunRecord, LabError> {
    // The process number tells apart two runs that begin in the same second.
    let begun = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S");
    let run_id = format!("{study}-{begun}-{}", std::process::id());
    let default = || settings.runs().join(&run_id);
    let folder = request.out.clone().unwrap_or_else(default);
    let unusable = |error: std::io::Error| {
        LabError::Usage(format!(
            "cannot write to the run's folder {}: {error}",
            folder.display()
        ))
    };
    fs::create_dir_all(&folder).map_err(unusable)?;
    if fs::read_dir(&folder).map_err(unusable)?.next().is_some() {
        return Err(LabError::Usage(format!(
            "the folder {} is not empty; a run needs one of its own",
            folder.display()
        )));
    }
    Ok(RunRecord {
        run_id,
        study,
        study_toml,
        sets: request.sets.clone(),
        tool_version: request.tool_version.clone(),
        argv: request.argv.clone(),
        target: request.target.clone(),
        quick: request.quick,
        host: machine::describe(),
        folder: folder.canonicalize().map_err(unusable)?,
        started_unix_us: unix_us(),
        ended_unix_us: None,
        status: RunStatus::Running,
        reason: String::new(),
    })
}

/// Refuses, before anything is started, what would fail half-way; gives the stacks
/// of all cells.
fn check(
    settings: &Settings,
    cells: &[CellPlan],
    request: &RunRequest,
) -> Result<Vec<FoundStack>, LabError> {
    let known = Stacks::new(settings);
    let mut stacks: Vec<FoundStack> = Vec::new();
    for cell in cells {
        let is_it = |found: &FoundStack| found.name == cell.stack;
        let at = stacks.iter().position(is_it).unwrap_or(stacks.len());
        if at == stacks.len() {
            stacks.push(known.find(&cell.stack)?);
        }
        Catalog.app_target(&stacks[at], &cell.workload)?;
        if request.target.is_none() {
            check_own(&stacks[at], cell)?;
        }
    }
    match &request.target {
        Some(_) => check_external(request)?,
        None => stacks
            .iter()
            .try_for_each(|found| availability::require(settings, found))?,
    }
    Ok(stacks)
}

/// Refuses what a server of ours cannot do.
fn check_own(found: &FoundStack, cell: &CellPlan) -> Result<(), LabError> {
    Size::choose(found, cell.workers, cell.threads)?;
    if found.stack.protocol == Protocol::Grpc {
        return Err(LabError::Usage(format!(
            "the stack `{}` speaks gRPC, and a study's request is one over HTTP; \
             run it with `tonnage up` and load it with `tonnage load`",
            found.name
        )));
    }
    Ok(())
}

/// Refuses factors that have no effect on a server that somebody else started.
fn check_external(request: &RunRequest) -> Result<(), LabError> {
    let set = |factor: &str| {
        request
            .sets
            .iter()
            .any(|set| set.starts_with(&format!("{factor}=")))
    };
    let own = ["stack", "workers", "threads"];
    if let Some(factor) = own.into_iter().find(|factor| set(factor)) {
        return Err(LabError::Usage(format!(
            "--set {factor} has no effect on a server that somebody else started (--target)"
        )));
    }
    Ok(())
}

fn run_cells(trials: &Trials<'_>, cells: &[CellPlan], store: &mut Store) -> Result<(), LabError> {
    let mut position = 0;
    for (index, cell) in cells.iter().enumerate() {
        let _ = trials.events.send(LabEvent::CellBegins {
            label: label(trials, cell),
            number: (index + 1, cells.len()),
        });
        let mut points: Vec<LadderPoint> = Vec::new();
        loop {
            let clients = match trials.study.ladder.next(&points) {
                NextStep::Inject(clients) => clients,
                NextStep::Stop(reason) => {
                    let _ = trials.events.send(LabEvent::CellEnded(reason));
                    break;
                }
            };
            let end = trials.measure(cell, clients, position);
            position += 1;
            // The record reaches the store before anything is made of it.
            store.add_trial(&end.record)?;
            let measured = end.record.measured();
            points.extend(measured.map(|load| LadderPoint {
                clients,
                goodput_rps: load.throughput.goodput_rps,
                failed: load.counts.failed,
            }));
            let _ = trials
                .events
                .send(LabEvent::TrialEnded(Box::new(end.record)));
            if let Some(error) = end.error {
                return Err(error);
            }
        }
    }
    Ok(())
}

fn label(trials: &Trials<'_>, cell: &CellPlan) -> String {
    let served = match trials.target {
        Some(target) => format!("{} at {target}", cell.workload),
        None => format!("{} on {}{}", cell.workload, cell.stack, size(trials, cell)),
    };
    let parameters: Vec<String> = cell
        .parameters
        .iter()
        .map(|(name, value)| format!(", {name} {value}"))
        .collect();
    let keepalive = if cell.keepalive {
        ""
    } else {
        ", a connection for each request"
    };
    format!(
        "{served}{keepalive}{}, warm-up {}, window {}",
        parameters.concat(),
        cell.warmup,
        cell.duration
    )
}

/// A cell's workers and threads in words, as far as its stack has them.
fn size(trials: &Trials<'_>, cell: &CellPlan) -> String {
    let found = trials.stacks.iter().find(|found| found.name == cell.stack);
    let size = found.and_then(|found| Size::choose(found, cell.workers, cell.threads).ok());
    let Size { workers, threads } = size.unwrap_or_default();
    let rule = cell.workers.or(found.and_then(|found| found.stack.workers));
    let workers = rule.zip(workers);
    let workers = workers.map(|(rule, workers)| format!(", workers {rule} = {workers}"));
    let threads = threads.map(|threads| format!(", threads {threads}"));
    workers.into_iter().chain(threads).collect()
}

/// Microseconds since 1970, wall clock: for names and records, never for
/// measuring.
pub(crate) fn unix_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}
