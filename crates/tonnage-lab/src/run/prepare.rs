//! Everything that is decided before the first trial: which cells can run here, how
//! limits are set, how noisy the machine is. Whatever would fail half-way is
//! refused now.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use tonnage_limits::{Asked, Backend};
use tonnage_load::Stop;
use tonnage_model::{
    CellPlan, Conditions, CpuSet, Finding, Isolation, Limits, Noise, NoiseGrade, RunRecord,
    RunStatus, Study,
};

use super::checks::{check_external, check_requests, check_sizes};
use super::{RunRequest, unix_us};
use crate::{
    Bounds, Catalog, Depth, FoundStack, LabError, LabEvent, Settings, Stacks, availability,
    examine, machine, pin,
};

/// The stack and workload that tell how fast the machine is.
pub(super) const REFERENCE_STACK: &str = "native";
pub(super) const REFERENCE_WORKLOAD: &str = "hello";

/// How long a machine may take to become quiet. The kernel's mean of the pressure on its
/// CPUs remembers ten seconds; after thirty it has forgotten nineteen twentieths.
const QUIET_WITHIN: Duration = Duration::from_secs(30);

/// A study that can be run here.
pub(super) struct Prepared {
    pub(super) cells: Vec<CellPlan>,
    /// The stacks of all cells and of the reference; none with a target.
    pub(super) stacks: Vec<FoundStack>,
    /// Stacks that cannot run here, each with the reason.
    pub(super) unavailable: BTreeMap<String, String>,
    pub(super) backend: Backend,
    /// CPUs that may be used.
    pub(super) cpus: Vec<u32>,
}

/// Checks a study, and finds what it needs.
pub(super) fn prepare(
    settings: &Settings,
    study: &Study,
    request: &RunRequest,
    target: Option<&str>,
) -> Result<Prepared, LabError> {
    let mut cells = study.cells();
    let cpus = pin::allowed_cpus();
    let mut stacks = find_stacks(settings, &cells)?;
    let mut unavailable = BTreeMap::new();
    if target.is_some() {
        // Whoever started the server chose its stack: one cell, where the study compares some.
        let first = cells.first().map(|cell| cell.stack.clone());
        cells.retain(|cell| Some(&cell.stack) == first.as_ref());
        check_external(study, &cells, request)?;
    } else {
        check_sizes(&stacks, &cells, &cpus, study.experiment.pin)?;
        check_requests(study, &stacks, &cells)?;
        unavailable = leave_out(settings, &mut stacks)?;
        stacks.extend(reference(settings, &stacks)?);
    }
    let bounds = Bounds::choose(settings, request.isolation, needs(study, &cells))?;
    stacks
        .iter()
        .try_for_each(|found| bounds.check_stack(found))?;
    Ok(Prepared {
        backend: bounds.backend,
        cells,
        stacks,
        unavailable,
        cpus,
    })
}

/// The same for a run that goes on, with what was decided as it began.
pub(super) fn prepare_again(
    settings: &Settings,
    study: &Study,
    run: &RunRecord,
) -> Result<Prepared, LabError> {
    let conditions = &run.conditions;
    if run.status == RunStatus::Done {
        return Err(LabError::Usage(format!(
            "the run {} is complete; `tonnage study run {}` makes another",
            run.run_id, run.study
        )));
    }
    let isolation = match conditions.isolation {
        Isolation::None => Asked::None,
        Isolation::CgroupV1 | Isolation::CgroupV2 => Asked::Cgroup,
        Isolation::Container => Asked::Container,
    };
    let request = RunRequest {
        sets: run.sets.clone(),
        target: run.target.clone(),
        isolation,
        ..RunRequest::default()
    };
    let mut prepared = prepare(settings, study, &request, run.target.as_deref())?;
    // A stack that has come since would make blocks that cannot be compared.
    for (name, reason) in &conditions.unavailable {
        prepared
            .unavailable
            .entry(name.clone())
            .or_insert_with(|| reason.clone());
    }
    if prepared.backend.isolation() != conditions.isolation {
        return Err(LabError::Usage(format!(
            "the run {} was begun with {}, which is not there now ({}): its trials could not be compared",
            run.run_id,
            conditions.isolation_text,
            prepared.backend.describe()
        )));
    }
    Ok(prepared)
}

/// How the run measures; looks at the machine for a moment.
pub(super) fn conditions(
    settings: &Settings,
    study: &Study,
    prepared: &Prepared,
    request: &RunRequest,
    stop: &Stop,
    events: &Sender<LabEvent>,
) -> Result<Conditions, LabError> {
    let noise = examine_when_quiet(settings, request, stop, events)?;
    let apart = pin::apart(&prepared.cpus, &Limits::default(), study.experiment.pin);
    let apart = apart.filter(|_| request.target.is_none());
    Ok(Conditions {
        seed: request.seed.unwrap_or_else(unix_us),
        isolation: prepared.backend.isolation(),
        isolation_text: prepared.backend.describe(),
        generator_cpus: apart.as_ref().map(|apart| apart.generator.clone()),
        server_cpus: apart.and_then(|apart| apart.server),
        budget_us: request.budget.map(|budget| budget.as_micros() as u64),
        noise: Some(noise),
        unavailable: prepared.unavailable.clone(),
        capacities: prepared
            .stacks
            .iter()
            .filter_map(|found| Some((found.name.clone(), found.stack.capacity.clone()?)))
            .collect(),
    })
}

