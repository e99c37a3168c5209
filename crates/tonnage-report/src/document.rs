//! What a report is made of, and the files that make up a finished one. Where
//! these are written is the caller's business.

use std::path::PathBuf;

use tonnage_model::{PublishedFigure, RunRecord, Study, TrialRecord};

use crate::{
    ReportError, html::html_with_charts, latency_chart, results_csv, results_json, throughput_chart,
};

/// A run with everything that its report needs.
#[derive(Debug, Clone)]
pub struct Document {
    /// The run.
    pub run: RunRecord,
    /// The study as it was executed: the quick form and every `--set` applied.
    pub study: Study,
    /// Its trials, in the order in which they were made.
    pub trials: Vec<TrialRecord>,
    /// Published figures; those of other studies are passed over.
    pub published: Vec<PublishedFigure>,
}

/// One file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Relative to the run's folder.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Every file of a report: the page, the tables and the figures.
pub fn artifacts(document: &Document) -> Result<Vec<Artifact>, ReportError> {
    let throughput = throughput_chart(document)?;
    let latency = latency_chart(document)?;
    let page = html_with_charts(document, &throughput.svg, &latency.svg)?;
    let files = [
        ("report.html", page.into_bytes()),
        ("results.csv", results_csv(document)?),
        ("results.json", results_json(document)?),
        ("figures/throughput.svg", throughput.svg.into_bytes()),
        ("figures/throughput.png", throughput.png),
        ("figures/latency.svg", latency.svg.into_bytes()),
        ("figures/latency.png", latency.png),
    ];
    Ok(files
        .into_iter()
        .map(|(path, bytes)| Artifact {
            path: PathBuf::from(path),
            bytes,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn every_document_gets_all_its_files() {
        for (name, document) in fixture::all() {
            let files = artifacts(&document).unwrap();
            let paths: Vec<_> = files
                .iter()
                .map(|file| file.path.display().to_string())
                .collect();
            assert_eq!(
                paths,
                [
                    "report.html",
                    "results.csv",
                    "results.json",
                    "figures/throughput.svg",
                    "figures/throughput.png",
                    "figures/latency.svg",
                    "figures/latency.png",
                ]
            );
            for file in &files {
                assert!(file.bytes.len() > 100, "{name}: {}", file.path.display());
            }
        }
    }
}
