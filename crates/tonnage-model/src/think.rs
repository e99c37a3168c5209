//! How long a user of the closed loop pauses between an answer and its next
//! request: the law, as people write it. Drawing from it is the engine's part.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::HumanDuration;

/// A law of think times. Drawn values below zero count as zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ThinkTime {
    /// No pause: the next request follows the answer at once.
    #[default]
    None,
    /// Always the same pause.
    Constant(Duration),
    /// Equally likely between two bounds.
    Uniform(Duration, Duration),
    /// Exponential with this mean: what independent people look like.
    Exponential(Duration),
    /// Normal with this mean and standard deviation, cut off at zero.
    Normal(Duration, Duration),
    /// Log-normal with this mean and standard deviation (of the pause itself, not
    /// of its logarithm).
    LogNormal(Duration, Duration),
}

/// A think time that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no think time (expected exp:1s, const:500ms, uniform:1s..2s, normal:1s,200ms or lognormal:1s,500ms)"
)]
pub struct ThinkTimeError(pub String);

impl FromStr for ThinkTime {
    type Err = ThinkTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ThinkTimeError(text.to_owned());
        let one = |part: &str| -> Result<Duration, ThinkTimeError> {
            Ok(part.parse::<HumanDuration>().map_err(|_| fail())?.0)
        };
        let two = |parts: &str, separator: &str| {
            let (first, second) = parts.split_once(separator).ok_or_else(fail)?;
            Ok((one(first)?, one(second)?))
        };
        if text.trim() == "none" {
            return Ok(Self::None);
        }
        let (law, values) = text.trim().split_once(':').ok_or_else(fail)?;
        let law = match law {
            "const" | "constant" => Self::Constant(one(values)?),
            "exp" | "exponential" => Self::Exponential(one(values)?),
            "uniform" => {
                let (low, high) = two(values, "..")?;
                if low > high {
                    return Err(fail());
                }
                Self::Uniform(low, high)
            }
            "normal" => {
                let (mean, stdev) = two(values, ",")?;
                Self::Normal(mean, stdev)
            }
            "lognormal" => {
                let (mean, stdev) = two(values, ",")?;
                // The logarithm of zero is none.
                if mean.is_zero() {
                    return Err(fail());
                }
                Self::LogNormal(mean, stdev)
            }
            _ => return Err(fail()),
        };
        Ok(law)
    }
}

impl fmt::Display for ThinkTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let human = HumanDuration;
        match *self {
            Self::None => f.write_str("none"),
            Self::Constant(pause) => write!(f, "const:{}", human(pause)),
            Self::Exponential(mean) => write!(f, "exp:{}", human(mean)),
            Self::Uniform(low, high) => write!(f, "uniform:{}..{}", human(low), human(high)),
            Self::Normal(mean, stdev) => write!(f, "normal:{},{}", human(mean), human(stdev)),
            Self::LogNormal(mean, stdev) => {
                write!(f, "lognormal:{},{}", human(mean), human(stdev))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_law_survives_writing() {
        for text in [
            "exp:1s",
            "const:500ms",
            "uniform:1s..2s",
            "normal:1s,200ms",
            "lognormal:1s,500ms",
        ] {
            assert_eq!(text.parse::<ThinkTime>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "1s",
            "exp",
            "exp:",
            "exp:fast",
            "uniform:2s..1s",
            "normal:1s",
            "lognormal:0s,1s",
            "pareto:1s",
            "exp:-1s",
        ] {
            assert!(text.parse::<ThinkTime>().is_err(), "{text}");
        }
    }
}
