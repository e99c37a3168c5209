//! `tonnage stack list` and `tonnage workload list`.

use tonnage_lab::{Availability, Catalog, Settings, Stacks, Surroundings, usable_cpus};
use tonnage_model::ExitStatus;
use tonnage_report::{StackEntry, WorkloadEntry, stacks_text, workloads_text};

use crate::{output, settings};

pub(crate) fn stacks() -> anyhow::Result<ExitStatus> {
    let entries = stack_entries(&settings::lab()?);
    output::result(&stacks_text(&entries, output::width()));
    Ok(ExitStatus::Done)
}

pub(crate) fn workloads() -> anyhow::Result<ExitStatus> {
    let stacks = stack_entries(&settings::lab()?);
    let entries = Catalog.workloads()?.into_iter().map(|(name, workload)| {
        let serve = |entry: &&StackEntry| entry.workloads.contains(&name);
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            stacks.iter().filter(serve).partition(|entry| entry.can_run);
        WorkloadEntry {
            title: workload.title,
            upstream: workload.upstream,
            served: here.iter().map(|entry| entry.name.clone()).collect(),
            missing: elsewhere
                .iter()
                .map(|entry| (entry.name.clone(), entry.state.clone()))
                .collect(),
            name,
        }
    });
    let entries: Vec<WorkloadEntry> = entries.collect();
    output::result(&workloads_text(&entries, output::width()));
    Ok(ExitStatus::Done)
}

/// Every stack; one with a mistake in its file is there with that mistake, so that
/// it hides none of the others.
fn stack_entries(settings: &Settings) -> Vec<StackEntry> {
    let stacks = Stacks::new(settings);
    let mut surroundings = Surroundings::new(settings);
    let names = stacks.names().into_iter();
    names
        .map(|name| {
            entry(&stacks, &mut surroundings, &name).unwrap_or_else(|problem| StackEntry {
                name,
                stack: Err(problem),
                workers: None,
                workloads: Vec::new(),
                state: String::new(),
                can_run: false,
            })
        })
        .collect()
}

fn entry(
    stacks: &Stacks,
    surroundings: &mut Surroundings<'_>,
    name: &str,
) -> Result<StackEntry, String> {
    let say = |error: tonnage_lab::LabError| error.to_string();
    let found = stacks.find(name).map_err(say)?;
    let served = Catalog.served(&found).map_err(say)?;
    let availability = surroundings.availability(&found).map_err(say)?;
    Ok(StackEntry {
        name: name.to_owned(),
        workers: found.stack.workers.map(|rule| rule.workers(usable_cpus())),
        workloads: served.into_iter().map(|(workload, _)| workload).collect(),
        can_run: !matches!(availability, Availability::Missing(_)),
        state: availability.to_string(),
        stack: Ok(found.stack),
    })
}
