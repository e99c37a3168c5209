//! Where a run measured otherwise than its study does in full, so that published figures
//! and ours are not of the same: in the quick form, or by `--set`.

use std::collections::BTreeMap;

use tonnage_analysis::{Analysis, PublishedRow};
use tonnage_model::{Cell, CellPlan, Study};

use crate::Document;

/// What is asked of a server or given to it, beside the study's own parameters.
const ASKED: [&str; 6] = [
    "requests",
    "duration",
    "think",
    "cpus",
    "memory",
    "keepalive",
];

/// Figures that count: they grow with the window, and mean nothing beside those of
/// another.
const COUNTS: [&str; 4] = ["count", "failed", "upstream_calls", "oom_kills"];

/// How the cells beside a published table differ from the study's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Otherwise {
    /// Factor → what we measured with, and what the study has.
    differing: BTreeMap<String, (Vec<String>, Vec<String>)>,
}

impl Otherwise {
    /// Of the rows of one seed.
    pub(crate) fn of(document: &Document, analysis: &Analysis<'_>, seed: &str) -> Self {
        let mut found = Self::default();
        let run = &document.run;
        // The stored file is the study in full; one that cannot be read tells nothing.
        let Ok(full) = Study::parse(&run.study, &run.study_toml) else {
            return found;
        };
        let plans = full.cells();
        let chosen = chosen_by_row(&full, seed);
        let rows = analysis.published.iter().filter(|row| row.seed == seed);
        let mut cells: Vec<usize> = rows.filter_map(|row| row.cell).collect();
        cells.dedup();
        for cell in cells {
            let cell = analysis.cells[cell].cell;
            for name in names(cell).filter(|name| !chosen.iter().any(|c| c == name)) {
                found.add(name, cell, &plans);
            }
        }
        found
    }

    fn add(&mut self, name: &str, cell: &Cell, plans: &[CellPlan]) {
        let alike = |plan: &&CellPlan| {
            plan.configuration == cell.configuration && plan.workload == cell.workload
        };
        let mut full: Vec<String> = Vec::new();
        let own = plans.iter().filter(alike);
        for value in own.flat_map(|plan| of_plan(plan, name)) {
            if !full.contains(&value) {
                full.push(value);
            }
        }
        let ours = value(cell, name);
        if full.is_empty() || full.contains(&ours) {
            return;
        }
        let (all_ours, all_full) = self.differing.entry(name.to_owned()).or_default();
        for (all, values) in [(all_ours, vec![ours]), (all_full, full)] {
            all.extend(
                values
                    .into_iter()
                    .filter(|value| !all.contains(value))
                    .collect::<Vec<_>>(),
            );
        }
    }

    /// Whether a figure's ratio to what was published means anything.
    pub(crate) fn has_ratio(&self, row: &PublishedRow) -> bool {
        self.differing.is_empty() || !COUNTS.contains(&row.figure.as_str())
    }

    /// What a reader of the table must know; `None` where nothing differs.
    pub(crate) fn sentence(&self) -> Option<String> {
        let mut first = true;
        let parts = self.differing.iter().map(|(name, (ours, full))| {
            let of = if first { "the study in full: " } else { "" };
            first = false;
            format!("{name}={} ({of}{})", ours.join(" or "), full.join(" or "))
        });
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() {
            return None;
        }
        let says = if self.differing.keys().all(|name| name == "duration") {
            "counts are not comparable, rates and times only roughly"
        } else {
            "rates and times are not comparable, only the shape is"
        };
        Some(format!("Measured with {}: {says}.", parts.join(", ")))
    }
}

/// Factors that say which published row a cell belongs to: there the values agree.
fn chosen_by_row(study: &Study, seed: &str) -> Vec<String> {
    let entries = study.published.iter().filter(|entry| entry.seed == seed);
    entries
        .flat_map(|entry| {
            let of_row = entry.row.get_ref().names().map(str::to_owned);
            of_row.chain(entry.only.keys().cloned()).collect::<Vec<_>>()
        })
        .collect()
}

fn names(cell: &Cell) -> impl Iterator<Item = &str> {
    // Where the number of requests ends a window, its length is only a bound.
    let ended_by_requests = cell.requests.is_some();
    let asked = ASKED
        .into_iter()
        .filter(move |name| !(ended_by_requests && *name == "duration"));
    cell.parameters
        .keys()
        .map(String::as_str)
        .chain(["clients"])
        .chain(asked)
}

fn value(cell: &Cell, name: &str) -> String {
    cell.factor(name).unwrap_or_else(|| "none".to_owned())
}

/// A factor's values in a plan; none where a ladder chooses the clients.
fn of_plan(plan: &CellPlan, name: &str) -> Vec<String> {
    if name == "clients" {
        let clients = plan.clients.iter().flatten();
        return clients.map(ToString::to_string).collect();
    }
    let cell = Cell {
        think: plan.think.to_string(),
        limits: plan.limits.clone(),
        keepalive: plan.keepalive,
        requests: plan.requests,
        duration_us: u64::try_from(plan.duration.0.as_micros()).unwrap_or(u64::MAX),
        parameters: plan.parameters.clone(),
        ..Cell::default()
    };
    vec![value(&cell, name)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::{html, markdown, results_json, show_text};
    use insta::assert_snapshot;

    fn told(document: &Document) -> String {
        let otherwise = Otherwise::of(document, &document.analysis(), "004");
        otherwise.sentence().unwrap_or_default()
    }

    #[test]
    fn the_full_form_says_nothing() {
        assert_eq!(told(&fixture::published()), "");
        // An iteration count that is one of the study's own is no change.
        assert_eq!(told(&fixture::failed()), "");
    }

    #[test]
    fn a_shorter_window_spoils_counts_and_a_smaller_task_everything() {
        let mut document = fixture::published();
        for trial in &mut document.trials {
            trial.cell.duration_us = 5_000_000;
        }
        assert_snapshot!(told(&document), @"Measured with duration=5s (the study in full: 30s): counts are not comparable, rates and times only roughly.");
        for trial in &mut document.trials {
            trial
                .cell
                .parameters
                .insert("iterations".to_owned(), "60".to_owned());
            trial.cell.requests = Some(100);
        }
        assert_snapshot!(told(&document), @"Measured with iterations=60 (the study in full: 60000), requests=100 (none): rates and times are not comparable, only the shape is.");
    }

    #[test]
    fn every_output_says_so_and_counts_get_no_ratio() {
        let mut document = fixture::published();
        document.trials[0].cell.requests = Some(100);
        let sentence = told(&document);
        let json = String::from_utf8(results_json(&document).unwrap()).unwrap();
        for text in [
            markdown(&document).unwrap(),
            html(&document).unwrap(),
            show_text(&document, 300),
            json,
        ] {
            assert!(text.contains(&sentence), "{sentence}");
        }
        let analysis = document.analysis();
        let otherwise = Otherwise::of(&document, &analysis, "004");
        let ratio = |figure: &str| {
            let row = analysis.published.iter().find(|row| row.figure == figure);
            otherwise.has_ratio(row.unwrap())
        };
        assert!(ratio("rps") && ratio("p95_ms"));
        assert!(!ratio("failed"));
    }
}
