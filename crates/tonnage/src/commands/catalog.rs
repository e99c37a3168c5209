//! `tonnage stack list` and `tonnage workload list`.

use tonnage_lab::Catalog;
use tonnage_model::ExitStatus;

use crate::output;

pub(crate) fn stacks() -> anyhow::Result<ExitStatus> {
    for name in Catalog.stack_names() {
        let stack = Catalog.stack(name)?;
        let app = Catalog.app(&stack.app)?;
        let workloads: Vec<&str> = app.targets.keys().map(String::as_str).collect();
        output::result(&format!(
            "{name:<16} {} (workloads: {})",
            stack.title,
            workloads.join(", ")
        ));
    }
    Ok(ExitStatus::Done)
}

pub(crate) fn workloads() -> anyhow::Result<ExitStatus> {
    for (name, workload) in Catalog.workloads()? {
        output::result(&format!("{name:<16} {}", workload.title));
    }
    Ok(ExitStatus::Done)
}
