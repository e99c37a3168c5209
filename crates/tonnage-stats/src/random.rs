//! Seeded draws for resampling and shuffling. Which stream serves which purpose
//! is for the callers to say.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};

/// A random stream: PCG (M. E. O'Neill, HMC-CS-2014-0905, 2014), the same on every
/// machine. Everything on top of its bits is our own, so that a new version of a
/// library cannot move published orders and intervals.
#[derive(Debug, Clone)]
pub(crate) struct Stream(Pcg64Mcg);

impl Stream {
    /// The stream `number` of a seed. Both steps are bijections: two numbers of one
    /// seed never share a stream.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(mix(mix(seed) ^ number)))
    }

    /// A number below `bound`, which is at least 1: without bias (D. Lemire, ACM
    /// Transactions on Modeling and Computer Simulation 29(1), 2019).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        // What is left over when 2^64 is divided by the bound must be drawn again.
        let rest = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(bound);
            if product as u64 >= rest {
                return (product >> 64) as usize;
            }
        }
    }

    /// One of the values, which are not empty.
    pub(crate) fn pick(&mut self, values: &[f64]) -> f64 {
        // For resampling, 32 bits are enough: the bias is below 2^-24 for up to 256
        // values, and millions of draws are cheap.
        let index = (u64::from(self.0.next_u32()) * values.len() as u64) >> 32;
        values[index as usize]
    }

    /// Uniform on (0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.below(1 << 53) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal (G. E. P. Box and M. E. Muller, Annals of Mathematical Statistics
    /// 29(2), 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// √(ν ÷ χ²(ν)), by which a normal deviate becomes one of Student's t with ν =
    /// `freedom` ≥ 1 degrees of freedom.
    pub(crate) fn student_scale(&mut self, freedom: usize) -> f64 {
        let squares: f64 = (0..freedom).map(|_| self.normal().powi(2)).sum();
        (freedom as f64 / squares).sqrt()
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
pub(crate) mod simulate {
    //! Laws to draw simulated measurements from.

    use super::Stream;

    impl Stream {
        /// Student's t with 3 degrees of freedom: finite variance, heavy tails.
        pub(crate) fn heavy(&mut self) -> f64 {
            self.normal() * self.student_scale(3)
        }

        /// A measurement of `level` with the given coefficient of variation.
        pub(crate) fn trial(&mut self, level: f64, cv: f64) -> f64 {
            level * (cv * self.normal()).exp()
        }

        /// Cells of the given levels on a machine whose speed differs between blocks.
        pub(crate) fn field(
            &mut self,
            levels: &[f64],
            blocks: usize,
            cv: f64,
        ) -> Vec<Vec<Option<f64>>> {
            let machine: Vec<f64> = (0..blocks).map(|_| self.trial(1.0, 0.2)).collect();
            let row = |level: &f64| {
                let trials = machine.iter().map(|m| Some(self.trial(level * m, cv)));
                trials.collect()
            };
            levels.iter().map(row).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_themselves_and_differ_by_seed_and_number() {
        let draw = |seed, number| {
            let mut stream = Stream::new(seed, number);
            [0; 4].map(|_| stream.below(1_000_000))
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
        assert_ne!(draw(1, 2), draw(2, 1));
    }

    #[test]
    fn every_number_below_the_bound_is_as_likely() {
        let mut stream = Stream::new(1, 0);
        let mut counts = [[0_u32; 6]; 2];
        for _ in 0..60_000 {
            counts[0][stream.below(6)] += 1;
            let picked = stream.pick(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
            counts[1][picked as usize] += 1;
        }
        // 10,000 each, with a standard deviation of 91.
        let fair = |n: &u32| (9_600..10_400).contains(n);
        assert!(counts.iter().flatten().all(fair), "{counts:?}");
        assert_eq!(stream.below(1), 0);
    }

    #[test]
    fn bounds_that_do_not_divide_the_bits_are_no_exception() {
        // Without drawing again, every third number would come up twice as often.
        let mut stream = Stream::new(2, 0);
        let thirds = (0..3000)
            .filter(|_| stream.below(3 << 62).is_multiple_of(3))
            .count();
        assert!((900..1100).contains(&thirds), "{thirds}");
    }
}
