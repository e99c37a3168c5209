//! Reads what oha prints with `--output-format json`.

use anyhow::Context;

/// The figures of one oha run.
#[derive(Debug, PartialEq)]
pub(super) struct OhaReport {
    pub(super) requests_per_second: f64,
    pub(super) p50_ms: f64,
}

pub(super) fn parse(text: &str) -> anyhow::Result<OhaReport> {
    let report: serde_json::Value = serde_json::from_str(text).context("oha printed no JSON")?;
    let figure = |path: &str| {
        let value = report.pointer(path).and_then(serde_json::Value::as_f64);
        value.with_context(|| format!("oha's report has no {path}"))
    };
    Ok(OhaReport {
        requests_per_second: figure("/summary/requestsPerSec")?,
        p50_ms: figure("/latencyPercentiles/p50")? * 1e3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read() {
        let text = r#"{"summary":{"requestsPerSec":123.5},"latencyPercentiles":{"p50":0.0125}}"#;
        let report = parse(text).unwrap();
        assert!((report.requests_per_second - 123.5).abs() < 1e-9);
        assert!((report.p50_ms - 12.5).abs() < 1e-9);
        assert!(parse("{}").is_err());
        assert!(parse("nothing").is_err());
    }
}
