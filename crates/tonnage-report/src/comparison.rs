//! Published figures beside ours, step by step: which published rows belong to a
//! ladder, and what stands where a figure is missing.

use std::collections::{BTreeMap, BTreeSet};

use tonnage_model::{Cell, PublishedFigure, PublishedRows, Study, TrialRecord};

use crate::figure::{NOT_AVAILABLE, short};
use crate::{Document, figure};

/// Client counts up to here are tried against the published rows one by one;
/// beyond it powers of two and the ladder's own steps.
const DENSE_CLIENTS: u32 = 1024;

/// Published figures by clients and figure.
pub(crate) type PublishedSteps = BTreeMap<u32, BTreeMap<String, f64>>;

/// One figure of one step, published and ours.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonRow {
    /// Users of the closed loop.
    pub clients: u32,
    /// One of [`Study::FIGURES`].
    pub figure: String,
    /// What was published, in the figure's unit.
    pub published: Option<f64>,
    /// What we measured, in the figure's unit.
    pub ours: Measured,
}

/// A figure that was to be measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measured {
    /// Its value.
    Value(f64),
    /// The step was measured, but its sample does not support the figure.
    Unsupported,
    /// The step was tried and could not be measured.
    StepFailed,
    /// The ladder did not get there.
    NotReached,
}

impl Measured {
    /// The value, where there is one.
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Why there is no value; `None` where there is one.
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::Value(_) => None,
            Self::Unsupported => Some("too few samples lie beyond this percentile"),
            Self::StepFailed => Some("the step failed"),
            Self::NotReached => Some("the ladder ended before this step"),
        }
    }
}

impl ComparisonRow {
    /// Ours ÷ published; `None` where either is missing or nothing was published
    /// but zero.
    pub fn ratio(&self) -> Option<f64> {
        let published = self.published.filter(|value| *value != 0.0)?;
        Some(self.ours.value()? / published)
    }

    /// The published figure as a table shows it.
    pub(crate) fn published_text(&self) -> String {
        self.published
            .map_or_else(|| "–".to_owned(), |value| short(&self.figure, value))
    }

    /// Our figure as a table shows it.
    pub(crate) fn ours_text(&self) -> String {
        match self.ours {
            Measured::Value(value) => short(&self.figure, value),
            Measured::Unsupported => NOT_AVAILABLE.to_owned(),
            Measured::StepFailed => "failed".to_owned(),
            Measured::NotReached => "–".to_owned(),
        }
    }

    /// The ratio as a table shows it.
    pub(crate) fn ratio_text(&self) -> String {
        self.ratio().map_or_else(|| "–".to_owned(), ratio_text)
    }
}

/// A ratio with three digits.
pub(crate) fn ratio_text(ratio: f64) -> String {
    tonnage_model::format_significant(ratio, 3)
}

/// Everything published for the steps of the ladder of `cell`.
///
/// A row belongs to it when the study's row template, filled with the cell's
/// parameters and some number of clients, gives the row's name.
pub(crate) fn published_steps(
    document: &Document,
    cell: &Cell,
    trials: &[&TrialRecord],
) -> PublishedSteps {
    let Some(published) = &document.study.published else {
        return PublishedSteps::new();
    };
    let rows = PublishedFigure::by_row(&document.published, &published.seed);
    let mut steps = PublishedSteps::new();
    for clients in candidates(&document.study, published, trials) {
        let row = published.row.get_ref().fill(|name| match name {
            "clients" => Some(clients.to_string()),
            _ => cell.parameters.get(name).cloned(),
        });
        // A template with a figure in it (other than the clients) names no row
        // before the trial is made, and so none that can be compared.
        let Some(metrics) = row.ok().and_then(|row| rows.get(row.as_str())) else {
            continue;
        };
        let figures: BTreeMap<String, f64> = published
            .metrics
            .iter()
            .filter_map(|(figure, metric)| Some((figure.clone(), *metrics.get(metric.as_str())?)))
            .collect();
        steps.insert(clients, figures);
    }
    steps
}

