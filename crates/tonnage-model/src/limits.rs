//! What a server may use at most, as people write it: CPUs by quota, CPUs by
//! number, memory. Setting limits is the business of `tonnage-limits`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The kernel's own period of a CPU quota (`cpu.cfs_period_us`, `cpu.max`).
pub const DEFAULT_CPU_PERIOD: Duration = Duration::from_millis(100);

/// More CPUs than any machine of today has.
const MAX_CPUS: u32 = 4096;

/// A limit that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {expected}")]
pub struct LimitError {
    text: String,
    expected: &'static str,
}

/// CPU time per time that passes: `0.2` is a fifth of one CPU, `2` is two of them.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuQuota(f64);

impl CpuQuota {
    /// So many CPUs; `None` unless it is at least a hundredth and finite.
    pub fn new(cpus: f64) -> Option<Self> {
        (cpus.is_finite() && (0.01..=f64::from(MAX_CPUS)).contains(&cpus)).then_some(Self(cpus))
    }

    /// CPU-seconds per second.
    pub fn cpus(self) -> f64 {
        self.0
    }

    /// CPU time in each period, in microseconds.
    pub fn quota_us(self, period: Duration) -> u64 {
        (self.0 * period.as_micros() as f64).round() as u64
    }
}

impl FromStr for CpuQuota {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let cpus = text.trim().parse().ok().and_then(Self::new);
        cpus.ok_or_else(|| LimitError {
            text: text.to_owned(),
            expected: "number of CPUs (expected one from 0.01 to 4096, such as 0.5)",
        })
    }
}

impl fmt::Display for CpuQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// CPUs by their numbers, as the kernel lists them: `0-1,3`. Never empty, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuSet(Vec<u32>);

impl CpuSet {
    /// These CPUs; `None` where there are none.
    pub fn new(mut cpus: Vec<u32>) -> Option<Self> {
        cpus.sort_unstable();
        cpus.dedup();
        let in_range = cpus.last().is_some_and(|last| *last < MAX_CPUS);
        in_range.then_some(Self(cpus))
    }

    /// Their numbers, in order.
    pub fn cpus(&self) -> &[u32] {
        &self.0
    }
}

impl FromStr for CpuSet {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || LimitError {
            text: text.to_owned(),
            expected: "list of CPUs (expected numbers and ranges, such as 0-1,3)",
        };
        let number = |part: &str| part.trim().parse::<u32>().ok().filter(|n| *n < MAX_CPUS);
        let mut cpus = Vec::new();
        for part in text.trim().split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = number(first).zip(number(last)).ok_or_else(fail)?;
            if first > last {
                return Err(fail());
            }
            cpus.extend(first..=last);
        }
        Self::new(cpus).ok_or_else(fail)
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut rest = &self.0[..];
        while let [first, ..] = rest {
            let run = (0u32..)
                .zip(rest)
                .take_while(|(step, cpu)| first + step == **cpu)
                .count();
            write!(f, "{separator}{first}")?;
            if run > 1 {
                write!(f, "-{}", rest[run - 1])?;
            }
            separator = ",";
            rest = &rest[run..];
        }
        Ok(())
    }
}

/// An amount of memory: `75MB`, `1GB`, `512MiB`, or bytes. `k`, `M` and `G` are
/// decimal, with an `i` they are binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanBytes(pub u64);

/// Units, largest first, decimal before binary of the same size.
const BYTE_UNITS: [(&str, u64); 8] = [
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("kB", 1_000),
    ("KiB", 1 << 10),
];

impl FromStr for HumanBytes {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || LimitError {
            text: text.to_owned(),
            expected: "amount of memory (expected a number and a unit, such as 75MB, 1GB or 512MiB)",
        };
        let trimmed = text.trim();
        let digits = trimmed
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let unit = unit.trim().to_ascii_lowercase();
        let scale = match unit.as_str() {
            "" | "b" => 1,
            unit => {
                BYTE_UNITS
                    .iter()
                    .find(|(name, _)| {
                        let name = name.to_ascii_lowercase();
                        // `75M` is what people write for `75MB`.
                        name == unit || name.strip_suffix('b') == Some(unit)
                    })
                    .ok_or_else(fail)?
                    .1
            }
        };
        let bytes = number.parse::<f64>().map_err(|_| fail())? * scale as f64;
        if !(1.0..=1e15).contains(&bytes) {
            return Err(fail());
        }
        Ok(Self(bytes.round() as u64))
    }
}

