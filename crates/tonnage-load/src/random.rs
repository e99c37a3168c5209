//! Everything drawn at random while load is sent: think times, the distances of
//! Poisson arrivals, and what differs from request to request. Each stream is
//! seeded, so that a run can be repeated.

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Exp1, LogNormal, Normal};
use rand_pcg::Pcg64Mcg;
use tonnage_model::ThinkTime;

/// What a stream is for: streams of one seed must not resemble each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The schedule that all threads share.
    Arrivals,
    /// The think times of one thread's users.
    Think {
        /// The thread's number.
        thread: u32,
    },
    /// What one thread's requests contain.
    Requests {
        /// The thread's number.
        thread: u32,
    },
}

/// An inclusive range of integers, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IntegerRange {
    low: i64,
    high: i64,
}

impl IntegerRange {
    /// `low..=high`, unless it is empty.
    pub(crate) fn new(low: i64, high: i64) -> Option<Self> {
        (low <= high).then_some(Self { low, high })
    }
}

/// A random stream: PCG (O'Neill 2014), the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Stream(Pcg64Mcg);

impl Stream {
    pub(crate) fn new(seed: u64, purpose: Purpose) -> Self {
        let number = match purpose {
            Purpose::Arrivals => 0,
            Purpose::Think { thread } => 1 + 2 * u64::from(thread),
            Purpose::Requests { thread } => 2 + 2 * u64::from(thread),
        };
        // Both steps are bijections: no two streams of a run are the same.
        Self(Pcg64Mcg::seed_from_u64(mix(mix(seed) ^ number)))
    }

    /// A number below `bound`, which is at least 1.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.random_range(0..bound)
    }

    /// An integer of `range`.
    pub(crate) fn within(&mut self, range: IntegerRange) -> i64 {
        self.0.random_range(range.low..=range.high)
    }

    /// Exponential with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        Exp1.sample(&mut self.0)
    }
}

/// The finaliser of `SplitMix64`: one bit changed in changes half of those out.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A law of think times, ready to be drawn from.
#[derive(Debug, Clone)]
pub(crate) struct Think {
    law: Law,
    stream: Stream,
}

/// All in nanoseconds.
#[derive(Debug, Clone, Copy)]
enum Law {
    Constant(f64),
    Uniform(f64, f64),
    Exponential(f64),
    Normal(Normal<f64>),
    LogNormal(LogNormal<f64>),
}

impl Think {
    /// `None` where users do not think.
    pub(crate) fn new(think: ThinkTime, stream: Stream) -> Option<Self> {
        let ns = |duration: std::time::Duration| duration.as_nanos() as f64;
        let law = match think {
            ThinkTime::None => return None,
            ThinkTime::Constant(pause) => Law::Constant(ns(pause)),
            ThinkTime::Uniform(low, high) => Law::Uniform(ns(low), ns(high)),
            ThinkTime::Exponential(mean) => Law::Exponential(ns(mean)),
            ThinkTime::Normal(mean, stdev) => Law::Normal(Normal::new(ns(mean), ns(stdev)).ok()?),
            ThinkTime::LogNormal(mean, stdev) => {
                // Moments of the pause itself, turned into those of its logarithm.
                let variance = (1.0 + (ns(stdev) / ns(mean)).powi(2)).ln();
                let location = ns(mean).ln() - variance / 2.0;
                Law::LogNormal(LogNormal::new(location, variance.sqrt()).ok()?)
            }
        };
        Some(Self { law, stream })
    }

    /// The next pause in nanoseconds.
    pub(crate) fn draw_ns(&mut self) -> u64 {
        let random = &mut self.stream.0;
        let ns = match self.law {
            Law::Constant(pause) => pause,
            Law::Uniform(low, high) => low + (high - low) * random.random::<f64>(),
            Law::Exponential(mean) => mean * self.stream.exponential(),
            Law::Normal(law) => law.sample(random),
            Law::LogNormal(law) => law.sample(random),
        };
        // A cast saturates: below zero is zero.
        ns as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(think: &str) -> (f64, f64) {
        const DRAWS: usize = 200_000;
        let stream = Stream::new(7, Purpose::Think { thread: 3 });
        let mut think = Think::new(think.parse().unwrap(), stream).unwrap();
        let draws: Vec<f64> = (0..DRAWS).map(|_| think.draw_ns() as f64 / 1e9).collect();
        let mean = draws.iter().sum::<f64>() / DRAWS as f64;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / DRAWS as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn each_law_has_its_mean_and_deviation() {
        for (think, mean, stdev) in [
            ("const:2s", 2.0, 0.0),
            ("exp:1s", 1.0, 1.0),
            ("uniform:1s..2s", 1.5, 1.0 / 12f64.sqrt()),
            ("normal:1s,100ms", 1.0, 0.1),
            ("lognormal:1s,500ms", 1.0, 0.5),
        ] {
            let (got_mean, got_stdev) = moments(think);
            assert!((got_mean - mean).abs() < 0.01, "{think}: mean {got_mean}");
            assert!(
                (got_stdev - stdev).abs() < 0.02,
                "{think}: stdev {got_stdev}"
            );
        }
    }

    #[test]
    fn a_pause_is_never_negative() {
        let stream = Stream::new(1, Purpose::Think { thread: 0 });
        let law = "normal:10ms,1s".parse().unwrap();
        let mut think = Think::new(law, stream).unwrap();
        let zeros = (0..1000).filter(|_| think.draw_ns() == 0).count();
        assert!((400..600).contains(&zeros), "{zeros}");
    }

    #[test]
    fn a_seed_repeats_itself_and_threads_differ() {
        let draw = |seed, thread| {
            let mut stream = Stream::new(seed, Purpose::Think { thread });
            [stream.exponential(), stream.exponential()].map(f64::to_bits)
        };
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
    }

    #[test]
    fn the_stream_is_the_same_in_every_version() {
        // Published results name their seed; a change here breaks their promise.
        let mut stream = Stream::new(42, Purpose::Requests { thread: 0 });
        let range = IntegerRange::new(1, 1000).unwrap();
        let drawn: Vec<_> = (0..4).map(|_| stream.within(range)).collect();
        assert_eq!(drawn, [129, 593, 400, 529]);
    }

    #[test]
    fn both_ends_of_a_range_are_drawn_and_nothing_beyond() {
        let mut stream = Stream::new(1, Purpose::Requests { thread: 0 });
        let range = IntegerRange::new(-1, 1).unwrap();
        let mut counts = [0_u32; 3];
        for _ in 0..3000 {
            counts[usize::try_from(stream.within(range) + 1).unwrap()] += 1;
        }
        assert!(counts.iter().all(|&n| n > 800), "{counts:?}");
        assert!(IntegerRange::new(2, 1).is_none());
        assert!(stream.below(1) == 0);
    }
}