/// Looks at the machine. Where it says too little, looks again for a while: whatever
/// made it busy, a build say, may just have ended. Only then refuses, unless the run is
/// to be made all the same.
fn examine_when_quiet(
    settings: &Settings,
    request: &RunRequest,
    stop: &Stop,
    events: &Sender<LabEvent>,
) -> Result<Noise, LabError> {
    let deadline = Instant::now() + QUIET_WITHIN;
    loop {
        let _ = events.send(LabEvent::Examining);
        let noise = examine(Depth::Brief, settings, stop, None)?;
        if noise.grade != NoiseGrade::D || request.force || request.quick {
            return Ok(noise);
        }
        if Instant::now() >= deadline {
            let is_worst = |finding: &&Finding| finding.grade == NoiseGrade::D;
            let worst = noise
                .findings
                .into_iter()
                .find(|finding| is_worst(&finding));
            return Err(LabError::TooNoisy(
                worst.map(|finding| finding.text).unwrap_or_default(),
            ));
        }
    }
}

/// A run's name and folder.
pub(super) struct Begun {
    run_id: String,
    folder: PathBuf,
}

impl Begun {
    /// Makes the folder; fails where it cannot be the run's own.
    pub(super) fn of(
        settings: &Settings,
        request: &RunRequest,
        study: &str,
    ) -> Result<Self, LabError> {
        // The process number tells apart two runs that begin in the same second.
        let begun = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S");
        let run_id = format!("{study}-{begun}-{}", std::process::id());
        let default = || settings.runs().join(&run_id);
        let folder = request.out.clone().unwrap_or_else(default);
        check_folder(&folder)?;
        Ok(Self {
            run_id,
            folder: folder.canonicalize().map_err(LabError::io(&folder))?,
        })
    }

    /// Removes the folder again, if nothing was put into it.
    pub(super) fn take_back(&self) {
        let _ = fs::remove_dir(&self.folder);
    }

    /// The run's record as it begins.
    pub(super) fn record(
        &self,
        request: &RunRequest,
        study: String,
        study_toml: String,
        conditions: Conditions,
    ) -> RunRecord {
        RunRecord {
            run_id: self.run_id.clone(),
            study,
            study_toml,
            sets: request.sets.clone(),
            tool_version: request.tool_version.clone(),
            argv: request.argv.clone(),
            target: request.target.clone(),
            quick: request.quick,
            host: machine::describe(),
            folder: self.folder.clone(),
            started_unix_us: unix_us(),
            ended_unix_us: None,
            status: RunStatus::Running,
            reason: String::new(),
            conditions,
        }
    }
}

/// Makes a run's folder, which must be its own.
fn check_folder(folder: &Path) -> Result<(), LabError> {
    let unusable = |error: std::io::Error| {
        LabError::Usage(format!(
            "cannot write to the run's folder {}: {error}",
            folder.display()
        ))
    };
    fs::create_dir_all(folder).map_err(unusable)?;
    if fs::read_dir(folder).map_err(unusable)?.next().is_some() {
        return Err(LabError::Usage(format!(
            "the folder {} is not empty; a run needs one of its own",
            folder.display()
        )));
    }
    Ok(())
}

/// The stacks of all cells, each once.
fn find_stacks(settings: &Settings, cells: &[CellPlan]) -> Result<Vec<FoundStack>, LabError> {
    let known = Stacks::new(settings);
    let mut stacks: Vec<FoundStack> = Vec::new();
    for cell in cells {
        let is_it = |found: &FoundStack| found.name == cell.stack;
        let at = stacks.iter().position(is_it).unwrap_or(stacks.len());
        if at == stacks.len() {
            stacks.push(known.find(&cell.stack)?);
        }
        Catalog.app_target(&stacks[at], &cell.workload)?;
    }
    Ok(stacks)
}

/// Takes out the stacks that cannot run here; fails where none is left.
fn leave_out(
    settings: &Settings,
    stacks: &mut Vec<FoundStack>,
) -> Result<BTreeMap<String, String>, LabError> {
    let mut unavailable = BTreeMap::new();
    let mut last = None;
    stacks.retain(|found| match availability::require(settings, found) {
        Ok(()) => true,
        Err(error) => {
            let reason = match &error {
                LabError::Unavailable { reason, .. } => reason.clone(),
                other => other.to_string(),
            };
            unavailable.insert(found.name.clone(), reason);
            last = Some(error);
            false
        }
    });
    match last {
        Some(error) if stacks.is_empty() => Err(error),
        _ => Ok(unavailable),
    }
}

/// The reference's stack, where it is not among the others.
fn reference(settings: &Settings, stacks: &[FoundStack]) -> Result<Option<FoundStack>, LabError> {
    if stacks.iter().any(|found| found.name == REFERENCE_STACK) {
        return Ok(None);
    }
    Stacks::new(settings).find(REFERENCE_STACK).map(Some)
}

/// Every kind of limit that some cell has.
fn needs(study: &Study, cells: &[CellPlan]) -> Limits {
    let limits = || cells.iter().map(|cell| &cell.limits);
    let least = |cpus: tonnage_model::CpuQuota, other: tonnage_model::CpuQuota| {
        if other < cpus { other } else { cpus }
    };
    let all: Vec<u32> = limits()
        .filter_map(|limits| limits.cpuset.as_ref())
        .flat_map(|set| set.cpus().iter().copied())
        .collect();
    let searched = study.search.memory().map(|search| search.to.0);
    Limits {
        cpus: limits().filter_map(|limits| limits.cpus).reduce(least),
        cpu_period_us: limits().find_map(|limits| limits.cpu_period_us),
        cpuset: CpuSet::new(all),
        memory_bytes: limits()
            .filter_map(|limits| limits.memory_bytes)
            .chain(searched)
            .min(),
    }
}
