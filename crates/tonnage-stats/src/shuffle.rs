//! The order in which the cells of a block run. What the cells are is for the caller.

use crate::random::Stream;

/// A random order of `count` cells for a block: the indices 0 to `count` − 1, each once
/// (R. A. Fisher and F. Yates, 1938; D. E. Knuth's algorithm P). The same for a seed and
/// block on every machine and in every version; the orders of two blocks have nothing to
/// do with each other.
pub fn order(count: usize, seed: u64, block: u32) -> Vec<usize> {
    // The numbers below 2^32 are resampling's.
    let mut stream = Stream::new(seed, (1 << 32) | u64::from(block));
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, stream.below(last + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_order_is_the_same_in_every_version() {
        // Published runs name their seed; a change here breaks their promise.
        assert_eq!(order(8, 42, 0), [2, 6, 0, 1, 7, 4, 5, 3]);
        assert_eq!(order(8, 42, 1), [5, 4, 3, 1, 7, 0, 6, 2]);
        assert_eq!(order(0, 42, 0), []);
    }

    #[test]
    fn every_place_is_as_likely() {
        let mut counts = [[0_u32; 5]; 5];
        for block in 0..10_000 {
            for (place, cell) in order(5, 7, block).into_iter().enumerate() {
                counts[place][cell] += 1;
            }
        }
        // 2,000 each, with a standard deviation of 40.
        assert!(
            counts.iter().flatten().all(|n| (1800..2200).contains(n)),
            "{counts:?}"
        );
    }

    proptest! {
        #[test]
        fn every_cell_runs_once(count in 0usize..200, seed: u64, block: u32) {
            let mut sorted = order(count, seed, block);
            prop_assert_eq!(&sorted, &order(count, seed, block));
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..count));
        }

        #[test]
        fn blocks_and_seeds_differ(seed: u64, block in 0u32..1000) {
            prop_assert_ne!(order(50, seed, block), order(50, seed, block + 1));
            prop_assert_ne!(order(50, seed, block), order(50, seed.wrapping_add(1), block));
        }
    }
}
