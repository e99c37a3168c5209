//! Durations as people write them (`30s`, `500ms`, `1m30s`), and figures as they
//! read them: a few significant digits and a unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration that is read and written in the form `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(pub Duration);

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        humantime::parse_duration(text.trim())
            .map(Self)
            .map_err(|_| format!("`{text}` is no duration (expected a number and a unit, like 30s, 500ms or 1m30s)"))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = humantime::format_duration(self.0).to_string();
        f.write_str(&text.replace(' ', ""))
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = HumanDuration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration like \"30s\"")
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<HumanDuration, E> {
                value.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `value` with `digits` significant digits and no exponent: `0.0123`, `14.4`, `207`.
///
/// Digits before the point are never rounded away.
pub fn format_significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = (digits - 1 - magnitude).max(0) as usize;
    format!("{value:.decimals$}")
}

/// A duration in microseconds with the unit that suits its size: `250 µs`,
/// `14.4 ms`, `1.20 s`.
pub fn format_micros(micros: f64) -> String {
    let (value, unit) = if micros.abs() >= 1e6 {
        (micros / 1e6, "s")
    } else if micros.abs() >= 1e3 {
        (micros / 1e3, "ms")
    } else {
        (micros, "µs")
    };
    format!("{} {unit}", format_significant(value, 3))
}

/// A number of bytes in binary units: `512 B`, `1.50 MiB`.
pub fn format_bytes(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if unit == 0 { 1 } else { 3 };
    format!("{} {}", format_significant(value, digits), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("30s", 30_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            (" 2s ", 2_000),
        ] {
            let read: HumanDuration = text.parse().unwrap();
            assert_eq!(read.0, Duration::from_millis(millis), "{text}");
        }
        for text in ["", "30", "fast", "-1s"] {
            assert!(text.parse::<HumanDuration>().is_err(), "{text}");
        }
    }

    #[test]
    fn figures_keep_their_significant_digits() {
        assert_eq!(format_significant(0.012_345, 3), "0.0123");
        assert_eq!(format_significant(14.37, 3), "14.4");
        assert_eq!(format_significant(207.37, 3), "207");
        assert_eq!(format_significant(12_345.6, 3), "12346");
        assert_eq!(format_significant(0.0, 3), "0");
        assert_eq!(format_micros(14_250.2), "14.3 ms");
        assert_eq!(format_micros(28.0), "28.0 µs");
        assert_eq!(format_bytes(512.0), "512 B");
        assert_eq!(format_bytes(1_572_864.0), "1.50 MiB");
    }

    proptest! {
        #[test]
        fn a_duration_survives_writing(millis in 1u64..100_000_000) {
            let duration = HumanDuration(Duration::from_millis(millis));
            prop_assert_eq!(duration.to_string().parse::<HumanDuration>().unwrap(), duration);
        }
    }
}
