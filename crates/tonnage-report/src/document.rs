//! What a report is made of, and the files that make up a finished one. Where
//! these are written is the caller's business.

use std::path::PathBuf;

use tonnage_analysis::{Analysis, Facts};
use tonnage_model::{PublishedFigure, RunRecord, Study, TrialRecord};

use crate::chart::Chart;
use crate::export::results_json_of;
use crate::figures::{Figure, figures};
use crate::html::html_of;
use crate::markdown::markdown_of;
use crate::{ReportError, results_csv};

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
    /// What is known of the stacks beside the records; may be empty, then less can be
    /// said of why a cell is slow.
    pub facts: Facts,
}

impl Document {
    /// What the records say.
    pub fn analysis(&self) -> Analysis<'_> {
        Analysis::with(
            &self.run,
            &self.study,
            &self.trials,
            &self.published,
            &self.facts,
        )
    }
}

/// One file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Relative to the run's folder.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A figure with its pictures.
pub(crate) struct Drawn {
    pub(crate) figure: Figure,
    pub(crate) chart: Chart,
}

/// Draws every figure of a run.
pub(crate) fn drawn(
    document: &Document,
    analysis: &Analysis<'_>,
) -> Result<Vec<Drawn>, ReportError> {
    let figures = figures(document, analysis).into_iter();
    figures
        .map(|figure| {
            let chart = figure.drawing.chart()?;
            Ok(Drawn { figure, chart })
        })
        .collect()
}

/// Every file of a report: the page, the same as Markdown, the tables and the figures.
pub fn artifacts(document: &Document) -> Result<Vec<Artifact>, ReportError> {
    let analysis = document.analysis();
    let figures = drawn(document, &analysis)?;
    let file = |path: String, bytes: Vec<u8>| Artifact {
        path: PathBuf::from(path),
        bytes,
    };
    let page = html_of(document, &analysis, &figures)?.into_bytes();
    let text = markdown_of(document, &analysis, &figures).into_bytes();
    let mut files = vec![
        file("report.html".to_owned(), page),
        file("report.md".to_owned(), text),
        file("results.csv".to_owned(), results_csv(document)?),
        file(
            "results.json".to_owned(),
            results_json_of(document, &analysis)?,
        ),
    ];
    for Drawn { figure, chart } in figures {
        let name = &figure.name;
        files.push(file(format!("figures/{name}.svg"), chart.svg.into_bytes()));
        files.push(file(format!("figures/{name}.png"), chart.png));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn paths(files: &[Artifact]) -> Vec<String> {
        files
            .iter()
            .map(|file| file.path.display().to_string())
            .collect()
    }

    #[test]
    fn every_document_gets_its_files_and_the_same_bytes_again() {
        for (name, document) in fixture::all() {
            let files = artifacts(&document).unwrap();
            let paths = paths(&files);
            assert_eq!(
                paths[..4],
                ["report.html", "report.md", "results.csv", "results.json"]
            );
            for file in &files {
                assert!(file.bytes.len() > 100, "{name}: {}", file.path.display());
            }
            assert!(
                files == artifacts(&document).unwrap(),
                "{name}: other bytes"
            );
        }
    }

    #[test]
    fn a_figure_is_drawn_where_the_records_support_it() {
        let names = |document: &Document| -> Vec<String> {
            let paths = paths(&artifacts(document).unwrap());
            let pictures = paths
                .iter()
                .filter_map(|path| path.strip_prefix("figures/"));
            pictures
                .filter_map(|path| path.strip_suffix(".svg"))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(names(&fixture::empty()), Vec::<String>::new());
        assert_eq!(
            names(&fixture::published()),
            [
                "throughput",
                "latency",
                "distribution",
                "published",
                "memory",
                "cpu"
            ]
        );
        let zoo = names(&fixture::zoo());
        for name in ["cells", "distribution", "memory", "cpu", "machine"] {
            assert!(zoo.contains(&name.to_owned()), "{name} not in {zoo:?}");
        }
        let grid = names(&fixture::grid());
        assert!(grid.contains(&"grid".to_owned()) && grid.contains(&"surface".to_owned()));
    }
}
