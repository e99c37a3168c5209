//! A run's analysis: everything that its records say, found out once and then read by
//! whoever shows it or plans the next trials. What is said in words is in `headline`.

use std::collections::BTreeMap;

use tonnage_model::{Capacity, Cell, PublishedFigure, RunRecord, Study, TrialKind, TrialRecord};

use crate::causes::causes;
use crate::cells::CellView;
use crate::comparison::{Contest, Rules};
use crate::drift::{MachineDrift, reference_by_block};
use crate::factors::{Factor, demand, distinguishing_labels, labels, same_cell};
use crate::hypothesis::{Hypothesis, hypotheses};
use crate::noise::{NoiseFloor, duplicates};
use crate::published::{PublishedRow, published_rows};
use crate::saturation::{LadderView, ladders};
use crate::search::{LargestRate, MemoryCliff, largest_rates, memory_cliffs};
use crate::validity::{Validity, judge_all};

/// What is known of the stacks beside the records.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// How many requests each stack works on at once, by its name.
    pub capacities: BTreeMap<String, Capacity>,
}

/// Everything that a run's records say.
#[derive(Debug, Clone)]
pub struct Analysis<'a> {
    /// The run.
    pub run: &'a RunRecord,
    /// Its study.
    pub study: &'a Study,
    /// Every trial with whether it counts, in the order given.
    pub trials: Vec<(&'a TrialRecord, Validity)>,
    /// The figure that is compared, one of [`Study::FIGURES`].
    pub figure: String,
    /// How far equal cells differ in that figure.
    pub noise: NoiseFloor,
    /// How fast the machine was.
    pub drift: MachineDrift,
    /// The cells measured, in the order in which they first appear.
    pub cells: Vec<CellView<'a>>,
    /// Which cell is best among those that are asked the same; a cell that nothing is
    /// compared with is in none.
    pub contests: Vec<Contest>,
    /// Cells that differ only in their number of clients.
    pub ladders: Vec<LadderView>,
    /// The least memory of the cells that were searched.
    pub memory: Vec<MemoryCliff>,
    /// The largest rates of the cells that were searched.
    pub rates: Vec<LargestRate>,
    /// The study's rule for the number of workers, tested.
    pub hypotheses: Vec<Hypothesis>,
    /// Published figures beside ours.
    pub published: Vec<PublishedRow>,
}

impl<'a> Analysis<'a> {
    /// What the trials of a run say; they may come in any order and be few: a run that
    /// is still at work can be asked, too.
    pub fn of(
        run: &'a RunRecord,
        study: &'a Study,
        trials: &'a [TrialRecord],
        published: &[PublishedFigure],
    ) -> Self {
        Self::with(run, study, trials, published, &Facts::default())
    }

    /// The same, with what else is known.
    pub fn with(
        run: &'a RunRecord,
        study: &'a Study,
        trials: &'a [TrialRecord],
        published: &[PublishedFigure],
        facts: &Facts,
    ) -> Self {
        let seed = run.conditions.seed;
        let figure = study
            .show
            .figure
            .as_ref()
            .map_or("rps", |figure| figure.get_ref());
        // Whether the machine drifted is seen before any block is left out.
        let floor = tonnage_stats::drift_floor(&duplicates(&judge_all(trials, &[]), "rps"));
        let drift = MachineDrift::of(trials, study.experiment.blocks, floor);
        let judged = judge_all(trials, &drift.left_out);
        let noise = NoiseFloor::of(&judged, figure, seed);
        let mut cells = views(&judged, seed);
        for view in &mut cells {
            view.causes = causes(view, run, study, facts);
        }
        let apart = NoiseFloor::of(&judged, "rps", seed).apart();
        let ladders = ladders(&cells, run, apart);
        let reference = reference_by_block(&judged, figure);
        let rules = Rules {
            figure,
            floor: noise.ln,
            reference: &reference,
            seed,
        };
        let contests = contests(&cells, &ladders, &rules);
        for contest in contests.iter().filter(|contest| !contest.of_peaks) {
            for (cell, rank) in &contest.ranked {
                cells[*cell].rank = Some(*rank);
            }
        }
        Self {
            memory: memory_cliffs(trials, &cells),
            rates: largest_rates(trials, study, &cells),
            hypotheses: hypotheses(study, run, &cells, figure, noise.ln),
            published: published_rows(study, &cells, published),
            figure: figure.to_owned(),
            trials: judged,
            run,
            study,
            noise,
            drift,
            cells,
            contests,
            ladders,
        }
    }

    /// The noise floor of any figure.
    pub fn noise_of(&self, figure: &str) -> NoiseFloor {
        NoiseFloor::of(&self.trials, figure, self.run.conditions.seed)
    }

    /// A figure of the reference trials in each block.
    pub fn reference_of(&self, figure: &str) -> BTreeMap<u32, f64> {
        reference_by_block(&self.trials, figure)
    }
}

/// The cells of the trials that measure one, in the order in which they first appear.
fn views<'a>(judged: &[(&'a TrialRecord, Validity)], seed: u64) -> Vec<CellView<'a>> {
    type Judged<'a> = (&'a TrialRecord, Validity);
    let mut groups: Vec<(&'a Cell, Vec<Judged<'a>>)> = Vec::new();
    for (trial, validity) in judged {
        if trial.kind != TrialKind::Measure {
            continue;
        }
        let entry = (*trial, validity.clone());
        match groups
            .iter_mut()
            .find(|(known, _)| same_cell(known, &trial.cell))
        {
            Some((known, trials)) => {
                if known.lock.is_empty() {
                    *known = &trial.cell;
                }
                trials.push(entry);
            }
            None => groups.push((&trial.cell, vec![entry])),
        }
    }
    let labels = distinguishing_labels(&groups.iter().map(|(cell, _)| *cell).collect::<Vec<_>>());
    groups
        .into_iter()
        .zip(labels)
        .map(|((cell, trials), label)| CellView::of(cell, label, &trials, seed))
        .collect()
}

/// Cells that are asked the same, and the peaks of ladders that are asked the same but
/// for the number of clients.
fn contests(cells: &[CellView<'_>], ladders: &[LadderView], rules: &Rules<'_>) -> Vec<Contest> {
    let all: Vec<usize> = (0..cells.len()).collect();
    let mut contests = contests_of(cells, &all, false, rules);
    let peaks: Vec<usize> = ladders
        .iter()
        .filter_map(|ladder| Some(ladder.peak_step()?.cell))
        .collect();
    contests.extend(contests_of(cells, &peaks, true, rules));
    contests
}

fn contests_of(
    cells: &[CellView<'_>],
    members: &[usize],
    of_peaks: bool,
    rules: &Rules<'_>,
) -> Vec<Contest> {
    let mut groups: Vec<(Vec<Factor>, Vec<usize>)> = Vec::new();
    for &member in members {
        let key = demand(cells[member].cell, of_peaks);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(member),
            None => groups.push((key, vec![member])),
        }
    }
    let labels = labels(
        &groups
            .iter()
            .map(|(key, _)| key.clone())
            .collect::<Vec<_>>(),
    );
    groups
        .into_iter()
        .zip(labels)
        .filter(|((_, group), _)| group.len() > 1)
        .map(|((_, group), label)| Contest::of(label, &group, of_peaks, cells, rules))
        .collect()
}

#[cfg(test)]
mod tests;
