//! The page of a run: one file that asks nobody for anything, so that it opens from
//! disk, offline, in ten years. Each figure is there twice: as a picture, for print, for
//! screen readers and where no scripts run, and for plotly.js, to be hovered over and
//! zoomed into. Its looks are in `templates/report.*`.

use askama::Template;
use tonnage_analysis::Analysis;

use crate::content::{Preformatted, Section, sections, trust};
use crate::document::{Drawn, drawn};
use crate::table::Table;
use crate::{Document, ReportError};

/// plotly.js, packed by the build script: gzip, then base64.
const PLOTLY: &str = include_str!(concat!(env!("OUT_DIR"), "/plotly.js.gz.base64"));

/// More answers than this are for the sections.
const MAX_ANSWERS: usize = 12;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    headline: String,
    question: &'a str,
    answers: Vec<String>,
    trust: String,
    sections: Vec<SectionView<'a>>,
    run_id: &'a str,
    tool_version: &'a str,
    plotly: &'static str,
}

struct SectionView<'a> {
    id: &'static str,
    title: &'static str,
    paragraphs: Vec<String>,
    points: Vec<String>,
    figures: Vec<FigureView<'a>>,
    tables: Vec<Table>,
    facts: Vec<(&'static str, String)>,
    folded: Vec<Preformatted>,
}

struct FigureView<'a> {
    name: &'a str,
    title: &'a str,
    caption: &'a str,
    svg: &'a str,
    json: String,
}

/// The whole page of a run.
pub fn html(document: &Document) -> Result<String, ReportError> {
    let analysis = document.analysis();
    let figures = drawn(document, &analysis)?;
    html_of(document, &analysis, &figures)
}

/// The page with figures that are drawn already.
pub(crate) fn html_of(
    document: &Document,
    analysis: &Analysis<'_>,
    figures: &[Drawn],
) -> Result<String, ReportError> {
    let names: Vec<&str> = figures
        .iter()
        .map(|drawn| drawn.figure.name.as_str())
        .collect();
    let mut answers = analysis.answers();
    if answers.len() == 1 {
        // The headline says it already.
        answers.clear();
    }
    answers.truncate(MAX_ANSWERS);
    let sections = sections(document, analysis, &names).into_iter();
    let page = Page {
        headline: analysis.headline(),
        question: &document.study.question,
        answers,
        trust: trust(document, analysis),
        sections: sections.map(|section| view(section, figures)).collect(),
        run_id: &document.run.run_id,
        tool_version: &document.run.tool_version,
        plotly: if figures.is_empty() { "" } else { PLOTLY },
    };
    Ok(page.render()?)
}

fn view(section: Section, figures: &[Drawn]) -> SectionView<'_> {
    let own = figures
        .iter()
        .filter(|drawn| section.has(&drawn.figure.name));
    SectionView {
        figures: own.map(figure_view).collect(),
        id: section.id,
        title: section.title,
        paragraphs: section.paragraphs,
        points: section.points,
        tables: section.tables,
        facts: section.facts,
        folded: section.folded,
    }
}

fn figure_view(drawn: &Drawn) -> FigureView<'_> {
    FigureView {
        name: &drawn.figure.name,
        title: drawn.figure.drawing.title(),
        caption: &drawn.figure.caption,
        svg: &drawn.chart.svg,
        json: drawn.figure.drawing.interactive(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use tonnage_model::TrialOutcome;

    /// The page without the packed script, which is not ours to read.
    fn page(document: &Document) -> String {
        html(document).unwrap().replace(PLOTLY, "")
    }

    #[test]
    fn the_page_refers_to_nothing_outside_itself() {
        for (name, document) in fixture::all() {
            let page = page(&document);
            for word in ["src=", "url(", "@import", "<iframe", "import(", "fetch("] {
                assert!(!page.contains(word), "{name}: {word}");
            }
            let links = page.matches("href=").count();
            let own = page.matches("href=\"#").count() + page.matches("href=\"data:,\"").count();
            assert_eq!(links, own, "{name}");
            assert!(page.trim_end().ends_with("</html>"), "{name}");
        }
    }

    #[test]
    fn the_answer_comes_before_the_figures() {
        let page = page(&fixture::published());
        let answer = page.find("peaks at").unwrap();
        assert!(answer < page.find("<svg").unwrap());
    }

    #[test]
    fn summaries_that_the_study_asks_for_are_folded() {
        let mut document = fixture::zoo();
        document.trials[1].cell.configuration = "<b>".to_owned();
        let page = page(&document);
        assert_eq!(page.matches("<details>").count(), 5);
        assert!(page.contains("Requests/sec:") && !page.contains("<b>"));
        assert!(!super::tests::page(&fixture::published()).contains("<details>"));
    }

    #[test]
    fn every_figure_is_there_twice() {
        let page = page(&fixture::zoo());
        let count = |part: &str| page.matches(part).count();
        assert!(count("<figure") > 3);
        assert_eq!(count("<figure"), count("class=\"chart still\""));
        assert_eq!(
            count("<figure"),
            count("<script type=\"application/json\">")
        );
    }

    #[test]
    fn what_records_contain_is_text_and_not_markup() {
        let mut document = fixture::several();
        let evil = "<script>alert(1)</script>".to_owned();
        document.trials[0]
            .cell
            .parameters
            .insert("iterations".to_owned(), evil.clone());
        document.trials[1].outcome = TrialOutcome::Failed(evil.clone());
        document.run.argv.push(evil.clone());
        document.run.reason = evil.clone();
        document.study.title = evil;
        let page = page(&document);
        assert!(!page.contains("<script>alert"));
        assert!(page.contains("&#60;script&#62;"));
    }

    #[test]
    fn failures_and_missing_percentiles_explain_themselves() {
        let meagre = page(&fixture::meagre());
        assert!(meagre.contains("wait × closed: 2"));
        assert!(meagre.contains("fewer than 10 samples lie beyond"));
        assert!(page(&fixture::failed()).contains("exited with status 3"));
    }

    #[test]
    fn the_packed_script_is_plotly() {
        use base64::Engine as _;
        use std::io::Read as _;
        let packed = base64::engine::general_purpose::STANDARD
            .decode(PLOTLY)
            .unwrap();
        let mut script = String::new();
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_string(&mut script)
            .unwrap();
        assert!(script.contains("* plotly.js v3") && script.len() > 4_000_000);
        assert!(PLOTLY.len() < 2_500_000, "{}", PLOTLY.len());
    }
}
