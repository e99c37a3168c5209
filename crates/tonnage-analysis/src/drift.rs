//! How fast the machine was while a run lasted: the reference trials over time, the
//! blocks in which it changed, and from where on it ran at another speed.

use std::collections::{BTreeMap, BTreeSet};

use tonnage_model::{TrialKind, TrialRecord};
use tonnage_stats::{drifted_blocks, level_shifts, steps};

use crate::figure;
use crate::validity::{Validity, validity};

/// A trial of the reference cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReferencePoint {
    /// When it began, microseconds since 1970.
    pub started_unix_us: u64,
    /// Its block.
    pub block: u32,
    /// Its place in the run.
    pub position: u32,
    /// Its throughput in requests per second.
    pub rps: f64,
}

/// The machine's speed over a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MachineDrift {
    /// The reference trials that count, in the order in which they were made.
    pub reference: Vec<ReferencePoint>,
    /// The blocks within which the machine changed its speed, ascending.
    pub drifted: Vec<u32>,
    /// Those of them that were measured again and so do not count.
    pub left_out: Vec<u32>,
    /// Those that ought to be measured again.
    pub to_repeat: Vec<u32>,
    /// Where the reference went to another level: index into `reference`, and the new
    /// level as a multiple of the old one.
    pub steps: Vec<(usize, f64)>,
}

impl MachineDrift {
    /// From all trials of a run whose study plans `planned` blocks; `noise_floor` is
    /// that of throughput.
    ///
    /// A repeated block either has the same number, and then its later trials stand,
    /// or a number of its own; then the drifted ones are left out as soon as the
    /// others are as many as were planned.
    pub(crate) fn of(trials: &[TrialRecord], planned: u32, noise_floor: f64) -> Self {
        let reference = reference_points(trials);
        let mut by_block: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for point in &reference {
            if point.position >= last_pass(trials, point.block) {
                by_block.entry(point.block).or_default().push(point.rps);
            }
        }
        let blocks: Vec<u32> = by_block.keys().copied().collect();
        let values: Vec<Vec<f64>> = by_block.into_values().collect();
        let drifted: Vec<u32> = drifted_blocks(&values, noise_floor)
            .into_iter()
            .map(|index| blocks[index])
            .collect();
        let measured: BTreeSet<u32> = trials
            .iter()
            .filter(|trial| trial.kind == TrialKind::Measure && trial.measured().is_some())
            .map(|trial| trial.block)
            .collect();
        let steady = measured
            .iter()
            .filter(|block| !drifted.contains(block))
            .count();
        let repeated = steady >= planned as usize && steady > 0;
        let logs: Vec<f64> = reference.iter().map(|point| point.rps.ln()).collect();
        let starts = steps(&logs);
        let shifts = level_shifts(&logs, &starts);
        Self {
            steps: starts
                .into_iter()
                .zip(shifts.into_iter().map(f64::exp))
                .collect(),
            left_out: if repeated { drifted.clone() } else { vec![] },
            to_repeat: if repeated { vec![] } else { drifted.clone() },
            drifted,
            reference,
        }
    }
}

fn reference_points(trials: &[TrialRecord]) -> Vec<ReferencePoint> {
    let mut points: Vec<ReferencePoint> = trials
        .iter()
        .filter(|trial| trial.kind == TrialKind::Reference)
        // A reference that its generator limited still tells how fast the machine
        // is: the generator is part of it.
        .filter(|trial| !matches!(validity(trial), Validity::NotMeasured(_)))
        .filter_map(|trial| {
            Some(ReferencePoint {
                started_unix_us: trial.started_unix_us,
                block: trial.block,
                position: trial.position,
                rps: figure(trial, "rps").filter(|rps| *rps > 0.0)?,
            })
        })
        .collect();
    points.sort_by_key(|point| point.position);
    points
}

/// The place in the run from which on a block's trials are those that stand: where it
/// was measured again under the same number, the reference that its latest pass began
/// with.
fn last_pass(trials: &[TrialRecord], block: u32) -> u32 {
    let of_block = |kind: TrialKind| {
        let wanted = move |trial: &&TrialRecord| trial.block == block && trial.kind == kind;
        trials.iter().filter(wanted)
    };
    let repeats = |trial: &TrialRecord, earlier: bool| {
        of_block(TrialKind::Measure).any(|other| {
            let before = other.position < trial.position;
            other.position != trial.position && other.cell == trial.cell && before == earlier
        })
    };
    let latest = of_block(TrialKind::Measure)
        .filter(|trial| repeats(trial, true) && !repeats(trial, false))
        .map(|trial| trial.position)
        .min();
    let before = of_block(TrialKind::Reference)
        .map(|trial| trial.position)
        .filter(|position| latest.is_some_and(|latest| *position < latest));
    before.max().unwrap_or(0)
}

/// A figure of the reference in each block: the geometric mean of its trials there.
pub(crate) fn reference_by_block(
    judged: &[(&TrialRecord, Validity)],
    name: &str,
) -> BTreeMap<u32, f64> {
    let mut logs: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (trial, validity) in judged {
        let counts = trial.kind == TrialKind::Reference && *validity == Validity::Counted;
        if let Some(value) = figure(trial, name).filter(|value| counts && *value > 0.0) {
            logs.entry(trial.block).or_default().push(value.ln());
        }
    }
    let mean = |(block, logs): (u32, Vec<f64>)| (block, tonnage_stats::mean(&logs).exp());
    logs.into_iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Sketch, blocks};

    #[test]
    fn a_machine_that_slows_halfway_shows_as_a_step() {
        let slows = |block: u32| if block >= 4 { 0.6 } else { 1.0 };
        let trials = blocks(&[Sketch::new()], 8, 0.01, 3, slows);
        let drift = MachineDrift::of(&trials, 8, 0.02);
        assert_eq!(drift.reference.len(), 16);
        assert_eq!(drift.steps.len(), 1, "{:?}", drift.steps);
        let (start, level) = drift.steps[0];
        assert_eq!(drift.reference[start].block, 4);
        assert!((level - 0.6).abs() < 0.03, "{level}");
        // Each block by itself was steady.
        assert!(drift.drifted.is_empty());
    }

    #[test]
    fn a_block_within_which_the_machine_changed_is_measured_again() {
        let mut trials = blocks(&[Sketch::new()], 4, 0.005, 3, |_| 1.0);
        let load = trials[3].load.as_mut().unwrap();
        load.throughput.goodput_rps *= 0.7;
        let drift = MachineDrift::of(&trials, 4, 0.01);
        assert_eq!(
            (drift.drifted.as_slice(), drift.to_repeat.as_slice()),
            (&[0][..], &[0][..])
        );
        assert!(drift.left_out.is_empty());
        // Repeated under a number of its own.
        let mut repeated = trials.clone();
        for trial in blocks(&[Sketch::new()], 1, 0.005, 9, |_| 1.0) {
            repeated.push(TrialRecord {
                block: 4,
                position: trial.position + 16,
                ..trial
            });
        }
        let drift = MachineDrift::of(&repeated, 4, 0.01);
        assert_eq!(
            (drift.left_out.as_slice(), drift.to_repeat.len()),
            (&[0][..], 0)
        );
        // Repeated under the same number.
        for trial in &mut repeated[16..] {
            trial.block = 0;
        }
        assert!(MachineDrift::of(&repeated, 4, 0.01).drifted.is_empty());
    }
}
