//! A run's trials as ladders: one for each combination of factors, its points
//! by the number of clients, why it ended, and its bounds beside the published
//! ones. What a ladder looks like is left to `text`, `chart` and `html`.

use std::fmt;

use tonnage_model::{Cell, LadderPoint, NextStep, StopReason, Study, TrialOutcome, TrialRecord};
use tonnage_stats::AsymptoticBounds;

use crate::comparison::{ComparisonRow, compare, published_steps};
use crate::factors::distinguishing_labels;
use crate::figure::counted;
use crate::{Document, figure};

/// All trials of one combination of factors.
#[derive(Debug, Clone)]
pub struct LadderView<'a> {
    /// The factors that tell it from the run's other ladders, such as
    /// `workers=3 iterations=2000`; empty where it is the only one.
    pub label: String,
    /// Its trials in the order in which they were made, failed ones too.
    pub trials: Vec<&'a TrialRecord>,
    /// The steps that were measured to the end, in the same order.
    pub points: Vec<LadderPoint>,
    /// Why no further step was made.
    pub end: LadderEnd,
    /// Asymptotic bounds of the measured steps; `None` where nothing succeeded.
    pub bounds: Option<AsymptoticBounds>,
    /// Published throughput by clients, `(clients, requests/s)`, fewest first;
    /// empty where none was published.
    pub published_points: Vec<(u32, f64)>,
    /// Asymptotic bounds of the published throughput.
    pub published_bounds: Option<AsymptoticBounds>,
    /// Published beside ours, by clients and figure.
    pub comparison: Vec<ComparisonRow>,
}

/// Why a ladder has no further step.
#[derive(Debug, Clone, PartialEq)]
pub enum LadderEnd {
    /// Its rule said so.
    Stopped(StopReason),
    /// Its last step could not be measured.
    StepFailed {
        /// The step.
        clients: u32,
        /// Why it could not.
        reason: String,
    },
    /// The run ended before the ladder did.
    NotFinished {
        /// The step that would have come next.
        next_clients: u32,
    },
}

impl fmt::Display for LadderEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped(reason) => reason.fmt(f),
            Self::StepFailed { clients, reason } => write!(
                f,
                "the step with {} failed: {reason}",
                counted(u64::from(*clients), "client")
            ),
            Self::NotFinished { next_clients } => write!(
                f,
                "not finished, the next step would be {}",
                counted(u64::from(*next_clients), "client")
            ),
        }
    }
}

impl LadderView<'_> {
    /// The step with the largest goodput, the first of equals.
    pub fn peak(&self) -> Option<LadderPoint> {
        self.points
            .iter()
            .filter(|point| point.goodput_rps > 0.0)
            .copied()
            .reduce(|best, point| {
                if point.goodput_rps > best.goodput_rps {
                    point
                } else {
                    best
                }
            })
    }
}

/// The ladders of a run, in the order in which they first appear.
pub fn ladders(document: &Document) -> Vec<LadderView<'_>> {
    let mut groups: Vec<(Cell, Vec<&TrialRecord>)> = Vec::new();
    for trial in &document.trials {
        let key = Cell {
            clients: 0,
            ..trial.cell.clone()
        };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, trials)) => trials.push(trial),
            None => groups.push((key, vec![trial])),
        }
    }
    let labels = distinguishing_labels(&groups.iter().map(|(cell, _)| cell).collect::<Vec<_>>());
    groups
        .iter()
        .zip(labels)
        .map(|((cell, trials), label)| view(document, cell, trials, label))
        .collect()
}

fn view<'a>(
    document: &Document,
    cell: &Cell,
    trials: &[&'a TrialRecord],
    label: String,
) -> LadderView<'a> {
    let points: Vec<LadderPoint> = trials
        .iter()
        .filter_map(|trial| {
            let load = trial.measured()?;
            Some(LadderPoint {
                clients: trial.cell.clients,
                goodput_rps: load.throughput.goodput_rps,
                failed: load.counts.failed,
            })
        })
        .collect();
    let rates: Vec<(u32, f64)> = points.iter().map(|p| (p.clients, p.goodput_rps)).collect();
    let published = published_steps(document, cell, trials);
    let published_points: Vec<(u32, f64)> = published
        .iter()
        .filter_map(|(&clients, figures)| Some((clients, *figures.get("rps")?)))
        .collect();
    LadderView {
        label,
        end: end_of(&document.study, trials, &points),
        bounds: AsymptoticBounds::from_points(&rates),
        published_bounds: AsymptoticBounds::from_points(&published_points),
        comparison: compare(&document.study, trials, &published),
        published_points,
        points,
        trials: trials.to_vec(),
    }
}

