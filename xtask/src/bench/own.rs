//! Reads what `tonnage load --json -` prints.

use anyhow::{Context, ensure};
use serde_json::Value;

/// A report.
pub(super) struct Report(Value);

impl Report {
    /// One without failed requests.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let report = Self::with_failures(text)?;
        ensure!(
            report.failed()? < 1.0,
            "requests failed: {}",
            report.0["failures"]
        );
        Ok(report)
    }

    /// One whose failed requests are counted.
    pub(super) fn with_failures(text: &str) -> anyhow::Result<Self> {
        let value = serde_json::from_str(text).context("tonnage printed no JSON")?;
        Ok(Self(value))
    }

    pub(super) fn failed(&self) -> anyhow::Result<f64> {
        self.figure("/counts/failed")
    }

    pub(super) fn succeeded(&self) -> anyhow::Result<f64> {
        self.figure("/counts/succeeded")
    }

    pub(super) fn goodput_rps(&self) -> anyhow::Result<f64> {
        self.figure("/throughput/goodput_rps")
    }

    /// A percentile of one of the distributions, in microseconds.
    pub(super) fn percentile_us(&self, name: &str, percentile: f64) -> anyhow::Result<f64> {
        let percentiles = self.0[name]["percentiles"].as_array();
        let found = percentiles.into_iter().flatten().find(|entry| {
            entry["percentile"]
                .as_f64()
                .is_some_and(|p| (p - percentile).abs() < 1e-9)
        });
        found
            .and_then(|entry| entry["value_us"].as_f64())
            .with_context(|| format!("the report has no p{percentile} of {name}"))
    }

    fn figure(&self, path: &str) -> anyhow::Result<f64> {
        let value = self.0.pointer(path).and_then(Value::as_f64);
        value.with_context(|| format!("the report has no {path}"))
    }
}
