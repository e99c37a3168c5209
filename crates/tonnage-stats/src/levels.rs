//! The typical level of each cell when not every cell was measured in every block.
//! Whether levels differ is for others to say.

use crate::interval::log;

/// Rounds of the alternation; with most blocks shared, a handful is enough.
const ROUNDS: usize = 200;

/// The logarithm of each cell's level, freed from the effects of the blocks; `None`
/// for a cell without any positive, finite value. `cells[cell][block]` is `None`
/// where the cell was not measured, or failed.
///
/// ln x = cell + block, fitted by least squares through alternating means (two-way
/// layout without interaction; H. Scheffé, "The Analysis of Variance", 1959, chapter
/// 4): a cell that was only measured while the machine was slow is not held to be
/// slow itself.
pub(crate) fn log_levels(cells: &[Vec<Option<f64>>]) -> Vec<Option<f64>> {
    let logs: Vec<Vec<Option<f64>>> = cells
        .iter()
        .map(|cell| cell.iter().map(|value| value.and_then(log)).collect())
        .collect();
    let blocks = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut effects = vec![0.0; blocks];
    let mut levels = Vec::new();
    for _ in 0..ROUNDS {
        levels = logs
            .iter()
            .map(|cell| {
                mean_of(
                    cell.iter()
                        .zip(&effects)
                        .filter_map(|(v, e)| Some((*v)? - e)),
                )
            })
            .collect::<Vec<Option<f64>>>();
        let mut moved: f64 = 0.0;
        for (block, effect) in effects.iter_mut().enumerate() {
            let residuals = logs.iter().zip(&levels).filter_map(|(cell, level)| {
                let value = cell.get(block).copied().flatten()?;
                Some(value - (*level)?)
            });
            let new = mean_of(residuals).unwrap_or(0.0);
            moved = moved.max((new - *effect).abs());
            *effect = new;
        }
        if moved < 1e-13 {
            break;
        }
    }
    levels
}

/// The cell with the highest level.
pub(crate) fn highest(cells: &[Vec<Option<f64>>]) -> Option<usize> {
    let levels = log_levels(cells);
    (0..cells.len())
        .filter(|cell| levels[*cell].is_some())
        .max_by(|a, b| {
            let level = |cell: usize| levels[cell].unwrap_or(f64::NEG_INFINITY);
            // The first of equals.
            level(*a).total_cmp(&level(*b)).then(b.cmp(a))
        })
}

/// The values of two cells in the blocks in which both have one that is positive and
/// finite.
pub(crate) fn common_blocks(a: &[Option<f64>], b: &[Option<f64>]) -> Vec<(f64, f64)> {
    let usable = |value: &Option<f64>| value.filter(|value| log(*value).is_some());
    a.iter()
        .zip(b)
        .filter_map(|(a, b)| Some((usable(a)?, usable(b)?)))
        .collect()
}

fn mean_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, n), value| (sum + value, n + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cell_measured_only_while_the_machine_was_slow_is_not_slow() {
        let (x, gap) = (Some, None);
        let cells = [
            vec![x(100.0), x(100.0), x(50.0), x(50.0)],
            vec![gap, gap, x(60.0), x(60.0)],
            vec![x(90.0), x(90.0), gap, gap],
            vec![gap, x(0.0), x(f64::NAN)],
        ];
        assert_eq!(highest(&cells), Some(1));
        let levels = log_levels(&cells);
        let ratio = (levels[1].unwrap() - levels[2].unwrap()).exp();
        assert!((ratio - 120.0 / 90.0).abs() < 1e-9, "{ratio}");
        assert_eq!(levels[3], None);
        assert_eq!(common_blocks(&cells[1], &cells[2]), []);
        assert_eq!(highest(&[]), None);
    }

    proptest! {
        #[test]
        fn planted_levels_and_effects_come_back(
            levels in prop::collection::vec(-3.0f64..3.0, 2..6),
            effects in prop::collection::vec(-1.0f64..1.0, 1..6),
        ) {
            let cells: Vec<Vec<Option<f64>>> = levels
                .iter()
                .map(|level| effects.iter().map(|e| Some((level + e).exp())).collect())
                .collect();
            let found = log_levels(&cells);
            for (i, level) in levels.iter().enumerate() {
                let difference = found[i].unwrap() - found[0].unwrap();
                prop_assert!((difference - (level - levels[0])).abs() < 1e-9);
            }
        }
    }
}