/// The numbers of clients that a published row may be about.
fn candidates(study: &Study, published: &PublishedRows, trials: &[&TrialRecord]) -> BTreeSet<u32> {
    let mut candidates: BTreeSet<u32> = trials.iter().map(|trial| trial.cell.clients).collect();
    // Without the clients in its name a row would match any number of them.
    if published
        .row
        .get_ref()
        .names()
        .any(|name| name == "clients")
    {
        candidates.extend(1..=DENSE_CLIENTS);
        for (start, factor) in [(1, 2), (study.ladder.start, study.ladder.multiply_by)] {
            let steps = std::iter::successors(Some(start), |n: &u32| {
                n.checked_mul(factor).filter(|next| next > n)
            });
            candidates.extend(steps);
        }
    }
    candidates
}

/// One row for each step and figure, ordered by clients and then as in
/// [`Study::FIGURES`]. Without published figures the columns of the console's
/// table are listed.
pub(crate) fn compare(
    study: &Study,
    trials: &[&TrialRecord],
    published: &PublishedSteps,
) -> Vec<ComparisonRow> {
    let wanted = |name: &str| match &study.published {
        Some(rows) => rows.metrics.contains_key(name),
        None => study
            .console
            .csv
            .iter()
            .any(|column| column.figure.get_ref() == name),
    };
    let figures: Vec<&str> = Study::FIGURES
        .into_iter()
        .filter(|name| *name != "clients" && wanted(name))
        .collect();
    let clients: BTreeSet<u32> = trials
        .iter()
        .map(|trial| trial.cell.clients)
        .chain(published.keys().copied())
        .collect();
    clients
        .into_iter()
        .flat_map(|clients| {
            figures.iter().map(move |name| ComparisonRow {
                clients,
                figure: (*name).to_owned(),
                published: published
                    .get(&clients)
                    .and_then(|step| step.get(*name))
                    .copied(),
                ours: ours(trials, clients, name),
            })
        })
        .collect()
}

/// Our figure at a step: the newest measured trial counts, should it have been
/// made more than once.
fn ours(trials: &[&TrialRecord], clients: u32, name: &str) -> Measured {
    let mut tried = trials
        .iter()
        .filter(|trial| trial.cell.clients == clients)
        .peekable();
    if tried.peek().is_none() {
        return Measured::NotReached;
    }
    match tried.rfind(|trial| trial.measured().is_some()) {
        None => Measured::StepFailed,
        Some(trial) => figure(trial, name).map_or(Measured::Unsupported, Measured::Value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture, ladders};

    fn row(document: &Document, clients: u32, figure: &str) -> ComparisonRow {
        ladders(document)[0]
            .comparison
            .iter()
            .find(|row| row.clients == clients && row.figure == figure)
            .unwrap()
            .clone()
    }

    #[test]
    fn ours_stands_beside_the_published_figure() {
        let document = fixture::published();
        let row = row(&document, 2, "rps");
        assert!((row.published.unwrap() - 133.712_919).abs() < 1e-6);
        let ours = row.ours.value().unwrap();
        assert!((row.ratio().unwrap() - ours / 133.712_919).abs() < 1e-6);
    }

    #[test]
    fn what_was_published_but_not_reached_still_shows() {
        let document = fixture::failed();
        assert_eq!(row(&document, 16, "rps").ours, Measured::NotReached);
        assert_eq!(row(&document, 16, "rps").ours_text(), "–");
        assert_eq!(row(&document, 4, "rps").ours, Measured::StepFailed);
        assert_eq!(row(&document, 4, "rps").ratio(), None);
    }

    #[test]
    fn nothing_over_nothing_is_no_ratio() {
        let row = row(&fixture::published(), 1, "failed");
        assert_eq!((row.published, row.ours), (Some(0.0), Measured::Value(0.0)));
        assert_eq!(row.ratio(), None);
    }

    #[test]
    fn without_published_figures_ours_are_listed() {
        let document = fixture::unpublished();
        let row = row(&document, 1, "p95_ms");
        assert_eq!(row.published, None);
        assert!(row.ours.value().is_some());
    }

    #[test]
    fn a_row_without_clients_in_its_name_belongs_to_measured_steps_only() {
        let mut document = fixture::single();
        let toml = include_str!("../../../studies/flask-bench.toml")
            .replace("vus={clients}", "it={iterations}");
        document.study = Study::parse("s.toml", &toml).unwrap();
        for figure in &mut document.published {
            figure.row = "it=60000".to_owned();
        }
        let clients: BTreeSet<u32> = ladders(&document)[0]
            .comparison
            .iter()
            .map(|row| row.clients)
            .collect();
        assert_eq!(clients, BTreeSet::from([1]));
    }
}
