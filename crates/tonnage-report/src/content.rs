//! What a report says of a run, section by section, for the page and for Markdown; the
//! terminal takes the parts that it has room for. Figures are told by name.

mod cells;
mod found;
mod ladders;
mod machine;
mod otherwise;
mod published;
mod resources;
mod server_side;
mod trials;
mod upstream;

use tonnage_analysis::{Analysis, CellView};

use crate::Document;
use crate::figure::counted;
use crate::table::Table;

pub(crate) use cells::{cell_tables, interval_of, latencies};
pub(crate) use found::{findings, search_tables};
pub(crate) use ladders::ladder_tables;
pub(crate) use machine::{conditions, machine_findings, trust, unavailable};
pub(crate) use otherwise::Otherwise;
pub(crate) use published::published_tables;
pub(crate) use resources::{failures, resources};
pub(crate) use server_side::server_sides;
pub(crate) use trials::{trial_table, verdicts};

/// A section of a report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    /// Its name in links.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) paragraphs: Vec<String>,
    /// A list.
    pub(crate) points: Vec<String>,
    /// Names of figures; one that ends with `*` stands for all that begin so.
    pub(crate) figures: Vec<&'static str>,
    pub(crate) tables: Vec<Table>,
    /// Names and values.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Texts whose lines and blanks matter, folded where that can be done.
    pub(crate) folded: Vec<Preformatted>,
}

/// A text whose lines and blanks matter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Preformatted {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// Notes below summaries have lines of this many columns.
const SUMMARY_WIDTH: usize = 80;

impl Section {
    fn new(id: &'static str, title: &'static str) -> Self {
        Self {
            id,
            title,
            ..Self::default()
        }
    }

    /// Whether a figure belongs here.
    pub(crate) fn has(&self, figure: &str) -> bool {
        self.figures
            .iter()
            .any(|name| match name.strip_suffix('*') {
                Some(beginning) => figure.starts_with(beginning),
                None => *name == figure,
            })
    }

    fn is_empty(&self, figures: &[&str]) -> bool {
        self.paragraphs.is_empty()
            && self.points.is_empty()
            && self.tables.is_empty()
            && self.facts.is_empty()
            && self.folded.is_empty()
            && !figures.iter().any(|figure| self.has(figure))
    }
}

/// Every section that has something to say; `figures` are the names of those drawn.
pub(crate) fn sections(
    document: &Document,
    analysis: &Analysis<'_>,
    figures: &[&str],
) -> Vec<Section> {
    let trust = trust(document, analysis);
    let with_trust = |mut tables: Vec<Table>| {
        for table in &mut tables {
            table.notes.push(trust.clone());
        }
        tables
    };
    let all = [
        Section {
            figures: vec!["cells*"],
            tables: with_trust(cell_tables(document, analysis, false)),
            ..Section::new("cells", "The cells")
        },
        Section {
            figures: vec!["throughput", "latency"],
            tables: with_trust(ladder_tables(analysis)),
            ..Section::new("load", "More clients")
        },
        Section {
            figures: vec!["distribution"],
            tables: with_trust(latencies(analysis).into_iter().collect()),
            ..Section::new("latency", "Latency by percentile")
        },
        Section {
            tables: with_trust(server_sides(analysis).into_iter().collect()),
            ..Section::new("both-sides", "Both sides")
        },
        Section {
            figures: vec!["grid", "surface"],
            paragraphs: grid_sentence(document, analysis).into_iter().collect(),
            ..Section::new("grid", "Over two factors")
        },
        Section {
            points: findings(analysis),
            tables: with_trust(search_tables(analysis)),
            ..Section::new("found", "Searched and tested")
        },
        Section {
            figures: vec!["published"],
            tables: with_trust(published_tables(document, analysis)),
            ..Section::new("published-and-ours", "Published and ours")
        },
        Section {
            figures: vec!["memory", "cpu"],
            tables: with_trust(resources(analysis).into_iter().collect()),
            ..Section::new("resources", "CPU and memory")
        },
        Section {
            tables: failures(analysis).into_iter().collect(),
            ..Section::new("failures", "Failures")
        },
        Section {
            points: unavailable(document),
            ..Section::new("unavailable", "Not available here")
        },
        Section {
            paragraphs: vec![trials::verdict_sentence(document)],
            tables: verdicts(document, analysis).into_iter().collect(),
            ..Section::new("verdicts", "Verdicts")
        },
        Section {
            points: crate::notes_of(document, analysis),
            ..Section::new("notes", "What to keep in mind")
        },
        Section {
            folded: crate::console::summaries(document, analysis, SUMMARY_WIDTH),
            ..Section::new("summaries", "As other generators show it")
        },
        Section {
            tables: trial_table(document, analysis).into_iter().collect(),
            ..Section::new("trials", "All trials")
        },
        Section {
            figures: vec!["machine"],
            points: machine_findings(document, analysis),
            facts: conditions(document, analysis),
            ..Section::new("conditions", "Machine and conditions")
        },
    ];
    all.into_iter()
        .filter(|section| !section.is_empty(figures))
        .collect()
}

