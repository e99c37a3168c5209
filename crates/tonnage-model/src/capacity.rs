//! How many requests a stack works on at once, as a formula in its workers and
//! threads: `workers * threads`, `workers * 1000`, `unbounded`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A product of numbers, `workers` and `threads`, or no bound at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity(Option<Vec<Factor>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Factor {
    Number(u64),
    Workers,
    Threads,
}

/// How many requests may be in flight at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlight {
    /// This many; what comes beyond them waits.
    AtMost(u64),
    /// As many as come.
    Unbounded,
}

/// A capacity that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no capacity (expected `unbounded`, or a product of numbers from 1, `workers` and `threads`, such as \"workers * threads\")"
)]
pub struct CapacityError(pub String);

/// The word for a server that takes as many requests as come.
const UNBOUNDED: &str = "unbounded";

impl Capacity {
    /// The requests in flight with this many workers and threads. A server that
    /// knows no workers or threads has one.
    pub fn in_flight(&self, workers: Option<u32>, threads: Option<u32>) -> InFlight {
        let Some(factors) = &self.0 else {
            return InFlight::Unbounded;
        };
        let values = factors.iter().map(|factor| match factor {
            Factor::Number(number) => *number,
            Factor::Workers => u64::from(workers.unwrap_or(1)),
            Factor::Threads => u64::from(threads.unwrap_or(1)),
        });
        InFlight::AtMost(values.fold(1, u64::saturating_mul))
    }

    /// Whether it depends on the number of workers.
    pub fn names_workers(&self) -> bool {
        self.names(Factor::Workers)
    }

    /// Whether it depends on the number of threads.
    pub fn names_threads(&self) -> bool {
        self.names(Factor::Threads)
    }

    /// Whether it is the same whatever the workers and threads.
    pub fn is_fixed(&self) -> bool {
        !self.names_workers() && !self.names_threads()
    }

    fn names(&self, factor: Factor) -> bool {
        self.0
            .as_ref()
            .is_some_and(|factors| factors.contains(&factor))
    }
}

impl FromStr for Capacity {
    type Err = CapacityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == UNBOUNDED {
            return Ok(Self(None));
        }
        let factor = |word: &str| match word.trim() {
            "workers" => Some(Factor::Workers),
            "threads" => Some(Factor::Threads),
            number => {
                let digits = number.chars().all(|c| c.is_ascii_digit());
                let number = number.parse().ok().filter(|n| digits && *n > 0);
                number.map(Factor::Number)
            }
        };
        text.split('*')
            .map(factor)
            .collect::<Option<Vec<_>>>()
            .map(|factors| Self(Some(factors)))
            .ok_or_else(|| CapacityError(text.to_owned()))
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(factors) = &self.0 else {
            return f.write_str(UNBOUNDED);
        };
        for (index, factor) in factors.iter().enumerate() {
            if index > 0 {
                f.write_str(" * ")?;
            }
            match factor {
                Factor::Number(number) => write!(f, "{number}")?,
                Factor::Workers => f.write_str("workers")?,
                Factor::Threads => f.write_str("threads")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(number) => write!(f, "{number}"),
            Self::Unbounded => f.write_str(UNBOUNDED),
        }
    }
}

impl<'de> Deserialize<'de> for Capacity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Capacity;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a capacity like \"workers * threads\", 1 or \"unbounded\"")
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Capacity, E> {
                value.to_string().parse().map_err(E::custom)
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Capacity, E> {
                value.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for Capacity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_products() {
        for (formula, workers, threads, expected) in [
            ("1", None, None, InFlight::AtMost(1)),
            ("workers", Some(5), None, InFlight::AtMost(5)),
            ("workers*threads", Some(5), Some(8), InFlight::AtMost(40)),
            ("workers * 1000", Some(2), None, InFlight::AtMost(2000)),
            ("threads", None, Some(50), InFlight::AtMost(50)),
            (" unbounded ", Some(2), Some(2), InFlight::Unbounded),
        ] {
            let capacity: Capacity = formula.parse().unwrap();
            assert_eq!(capacity.in_flight(workers, threads), expected, "{formula}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "*",
            "workers *",
            "2 + 2",
            "worker",
            "-1",
            "+1",
            "0",
            "1.5",
            "unbounded * 2",
            "99999999999999999999",
        ] {
            let error = text.parse::<Capacity>().unwrap_err().to_string();
            assert!(error.contains("product of numbers"), "{text}: {error}");
        }
    }

    #[test]
    fn it_knows_what_it_depends_on() {
        let capacity: Capacity = "workers * 2".parse().unwrap();
        assert!(capacity.names_workers() && !capacity.names_threads() && !capacity.is_fixed());
        assert!("1000".parse::<Capacity>().unwrap().is_fixed());
        assert!("unbounded".parse::<Capacity>().unwrap().is_fixed());
    }

    fn any_capacity() -> impl Strategy<Value = Capacity> {
        let factor = prop_oneof![
            (1..=u64::MAX).prop_map(Factor::Number),
            Just(Factor::Workers),
            Just(Factor::Threads),
        ];
        prop_oneof![
            Just(Capacity(None)),
            proptest::collection::vec(factor, 1..6).prop_map(|factors| Capacity(Some(factors))),
        ]
    }

    proptest! {
        #[test]
        fn a_capacity_survives_writing(capacity in any_capacity()) {
            prop_assert_eq!(capacity.to_string().parse::<Capacity>().unwrap(), capacity);
        }

        #[test]
        fn more_workers_never_hold_fewer(capacity in any_capacity(), workers in 1u32..9999, threads in 1u32..9999) {
            let held = |workers, threads| match capacity.in_flight(Some(workers), Some(threads)) {
                InFlight::AtMost(number) => number,
                InFlight::Unbounded => u64::MAX,
            };
            prop_assert!(held(workers, threads) >= 1);
            prop_assert!(held(workers + 1, threads) >= held(workers, threads));
            prop_assert!(held(workers, threads + 1) >= held(workers, threads));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = text.parse::<Capacity>();
        }
    }
}
