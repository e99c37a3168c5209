//! How often a native upstream was called, by its own count.

use std::io::Read;
use std::time::Duration;

use crate::verify;

/// How long the answer may take; the upstream counts even while it plays dead.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The answer is a short JSON object.
const MAX_BYTES: u64 = 1024 * 1024;

/// Calls that the upstream at `base` has had so far; `None` where it does not count.
pub(crate) fn so_far(base: &str) -> Option<u64> {
    let url = format!("{}/control/calls", base.trim_end_matches('/'));
    let response = verify::agent(TIMEOUT).get(&url).call().ok()?;
    if !response.status().is_success() {
        return None;
    }
    let mut text = String::new();
    let body = response.into_body().into_reader();
    body.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    let counts: serde_json::Value = serde_json::from_str(&text).ok()?;
    counts["calls"].as_u64()
}
