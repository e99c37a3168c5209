//! Runs h2load (Debian's nghttp2-client) and reads what it prints.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::process::{CLIENT_CPU, pinned, run as run_to_end};
use super::sample::Counts;

/// CPU for each request of a run that time ends, in microseconds.
pub(super) fn cpu_us(command: &mut Command) -> anyhow::Result<f64> {
    let finished = run_to_end(command)?;
    let requests = succeeded(&finished.text)
        .with_context(|| format!("h2load printed no requests:\n{}", finished.text))?;
    Ok(finished.cpu_seconds * 1e6 / requests)
}

/// With one thread on the clients' core, for so many seconds; the URL is left to be added.
pub(super) fn generator(connections: u32, streams: u32, seconds: u32) -> Command {
    let mut h2load = pinned(CLIENT_CPU, Path::new("h2load"));
    h2load.args(["-t", "1", "-c", &connections.to_string()]);
    h2load.args(["-m", &streams.to_string(), "-D", &seconds.to_string()]);
    h2load
}

/// What it counted, if that was over HTTP/2 and no request failed.
pub(super) fn counts(text: &str) -> anyhow::Result<Counts> {
    let spoken = text
        .lines()
        .find_map(|line| line.strip_prefix("Application protocol: "));
    ensure!(
        matches!(spoken, Some("h2" | "h2c")),
        "h2load spoke {spoken:?}"
    );
    let failed = text.lines().find(|line| {
        (line.starts_with("requests:") && !line.contains(" 0 failed, 0 errored, 0 timeout"))
            || (line.starts_with("status codes:") && !line.contains(" 0 3xx, 0 4xx, 0 5xx"))
    });
    ensure!(failed.is_none(), "requests failed: {failed:?}");
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("finished in "))
        .and_then(|line| line.split(',').nth(1)?.trim().strip_suffix(" req/s"))
        .and_then(|rate| rate.parse().ok());
    Ok(Counts {
        requests: succeeded(text)
            .with_context(|| format!("h2load printed no requests:\n{text}"))?,
        requests_per_second: rate.with_context(|| format!("h2load printed no rate:\n{text}"))?,
    })
}

/// The requests that succeeded, of a line like `requests: 10 total, 10 started,
/// 10 done, 9 succeeded, 1 failed, 0 errored, 0 timeout`.
fn succeeded(text: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("requests:"))?;
    line.split(',')
        .find_map(|part| part.trim().strip_suffix(" succeeded"))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read() {
        let text = "finished in 2.00s, 5.00 req/s, 1KB/s\nrequests: 12 total, 12 started, 11 done, 10 succeeded, 1 failed, 0 errored, 0 timeout\n";
        assert_eq!(succeeded(text), Some(10.0));
        assert_eq!(succeeded("nothing"), None);
    }

    #[test]
    fn counts_are_those_of_http2_without_failures() {
        let text = "Application protocol: h2\n\nfinished in 2.00s, 5.50 req/s, 1KB/s\nrequests: 11 total, 12 started, 11 done, 11 succeeded, 0 failed, 0 errored, 0 timeout\nstatus codes: 11 2xx, 0 3xx, 0 4xx, 0 5xx\n";
        let expected = Counts {
            requests: 11.0,
            requests_per_second: 5.5,
        };
        assert_eq!(counts(text).unwrap(), expected);
        assert!(counts(&text.replace("h2", "http/1.1")).is_err());
        assert!(counts(&text.replace("0 failed", "1 failed")).is_err());
        assert!(counts(&text.replace("0 5xx", "1 5xx")).is_err());
        assert!(counts(&text.replace("req/s", "")).is_err());
    }
}
