//! From the store to a report: everything that a run's files say is made from
//! its records alone.

use std::fs;
use std::path::Path;

use anyhow::Context;
use tonnage_lab::{Catalog, Store};
use tonnage_model::Study;
use tonnage_report::{Document, Facts};

/// A run with everything that its report needs.
pub(crate) fn load(store: &Store, run: Option<&str>) -> anyhow::Result<Document> {
    let run = store.run(run)?;
    Ok(Document {
        study: Study::prepare(
            &format!("{} (as stored)", run.study),
            &run.study_toml,
            run.quick,
            &run.sets,
        )?,
        trials: store.trials(&run.run_id)?,
        published: Catalog.published()?,
        facts: Facts {
            capacities: run.conditions.capacities.clone(),
        },
        run,
    })
}

/// Writes a run's report and figures into `folder`.
pub(crate) fn write(document: &Document, folder: &Path) -> anyhow::Result<()> {
    for artifact in tonnage_report::artifacts(document)? {
        let path = folder.join(&artifact.path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        fs::write(&path, &artifact.bytes).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
