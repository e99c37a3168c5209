//! What a person demands of a load: `p99<50ms`, `errors<0.1%`, `rps>1000`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Histogram, HumanDuration, LoadReport, format_micros, format_significant};

/// A figure of a report that can be demanded.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    /// A percentile of the response time, 0 < p < 100, in microseconds.
    Percentile(f64),
    /// The mean of the response time in microseconds.
    Mean,
    /// The largest response time in microseconds.
    Max,
    /// Failures as a share of all that ended, 0 to 1.
    Errors,
    /// Checked successes per second.
    Rps,
}

/// How the figure must relate to its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// A demand on a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    text: String,
    metric: Metric,
    relation: Relation,
    /// In the metric's unit.
    bound: f64,
}

/// A demand that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no assertion (expected something like p99<50ms, mean<=20ms, max<1s, errors<0.1% or rps>1000)"
)]
pub struct AssertionError(pub String);

/// What became of a demand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AssertionResult {
    /// The demand as written.
    pub assertion: String,
    /// Whether it holds; `None` where the sample is too small to say.
    pub holds: Option<bool>,
    /// The figure that was compared, with its unit, or `n/a`.
    pub figure: String,
}

impl FromStr for Assertion {
    type Err = AssertionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || AssertionError(text.to_owned());
        let at = text.find(['<', '>']).ok_or_else(fail)?;
        let (name, rest) = text.split_at(at);
        let (relation, bound) = match (rest.starts_with('<'), rest.as_bytes().get(1)) {
            (true, Some(b'=')) => (Relation::AtMost, &rest[2..]),
            (true, _) => (Relation::Less, &rest[1..]),
            (false, Some(b'=')) => (Relation::AtLeast, &rest[2..]),
            (false, _) => (Relation::Greater, &rest[1..]),
        };
        let (metric, bound) = read(name.trim(), bound.trim()).ok_or_else(fail)?;
        Ok(Self {
            text: text.to_owned(),
            metric,
            relation,
            bound,
        })
    }
}

/// A metric by its name, and the bound in the metric's unit.
fn read(name: &str, bound: &str) -> Option<(Metric, f64)> {
    let micros = || {
        let duration: HumanDuration = bound.parse().ok()?;
        Some(duration.0.as_secs_f64() * 1e6)
    };
    let number = |text: &str| -> Option<f64> {
        let number: f64 = text.trim().parse().ok()?;
        (number.is_finite() && number >= 0.0).then_some(number)
    };
    Some(match name {
        "mean" => (Metric::Mean, micros()?),
        "max" => (Metric::Max, micros()?),
        "rps" => (Metric::Rps, number(bound)?),
        "errors" => match bound.strip_suffix('%') {
            Some(percent) => (Metric::Errors, number(percent)? / 100.0),
            None => (Metric::Errors, number(bound)?),
        },
        _ => {
            let percentile = number(name.strip_prefix('p')?)?;
            if percentile <= 0.0 || percentile >= 100.0 {
                return None;
            }
            (Metric::Percentile(percentile), micros()?)
        }
    })
}

impl Assertion {
    /// Compares the report with the demand.
    pub fn check(&self, report: &LoadReport) -> AssertionResult {
        let value = self.figure(report);
        let holds = value.map(|value| match self.relation {
            Relation::Less => value < self.bound,
            Relation::AtMost => value <= self.bound,
            Relation::Greater => value > self.bound,
            Relation::AtLeast => value >= self.bound,
        });
        AssertionResult {
            assertion: self.text.clone(),
            holds,
            figure: value.map_or_else(|| "n/a".to_owned(), |value| self.written(value)),
        }
    }

    /// The percentile that is demanded, 0 to 100, if it is one.
    pub fn percentile(&self) -> Option<f64> {
        match self.metric {
            Metric::Percentile(percentile) => Some(percentile),
            _ => None,
        }
    }

    fn figure(&self, report: &LoadReport) -> Option<f64> {
        let ended = report.counts.succeeded + report.counts.failed;
        match self.metric {
            Metric::Percentile(percentile) => {
                let histogram = Histogram::from_base64(&report.response_time.histogram).ok()?;
                histogram.percentile_us(percentile)
            }
            Metric::Mean => report.response_time.mean_us,
            Metric::Max => report.response_time.max_us,
            Metric::Errors => (ended > 0).then(|| report.counts.failed as f64 / ended as f64),
            Metric::Rps => Some(report.throughput.goodput_rps),
        }
    }

    fn written(&self, value: f64) -> String {
        match self.metric {
            Metric::Percentile(_) | Metric::Mean | Metric::Max => format_micros(value),
            Metric::Errors => format!("{} %", format_significant(value * 100.0, 3)),
            Metric::Rps => format!("{} requests/s", format_significant(value, 4)),
        }
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LatencySummary;

    fn report(latencies_us: impl Iterator<Item = u64>, failed: u64) -> LoadReport {
        let mut histogram = Histogram::new();
        latencies_us.for_each(|us| histogram.record(us * 1_000));
        let mut report = LoadReport::default();
        report.counts.succeeded = histogram.count();
        report.counts.failed = failed;
        report.throughput.goodput_rps = 500.0;
        report.response_time = LatencySummary::of(&histogram);
        report
    }

    fn holds(text: &str, report: &LoadReport) -> Option<bool> {
        text.parse::<Assertion>().unwrap().check(report).holds
    }

    #[test]
    fn each_figure_is_compared_in_its_unit() {
        let report = report(1..=1000, 1);
        for (text, expected) in [
            ("p50<600us", Some(true)),
            ("p50<400us", Some(false)),
            ("p99 <= 1ms", Some(true)),
            ("p99.9<1s", None),
            ("mean>400us", Some(true)),
            ("max<1001us", Some(true)),
            ("errors<0.1%", Some(true)),
            ("errors<0.0009", Some(false)),
            ("rps>=500", Some(true)),
            ("rps>500", Some(false)),
        ] {
            assert_eq!(holds(text, &report), expected, "{text}");
        }
        let result = "p99.9<1s".parse::<Assertion>().unwrap().check(&report);
        assert_eq!(result.figure, "n/a");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "p99",
            "p99<",
            "p99<50",
            "p0<1s",
            "p100<1s",
            "p<1s",
            "errors<x%",
            "rps>1s",
            "q99<1s",
            "rps>-1",
            "p99=1s",
        ] {
            assert!(text.parse::<Assertion>().is_err(), "{text}");
        }
    }
}
