//! The report as Markdown, for issues, wikis and editors: the same words and tables as
//! the page, and the figures as links to the files beside it.

use std::fmt::Write as _;

use tonnage_analysis::Analysis;

use crate::content::{Preformatted, Section, sections, trust};
use crate::document::{Drawn, drawn};
use crate::table::escaped;
use crate::{Document, ReportError};

/// The whole report of a run as Markdown.
pub fn markdown(document: &Document) -> Result<String, ReportError> {
    let analysis = document.analysis();
    let figures = drawn(document, &analysis)?;
    Ok(markdown_of(document, &analysis, &figures))
}

pub(crate) fn markdown_of(
    document: &Document,
    analysis: &Analysis<'_>,
    figures: &[Drawn],
) -> String {
    let mut text = format!("# {}\n\n", escaped(&analysis.headline()));
    let _ = write!(text, "*{}*\n\n", escaped(&document.study.question));
    for answer in analysis.answers() {
        let _ = write!(text, "> {}\n\n", escaped(&answer));
    }
    let _ = write!(text, "{}\n\n", escaped(&trust(document, analysis)));
    let names: Vec<&str> = figures
        .iter()
        .map(|drawn| drawn.figure.name.as_str())
        .collect();
    for section in sections(document, analysis, &names) {
        text.push_str(&section_text(&section, figures));
    }
    let _ = writeln!(
        text,
        "Written by Tonnage {} from the records of run {}.",
        escaped(&document.run.tool_version),
        escaped(&document.run.run_id)
    );
    text
}

fn section_text(section: &Section, figures: &[Drawn]) -> String {
    let mut text = format!("## {}\n\n", section.title);
    for paragraph in &section.paragraphs {
        let _ = write!(text, "{}\n\n", escaped(paragraph));
    }
    for point in &section.points {
        let _ = writeln!(text, "- {}", escaped(point));
    }
    if !section.points.is_empty() {
        text.push('\n');
    }
    for drawn in figures
        .iter()
        .filter(|drawn| section.has(&drawn.figure.name))
    {
        let title = escaped(drawn.figure.drawing.title());
        let name = &drawn.figure.name;
        let caption = escaped(&drawn.figure.caption);
        let _ = write!(text, "![{title}](figures/{name}.svg)\n\n{caption}\n\n");
    }
    for table in &section.tables {
        text.push_str(&table.markdown());
    }
    for folded in &section.folded {
        text.push_str(&details(folded));
    }
    for (name, value) in &section.facts {
        let _ = writeln!(text, "- {name}: {}", escaped(value));
    }
    if !section.facts.is_empty() {
        text.push('\n');
    }
    text
}

/// A text that is folded where its reader knows how, and that no fence in it can end.
fn details(folded: &Preformatted) -> String {
    let title = folded.title.replace('&', "&amp;").replace('<', "&lt;");
    let mut fence = "```".to_owned();
    while folded.text.contains(&fence) {
        fence.push('`');
    }
    let text = folded.text.trim_end();
    format!("<details><summary>{title}</summary>\n\n{fence}text\n{text}\n{fence}\n\n</details>\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn summaries_that_the_study_asks_for_are_folded() {
        let text = markdown(&fixture::zoo()).unwrap();
        assert_eq!(text.matches("<details>").count(), 4);
        assert!(
            text.contains(
                "<summary>dev single cpus=0.5, as wrk, block 1 of 4</summary>\n\n```text\n"
            )
        );
        assert!(
            !markdown(&fixture::published())
                .unwrap()
                .contains("<details>")
        );
    }

    #[test]
    fn a_fence_in_a_text_does_not_end_it() {
        let folded = Preformatted {
            title: "<a> & b".to_owned(),
            text: "one\n```\ntwo\n".to_owned(),
        };
        assert_eq!(
            details(&folded),
            "<details><summary>&lt;a> &amp; b</summary>\n\n````text\none\n```\ntwo\n````\n\n</details>\n\n"
        );
    }
}