fn end_of(study: &Study, trials: &[&TrialRecord], points: &[LadderPoint]) -> LadderEnd {
    match trials
        .last()
        .map(|trial| (&trial.outcome, trial.cell.clients))
    {
        Some((TrialOutcome::Failed(reason), clients)) => {
            return LadderEnd::StepFailed {
                clients,
                reason: reason.clone(),
            };
        }
        Some((TrialOutcome::Interrupted, next_clients)) => {
            return LadderEnd::NotFinished { next_clients };
        }
        Some((TrialOutcome::Measured, _)) | None => {}
    }
    // A fixed ladder goes on after a failed step, so that its measured points
    // alone do not tell how far it has come.
    let tried = |n: &u32| trials.iter().any(|trial| trial.cell.clients == *n);
    if study
        .ladder
        .fixed
        .as_ref()
        .is_some_and(|steps| steps.iter().all(tried))
    {
        return LadderEnd::Stopped(StopReason::AllSteps);
    }
    match study.ladder.next(points) {
        NextStep::Stop(reason) => LadderEnd::Stopped(reason),
        NextStep::Inject(next_clients) => LadderEnd::NotFinished { next_clients },
    }
}

/// The points of a figure over the clients, fewest clients first.
pub(crate) fn curve(ladder: &LadderView<'_>, name: &str) -> Vec<(u32, f64)> {
    let mut points: Vec<(u32, f64)> = ladder
        .trials
        .iter()
        .filter_map(|trial| Some((trial.cell.clients, figure(trial, name)?)))
        .collect();
    points.sort_by_key(|(clients, _)| *clients);
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn one_cell_is_one_ladder_without_a_label() {
        let document = fixture::published();
        let ladders = ladders(&document);
        assert_eq!(ladders.len(), 1);
        assert_eq!(ladders[0].label, "");
        assert_eq!(ladders[0].points.len(), document.trials.len());
        assert!(matches!(
            ladders[0].end,
            LadderEnd::Stopped(StopReason::SmallGain { .. })
        ));
    }

    #[test]
    fn published_bounds_are_those_of_the_seed() {
        let document = fixture::published();
        let bounds = ladders(&document)[0].published_bounds.unwrap();
        assert!((bounds.knee_clients() - 4.03).abs() < 0.005);
    }

    #[test]
    fn ladders_come_in_order_of_appearance() {
        let document = fixture::several();
        let labels: Vec<_> = ladders(&document).into_iter().map(|l| l.label).collect();
        assert_eq!(labels, ["workers=3", "workers=5"]);
    }

    #[test]
    fn a_failed_step_ends_its_ladder_with_its_reason() {
        let document = fixture::failed();
        let ladders = ladders(&document);
        assert_eq!(ladders[0].points.len(), 2);
        assert_eq!(ladders[0].trials.len(), 3);
        assert!(
            ladders[0]
                .end
                .to_string()
                .starts_with("the step with 4 clients failed: ")
        );
    }

    #[test]
    fn a_ladder_that_could_go_on_is_not_finished() {
        let document = fixture::single();
        assert_eq!(
            ladders(&document)[0].end,
            LadderEnd::NotFinished { next_clients: 2 }
        );
        assert!(ladders(&fixture::empty()).is_empty());
    }

    #[test]
    fn a_fixed_ladder_ends_when_every_step_was_tried() {
        let mut document = fixture::failed();
        document.study.ladder.fixed = Some(vec![1, 4, 2]);
        document.trials.swap(1, 2);
        assert_eq!(
            ladders(&document)[0].end,
            LadderEnd::Stopped(StopReason::AllSteps)
        );
    }
}
