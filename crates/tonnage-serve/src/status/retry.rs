//! When something is tried again that has failed, and that may keep the supervisor waiting:
//! names are looked up in its loop, which has others to look after.

use std::time::Instant;

/// How many times longer than an attempt took the next one waits.
const REST: u64 = 20;

/// The pace of attempts.
#[derive(Debug)]
pub(super) struct Retry {
    /// The least time between two, in ms.
    pause_ms: u64,
    due_ms: u64,
}

impl Retry {
    /// The first one is due at once, each other so long after the last, or longer.
    pub(super) fn new(pause_ms: u64) -> Self {
        Self {
            pause_ms,
            due_ms: 0,
        }
    }

    /// Makes an attempt, where one is due.
    pub(super) fn attempt<T>(&mut self, now_ms: u64, attempt: impl FnOnce() -> T) -> Option<T> {
        if now_ms < self.due_ms {
            return None;
        }
        let began = Instant::now();
        let came = attempt();
        self.took(now_ms, began.elapsed().as_millis() as u64);
        Some(came)
    }

    fn took(&mut self, began_ms: u64, took_ms: u64) {
        self.due_ms = began_ms + took_ms + self.pause_ms.max(REST * took_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_keep_their_distance_and_more_where_they_take_long() {
        let mut retry = Retry::new(1000);
        assert_eq!(retry.attempt(0, || 7), Some(7));
        assert_eq!(retry.attempt(999, || 8), None);
        retry.took(5000, 10);
        assert_eq!(retry.due_ms, 6010);
        retry.took(5000, 4000);
        assert_eq!(retry.due_ms, 89_000, "a twentieth of the time at most");
    }
}
