//! Published figures beside ours: which published rows belong to which cells, and
//! what stands where a figure of ours is missing.

use std::collections::{BTreeMap, BTreeSet};

use tonnage_model::{PublishedFigure, PublishedRows, Study, Template};
use tonnage_stats::Interval;

use crate::cells::CellView;

/// Our side of a published figure.
#[derive(Debug, Clone, PartialEq)]
pub enum Ours {
    /// What we measured, in the figure's unit.
    Measured(Interval),
    /// The cell was measured, but its sample does not support the figure, or it is not
    /// counted here.
    Unsupported,
    /// The cell could not be measured, or does not count, for this reason.
    Failed(String),
    /// Published, but no cell of this run is it.
    NotReached,
}

/// One figure of one published row, and ours.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedRow {
    /// The seed that it was published in.
    pub seed: String,
    /// The row of its table, such as `vus=4`.
    pub row: String,
    /// One of [`Study::FIGURES`].
    pub figure: String,
    /// The published column.
    pub metric: String,
    /// What was published, in the unit of the figure.
    pub published: f64,
    /// Conditions worth knowing; may be empty.
    pub note: String,
    /// Index into [`Analysis::cells`](crate::Analysis::cells) of the cell that is its
    /// counterpart.
    pub cell: Option<usize>,
    /// What we measured.
    pub ours: Ours,
    /// Ours ÷ published; `None` where either is missing or nothing was published
    /// but zero.
    pub ratio: Option<Interval>,
}

