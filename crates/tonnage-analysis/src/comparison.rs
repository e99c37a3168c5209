//! Which cell is better, as far as can be said: each cell beside the best and beside
//! the reference, and the set that cannot be told from the best. A cell that drops
//! requests never stands above one that serves them.

use std::collections::{BTreeMap, BTreeSet};

use tonnage_stats::{Comparison, FEWEST_BLOCKS, not_distinguishable_from_best};

use crate::cells::CellView;
use crate::larger_is_better;
use crate::noise::{Versus, pairs};

/// What a cell's place says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The best.
    Best,
    /// Not distinguishable from the best.
    AlikeBest,
    /// Shown to be worse than the best.
    Worse,
    /// Fewer than [`FEWEST_BLOCKS`] blocks in common with the best: nothing is known.
    TooFew,
    /// So many of its requests failed that its figures are those of the survivors; it
    /// stands below all others, by goodput.
    SurvivorsBias,
}

/// A cell's place among those that are asked the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rank {
    /// From 1, the best; by estimates, so that neighbours may be alike.
    pub place: usize,
    /// What that says.
    pub standing: Standing,
    /// Its figure against the best one's; `None` of the best itself.
    pub to_best: Option<Versus>,
    /// Its figure against the reference of its blocks; `None` without a reference.
    pub to_reference: Option<Versus>,
}

/// Why a cell has no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unranked {
    /// The generator limited it: it may be better than it looks.
    GeneratorBound(String),
    /// None of its trials counts, or none has the figure.
    Nothing(String),
    /// So many others could not be ranked that there is no ranking.
    NoContest,
}

/// Cells that are asked the same, and which of them answers best.
#[derive(Debug, Clone, PartialEq)]
pub struct Contest {
    /// What tells it from the run's other contests, such as `workload=cpu`; empty
    /// where there is only one.
    pub label: String,
    /// The figure that decides.
    pub figure: String,
    /// Whether each cell is the peak of a ladder of clients, so that the numbers of
    /// clients differ.
    pub of_peaks: bool,
    /// Indices into [`Analysis::cells`](crate::Analysis::cells), best first.
    pub ranked: Vec<(usize, Rank)>,
    /// Cells without a place.
    pub unranked: Vec<(usize, Unranked)>,
    /// Why nothing is ranked at all; `None` where there is a ranking.
    pub no_ranking: Option<String>,
}

/// What a contest is decided with.
pub(crate) struct Rules<'a> {
    pub(crate) figure: &'a str,
    pub(crate) floor: f64,
    pub(crate) reference: &'a BTreeMap<u32, f64>,
    pub(crate) seed: u64,
}

