//! Reads what wrk prints.

use anyhow::{Context, ensure};

use super::sample::Counts;

/// The figures of one wrk run.
#[derive(Debug, PartialEq)]
pub(super) struct WrkReport {
    pub(super) requests: f64,
    pub(super) requests_per_second: f64,
    /// `None` without `--latency`.
    pub(super) p50_ms: Option<f64>,
}

/// What it counted, if no request failed.
pub(super) fn counts(text: &str) -> anyhow::Result<Counts> {
    let report = parse(text)?;
    let mut lines = text.lines();
    let failed = lines.find(|line| line.contains("Socket errors") || line.contains("Non-2xx"));
    ensure!(failed.is_none(), "requests failed: {failed:?}");
    Ok(Counts {
        requests: report.requests,
        requests_per_second: report.requests_per_second,
    })
}

pub(super) fn parse(text: &str) -> anyhow::Result<WrkReport> {
    let lines = || text.lines().map(str::trim);
    let requests = lines().find_map(|line| line.split_once(" requests in ")?.0.parse().ok());
    let rate = lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
    let p50 = lines()
        .find_map(|line| line.strip_prefix("50%"))
        .map(|time| milliseconds(time.trim()));
    Ok(WrkReport {
        requests: requests
            .with_context(|| format!("wrk printed no number of requests:\n{text}"))?,
        requests_per_second: rate.with_context(|| format!("wrk printed no rate:\n{text}"))?,
        p50_ms: p50.transpose()?,
    })
}

/// A time as wrk writes it: `635.91us`, `12.92ms`, `1.20s`, `1.10m`.
fn milliseconds(text: &str) -> anyhow::Result<f64> {
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 6e4)];
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
        .with_context(|| format!("`{text}` is no time of wrk's"))?;
    Ok(number.parse::<f64>()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read() {
        let text = "Running 5s test @ http://127.0.0.1:1/\n  1 threads and 4 connections\n  \
            Latency Distribution\n     50%  635.91us\n     75%    1.20ms\n  \
            697990 requests in 5.10s, 117.16MB read\nRequests/sec: 136860.82\n";
        let report = parse(text).unwrap();
        assert!((report.requests - 697_990.0).abs() < 1e-9);
        assert!((report.requests_per_second - 136_860.82).abs() < 1e-9);
        assert!((report.p50_ms.unwrap() - 0.635_91).abs() < 1e-9);
        assert!(parse("nothing").is_err());
        assert!(counts(text).is_ok());
        assert!(counts(&format!("{text}  Non-2xx or 3xx responses: 1\n")).is_err());
        assert!((milliseconds("1.20s").unwrap() - 1200.0).abs() < 1e-9);
    }
}
