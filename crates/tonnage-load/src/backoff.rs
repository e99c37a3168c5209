//! The pause after a failed connect, so that a dead target is not hammered.

/// The first pause, in nanoseconds; it doubles up to [`MAX_BACKOFF_NS`].
const MIN_BACKOFF_NS: u64 = 1_000_000;

/// The longest pause, in nanoseconds.
const MAX_BACKOFF_NS: u64 = 100_000_000;

/// How soon a pause is looked at, in nanoseconds.
pub(crate) const PAUSE_CHECK_NS: u64 = 1_000_000;

/// The pauses of one connection.
#[derive(Debug)]
pub(crate) struct Backoff(u64);

impl Default for Backoff {
    fn default() -> Self {
        Self(MIN_BACKOFF_NS)
    }
}

impl Backoff {
    /// The next pause, in nanoseconds.
    pub(crate) fn next_ns(&mut self) -> u64 {
        let pause = self.0;
        self.0 = (pause * 2).min(MAX_BACKOFF_NS);
        pause
    }

    /// A connect succeeded: the next failure pauses briefly again.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_start_again() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u64> = (0..10).map(|_| backoff.next_ns() / 1_000_000).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 100, 100, 100]);
        backoff.reset();
        assert_eq!(backoff.next_ns(), MIN_BACKOFF_NS);
    }
}
