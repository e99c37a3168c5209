//! What would fail half-way is refused before the first trial: sizes that a stack does
//! not take, requests that it cannot be asked, factors without effect.

use tonnage_model::{CellPlan, Protocol, Study};

use super::RunRequest;
use crate::server::Size;
use crate::{FoundStack, LabError, pin};

/// Each cell must be one that its stack can be started with.
pub(super) fn check_sizes(
    stacks: &[FoundStack],
    cells: &[CellPlan],
    cpus: &[u32],
    pin: bool,
) -> Result<(), LabError> {
    for cell in cells {
        let found = stacks.iter().find(|found| found.name == cell.stack);
        let found = found.ok_or_else(|| LabError::missing_data(&cell.stack))?;
        let cpus = pin::server_cpus(cpus, &cell.limits, pin);
        match cell.in_flight {
            Some(in_flight) => Size::for_in_flight(found, in_flight, cpus)?,
            None => Size::choose(found, cell.workers, cell.threads, cpus)?,
        };
    }
    Ok(())
}

/// Each cell must be asked over what its stack speaks.
pub(super) fn check_requests(
    study: &Study,
    stacks: &[FoundStack],
    cells: &[CellPlan],
) -> Result<(), LabError> {
    let speaks_grpc = |cell: &&CellPlan| {
        let found = stacks.iter().find(|found| found.name == cell.stack);
        found.is_some_and(|found| found.stack.protocol == Protocol::Grpc)
    };
    let unasked = cells.iter().filter(speaks_grpc).find(|cell| {
        let request = study.request_for(&cell.workload);
        request.is_none_or(|request| request.grpc.is_none())
    });
    match unasked {
        Some(cell) => Err(LabError::Usage(format!(
            "the stack `{}` speaks gRPC, and the study does not say what `{}` is asked over it (`grpc` in its request)",
            cell.stack, cell.workload
        ))),
        None => Ok(()),
    }
}

/// Refuses factors that have no effect on a server that somebody else started.
pub(super) fn check_external(
    study: &Study,
    cells: &[CellPlan],
    request: &RunRequest,
) -> Result<(), LabError> {
    let set = |factor: &str| {
        request
            .sets
            .iter()
            .any(|set| set.starts_with(&format!("{factor}=")))
    };
    let own = [
        "stack",
        "workers",
        "threads",
        "in_flight",
        "cpus",
        "cpu_period",
        "cpuset",
        "memory",
    ];
    if let Some(factor) = own.into_iter().find(|factor| set(factor)) {
        return Err(LabError::Usage(format!(
            "--set {factor} has no effect on a server that somebody else started (--target)"
        )));
    }
    let limited = cells.iter().any(|cell| !cell.limits.is_empty());
    if limited || !study.configurations.is_empty() {
        return Err(LabError::Usage(
            "this study starts its own servers, with sizes and limits; it cannot use one that somebody else started (--target)"
                .to_owned(),
        ));
    }
    Ok(())
}
