//! What was tested, searched and published, as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tonnage_analysis::{Analysis, Ours};

use super::{interval, versus};
use crate::Document;
use crate::content::Otherwise;

pub(super) fn hypotheses(analysis: &Analysis<'_>) -> Vec<Value> {
    let found = analysis.hypotheses.iter();
    found
        .map(|found| {
            json!({
                "rule": found.rule,
                "label": found.label,
                "rule_workers": found.rule_workers,
                "tested_workers": found.tested_workers,
                "best_workers": found.best_workers,
                "gain": found.gain.as_ref().map(versus),
                "verdict": found.verdict.name(),
                "text": found.text,
            })
        })
        .collect()
}

fn attempts(attempts: &[tonnage_analysis::Attempt]) -> Vec<Value> {
    attempts
        .iter()
        .map(|attempt| {
            json!({
                "value": attempt.value,
                "held": attempt.held,
                "failed": attempt.failed,
                "seen": attempt.seen,
            })
        })
        .collect()
}

pub(super) fn memory(analysis: &Analysis<'_>) -> Vec<Value> {
    let found = analysis.memory.iter();
    found
        .map(|found| {
            json!({
                "label": found.label,
                "least_bytes": found.least_bytes,
                "killed_at_bytes": found.killed_at_bytes,
                "contradictory": found.contradictory,
                "attempts": attempts(&found.attempts),
                "text": found.text,
            })
        })
        .collect()
}

pub(super) fn rates(analysis: &Analysis<'_>) -> Vec<Value> {
    let found = analysis.rates.iter();
    found
        .map(|found| {
            json!({
                "label": found.label,
                "objective": found.objective,
                "largest_rps": found.largest_rps,
                "missed_at_rps": found.missed_at_rps,
                "contradictory": found.contradictory,
                "attempts": attempts(&found.attempts),
                "text": found.text,
            })
        })
        .collect()
}

pub(super) fn published(document: &Document, analysis: &Analysis<'_>) -> Vec<Value> {
    let mut by_seed: BTreeMap<&str, Otherwise> = BTreeMap::new();
    let rows = analysis.published.iter();
    rows.map(|row| {
        let otherwise = by_seed
            .entry(&row.seed)
            .or_insert_with(|| Otherwise::of(document, analysis, &row.seed));
        let ratio = row.ratio.as_ref().filter(|_| otherwise.has_ratio(row));
        let (ours, missing) = match &row.ours {
            Ours::Measured(ours) => (Some(interval(ours)), None),
            Ours::Unsupported => (None, Some("the sample does not support it".to_owned())),
            Ours::Failed(why) => (None, Some(why.clone())),
            Ours::NotReached => (None, Some("no cell of this run is it".to_owned())),
        };
        json!({
            "seed": row.seed,
            "row": row.row,
            "figure": row.figure,
            "metric": row.metric,
            "published": row.published,
            "note": row.note,
            "cell": row.cell,
            "ours": ours,
            "ours_missing": missing,
            "ratio": ratio.map(interval),
            "measured_otherwise": otherwise.sentence(),
        })
    })
    .collect()
}
