//! Runs h2load (Debian's nghttp2-client) and reads what it prints.

use std::process::Command;

use anyhow::Context;

use super::process::run as run_to_end;

/// CPU for each request of a run that time ends, in microseconds.
pub(super) fn cpu_us(command: &mut Command) -> anyhow::Result<f64> {
    let finished = run_to_end(command)?;
    let requests = succeeded(&finished.text)
        .with_context(|| format!("h2load printed no requests:\n{}", finished.text))?;
    Ok(finished.cpu_seconds * 1e6 / requests)
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
    #[test]
    fn a_summary_is_read() {
        let text = "finished in 2.00s, 5.00 req/s, 1KB/s\nrequests: 12 total, 12 started, 11 done, 10 succeeded, 1 failed, 0 errored, 0 timeout\n";
        assert_eq!(super::succeeded(text), Some(10.0));
        assert_eq!(super::succeeded("nothing"), None);
    }
}
