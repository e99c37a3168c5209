//! What is said of late requests.

use std::fmt::Write as _;
use std::time::Duration;

use super::InHand;

/// Requests that a report names; it counts the others.
const MOST_NAMES: usize = 16;

/// What came of looking at a worker's stacks.
pub(super) fn late(pid: u32, what: &str, requests: &[InHand], stacks: &str) -> String {
    let mut text = format!("Worker (pid:{pid}): ");
    match requests {
        [only] => {
            let _ = write!(text, "{what} after {}: {}", seconds(only.age), only.name);
        }
        several => {
            let _ = write!(text, "{what}: {} requests", several.len());
            for request in several.iter().take(MOST_NAMES) {
                let _ = write!(text, "\n  {} after {}", request.name, seconds(request.age));
            }
            if several.len() > MOST_NAMES {
                let _ = write!(text, "\n  and {} more", several.len() - MOST_NAMES);
            }
        }
    }
    text.push('\n');
    text.push_str(stacks.trim_end());
    text
}

/// A duration for people.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
