//! The whole of a run as JSON: the records as they are, and what follows from
//! them, so that a reader need not compute it again.

use serde::Serialize;
use tonnage_model::{RunRecord, StopReason, TrialRecord};
use tonnage_stats::AsymptoticBounds;

use crate::{Document, LadderEnd, LadderView, ReportError, headline, ladders, notes};

/// Name and version of the JSON form; the number grows when a reader of the old
/// form would misread the new one.
pub const STUDY_SCHEMA: &str = "tonnage.study/1";

#[derive(Serialize)]
struct StudyJson<'a> {
    schema: &'static str,
    title: &'a str,
    question: &'a str,
    answer: String,
    notes: Vec<String>,
    run: &'a RunRecord,
    ladders: Vec<LadderJson<'a>>,
    trials: &'a [TrialRecord],
}

#[derive(Serialize)]
struct LadderJson<'a> {
    label: &'a str,
    /// Positions of its trials in the run.
    positions: Vec<u32>,
    end: EndJson,
    bounds: Option<BoundsJson>,
    published_bounds: Option<BoundsJson>,
    comparison: Vec<RowJson<'a>>,
}

#[derive(Serialize)]
struct EndJson {
    kind: &'static str,
    text: String,
}

#[derive(Serialize)]
struct BoundsJson {
    demand_s: f64,
    peak_rps: f64,
    knee_clients: f64,
    effective_servers: f64,
    smallest_clients: u32,
}

#[derive(Serialize)]
struct RowJson<'a> {
    clients: u32,
    figure: &'a str,
    published: Option<f64>,
    ours: Option<f64>,
    ours_missing: Option<&'static str>,
    ratio: Option<f64>,
}

/// The run, its trials whole, and its ladders with bounds, end and comparison.
pub fn results_json(document: &Document) -> Result<Vec<u8>, ReportError> {
    let ladders = ladders(document);
    let mut bytes = serde_json::to_vec_pretty(&StudyJson {
        schema: STUDY_SCHEMA,
        title: &document.study.title,
        question: &document.study.question,
        answer: headline(document),
        notes: notes(document),
        run: &document.run,
        ladders: ladders.iter().map(ladder_json).collect(),
        trials: &document.trials,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn ladder_json<'a>(ladder: &'a LadderView<'a>) -> LadderJson<'a> {
    LadderJson {
        label: &ladder.label,
        positions: ladder.trials.iter().map(|trial| trial.position).collect(),
        end: EndJson {
            kind: end_kind(&ladder.end),
            text: ladder.end.to_string(),
        },
        bounds: ladder.bounds.as_ref().map(bounds_json),
        published_bounds: ladder.published_bounds.as_ref().map(bounds_json),
        comparison: ladder
            .comparison
            .iter()
            .map(|row| RowJson {
                clients: row.clients,
                figure: &row.figure,
                published: row.published,
                ours: row.ours.value(),
                ours_missing: row.ours.missing(),
                ratio: row.ratio(),
            })
            .collect(),
    }
}

fn end_kind(end: &LadderEnd) -> &'static str {
    match end {
        LadderEnd::Stopped(StopReason::SmallGain { .. }) => "small_gain",
        LadderEnd::Stopped(StopReason::Failures(_)) => "failures",
        LadderEnd::Stopped(StopReason::NoSuccess) => "no_success",
        LadderEnd::Stopped(StopReason::EndOfLadder(_)) => "end_of_ladder",
        LadderEnd::Stopped(StopReason::AllSteps) => "all_steps",
        LadderEnd::StepFailed { .. } => "step_failed",
        LadderEnd::NotFinished { .. } => "not_finished",
    }
}

fn bounds_json(bounds: &AsymptoticBounds) -> BoundsJson {
    BoundsJson {
        demand_s: bounds.demand_s,
        peak_rps: bounds.peak_rps,
        knee_clients: bounds.knee_clients(),
        effective_servers: bounds.effective_servers(),
        smallest_clients: bounds.smallest_clients,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn records_and_conclusions_stand_side_by_side() {
        let document = fixture::published();
        let json: serde_json::Value =
            serde_json::from_slice(&results_json(&document).unwrap()).unwrap();
        assert_eq!(json["schema"], STUDY_SCHEMA);
        let trials: Vec<TrialRecord> = serde_json::from_value(json["trials"].clone()).unwrap();
        // Not the floats: serde_json reads them back to the last bit only with a
        // feature that costs time.
        let exact = |trials: &[TrialRecord]| -> Vec<_> {
            trials
                .iter()
                .map(|trial| {
                    (
                        trial.cell.clone(),
                        trial.load.clone().map(|load| load.counts),
                    )
                })
                .collect()
        };
        assert_eq!(exact(&trials), exact(&document.trials));
        let run: RunRecord = serde_json::from_value(json["run"].clone()).unwrap();
        assert_eq!(run, document.run);
        let ladder = &json["ladders"][0];
        assert_eq!(ladder["end"]["kind"], "small_gain");
        let knee = ladder["published_bounds"]["knee_clients"].as_f64().unwrap();
        assert!((knee - 4.03).abs() < 0.005);
    }

    #[test]
    fn a_missing_figure_is_null_with_its_reason() {
        let bytes = results_json(&fixture::failed()).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let rows = json["ladders"][0]["comparison"].as_array().unwrap();
        let row = rows.iter().find(|row| row["clients"] == 16).unwrap();
        assert!(row["ours"].is_null());
        assert_eq!(row["ours_missing"], "the ladder ended before this step");
    }
}