impl fmt::Display for HumanBytes {
    /// In the largest unit that leaves no remainder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |unit: u64| self.0 >= unit && self.0.is_multiple_of(unit);
        match BYTE_UNITS.iter().find(|(_, unit)| whole(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

macro_rules! serde_as_text {
    ($($type:ty),*) => { $(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )* };
}

serde_as_text!(CpuSet, HumanBytes);

/// Everything that a server's processes may use together; what is `None` is not
/// limited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// CPU time, as a CFS quota.
    pub cpus: Option<CpuQuota>,
    /// The quota's period, in microseconds; the kernel's own by default.
    pub cpu_period_us: Option<u64>,
    /// The CPUs that they may run on.
    pub cpuset: Option<CpuSet>,
    /// Memory, swap included, in bytes.
    pub memory_bytes: Option<u64>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.cpus.is_none() && self.cpuset.is_none() && self.memory_bytes.is_none()
    }

    /// The period of the CPU quota.
    pub fn cpu_period(&self) -> Duration {
        self.cpu_period_us
            .map_or(DEFAULT_CPU_PERIOD, Duration::from_micros)
    }
}

/// How limits are set and their counters read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Not at all: nothing is limited, counters come from `/proc`.
    #[default]
    None,
    /// Control groups, version 1 (one hierarchy for each controller).
    CgroupV1,
    /// Control groups, version 2 (one hierarchy for all).
    CgroupV2,
    /// A container of docker or podman.
    Container,
}

impl Isolation {
    /// The name used in text and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::CgroupV1 => "cgroup-v1",
            Self::CgroupV2 => "cgroup-v2",
            Self::Container => "container",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn memory_is_read_as_people_write_it() {
        for (text, bytes, written) in [
            ("10GB", 10_000_000_000, "10GB"),
            ("75 MB", 75_000_000, "75MB"),
            ("50M", 50_000_000, "50MB"),
            ("512MiB", 536_870_912, "512MiB"),
            ("1.5g", 1_500_000_000, "1500MB"),
            ("4097", 4097, "4097"),
        ] {
            let read: HumanBytes = text.parse().unwrap();
            assert_eq!(read.0, bytes, "{text}");
            assert_eq!(read.to_string(), written);
        }
        for text in ["", "GB", "-1GB", "1 parsec", "0", "1e99GB"] {
            assert!(text.parse::<HumanBytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn cpus_are_read_as_people_write_them() {
        assert_eq!(
            "0.2"
                .parse::<CpuQuota>()
                .unwrap()
                .quota_us(DEFAULT_CPU_PERIOD),
            20_000
        );
        for text in ["0", "-1", "many", "inf", "0.001"] {
            assert!(text.parse::<CpuQuota>().is_err(), "{text}");
        }
        let set: CpuSet = "3,0-1,1".parse().unwrap();
        assert_eq!(
            (set.cpus(), set.to_string().as_str()),
            (&[0, 1, 3][..], "0-1,3")
        );
        for text in ["", "1-0", "a", "0,,1", "99999"] {
            assert!(text.parse::<CpuSet>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_set_of_cpus_survives_writing(cpus in proptest::collection::vec(0u32..200, 1..40)) {
            let set = CpuSet::new(cpus).unwrap();
            prop_assert_eq!(set.to_string().parse::<CpuSet>().unwrap(), set);
        }

        #[test]
        fn an_amount_of_memory_survives_writing(bytes in 1u64..1_000_000_000_000) {
            prop_assert_eq!(HumanBytes(bytes).to_string().parse::<HumanBytes>().unwrap().0, bytes);
        }
    }
}
