//! What a client may send that asks for nothing. Most floods of HTTP/2 are frames that cost
//! a server more than they cost their sender: `PING`, `SETTINGS`, `WINDOW_UPDATE`,
//! `PRIORITY`, and requests that are taken back at once. The `h2` crate bounds the memory
//! that each of them takes; how many there may be for each useful byte is bounded here.

/// Bytes that may come without any use: a few frames now and then, but also bodies that were
/// on their way when their requests had been answered, as many as the connection's window
/// has room for.
const MOST_BYTES: i64 = 2 << 20;

/// What a request earns beside its window, in bytes: more than a usual head takes.
const REQUEST_BYTES: i64 = 16 << 10;

/// What a second earns, in bytes: 60 `PING`s.
const SECOND_BYTES: i64 = 1 << 10;

/// A client says that it has taken a body, in frames of 13 bytes: this share of the body is
/// more than the most talkative one needs.
const SENT_SHARE: i64 = 8;

/// Requests that may be taken back before they were answered.
const MOST_RESETS: i64 = 200;

/// How many more may be after each second.
const SECOND_RESETS: i64 = 20;

/// The balance of one connection.
#[derive(Debug)]
pub(super) struct Allowance {
    bytes: i64,
    resets: i64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            bytes: MOST_BYTES,
            resets: MOST_RESETS,
        }
    }
}

impl Allowance {
    /// So many bytes came, whatever they are.
    pub(super) fn came(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(to_i64(bytes));
    }

    /// One of them was a request, with which so much of a body may come before anybody has
    /// said whether it is wanted.
    pub(super) fn request(&mut self, window_bytes: u32) {
        self.earn(REQUEST_BYTES + i64::from(window_bytes));
    }

    /// So many of them were content of a request, whose frames are as long again at most.
    pub(super) fn content(&mut self, bytes: u64) {
        self.earn(to_i64(bytes).saturating_mul(2));
    }

    /// So many bytes of content went to the client.
    pub(super) fn sent(&mut self, bytes: u64) {
        self.earn(to_i64(bytes) / SENT_SHARE);
    }

    /// A request was answered to its end.
    pub(super) fn answered(&mut self) {
        self.resets = (self.resets + 1).min(MOST_RESETS);
    }

    /// A request was taken back.
    pub(super) fn reset(&mut self) {
        self.resets = self.resets.saturating_sub(1);
    }

    /// So many seconds have passed.
    pub(super) fn seconds(&mut self, seconds: u64) {
        let seconds = to_i64(seconds);
        self.earn(seconds.saturating_mul(SECOND_BYTES));
        let resets = seconds.saturating_mul(SECOND_RESETS);
        self.resets = self.resets.saturating_add(resets).min(MOST_RESETS);
    }

    /// Whether the client has gone too far.
    pub(super) fn is_spent(&self) -> bool {
        self.bytes < 0 || self.resets < 0
    }

    fn earn(&mut self, bytes: i64) {
        self.bytes = self.bytes.saturating_add(bytes).min(MOST_BYTES);
    }
}

fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_use_have_an_end_and_useful_ones_have_none() {
        let mut allowance = Allowance::default();
        for _ in 0..100_000 {
            allowance.came(1000);
            allowance.request(0);
            allowance.came(16_393);
            allowance.content(16_384);
            // Two announcements for each 16 KiB that were sent.
            allowance.sent(16_384);
            allowance.came(26);
        }
        assert!(!allowance.is_spent());
        let pings = (0..).take_while(|_| {
            allowance.came(17);
            !allowance.is_spent()
        });
        let most = (MOST_BYTES / 17) as usize;
        assert!(pings.count().abs_diff(most) < 10);
        allowance.seconds(u64::MAX);
        assert!(!allowance.is_spent());
    }

    #[test]
    fn requests_may_be_taken_back_but_not_all_of_them() {
        let mut allowance = Allowance::default();
        for _ in 0..10_000 {
            allowance.reset();
            allowance.answered();
        }
        assert!(!allowance.is_spent());
        for _ in 0..=MOST_RESETS {
            allowance.reset();
        }
        assert!(allowance.is_spent());
        allowance.seconds(1);
        assert!(!allowance.is_spent());
    }
}
