//! A cell of a run: its trials, which of them count, its figures with intervals over
//! blocks, its latencies of all blocks together, its failures, and what was found out
//! about it.

use std::collections::BTreeMap;

use tonnage_model::{
    Cell, FailureCount, Histogram, LatencySummary, LoadReport, TrialRecord, Usage,
    format_significant,
};
use tonnage_stats::Interval;

use crate::causes::Finding;
use crate::comparison::Rank;
use crate::figure::{distribution, percentile_of};
use crate::noise::survivors_bias;
use crate::quantile::percentile_ms;
use crate::validity::{Excluded, Validity};
use crate::{figure, interval};

/// A cell and everything known of it.
#[derive(Debug, Clone)]
pub struct CellView<'a> {
    /// The combination of factors.
    pub cell: &'a Cell,
    /// The factors that tell it from the run's other cells, such as `workers=3`;
    /// empty where it is the only one.
    pub label: String,
    /// The trials that its figures are of, one a block, in the order of blocks. Where
    /// none counts, those that were measured all the same: see `counts`.
    pub shown: Vec<&'a TrialRecord>,
    /// Whether the trials shown count. If not, its figures are no answer.
    pub counts: bool,
    /// Its trials that do not count, with the reasons; those shown without counting
    /// are among them.
    pub excluded: Vec<Excluded<'a>>,
    /// Whether the generator limited it, with the reason: at least half of its
    /// measured trials are invalid for the generator's sake.
    pub generator_bound: Option<String>,
    /// Why it is as slow as it is, main cause first.
    pub causes: Vec<Finding>,
    /// Where it stands among the cells that are asked the same; `None` where there
    /// are no others, or it could not be ranked.
    pub rank: Option<Rank>,
    /// Seed of the resampling.
    pub(crate) seed: u64,
}

impl<'a> CellView<'a> {
    /// A cell from its judged trials, in the order in which they were made.
    pub(crate) fn of(
        cell: &'a Cell,
        label: String,
        trials: &[(&'a TrialRecord, Validity)],
        seed: u64,
    ) -> Self {
        let with = |wanted: fn(&Validity) -> bool| {
            let mut found: Vec<&TrialRecord> = trials
                .iter()
                .filter(|(_, validity)| wanted(validity))
                .map(|(trial, _)| *trial)
                .collect();
            found.sort_by_key(|trial| (trial.block, trial.position));
            found
        };
        let counted = with(|validity| *validity == Validity::Counted);
        let bound = with(|validity| matches!(validity, Validity::GeneratorBound(_)));
        let measured = with(|v| matches!(v, Validity::GeneratorBound(_) | Validity::Invalid(_)));
        let generator_bound = (bound.len() > counted.len()
            || (!bound.is_empty() && bound.len() == counted.len()))
        .then(|| {
            let mut reasons = trials.iter().filter_map(|(_, validity)| match validity {
                Validity::GeneratorBound(why) => Some(why.clone()),
                _ => None,
            });
            reasons.next_back().unwrap_or_default()
        });
        let counts = !counted.is_empty();
        Self {
            cell,
            label,
            shown: if counts { counted } else { measured },
            counts,
            excluded: trials
                .iter()
                .filter(|(_, validity)| *validity != Validity::Counted)
                .map(|(trial, validity)| Excluded {
                    trial,
                    validity: validity.clone(),
                })
                .collect(),
            generator_bound,
            causes: Vec::new(),
            rank: None,
            seed,
        }
    }

    /// Its label, or its stack where nothing tells it from others.
    pub fn name(&self) -> &str {
        if self.label.is_empty() {
            &self.cell.stack
        } else {
            &self.label
        }
    }

    /// The load reports of the trials shown.
    pub fn loads(&self) -> impl Iterator<Item = &'a LoadReport> {
        self.shown.iter().filter_map(|trial| trial.measured())
    }

    /// What its servers used, trial by trial.
    pub fn usages(&self) -> impl Iterator<Item = &'a Usage> {
        self.shown.iter().filter_map(|trial| trial.usage.as_ref())
    }

    /// A figure in each block that has it.
    pub fn by_block(&self, name: &str) -> BTreeMap<u32, f64> {
        let values = self.shown.iter();
        values
            .filter_map(|trial| Some((trial.block, figure(trial, name)?)))
            .collect()
    }

    /// A figure with its 95 % interval over blocks; `None` where no block has it.
    /// Percentiles are those of all blocks' samples together.
    pub fn interval(&self, name: &str) -> Option<Interval> {
        if let Some(percentile) = percentile_of(name) {
            return self.percentile_ms(percentile);
        }
        let values: Vec<f64> = self.by_block(name).into_values().collect();
        interval::of_values(name, &values, self.seed)
    }

    /// A percentile (0 to 100) of the service times of all blocks in milliseconds.
    pub fn percentile_ms(&self, percentile: f64) -> Option<Interval> {
        let blocks: Vec<Histogram> = self
            .loads()
            .filter_map(|load| distribution(&load.service_time))
            .collect();
        if blocks.is_empty() {
            // Records may lack their histograms; their summaries still have some.
            let name = format!("p{percentile}_ms").replace('.', "_");
            let values: Vec<f64> = self.by_block(&name).into_values().collect();
            return interval::of_values(&name, &values, self.seed);
        }
        percentile_ms(&blocks, percentile, self.seed)
    }

    /// The service times of the successes of all blocks.
    pub fn service_times(&self) -> Histogram {
        self.merged(|load| &load.service_time)
    }

    /// The response times of the successes of all blocks: from when they were due.
    pub fn response_times(&self) -> Histogram {
        self.merged(|load| &load.response_time)
    }

