//! Seeded random numbers: the same seed gives the same requests on every machine.
//!
//! A stream is PCG XSL 128/64 (MCG), as published by O'Neill, seeded from the
//! run's seed and the thread's number. Integers of a range are drawn by Lemire's
//! method, which favours none of them.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// The random stream of one thread.
#[derive(Debug, Clone)]
pub(crate) struct RandomStream(Pcg64Mcg);

/// An inclusive range of integers, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IntegerRange {
    low: i64,
    high: i64,
}

impl RandomStream {
    /// The stream of `thread` in a run with `seed`.
    pub(crate) fn new(seed: u64, thread: u32) -> Self {
        // Both steps of this mix are bijections: no two threads of a run share a stream.
        let mixed = mix(mix(seed) ^ u64::from(thread));
        Self(Pcg64Mcg::seed_from_u64(mixed))
    }

    /// A number below `bound`, which is at least 1 and at most 2^64.
    fn below_wide(&mut self, bound: u128) -> u64 {
        // Lemire, "Fast Random Integer Generation in an Interval" (2019): the high
        // half of a product, drawn again in the rare case that would favour some.
        let threshold = ((1_u128 << 64) - bound) % bound;
        loop {
            let product = u128::from(self.0.next_u64()) * bound;
            if product & u128::from(u64::MAX) >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number below `bound`, which is at least 1.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.below_wide(u128::from(bound))
    }

    /// An integer of `range`.
    pub(crate) fn within(&mut self, range: IntegerRange) -> i64 {
        let width = range.high.abs_diff(range.low);
        let offset = self.below_wide(u128::from(width) + 1);
        // Wrapping is right modulo 2^64, and the sum lies in the range.
        range.low.wrapping_add(offset as i64)
    }
}

impl IntegerRange {
    /// `low..=high`, unless it is empty.
    pub(crate) fn new(low: i64, high: i64) -> Option<Self> {
        (low <= high).then_some(Self { low, high })
    }
}

/// The finaliser of `SplitMix64`: one bit changed in changes half of those out.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: i64, high: i64) -> IntegerRange {
        IntegerRange::new(low, high).unwrap()
    }

    #[test]
    fn a_stream_depends_on_seed_and_thread_only() {
        let draw = |seed, thread| RandomStream::new(seed, thread).below(u64::MAX);
        assert_eq!(draw(7, 3), draw(7, 3));
        let mut seen: Vec<_> = (0..10)
            .flat_map(|seed| (0..10).map(move |thread| draw(seed, thread)))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100);
    }

    #[test]
    fn the_stream_is_the_same_in_every_version() {
        // Published results name their seed; a change here breaks their promise.
        let mut stream = RandomStream::new(42, 0);
        let drawn: Vec<_> = (0..4).map(|_| stream.within(range(1, 1000))).collect();
        assert_eq!(drawn, [947, 724, 849, 74]);
    }

    #[test]
    fn both_ends_are_drawn_and_nothing_beyond() {
        let mut stream = RandomStream::new(1, 0);
        let mut counts = [0_u32; 3];
        for _ in 0..3000 {
            let drawn = stream.within(range(-1, 1));
            counts[usize::try_from(drawn + 1).unwrap()] += 1;
        }
        assert!(counts.iter().all(|&n| n > 800), "{counts:?}");
        assert_eq!(stream.within(range(5, 5)), 5);
        let widest = range(i64::MIN, i64::MAX);
        assert_ne!(stream.within(widest), stream.within(widest));
        assert!(IntegerRange::new(2, 1).is_none());
    }
}
