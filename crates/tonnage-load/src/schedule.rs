//! When the requests of an open loop are due: one global schedule that does not
//! look at connections. Every thread walks the whole of it and takes each T-th
//! arrival, so that nothing is shared and the same seed gives the same arrivals
//! whatever the number of threads.

use std::sync::Arc;

use crate::profile::{Profile, ProfileWalk};
use crate::random::{Purpose, Stream};

/// The law of the distances between arrivals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ArrivalLaw {
    /// Evenly spaced.
    #[default]
    Constant,
    /// A Poisson process: exponential distances, as from many independent people.
    Poisson,
}

impl ArrivalLaw {
    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Poisson => "poisson",
        }
    }
}

impl std::str::FromStr for ArrivalLaw {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Constant, Self::Poisson]
            .into_iter()
            .find(|law| law.name() == text)
            .ok_or_else(|| format!("`{text}` is no law of arrivals (expected constant or poisson)"))
    }
}

/// One thread's part of the schedule.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    walk: ProfileWalk,
    /// Draws the distances; `None` where they are all the same.
    stream: Option<Stream>,
    /// Every how many arrivals is this thread's.
    threads: u32,
    next_due_ns: u64,
}

impl Schedule {
    /// The arrivals of `profile` (per second) that fall to `thread` of `threads`.
    pub(crate) fn new(
        profile: Arc<Profile>,
        law: ArrivalLaw,
        seed: u64,
        thread: u32,
        threads: u32,
    ) -> Self {
        let mut schedule = Self {
            walk: ProfileWalk::new(profile),
            stream: (law == ArrivalLaw::Poisson).then(|| Stream::new(seed, Purpose::Arrivals)),
            threads,
            next_due_ns: 0,
        };
        // The first arrival of a constant rate is due at once; those of a Poisson
        // process begin with a distance, like all others.
        if schedule.stream.is_some() {
            schedule.skip(thread + 1);
        } else {
            schedule.next_due_ns = schedule.walk.advance(f64::from(thread));
        }
        schedule
    }

    /// When the next arrival of this thread is due, in nanoseconds since the load
    /// began; `u64::MAX` where none follows.
    pub(crate) fn next_due_ns(&self) -> u64 {
        self.next_due_ns
    }

    /// Goes on to the arrival after the next one.
    pub(crate) fn pop(&mut self) {
        self.skip(self.threads);
    }

    fn skip(&mut self, arrivals: u32) {
        let distance = match &mut self.stream {
            None => f64::from(arrivals),
            Some(stream) => (0..arrivals).map(|_| stream.exponential()).sum(),
        };
        self.next_due_ns = self.walk.advance(distance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn times(law: ArrivalLaw, thread: u32, threads: u32, count: usize) -> Vec<u64> {
        let profile = Arc::new(Profile::constant(1000.0, Duration::ZERO));
        let mut schedule = Schedule::new(profile, law, 42, thread, threads);
        (0..count)
            .map(|_| {
                let due = schedule.next_due_ns();
                schedule.pop();
                due
            })
            .collect()
    }

    #[test]
    fn threads_share_one_schedule() {
        for law in [ArrivalLaw::Constant, ArrivalLaw::Poisson] {
            let whole = times(law, 0, 1, 300);
            let mut parts: Vec<u64> = (0..3).flat_map(|t| times(law, t, 3, 100)).collect();
            parts.sort_unstable();
            let apart = whole.iter().zip(&parts).map(|(a, b)| a.abs_diff(*b)).max();
            // Sums in another order may round differently.
            assert!(apart.unwrap() <= 1, "{law:?}: {apart:?} ns apart");
        }
    }

    #[test]
    fn a_constant_rate_begins_at_once() {
        assert_eq!(
            times(ArrivalLaw::Constant, 0, 1, 3),
            [0, 1_000_000, 2_000_000]
        );
    }

    /// Kolmogorov and Smirnov: the largest distance between the distribution of
    /// the distances and the exponential one; with n samples it exceeds
    /// 1.95 ÷ √n by chance once in a thousand times (Massey, JASA 46, 1951), and
    /// with a fixed seed always or never.
    #[test]
    fn poisson_distances_are_exponential() {
        const COUNT: usize = 20_000;
        let times = times(ArrivalLaw::Poisson, 0, 1, COUNT);
        let mut distances: Vec<f64> = times
            .windows(2)
            .map(|w| (w[1] - w[0]) as f64 / 1e6)
            .collect();
        distances.sort_by(f64::total_cmp);
        let n = distances.len() as f64;
        let largest = distances
            .iter()
            .enumerate()
            .map(|(i, &distance)| {
                let expected = 1.0 - (-distance).exp();
                (expected - i as f64 / n)
                    .abs()
                    .max((expected - (i + 1) as f64 / n).abs())
            })
            .fold(0.0, f64::max);
        assert!(largest < 1.95 / n.sqrt(), "{largest}");
    }
}