impl Contest {
    /// The contest of some cells.
    pub(crate) fn of(
        label: String,
        members: &[usize],
        of_peaks: bool,
        cells: &[CellView<'_>],
        rules: &Rules<'_>,
    ) -> Self {
        let mut unranked = Vec::new();
        let mut clean = Vec::new();
        let mut biased = Vec::new();
        for &member in members {
            let view = &cells[member];
            if let Some(why) = &view.generator_bound {
                unranked.push((member, Unranked::GeneratorBound(why.clone())));
            } else if !view.counts || view.by_block(rules.figure).is_empty() {
                let why = view
                    .excluded
                    .last()
                    .and_then(|trial| trial.validity.reason());
                let why = why.unwrap_or_else(|| format!("it has no {}", rules.figure));
                unranked.push((member, Unranked::Nothing(why)));
            } else if view.has_survivors_bias() {
                biased.push(member);
            } else {
                clean.push(member);
            }
        }
        let mut ranked = rank(cells, &clean, &biased, rules);
        let no_ranking = no_ranking(cells, &ranked, &unranked, members.len(), rules.figure);
        if no_ranking.is_some() {
            unranked.extend(
                ranked
                    .drain(..)
                    .map(|(cell, _)| (cell, Unranked::NoContest)),
            );
        }
        Self {
            label,
            figure: rules.figure.to_owned(),
            of_peaks,
            ranked,
            unranked,
            no_ranking,
        }
    }

    /// The best cell.
    pub fn best(&self) -> Option<usize> {
        self.ranked.first().map(|(cell, _)| *cell)
    }

    /// The cells of one standing, best first.
    pub fn standing(&self, standing: Standing) -> Vec<usize> {
        let of = self
            .ranked
            .iter()
            .filter(|(_, rank)| rank.standing == standing);
        of.map(|(cell, _)| *cell).collect()
    }

    /// All its cells.
    pub fn members(&self) -> Vec<usize> {
        let ranked = self.ranked.iter().map(|(cell, _)| *cell);
        ranked
            .chain(self.unranked.iter().map(|(cell, _)| *cell))
            .collect()
    }
}

/// Why there is no ranking, where there is none: the generator limited half of the
/// cells, or all but one, or one that looks better than the best all the same.
fn no_ranking(
    cells: &[CellView<'_>],
    ranked: &[(usize, Rank)],
    unranked: &[(usize, Unranked)],
    members: usize,
    name: &str,
) -> Option<String> {
    let bound: Vec<usize> = unranked
        .iter()
        .filter(|(_, why)| matches!(why, Unranked::GeneratorBound(_)))
        .map(|(cell, _)| *cell)
        .collect();
    if bound.is_empty() {
        return None;
    }
    let level = |cell: usize| cells[cell].interval(name).map(|interval| interval.estimate);
    let best = ranked.first().and_then(|(cell, _)| level(*cell));
    let looks_better = bound.iter().any(|cell| match (level(*cell), best) {
        (Some(of), Some(best)) if larger_is_better(name) => of > best,
        (Some(of), Some(best)) => of < best,
        _ => false,
    });
    (ranked.len() < 2 || 2 * bound.len() >= members || looks_better).then(|| {
        format!(
            "generator-bound: no ranking, since in {} of {members} cells the generator was the limit",
            bound.len()
        )
    })
}

/// Figures of some cells by block, larger being better; the rows are as long as there
/// are blocks.
pub(crate) fn matrix(
    cells: &[CellView<'_>],
    members: &[usize],
    name: &str,
) -> Vec<Vec<Option<f64>>> {
    let figures: Vec<BTreeMap<u32, f64>> = members
        .iter()
        .map(|cell| cells[*cell].by_block(name))
        .collect();
    let blocks: BTreeSet<u32> = figures
        .iter()
        .flat_map(|by_block| by_block.keys().copied())
        .collect();
    let better = |value: f64| {
        if larger_is_better(name) {
            value
        } else {
            1.0 / value
        }
    };
    figures
        .iter()
        .map(|by_block| {
            let value = |block| by_block.get(block).copied().map(better);
            blocks.iter().map(value).collect()
        })
        .collect()
}

/// The clean cells by the figure that decides, then the biased ones by goodput.
fn rank(
    cells: &[CellView<'_>],
    clean: &[usize],
    biased: &[usize],
    rules: &Rules<'_>,
) -> Vec<(usize, Rank)> {
    let mut order = standings(cells, clean, rules.figure, rules.floor);
    let survivors = standings(cells, biased, "rps", rules.floor);
    order.extend(
        survivors
            .into_iter()
            .map(|(cell, _)| (cell, Standing::SurvivorsBias)),
    );
    let best = order.first().map(|(cell, _)| *cell);
    let of_best = best
        .map(|best| cells[best].by_block(rules.figure))
        .unwrap_or_default();
    (1..)
        .zip(order)
        .map(|(place, (cell, standing))| {
            let own = cells[cell].by_block(rules.figure);
            let versus = |other| Versus::of(&pairs(&own, other), rules.floor, rules.seed);
            let mut to_best = (Some(cell) != best).then(|| versus(&of_best)).flatten();
            // One verdict a cell: that of the comparison with all others in mind.
            if let (Some(to_best), Standing::AlikeBest) = (&mut to_best, standing) {
                to_best.comparison = Comparison::Alike;
            }
            let rank = Rank {
                place,
                standing,
                to_best,
                to_reference: versus(rules.reference),
            };
            (cell, rank)
        })
        .collect()
}

/// Cells with their standings, best first.
fn standings(
    cells: &[CellView<'_>],
    members: &[usize],
    name: &str,
    floor: f64,
) -> Vec<(usize, Standing)> {
    let figures = matrix(cells, members, name);
    let Some(found) = not_distinguishable_from_best(&figures, floor) else {
        return members
            .iter()
            .map(|cell| (*cell, Standing::TooFew))
            .collect();
    };
    let by_itself = members.len() == 1;
    let distance = |row: usize| {
        let shared = figures[row].iter().zip(&figures[found.best]);
        let logs: Vec<f64> = shared
            .filter_map(|(a, b)| Some(((*a)? / (*b)?).ln()))
            .filter(|log| log.is_finite())
            .collect();
        if logs.is_empty() {
            f64::NEG_INFINITY
        } else {
            tonnage_stats::mean(&logs)
        }
    };
    let mut order: Vec<usize> = (0..members.len())
        .filter(|row| *row != found.best)
        .collect();
    order.sort_by(|a, b| distance(*b).total_cmp(&distance(*a)));
    order.insert(0, found.best);
    let blocks = figures[found.best].iter().flatten().count();
    let standing = |row: usize| {
        if row == found.best {
            // With too few blocks even the best is only the first by chance.
            return if blocks < FEWEST_BLOCKS && !by_itself {
                Standing::TooFew
            } else {
                Standing::Best
            };
        }
        if found.too_few.contains(&row) {
            Standing::TooFew
        } else if found.alike.contains(&row) {
            Standing::AlikeBest
        } else {
            Standing::Worse
        }
    };
    order
        .into_iter()
        .map(|row| (members[row], standing(row)))
        .collect()
}