    fn merged(&self, summary: fn(&LoadReport) -> &LatencySummary) -> Histogram {
        let mut all = Histogram::new();
        for histogram in self.loads().filter_map(|load| distribution(summary(load))) {
            all.merge(&histogram);
        }
        all
    }

    /// Successes of all trials shown.
    pub fn succeeded(&self) -> u64 {
        self.loads().map(|load| load.counts.succeeded).sum()
    }

    /// Failures of all trials shown.
    pub fn failed(&self) -> u64 {
        self.loads().map(|load| load.counts.failed).sum()
    }

    /// Failures ÷ (successes + failures), 0 to 1; 0 where nothing ended.
    pub fn error_share(&self) -> f64 {
        let (ok, failed) = (self.succeeded() as f64, self.failed() as f64);
        if ok + failed > 0.0 {
            failed / (ok + failed)
        } else {
            0.0
        }
    }

    /// Requests that had not ended when the window did, and all that were asked for;
    /// `None` where only time ends the window, or all of them ended.
    pub fn cut_off(&self) -> Option<(u64, u64)> {
        let requests = u64::from(self.cell.requests?);
        let ended = |load: &LoadReport| load.counts.succeeded + load.counts.failed;
        let cut = self
            .loads()
            .map(|load| requests.saturating_sub(ended(load)));
        let (cut, asked) = (cut.sum(), self.loads().count() as u64 * requests);
        (cut > 0).then_some((cut, asked))
    }

    /// The share of the requests whose times are not known, 0 to 1: that failed, or
    /// that were cut off by the end of the window, whichever is more.
    pub fn lost_share(&self) -> f64 {
        let cut = self
            .cut_off()
            .map_or(0.0, |(cut, asked)| cut as f64 / asked as f64);
        self.error_share().max(cut)
    }

    /// Whether so many requests failed, or had no time to end, that its figures are
    /// those of the survivors.
    pub fn has_survivors_bias(&self) -> bool {
        survivors_bias(self.lost_share())
    }

    /// What was lost, as a clause; `None` without survivors' bias.
    pub fn bias_text(&self) -> Option<String> {
        if !self.has_survivors_bias() {
            return None;
        }
        Some(match self.cut_off() {
            Some((cut, asked)) if cut as f64 / asked as f64 >= self.error_share() => {
                format!("{cut} of {asked} requests were cut off by the end of the window")
            }
            _ => format!(
                "{} % of the requests failed",
                format_significant(self.error_share() * 100.0, 2)
            ),
        })
    }

    /// Failures by phase and cause, most frequent first.
    pub fn failures(&self) -> Vec<FailureCount> {
        let mut all: Vec<FailureCount> = Vec::new();
        for failure in self.loads().flat_map(|load| &load.failures) {
            let same = |known: &&mut FailureCount| {
                known.phase == failure.phase && known.cause == failure.cause
            };
            match all.iter_mut().find(same) {
                Some(known) => known.count += failure.count,
                None => all.push(*failure),
            }
        }
        all.sort_by_key(|failure| {
            (
                std::cmp::Reverse(failure.count),
                failure.phase,
                failure.cause.name(),
            )
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Sketch;
    use tonnage_model::{Cause, Phase};

    fn judged(trials: &[TrialRecord]) -> Vec<(&TrialRecord, Validity)> {
        crate::validity::judge_all(trials, &[])
    }

    fn blocks(change: impl Fn(&mut Sketch, u32)) -> Vec<TrialRecord> {
        (0..4)
            .map(|block| {
                let mut sketch = Sketch::new();
                (sketch.block, sketch.position) = (block, block);
                change(&mut sketch, block);
                sketch.trial()
            })
            .collect()
    }

    #[test]
    fn figures_are_those_of_the_blocks_together() {
        let trials = blocks(|sketch, block| {
            sketch.rps = 100.0 + f64::from(block);
            sketch.failed = u64::from(block);
        });
        let view = CellView::of(&trials[0].cell, String::new(), &judged(&trials), 1);
        let rps = view.interval("rps").unwrap();
        assert_eq!(rps.blocks, 4);
        assert!(
            rps.contains(101.5) && rps.low > 95.0 && rps.high < 110.0,
            "{rps:?}"
        );
        assert_eq!((view.succeeded(), view.failed()), (1015 * 4, 6));
        assert_eq!(view.service_times().count(), view.succeeded());
        assert!(
            view.interval("p50_ms")
                .is_some_and(|p50| p50.estimate > 0.0)
        );
        let failures = view.failures();
        assert_eq!(failures.len(), 1);
        assert_eq!(
            (failures[0].phase, failures[0].cause),
            (Phase::Wait, Cause::Closed)
        );
        assert_eq!(failures[0].count, 6);
        assert!(!view.has_survivors_bias());
        assert_eq!(view.name(), "gunicorn-sync");
    }

    #[test]
    fn a_cell_that_the_generator_limited_shows_its_figures_without_counting() {
        let trials = blocks(|sketch, _| sketch.generator_bound = true);
        let view = CellView::of(&trials[0].cell, String::new(), &judged(&trials), 1);
        assert!(!view.counts && view.generator_bound.is_some());
        assert_eq!((view.shown.len(), view.excluded.len()), (4, 4));
        // One bad trial of four is left out.
        let trials = blocks(|sketch, block| sketch.generator_bound = block == 2);
        let view = CellView::of(&trials[0].cell, String::new(), &judged(&trials), 1);
        assert!(view.counts && view.generator_bound.is_none());
        assert_eq!((view.shown.len(), view.excluded.len()), (3, 1));
    }
}
