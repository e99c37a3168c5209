//! A minor version of Python 3, for stacks that run on no other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `3.MINOR`, such as `3.6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PythonVersion {
    /// The number behind `3.`.
    pub minor: u32,
}

impl FromStr for PythonVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix("3.")
            .filter(|minor| minor.chars().all(|c| c.is_ascii_digit()))
            .and_then(|minor| minor.parse().ok())
            .map(|minor| Self { minor })
            .ok_or_else(|| {
                format!("`{text}` is no minor version of Python 3 (expected one like \"3.6\")")
            })
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}", self.minor)
    }
}

impl<'de> Deserialize<'de> for PythonVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for PythonVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_minor_versions_of_python_3_are_read() {
        assert_eq!("3.6".parse(), Ok(PythonVersion { minor: 6 }));
        assert_eq!(PythonVersion { minor: 13 }.to_string(), "3.13");
        for text in ["3", "3.", "2.7", "3.6.15", "3.x", "3.+6", ""] {
            assert!(text.parse::<PythonVersion>().is_err(), "{text}");
        }
    }
}
