//! Records in, bytes out: what a run or a load looks like as text, Markdown, CSV, JSON,
//! charts and HTML. What the records say is found out by `tonnage-analysis`.
//!
//! Nothing here opens a socket, starts a process, reads a database or the
//! environment, prints, or writes a file: whoever calls does that with the
//! strings and bytes returned. The same records give the same bytes.

mod chart;
mod compare;
mod console;
mod content;
mod document;
mod error;
mod export;
mod figure;
mod figures;
#[cfg(test)]
mod fixture;
mod html;
mod load_html;
mod markdown;
mod progress;
mod summary;
mod table;
mod text;

pub use compare::{compare_markdown, compare_text};
pub use console::{csv_block, step_line, summaries_text};
pub use document::{Artifact, Document, artifacts};
pub use error::ReportError;
pub use export::{STUDY_SCHEMA, hgrm, hlog, results_csv, results_json, series_csv};
pub use figure::figure_text;
pub use html::html;
pub use load_html::{live_html, load_fragment, load_html};
pub use markdown::markdown;
pub use progress::{progress_line, progress_view, sparkline};
pub use summary::{SummaryStyle, SummaryStyleError, summary_text};
pub use text::{
    AUDIT_SCHEMA, AuditedTable, DOCTOR_SCHEMA, LeftOut, StackEntry, TableRow, WorkloadEntry,
    audit_json, audit_text, comparison_text, doctor_json, doctor_text, load_text, show_text,
    stacks_text, workloads_text,
};
pub use tonnage_analysis::{Facts, Validity};

use tonnage_analysis::Analysis;

/// The study's short answer: its title and what was found.
pub fn headline(document: &Document) -> String {
    document.analysis().headline()
}

/// What a reader must know to judge the figures, most important first.
pub fn notes(document: &Document) -> Vec<String> {
    notes_of(document, &document.analysis())
}

fn notes_of(document: &Document, analysis: &Analysis<'_>) -> Vec<String> {
    let mut notes = analysis.notes();
    notes.extend(clamped(document));
    let loads = document.trials.iter().filter_map(|trial| trial.measured());
    let mut percentiles = loads.flat_map(|load| &load.service_time.percentiles);
    if percentiles.any(|percentile| percentile.value_us.is_none()) {
        notes.push(format!(
            "A percentile is n/a where fewer than {} samples lie beyond it.",
            tonnage_model::MIN_TAIL_SAMPLES
        ));
    }
    notes
}

/// Memory that was asked for and that the machine does not have, each amount once.
fn clamped(document: &Document) -> Vec<String> {
    let mut notes = Vec::new();
    for trial in &document.trials {
        let limits = (trial.cell.limits.memory_bytes, trial.memory_clamped_bytes);
        let (Some(asked), Some(set)) = limits else {
            continue;
        };
        let note = format!(
            "{} of memory were asked for; {}, all that the machine has, was set.",
            tonnage_model::HumanBytes(asked),
            tonnage_model::format_bytes(set as f64)
        );
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_the_machine_does_not_have_is_told_once_in_every_output() {
        let mut document = fixture::zoo();
        for trial in &mut document.trials[1..4] {
            trial.cell.limits.memory_bytes = Some(900_000_000_000_000);
            trial.memory_clamped_bytes = Some(25_232_932_864);
        }
        let note = "900TB of memory were asked for; 23.5 GiB, all that the machine has, was set.";
        let found = notes(&document);
        assert_eq!(
            found.iter().filter(|found| *found == note).count(),
            1,
            "{found:?}"
        );
        let texts = [
            markdown(&document).unwrap(),
            html(&document).unwrap(),
            String::from_utf8(results_json(&document).unwrap()).unwrap(),
            show_text(&document, 200),
            comparison_text(&document, 200),
        ];
        for text in texts {
            assert!(text.contains(note));
        }
    }
}
