//! How many worker processes a server gets: a number, or a rule in the number of
//! CPUs such as the folklore `2n+1`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `cpu_factor × n + fixed`, n being the CPUs that the server may really use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkerRule {
    cpu_factor: u32,
    fixed: u32,
}

/// A number of workers that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no number of workers (expected a number from 1 to 10000, or a rule like n, 2n or 2n+1)"
)]
pub struct WorkerRuleError(pub String);

/// More worker processes than this is a typing error on any machine of today.
const MAX_WORKERS: u32 = 10_000;

impl WorkerRule {
    /// The number of workers on `cpus` usable CPUs; at least 1.
    pub fn workers(self, cpus: usize) -> u32 {
        let cpus = u32::try_from(cpus).unwrap_or(u32::MAX).max(1);
        self.cpu_factor
            .saturating_mul(cpus)
            .saturating_add(self.fixed)
            .clamp(1, MAX_WORKERS)
    }
}

impl FromStr for WorkerRule {
    type Err = WorkerRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || WorkerRuleError(text.to_owned());
        let number = |part: &str| -> Result<u32, WorkerRuleError> {
            part.parse()
                .ok()
                .filter(|n| *n <= MAX_WORKERS)
                .ok_or_else(fail)
        };
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (cpu_factor, fixed) = match compact.split_once('n') {
            None => (0, number(&compact)?),
            Some((factor, rest)) => {
                let factor = factor.strip_suffix('*').unwrap_or(factor);
                let cpu_factor = if factor.is_empty() {
                    1
                } else {
                    number(factor)?
                };
                let fixed = match rest.strip_prefix('+') {
                    Some(fixed) => number(fixed)?,
                    None if rest.is_empty() => 0,
                    None => return Err(fail()),
                };
                (cpu_factor, fixed)
            }
        };
        if cpu_factor == 0 && fixed == 0 {
            return Err(fail());
        }
        Ok(Self { cpu_factor, fixed })
    }
}

impl fmt::Display for WorkerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.cpu_factor, self.fixed) {
            (0, fixed) => write!(f, "{fixed}"),
            (1, 0) => f.write_str("n"),
            (factor, 0) => write!(f, "{factor}n"),
            (1, fixed) => write!(f, "n+{fixed}"),
            (factor, fixed) => write!(f, "{factor}n+{fixed}"),
        }
    }
}

impl<'de> Deserialize<'de> for WorkerRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = WorkerRule;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number of workers, or a rule like \"2n+1\"")
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<WorkerRule, E> {
                value.to_string().parse().map_err(E::custom)
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<WorkerRule, E> {
                value.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for WorkerRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rules_are_applied_to_the_cpus() {
        for (rule, cpus, workers) in [
            ("2n+1", 2, 5),
            ("2n+1", 8, 17),
            ("2*n+1", 2, 5),
            ("n", 4, 4),
            ("n+1", 4, 5),
            ("3n", 2, 6),
            ("7", 64, 7),
            ("2n+1", 0, 3),
        ] {
            let rule: WorkerRule = rule.parse().unwrap();
            assert_eq!(rule.workers(cpus), workers, "{rule} on {cpus}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "", "0", "0n", "n-1", "2x+1", "two", "-3", "10001", "2nn", "1.5n",
        ] {
            assert!(text.parse::<WorkerRule>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_rule_survives_writing(cpu_factor in 0u32..100, fixed in 1u32..100) {
            let rule = WorkerRule { cpu_factor, fixed };
            prop_assert_eq!(rule.to_string().parse::<WorkerRule>().unwrap(), rule);
        }
    }
}
