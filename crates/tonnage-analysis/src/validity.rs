//! Which trials count, and why the others do not. They are kept all the same: a
//! report shows every trial that was made.

use std::collections::BTreeMap;

use tonnage_model::{Detector, Level, TrialKind, TrialOutcome, TrialRecord};

use crate::factors::same_cell;

/// Whether a trial counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validity {
    /// It does.
    Counted,
    /// Its window was not measured to the end, for this reason.
    NotMeasured(String),
    /// The generator was what limited it, so that it says nothing of the server; the
    /// reason with its figure.
    GeneratorBound(String),
    /// Its figures do not say what they seem to say, for another reason.
    Invalid(String),
    /// A later trial of the same cell in the same block stands in its place.
    Repeated,
    /// The machine had another speed in its block, which was measured again.
    Drifted,
}

impl Validity {
    /// Why it does not count, as a clause; `None` where it does.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Counted => None,
            Self::NotMeasured(why) | Self::Invalid(why) => Some(why.clone()),
            Self::GeneratorBound(why) => Some(format!("generator-bound: {why}")),
            Self::Repeated => Some("measured again later".to_owned()),
            Self::Drifted => {
                Some("the machine changed its speed; its block was measured again".to_owned())
            }
        }
    }
}

/// A trial that does not count.
#[derive(Debug, Clone)]
pub struct Excluded<'a> {
    /// The trial.
    pub trial: &'a TrialRecord,
    /// Why.
    pub validity: Validity,
}

/// Whether a detector looks at the generator rather than at the server: what it calls
/// invalid is the generator's limit, not the server's.
pub fn is_generator_side(detector: Detector) -> bool {
    matches!(
        detector,
        Detector::GeneratorCpu
            | Detector::GeneratorStarved
            | Detector::OwnCeiling
            | Detector::SendLag
            | Detector::RateMissed
            | Detector::PortExhaustion
    )
}

/// What a trial's own record says; nothing of its neighbours.
pub fn validity(trial: &TrialRecord) -> Validity {
    let Some(load) = trial.measured() else {
        return Validity::NotMeasured(match &trial.outcome {
            TrialOutcome::Failed(reason) => reason.clone(),
            TrialOutcome::Interrupted => "interrupted".to_owned(),
            TrialOutcome::Measured => "no load report was stored".to_owned(),
        });
    };
    let invalid = || {
        let reasons = load.verdict.reasons.iter();
        reasons.filter(|reason| reason.level == Level::Invalid)
    };
    if let Some(reason) = invalid().find(|reason| is_generator_side(reason.detector)) {
        return Validity::GeneratorBound(reason.text.clone());
    }
    match invalid().next() {
        Some(reason) => Validity::Invalid(reason.text.clone()),
        None => Validity::Counted,
    }
}

/// Every trial with its validity, in the order given. `left_out` are the blocks of
/// another machine speed that were measured again.
///
/// Two trials of one kind and cell in one block are a repetition: the later one that
/// counts stands, or the later one where neither does.
pub(crate) fn judge_all<'a>(
    trials: &'a [TrialRecord],
    left_out: &[u32],
) -> Vec<(&'a TrialRecord, Validity)> {
    let mut judged: Vec<(&TrialRecord, Validity)> = trials
        .iter()
        .map(|trial| (trial, validity(trial)))
        .collect();
    let mut standing: BTreeMap<(u32, u8), Vec<usize>> = BTreeMap::new();
    for index in 0..judged.len() {
        let (trial, own) = (judged[index].0, judged[index].1.clone());
        if trial.kind == TrialKind::Reference || trial.kind == TrialKind::Search {
            continue;
        }
        let places = standing
            .entry((trial.block, u8::from(trial.kind == TrialKind::Duplicate)))
            .or_default();
        let same = places
            .iter()
            .position(|&i| same_cell(&judged[i].0.cell, &trial.cell));
        let Some(place) = same else {
            places.push(index);
            continue;
        };
        let earlier = places[place];
        let earlier_stands = judged[earlier].1 == Validity::Counted && own != Validity::Counted;
        if earlier_stands {
            // A repetition that failed takes nothing away.
            continue;
        }
        places[place] = index;
        judged[earlier].1 = Validity::Repeated;
    }
    for (trial, validity) in &mut judged {
        let in_block = matches!(trial.kind, TrialKind::Measure | TrialKind::Duplicate);
        if in_block && *validity == Validity::Counted && left_out.contains(&trial.block) {
            *validity = Validity::Drifted;
        }
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Sketch;

    #[test]
    fn the_generators_limit_is_not_the_servers() {
        let mut sketch = Sketch::new();
        sketch.generator_bound = true;
        assert!(matches!(
            validity(&sketch.trial()),
            Validity::GeneratorBound(why) if why.contains('%')
        ));
        assert_eq!(validity(&Sketch::new().trial()), Validity::Counted);
    }

    #[test]
    fn a_trial_that_was_cut_off_before_launch_is_repeated_by_the_one_after_resume() {
        let mut trials = vec![Sketch::new().trial(), Sketch::new().trial()];
        trials[0].outcome = TrialOutcome::Interrupted;
        (trials[0].cell.lock, trials[0].load) = (String::new(), None);
        let of: Vec<Validity> = judge_all(&trials, &[])
            .into_iter()
            .map(|(_, v)| v)
            .collect();
        assert_eq!(of, [Validity::Repeated, Validity::Counted]);
    }

    #[test]
    fn a_repetition_stands_in_the_place_of_what_it_repeats() {
        let mut trials = vec![Sketch::new().trial(), Sketch::new().trial()];
        let of = |trials: &[TrialRecord]| -> Vec<Validity> {
            judge_all(trials, &[]).into_iter().map(|(_, v)| v).collect()
        };
        assert_eq!(of(&trials), [Validity::Repeated, Validity::Counted]);
        trials[1].outcome = TrialOutcome::Failed("died".to_owned());
        assert_eq!(
            of(&trials),
            [Validity::Counted, Validity::NotMeasured("died".to_owned())]
        );
        trials[1] = Sketch::new().trial();
        trials[1].kind = TrialKind::Duplicate;
        assert_eq!(of(&trials), [Validity::Counted, Validity::Counted]);
        let drifted = judge_all(&trials, &[0]);
        assert!(drifted.iter().all(|(_, v)| *v == Validity::Drifted));
    }
}