fn grid_sentence(document: &Document, analysis: &Analysis<'_>) -> Option<String> {
    let grid = crate::figures::grid(document, analysis)?;
    Some(format!(
        "{} over {} and {}: {}.",
        grid.z_title,
        grid.x_title,
        grid.y_title,
        grid.extent_text()
    ))
}

/// Blocks that a cell's figures are of, as a table shows them.
fn blocks(view: &CellView<'_>) -> String {
    view.shown.len().to_string()
}

/// How often something failed, as a table shows it.
fn failed(view: &CellView<'_>) -> String {
    match view.failed() {
        _ if view.shown.is_empty() => "–".to_owned(),
        0 => "0".to_owned(),
        count => format!("{count} ({})", crate::figure::percent(view.error_share())),
    }
}

/// Why a cell is as slow as it is: its main cause with its counter.
fn why(view: &CellView<'_>) -> String {
    let mut causes = view.causes.iter();
    let Some(first) = causes.next() else {
        return String::new();
    };
    let more = causes.map(|finding| finding.cause.name());
    let more: Vec<&str> = more.collect();
    let more = if more.is_empty() {
        String::new()
    } else {
        format!("; also {}", more.join(", "))
    };
    if first.text.starts_with(first.cause.name()) {
        return format!("{}{more}", first.text);
    }
    format!("{}: {}{more}", first.cause.name(), first.text)
}

/// Trials of a cell that do not count, in words; empty where all do.
fn excluded(view: &CellView<'_>) -> String {
    let mut reasons: Vec<(String, u64)> = Vec::new();
    for excluded in &view.excluded {
        let reason = excluded.validity.reason().unwrap_or_default();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason, 1)),
        }
    }
    let parts = reasons
        .iter()
        .map(|(reason, count)| format!("{}: {reason}", counted(*count, "trial")));
    parts.collect::<Vec<_>>().join("; ")
}

/// What a table has room for of a reason: without the end of a log, and no longer than
/// a few lines.
pub(crate) fn brief(reason: &str) -> String {
    const LONGEST: usize = 140;
    let first = reason
        .split("; the end of its log")
        .next()
        .unwrap_or(reason);
    let first = first.lines().next().unwrap_or_default();
    if first.chars().count() <= LONGEST {
        return first.to_owned();
    }
    let cut: String = first.chars().take(LONGEST).collect();
    let words = cut
        .rsplit_once(' ')
        .map_or(cut.as_str(), |(words, _)| words);
    format!("{words} …")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_log_is_no_reason() {
        let reason = "the server died; the end of its log: one two three";
        assert_eq!(brief(reason), "the server died");
        let long = brief(&"word ".repeat(100));
        assert!(
            long.ends_with("word …") && long.chars().count() <= 142,
            "{long}"
        );
    }

    #[test]
    fn every_figure_has_a_section_and_every_section_something_to_say() {
        for (name, document) in fixture::all() {
            let analysis = document.analysis();
            let figures = crate::figures::figures(&document, &analysis);
            let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
            let sections = sections(&document, &analysis, &names);
            for figure in &names {
                let places = sections
                    .iter()
                    .filter(|section| section.has(figure))
                    .count();
                assert_eq!(places, 1, "{name}: {figure}");
            }
            assert!(
                sections.iter().all(|section| !section.is_empty(&names)),
                "{name}"
            );
        }
    }

    #[test]
    fn trust_is_told_below_every_table_of_figures() {
        let document = fixture::zoo();
        let analysis = document.analysis();
        let sections = sections(&document, &analysis, &[]);
        let cells = sections
            .iter()
            .find(|section| section.id == "cells")
            .unwrap();
        let note = cells.tables[0].notes.last().unwrap();
        for part in ["noise grade B", "A/A floor ±", "cgroup v1", "share 2 CPUs"] {
            assert!(note.contains(part), "{note}");
        }
    }
}
