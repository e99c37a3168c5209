//! The whole of a run as JSON: the records as they are, and what follows from
//! them, so that a reader need not compute it again. A bound that is not known (one
//! block, or without end) is `null`.

mod cells;
mod found;

use serde::Serialize;
use serde_json::{Value, json};
use tonnage_analysis::{Analysis, Comparison, Interval, Versus};
use tonnage_model::{RunRecord, TrialRecord};

use cells::{cell, contest, ladder};
use found::{hypotheses, memory, published, rates};

use crate::{Document, ReportError};

/// Name and version of the JSON form; the number grows when a reader of the old
/// form would misread the new one.
pub const STUDY_SCHEMA: &str = "tonnage.study/2";

#[derive(Serialize)]
struct StudyJson<'a> {
    schema: &'static str,
    title: &'a str,
    question: &'a str,
    answer: String,
    answers: Vec<String>,
    notes: Vec<String>,
    /// The figure that is compared.
    figure: &'a str,
    noise_floor: Value,
    drift: Value,
    cells: Vec<Value>,
    contests: Vec<Value>,
    ladders: Vec<Value>,
    hypotheses: Vec<Value>,
    memory: Vec<Value>,
    rates: Vec<Value>,
    published: Vec<Value>,
    run: &'a RunRecord,
    trials: &'a [TrialRecord],
}

/// The run, its trials whole, and everything that was found out from them.
pub fn results_json(document: &Document) -> Result<Vec<u8>, ReportError> {
    results_json_of(document, &document.analysis())
}

pub(crate) fn results_json_of(
    document: &Document,
    analysis: &Analysis<'_>,
) -> Result<Vec<u8>, ReportError> {
    let mut bytes = serde_json::to_vec_pretty(&StudyJson {
        schema: STUDY_SCHEMA,
        title: &document.study.title,
        question: &document.study.question,
        answer: analysis.headline(),
        answers: analysis.answers(),
        notes: crate::notes_of(document, analysis),
        figure: &analysis.figure,
        noise_floor: noise_floor(analysis),
        drift: drift(analysis),
        cells: analysis.cells.iter().map(cell).collect(),
        contests: analysis.contests.iter().map(contest).collect(),
        ladders: analysis.ladders.iter().map(ladder).collect(),
        hypotheses: hypotheses(analysis),
        memory: memory(analysis),
        rates: rates(analysis),
        published: published(document, analysis),
        run: &document.run,
        trials: &document.trials,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn interval(interval: &Interval) -> Value {
    json!({
        "estimate": interval.estimate,
        "low": (interval.blocks > 1).then_some(interval.low),
        "high": (interval.blocks > 1).then_some(interval.high),
        "blocks": interval.blocks,
    })
}

fn versus(versus: &Versus) -> Value {
    json!({
        "ratio": interval(&versus.ratio),
        "says": match versus.comparison {
            Comparison::Larger => "larger",
            Comparison::Smaller => "smaller",
            Comparison::Alike => "alike",
            Comparison::TooFew => "too-few-blocks",
        },
    })
}

fn noise_floor(analysis: &Analysis<'_>) -> Value {
    let noise = &analysis.noise;
    json!({
        "figure": noise.figure,
        "ln": noise.ln,
        "pairs": noise.pairs,
        "equals": noise.equals.as_ref().map(versus),
    })
}

fn drift(analysis: &Analysis<'_>) -> Value {
    let drift = &analysis.drift;
    let reference = drift
        .reference
        .iter()
        .map(|point| json!({ "position": point.position, "block": point.block, "rps": point.rps }));
    let steps = drift
        .steps
        .iter()
        .map(|(index, level)| json!({ "from": index, "level": level }));
    json!({
        "drifted_blocks": drift.drifted,
        "left_out_blocks": drift.left_out,
        "to_repeat_blocks": drift.to_repeat,
        "reference": reference.collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn read(document: &Document) -> Value {
        serde_json::from_slice(&results_json(document).unwrap()).unwrap()
    }

    #[test]
    fn records_and_conclusions_stand_side_by_side() {
        let document = fixture::published();
        let json = read(&document);
        assert_eq!(json["schema"], STUDY_SCHEMA);
        let trials: Vec<TrialRecord> = serde_json::from_value(json["trials"].clone()).unwrap();
        let counts = |trials: &[TrialRecord]| -> Vec<_> {
            let trials = trials.iter();
            trials
                .map(|trial| {
                    (
                        trial.cell.clone(),
                        trial.load.clone().map(|load| load.counts),
                    )
                })
                .collect()
        };
        assert_eq!(counts(&trials), counts(&document.trials));
        let run: RunRecord = serde_json::from_value(json["run"].clone()).unwrap();
        assert_eq!(run, document.run);
        let ladder = &json["ladders"][0];
        assert_eq!(ladder["steps"].as_array().unwrap().len(), 4);
        assert!(ladder["bounds"]["knee_clients"].as_f64().unwrap() > 1.0);
        let rps = &json["cells"][0]["figures"]["rps"]["estimate"];
        assert!((rps.as_f64().unwrap() - 192.5).abs() < 1e-9);
    }

    #[test]
    fn words_are_those_of_the_format_and_not_of_the_code() {
        let word = |value: &Value| {
            let word = value.as_str().unwrap_or_default();
            let plain = |letter: char| letter.is_ascii_lowercase() || letter == '-';
            !word.is_empty() && word.chars().all(plain)
        };
        let json = read(&fixture::grid());
        let saturated = |ladder: &Value| ladder["doublings"][0]["saturated"].clone();
        let ladders = json["ladders"].as_array().unwrap();
        assert!(ladders.iter().all(|ladder| word(&saturated(ladder))));
        assert!(ladders.iter().any(|ladder| saturated(ladder) == "yes"));
        assert!(ladders.iter().any(|ladder| saturated(ladder) == "no"));
        let json = read(&fixture::zoo());
        let ranked = json["contests"][0]["ranked"].as_array().unwrap();
        let standings: Vec<&Value> = ranked.iter().map(|rank| &rank["standing"]).collect();
        assert_eq!(standings, ["best", "alike-best", "worse", "survivors-bias"]);
        assert!(
            ranked
                .iter()
                .all(|rank| word(&rank["to_best"]["says"]) || rank["to_best"].is_null())
        );
    }

    #[test]
    fn a_missing_figure_is_null_with_its_reason() {
        let json = read(&fixture::failed());
        let rows = json["published"].as_array().unwrap();
        let row = rows.iter().find(|row| row["row"] == "vus=16").unwrap();
        assert!(row["ours"].is_null());
        assert_eq!(row["ours_missing"], "no cell of this run is it");
    }
}
