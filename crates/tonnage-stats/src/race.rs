//! Racing: which cells are worth more trials. Running them, and the time they may take,
//! is for the caller. Larger figures are better.

use crate::interval::{level_interval, log, ratio_interval};
use crate::levels::{common_blocks, highest};

/// The blocks that every cell runs before any is dropped.
pub const SCREENING_BLOCKS: usize = 3;

/// A cell whose ratio to the best is below this, upper bound included, is out of the race.
pub const HOPELESS: f64 = 0.9;

/// A cell known to ±3 % needs no more trials.
pub const SETTLED_HALF_WIDTH: f64 = 0.03;

/// The cells that are still in the race, ascending. `cells[cell][block]` is `None` where a
/// cell was not measured, or failed.
///
/// A cell is dropped once it shares `screening_blocks` blocks with the best (see
/// [`SCREENING_BLOCKS`]) and the upper bound of its ratio to it is below [`HOPELESS`]; one
/// that has been through as many blocks without a single figure is dropped too. Fewer than
/// two shared blocks never drop a cell. Racing after O. Maron and A. W. Moore, "Hoeffding
/// Races", NIPS 1993, with the intervals of paired blocks instead of Hoeffding's.
pub fn survivors(cells: &[Vec<Option<f64>>], screening_blocks: usize, seed: u64) -> Vec<usize> {
    let Some(best) = highest(cells) else {
        return (0..cells.len())
            .filter(|cell| cells[*cell].len() < screening_blocks)
            .collect();
    };
    let survives = |cell: &usize| {
        let figures = &cells[*cell];
        if !figures.iter().flatten().any(|value| log(*value).is_some()) {
            return figures.len() < screening_blocks;
        }
        let shared = common_blocks(figures, &cells[best]);
        shared.len() < screening_blocks.max(2)
            || ratio_interval(&shared, seed).is_none_or(|ratio| ratio.high >= HOPELESS)
    };
    (0..cells.len()).filter(survives).collect()
}

/// Whether the level of a cell is known well enough: the relative half-width of its
/// interval is below `half_width` (see [`SETTLED_HALF_WIDTH`]). Never with fewer than three
/// blocks, nor where a value is not positive and finite.
pub fn settled(values: &[f64], half_width: f64) -> bool {
    // Any seed: the bounds move by far less than the width.
    values.len() >= SCREENING_BLOCKS
        && level_interval(values, 0).is_some_and(|level| level.relative_half_width() < half_width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use proptest::prelude::*;

    fn field(levels: &[f64], blocks: usize, cv: f64, seed: u64) -> Vec<Vec<Option<f64>>> {
        Stream::new(seed, 8).field(levels, blocks, cv)
    }

    #[test]
    fn the_hopeless_leave_and_the_best_stays() {
        let (mut dropped, mut lost) = (0, 0);
        for seed in 0..200 {
            let cells = field(&[100.0, 97.0, 60.0, 95.0], 3, 0.03, seed);
            let left = survivors(&cells, SCREENING_BLOCKS, seed);
            dropped += usize::from(!left.contains(&2));
            lost += usize::from(!left.contains(&0));
        }
        assert!(
            dropped >= 180 && lost <= 2,
            "dropped {dropped}, lost {lost} of 200"
        );
    }

    #[test]
    fn what_is_uncertain_stays() {
        // 0.8 on average, but with three blocks like these it may be 1.
        let cells = [
            vec![Some(100.0), Some(100.0), Some(100.0)],
            vec![Some(75.0), Some(90.0), Some(75.0)],
            vec![Some(79.0), Some(81.0), Some(80.0)],
        ];
        assert_eq!(survivors(&cells, SCREENING_BLOCKS, 1), [0, 1]);
    }

    #[test]
    fn nobody_leaves_before_the_screening_is_over() {
        let cells = field(&[100.0, 10.0], 2, 0.01, 1);
        assert_eq!(survivors(&cells, 3, 1), [0, 1]);
        // Even without a screening, one block proves nothing.
        assert_eq!(survivors(&field(&[100.0, 10.0], 1, 0.01, 1), 0, 1), [0, 1]);
        assert_eq!(survivors(&[], 3, 1), [0; 0]);
    }

    #[test]
    fn cells_that_only_fail_are_dropped_once_tried_enough() {
        let mut cells = field(&[100.0, 99.0], 3, 0.01, 1);
        cells.push(vec![None; 3]);
        cells.push(vec![None; 2]);
        assert_eq!(survivors(&cells, 3, 1), [0, 1, 3]);
        assert_eq!(survivors(&[vec![None; 3], vec![]], 3, 1), [1]);
    }

    #[test]
    fn a_cell_settles_when_its_blocks_agree() {
        assert!(settled(&[100.0, 100.5, 99.5], SETTLED_HALF_WIDTH));
        assert!(!settled(&[100.0, 105.0, 95.0], SETTLED_HALF_WIDTH));
        assert!(!settled(&[100.0, 100.0], SETTLED_HALF_WIDTH));
        assert!(!settled(&[100.0, 100.0, 0.0], SETTLED_HALF_WIDTH));
        let many: Vec<f64> = (0..12).map(|i| 100.0 + f64::from(i % 3)).collect();
        assert!(settled(&many, SETTLED_HALF_WIDTH));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_best_always_survives(
            cells in prop::collection::vec(
                prop::collection::vec(prop::option::of(0.1f64..1e3), 0..6), 1..8),
        ) {
            let left = survivors(&cells, 3, 1);
            prop_assert!(left.is_sorted());
            if let Some(best) = highest(&cells) {
                prop_assert!(left.contains(&best));
            }
        }
    }
}
