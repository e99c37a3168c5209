//! How much load at what time: levels that hold or change evenly, written
//! `0..100@30s,100@60s` (users) or `50..500/s@30s` (arrivals per second).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::HumanDuration;

/// One stretch of time in which the level goes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// The level at its beginning; at least 0.
    pub from: f64,
    /// The level at its end; at least 0.
    pub to: f64,
    /// Its length; more than 0.
    pub length: Duration,
}

/// Stages, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Stages {
    /// At least one.
    pub stages: Vec<Stage>,
    /// Whether the levels are arrivals per second instead of users.
    pub per_second: bool,
}

/// Stages that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}`: {problem} (expected levels with times, such as 0..100@30s,100@60s for users or 50..500/s@30s for arrivals per second)"
)]
pub struct StagesError {
    /// As given.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Stages {
    /// All stages together.
    pub fn length(&self) -> Duration {
        self.stages.iter().map(|stage| stage.length).sum()
    }

    /// The highest level that is reached.
    pub fn peak(&self) -> f64 {
        let levels = self.stages.iter().flat_map(|s| [s.from, s.to]);
        levels.fold(0.0, f64::max)
    }
}

impl FromStr for Stages {
    type Err = StagesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |problem: String| StagesError {
            text: text.to_owned(),
            problem,
        };
        let mut stages: Vec<Stage> = Vec::new();
        let mut units = Vec::new();
        for part in text.split(',') {
            let (stage, per_second) = stage(part.trim()).map_err(fail)?;
            stages.push(stage);
            units.push(per_second);
        }
        if units.iter().any(|&unit| unit != units[0]) {
            return Err(fail("some levels are per second and some are not".into()));
        }
        let stages = Self {
            stages,
            per_second: units[0],
        };
        if stages.peak() <= 0.0 {
            return Err(fail("every level is 0".into()));
        }
        Ok(stages)
    }
}

/// One stage, and whether its level is per second.
fn stage(part: &str) -> Result<(Stage, bool), String> {
    let (levels, length) = part
        .split_once('@')
        .ok_or_else(|| format!("`{part}` has no @"))?;
    let length: HumanDuration = length.parse()?;
    if length.0.is_zero() {
        return Err(format!("`{part}` lasts no time"));
    }
    let (levels, per_second) = match levels.strip_suffix("/s") {
        Some(levels) => (levels, true),
        None => (levels, false),
    };
    let level = |text: &str| {
        let level: Result<f64, _> = text.trim().parse();
        level
            .ok()
            .filter(|level| (0.0..=1e9).contains(level))
            .filter(|level| per_second || level.fract() == 0.0)
            .ok_or_else(|| format!("`{text}` is no level"))
    };
    let (from, to) = match levels.split_once("..") {
        Some((from, to)) => (level(from)?, level(to)?),
        None => (level(levels)?, level(levels)?),
    };
    let stage = Stage {
        from,
        to,
        length: length.0,
    };
    Ok((stage, per_second))
}

impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.per_second { "/s" } else { "" };
        for (index, stage) in self.stages.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let (from, to, length) = (stage.from, stage.to, HumanDuration(stage.length));
            if (from - to).abs() < f64::EPSILON {
                write!(f, "{comma}{from}{unit}@{length}")?;
            } else {
                write!(f, "{comma}{from}..{to}{unit}@{length}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_rates_are_read_and_written() {
        for text in ["0..100@30s,100@1m", "50..500/s@30s", "7@1s", "0.5/s@10s"] {
            assert_eq!(text.parse::<Stages>().unwrap().to_string(), text);
        }
        let stages: Stages = "0..100@30s, 100@60s".parse().unwrap();
        assert_eq!(stages.length(), Duration::from_secs(90));
        assert!((stages.peak() - 100.0).abs() < 1e-9);
        assert!(!stages.per_second);
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for (text, problem) in [
            ("", "has no @"),
            ("10", "has no @"),
            ("10@", "no duration"),
            ("10@0s", "lasts no time"),
            ("x@1s", "no level"),
            ("-1@1s", "no level"),
            ("0.5@1s", "no level"),
            ("0..0@1s", "every level is 0"),
            ("1@1s,2/s@1s", "some are not"),
        ] {
            let error = text.parse::<Stages>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
