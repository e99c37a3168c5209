//! How long something took, as counts of durations within fixed bounds: in shared memory,
//! where a worker adds to it, and as a copy, which can be added up over workers.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// How many bounds there are; durations beyond the last one have a count of their own.
pub(super) const BOUNDS: usize = 43;

/// The upper bounds in ns, from 10 µs to 100 s, six to a power of ten.
pub const BOUNDS_NS: [u64; BOUNDS] = bounds_ns();

const fn bounds_ns() -> [u64; BOUNDS] {
    const STEPS: [u64; 6] = [10, 15, 20, 30, 50, 70];
    let mut bounds = [0; BOUNDS];
    let mut scale = 1000;
    let mut at = 0;
    while at < BOUNDS {
        bounds[at] = STEPS[at % STEPS.len()] * scale;
        if at % STEPS.len() == STEPS.len() - 1 {
            scale *= 10;
        }
        at += 1;
    }
    bounds
}

/// A histogram that is written to while others read it.
#[derive(Debug)]
#[repr(C)]
pub struct Timer {
    sum_ns: AtomicU64,
    counts: [AtomicU64; BOUNDS + 1],
}

impl Timer {
    /// Counts something that took so long.
    pub fn add(&self, took_ns: u64) {
        let at = BOUNDS_NS.partition_point(|bound| *bound < took_ns);
        self.counts[at].fetch_add(1, Relaxed);
        if took_ns > 0 {
            self.sum_ns.fetch_add(took_ns, Relaxed);
        }
    }

    /// A copy. What is added meanwhile may be in the counts and not yet in the sum.
    pub fn snapshot(&self) -> Histogram {
        let mut copy = Histogram {
            sum_ns: self.sum_ns.load(Relaxed),
            ..Histogram::default()
        };
        for (copied, count) in copy.counts.iter_mut().zip(&self.counts) {
            *copied = count.load(Relaxed);
        }
        copy
    }
}

/// A copy of a [`Timer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// All durations together, in ns.
    pub sum_ns: u64,
    /// How many lie within each of [`BOUNDS_NS`] and above the bound before; the last count
    /// is of those beyond all bounds.
    pub counts: [u64; BOUNDS + 1],
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            sum_ns: 0,
            counts: [0; BOUNDS + 1],
        }
    }
}

impl Histogram {
    /// How many durations there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The mean in ns, where there is any duration.
    pub fn mean_ns(&self) -> Option<u64> {
        self.sum_ns.checked_div(self.count())
    }

    /// How many are not longer than the bound with this number.
    pub fn up_to(&self, bound: usize) -> u64 {
        self.counts.iter().take(bound + 1).sum()
    }

    /// The bound in ns that this share of the durations, from 0 to 1, does not exceed: the
    /// quantile is at most that, and more than the bound before. `None` where there is no
    /// duration, or where it lies beyond all bounds.
    pub fn quantile_ns(&self, share: f64) -> Option<u64> {
        let rank = (share * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (count, bound) in self.counts.iter().zip(BOUNDS_NS) {
            seen += count;
            if *count > 0 && seen >= rank {
                return Some(bound);
            }
        }
        None
    }

    /// Adds those of another one.
    pub fn add(&mut self, other: &Self) {
        self.sum_ns = self.sum_ns.wrapping_add(other.sum_ns);
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    /// What has come since an older copy of the same timer.
    #[must_use]
    pub fn since(&self, older: &Self) -> Self {
        let mut new = self.clone();
        new.sum_ns = new.sum_ns.saturating_sub(older.sum_ns);
        for (count, less) in new.counts.iter_mut().zip(older.counts) {
            *count = count.saturating_sub(less);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::board::{Board, SlotId};

    fn histogram(durations_ns: &[u64]) -> Histogram {
        let board = Board::new(1).unwrap();
        let timer = &board.meters(SlotId::new(0)).service;
        for took_ns in durations_ns {
            timer.add(*took_ns);
        }
        timer.snapshot()
    }

    #[test]
    fn bounds_are_round_and_rise() {
        assert_eq!(
            BOUNDS_NS[..7],
            [10_000, 15_000, 20_000, 30_000, 50_000, 70_000, 100_000]
        );
        assert_eq!(BOUNDS_NS[BOUNDS - 1], 100_000_000_000);
        assert!(BOUNDS_NS.is_sorted());
    }

    #[test]
    fn a_duration_belongs_to_the_first_bound_that_it_does_not_exceed() {
        let histogram = histogram(&[0, 10_000, 10_001, u64::MAX / 2]);
        assert_eq!(histogram.counts[0], 2);
        assert_eq!(histogram.counts[1], 1);
        assert_eq!(histogram.counts[BOUNDS], 1);
        assert_eq!((histogram.up_to(0), histogram.up_to(BOUNDS - 1)), (2, 3));
        assert_eq!(histogram.quantile_ns(0.5), Some(10_000));
        assert_eq!(histogram.quantile_ns(1.0), None);
        assert_eq!(Histogram::default().mean_ns(), None);
        assert_eq!(Histogram::default().quantile_ns(0.5), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_quantiles_bound_their_share(
            durations_ns in prop::collection::vec(0_u64..90_000_000_000, 1..60),
            share in 0.0_f64..1.0,
        ) {
            let histogram = histogram(&durations_ns);
            prop_assert_eq!(histogram.count(), durations_ns.len() as u64);
            prop_assert_eq!(histogram.sum_ns, durations_ns.iter().sum::<u64>());
            let bound_ns = histogram.quantile_ns(share).unwrap();
            let within = durations_ns.iter().filter(|took_ns| **took_ns <= bound_ns).count();
            prop_assert!(within as f64 >= share * durations_ns.len() as f64);
            let twice = { let mut twice = histogram.clone(); twice.add(&histogram); twice };
            prop_assert_eq!(twice.since(&histogram), histogram);
        }
    }
}
