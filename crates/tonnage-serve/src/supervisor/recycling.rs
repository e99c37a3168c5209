//! When a worker has served enough: by its requests (which it counts itself), its age or
//! its memory. How many are replaced at once is the machine's decision, not made here.

use std::fmt;
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// What the configuration says of it. Jitter is by chance, for each worker anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recycling {
    /// How old a worker may become.
    pub age: Option<Duration>,
    /// Up to so much older.
    pub age_jitter: Duration,
    /// How much resident memory it may have.
    pub rss_bytes: Option<u64>,
    /// Up to so much more.
    pub rss_jitter_bytes: u64,
}

/// Why a worker is replaced while it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It was given its number of requests.
    Requests,
    /// It was started so long ago.
    Age(Duration),
    /// It has grown beyond its limit.
    Memory {
        /// What it has.
        rss_bytes: u64,
        /// What it may have, jitter included.
        limit_bytes: u64,
    },
    /// A request takes too long.
    Overdue,
    /// It was told to stop by somebody else, or by a hook.
    Told,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests => f.write_str("it has served its number of requests"),
            Self::Age(age) => write!(f, "it is {:.1} s old", age.as_secs_f64()),
            Self::Memory {
                rss_bytes,
                limit_bytes,
            } => write!(
                f,
                "it has {} MiB of memory, more than {} MiB",
                rss_bytes / MIB,
                limit_bytes / MIB
            ),
            Self::Overdue => f.write_str("a request takes too long"),
            Self::Told => f.write_str("it was told to stop"),
        }
    }
}

impl Recycling {
    /// Whether anybody has to look.
    pub fn is_on(&self) -> bool {
        self.age.is_some() || self.rss_bytes.is_some()
    }

    /// How much memory a worker may have whose share of the jitter is this, from 0 to 1.
    pub fn rss_limit_bytes(&self, chance: f64) -> Option<u64> {
        let jitter_bytes = (self.rss_jitter_bytes as f64 * chance) as u64;
        Some(self.rss_bytes?.saturating_add(jitter_bytes))
    }

    /// Whether a worker of this age and size is to be replaced, and why. What it had at
    /// its start is no growth: where that is beyond the limit, another would be no better.
    pub fn due(&self, age: Duration, rss: Rss, chance: f64) -> Option<Cause> {
        let limit = self
            .age
            .map(|limit| limit + self.age_jitter.mul_f64(chance));
        if limit.is_some_and(|limit| age >= limit) {
            return Some(Cause::Age(age));
        }
        let limit_bytes = self.rss_limit_bytes(chance)?;
        (rss.now_bytes > limit_bytes && rss.first_bytes <= limit_bytes).then_some(Cause::Memory {
            rss_bytes: rss.now_bytes,
            limit_bytes,
        })
    }
}

/// A worker's resident memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rss {
    /// When it was looked at first.
    pub first_bytes: u64,
    /// Now.
    pub now_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recycling() -> Recycling {
        Recycling {
            age: Some(Duration::from_secs(100)),
            age_jitter: Duration::from_secs(10),
            rss_bytes: Some(100 * MIB),
            rss_jitter_bytes: 10 * MIB,
        }
    }

    fn rss(first_mib: u64, now_mib: u64) -> Rss {
        Rss {
            first_bytes: first_mib * MIB,
            now_bytes: now_mib * MIB,
        }
    }

    #[test]
    fn each_worker_has_its_own_limits() {
        let due = |seconds, rss, chance| {
            let due = recycling().due(Duration::from_secs(seconds), rss, chance);
            due.map(|cause| cause.to_string())
        };
        assert_eq!(due(99, rss(50, 100), 0.0), None);
        assert_eq!(
            due(100, rss(50, 60), 0.0).as_deref(),
            Some("it is 100.0 s old")
        );
        assert_eq!(due(104, rss(50, 60), 0.5), None);
        assert!(due(105, rss(50, 60), 0.5).is_some());
        assert_eq!(
            due(1, rss(50, 106), 0.5).as_deref(),
            Some("it has 106 MiB of memory, more than 105 MiB")
        );
        assert_eq!(due(1, rss(50, 104), 0.5), None);
    }

    #[test]
    fn a_limit_below_what_a_worker_starts_with_replaces_nobody() {
        let due = recycling().due(Duration::ZERO, rss(120, 500), 0.0);
        assert_eq!(due, None);
    }

    #[test]
    fn what_is_off_is_never_due() {
        let off = Recycling::default();
        assert!(!off.is_on());
        assert_eq!(off.due(Duration::MAX, rss(1, u64::MAX / MIB), 0.9), None);
    }
}