/// Every published figure that the study asks for: first those of each cell in the
/// order of cells, then what was published and not reached, in the order of rows.
///
/// A row belongs to a cell where the study's template, filled with its factors, gives
/// the row's name. A row of the seed that has the template's form, and one of the
/// figures wanted, is listed though no cell is it: the ladder ended before it, or its
/// configuration cannot run here.
pub(crate) fn published_rows(
    study: &Study,
    cells: &[CellView<'_>],
    published: &[PublishedFigure],
) -> Vec<PublishedRow> {
    let entries = study.published.iter();
    let all: Vec<PublishedRow> = entries
        .flat_map(|rows| of_entry(rows, cells, published))
        .collect();
    // A row that one entry did not reach may be another's.
    let reached = |row: &PublishedRow| {
        let same = |other: &&PublishedRow| {
            (&other.seed, &other.row, &other.figure) == (&row.seed, &row.row, &row.figure)
        };
        let mut twins = all.iter().filter(same);
        row.ours != Ours::NotReached || twins.all(|twin| twin.ours == Ours::NotReached)
    };
    all.iter().filter(|row| reached(row)).cloned().collect()
}

fn of_entry(
    entry: &PublishedRows,
    cells: &[CellView<'_>],
    published: &[PublishedFigure],
) -> Vec<PublishedRow> {
    let mut names: Vec<&str> = Vec::new();
    let mut by_row: BTreeMap<&str, Vec<&PublishedFigure>> = BTreeMap::new();
    for figure in published.iter().filter(|figure| figure.seed == entry.seed) {
        if !by_row.contains_key(figure.row.as_str()) {
            names.push(&figure.row);
        }
        by_row.entry(&figure.row).or_default().push(figure);
    }
    let template = entry.row.get_ref();
    let mut reached = BTreeSet::new();
    let mut found = Vec::new();
    for (index, view) in cells.iter().enumerate() {
        if !view.cell.matches(&entry.only) {
            continue;
        }
        // A template with a figure in it names no row before the trial is made.
        let Ok(row) = template.fill(|name| view.cell.factor(name)) else {
            continue;
        };
        if let Some((name, figures)) = by_row.get_key_value(row.as_str()) {
            reached.insert(*name);
            found.extend(rows(entry, figures, Some((index, view))));
        }
    }
    let form = Form::of(template);
    let unreached = names
        .iter()
        .filter(|name| !reached.contains(*name) && form.fits(name));
    found.extend(unreached.flat_map(|name| rows(entry, &by_row[name], None)));
    found
}

/// The figures of one published row, in the order of [`Study::FIGURES`].
fn rows(
    entry: &PublishedRows,
    figures: &[&PublishedFigure],
    ours: Option<(usize, &CellView<'_>)>,
) -> Vec<PublishedRow> {
    let wanted = Study::FIGURES.iter().filter_map(|figure| {
        let metric = entry.metrics.get(*figure)?;
        let published = figures
            .iter()
            .find(|published| published.metric == *metric)?;
        Some((*figure, *published, published.number()?))
    });
    wanted
        .map(|(figure, published, number)| {
            let ours_is = ours.map_or(Ours::NotReached, |(_, view)| of_cell(view, figure));
            let ratio = match &ours_is {
                Ours::Measured(interval) if number > 0.0 => Some(Interval {
                    estimate: interval.estimate / number,
                    low: interval.low / number,
                    high: interval.high / number,
                    ..*interval
                }),
                _ => None,
            };
            PublishedRow {
                seed: published.seed.clone(),
                row: published.row.clone(),
                figure: figure.to_owned(),
                metric: published.metric.clone(),
                published: number,
                note: published.note.clone(),
                cell: ours.map(|(index, _)| index),
                ours: ours_is,
                ratio,
            }
        })
        .collect()
}

fn of_cell(view: &CellView<'_>, figure: &str) -> Ours {
    if !view.counts {
        let why = view
            .excluded
            .last()
            .and_then(|excluded| excluded.validity.reason());
        return Ours::Failed(why.unwrap_or_else(|| "it was not measured".to_owned()));
    }
    view.interval(figure)
        .map_or(Ours::Unsupported, Ours::Measured)
}

/// A template as the texts between its placeholders.
struct Form {
    texts: Vec<String>,
    numbers: Vec<bool>,
}

impl Form {
    fn of(template: &Template) -> Self {
        const MARK: &str = "\u{0}";
        let filled = template.fill(|_| Some(MARK.to_owned())).unwrap_or_default();
        Self {
            texts: filled.split(MARK).map(str::to_owned).collect(),
            numbers: template
                .names()
                .map(|name| {
                    matches!(
                        name,
                        "clients" | "workers" | "threads" | "in_flight" | "requests"
                    )
                })
                .collect(),
        }
    }

    /// Whether a row's name may be the template filled in: its texts in order, each
    /// placeholder at least one character, those of numbers digits only. Without a
    /// placeholder or with a placeholder alone, no row is told from another.
    fn fits(&self, row: &str) -> bool {
        let Some(mut rest) = row.strip_prefix(self.texts[0].as_str()) else {
            return false;
        };
        for (text, is_number) in self.texts[1..].iter().zip(&self.numbers) {
            let is_last = std::ptr::eq(text, self.texts.last().unwrap_or(text));
            let end = if text.is_empty() || is_last {
                rest.strip_suffix(text.as_str()).map(str::len)
            } else {
                rest.find(text.as_str())
            };
            let Some(end) = end.filter(|end| *end > 0) else {
                return false;
            };
            if *is_number && !rest[..end].chars().all(|c| c.is_ascii_digit()) {
                return false;
            }
            rest = &rest[end + text.len()..];
        }
        rest.is_empty() && self.texts.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_by_the_form_of_the_template() {
        let fits =
            |template: &str, row: &str| Form::of(&Template::parse(template).unwrap()).fits(row);
        assert!(fits("vus={clients}", "vus=16"));
        assert!(!fits("vus={clients}", "vus=many") && !fits("vus={clients}", "vus="));
        assert!(fits("cpu={cpus} mem={memory}", "cpu=0.2 mem=10GB"));
        assert!(!fits("cpu={cpus} mem={memory}", "mem=10GB"));
        assert!(fits(
            "fastapi workers_label={workers} clients={clients}",
            "fastapi workers_label=14 clients=2"
        ));
        assert!(!fits(
            "fastapi workers_label={workers} clients={clients}",
            "TFB json Python rank1 japronto"
        ));
        assert!(fits("{configuration}", "dev threaded"));
        assert!(!fits("plow", "hey"));
    }
}
