//! Connections on which nothing more is sent, whose clients may not know yet. What they
//! still send is read and forgotten for a while: the kernel answers bytes that nobody reads
//! with a reset, which may overtake what was sent before.

use super::{Io, Signs, Token};
use crate::connection::{Forgotten, Stage};

/// How long a client may take to notice that we have closed, in ms.
const LINGER_MS: u64 = 2000;

impl Io {
    /// Ends a connection after its response: at once, where nothing can be lost by it.
    pub(super) fn end(&mut self, token: Token, signs: Signs) {
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        let end = connection.head.as_ref().map_or(0, |head| head.end);
        let unread = connection.unread().len() > end;
        if connection.input_ended || !(unread || signs.readable || connection.more_to_read) {
            self.remove(token);
            return;
        }
        connection.shut_down();
        // A body may be as long as it likes.
        self.linger(token, u64::MAX);
    }

    /// Begins to forget what comes, up to so many bytes: whoever sends more has not noticed
    /// because he does not look.
    pub(super) fn linger(&mut self, token: Token, most_bytes: u64) {
        let deadline_ms = self.now_ms() + LINGER_MS;
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        connection.stage = Stage::Lingering {
            left_bytes: most_bytes,
        };
        connection.set_low_water();
        self.slots.set_deadline(token, deadline_ms);
        self.forget(token);
    }

    /// Forgets what has come.
    pub(super) fn forget(&mut self, token: Token) {
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        match connection.forget_input() {
            Forgotten::All => {}
            Forgotten::Some => self.resume_later(token),
            Forgotten::Enough => self.remove(token),
        }
    }
}
