//! How many CPUs a server may use.

use tonnage_model::{CpuSet, RunRecord, TrialRecord};

use crate::cells::CellView;

/// The CPUs that a server may use: its quota, its CPUs by number, those that the
/// generator left it, or those of the machine, whichever is least.
///
/// Who had CPUs of its own is read from the trials: a run may have set CPUs apart that
/// its study, or a cell limited to CPUs by number, did not keep to.
pub(crate) fn available_cpus(view: &CellView<'_>, run: &RunRecord) -> f64 {
    let all = (run.host.usable_cpus as f64).max(1.0);
    let cell = view.cell;
    let of_limit = cell.limits.cpuset.as_ref().map(cpus_in);
    let set = of_limit.or_else(|| left_by_generator(view, run));
    let quota = cell.limits.cpus.map(tonnage_model::CpuQuota::cpus);
    [set, quota].into_iter().flatten().fold(all, f64::min)
}

fn cpus_in(set: &CpuSet) -> f64 {
    set.cpus().len() as f64
}

/// The CPUs that servers had for themselves; `None` where they shared all of them with
/// the generator in any trial.
fn left_by_generator(view: &CellView<'_>, run: &RunRecord) -> Option<f64> {
    let excluded = view.excluded.iter().map(|excluded| excluded.trial);
    let trials: Vec<&TrialRecord> = if view.shown.is_empty() {
        excluded.collect()
    } else {
        view.shown.clone()
    };
    let own = trials.iter().map(|trial| trial.generator_cpus.as_ref());
    let most = own
        .map(|set| set.map(cpus_in))
        .collect::<Option<Vec<f64>>>()?
        .into_iter()
        .reduce(f64::max)?;
    let planned = run.conditions.server_cpus.as_ref().map(cpus_in);
    Some(planned.unwrap_or_else(|| (run.host.usable_cpus as f64 - most).max(1.0)))
}
