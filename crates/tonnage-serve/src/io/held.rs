//! When responses that wait for each other are sent; they lie in the [`Outbox`].
//!
//! [`Outbox`]: crate::outbox::Outbox

use std::sync::Arc;

use super::{Io, Token};
use crate::outbox::{LONGEST_NS, Outbox};

/// Responses that wait, at most.
const MOST: usize = 32;

/// Connections whose responses wait, and which nobody has in hand.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    tokens: Vec<Token>,
    since_ns: u64,
}

impl Io {
    /// Where short responses may wait for each other.
    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// A response waits for those that follow, unless that are enough.
    pub(super) fn hold_back(&mut self, token: Token) {
        if self.held.tokens.is_empty() {
            self.held.since_ns = self.now_ns;
        }
        self.held.tokens.push(token);
        if self.held.tokens.len() >= MOST {
            self.let_go();
        } else {
            self.let_go_in_time(self.now_ns);
        }
    }

    /// Sends the responses that have waited long enough.
    pub(crate) fn let_go_in_time(&mut self, now_ns: u64) {
        let waited_ns = now_ns.saturating_sub(self.held.since_ns);
        if !self.held.tokens.is_empty() && waited_ns >= LONGEST_NS {
            self.let_go();
        }
    }

    /// Whether responses wait.
    pub(super) fn holds_back(&self) -> bool {
        !self.held.tokens.is_empty() || self.outbox.holds_sessions()
    }

    /// Sends all responses that wait.
    pub(crate) fn let_go(&mut self) {
        self.outbox.flush_sessions();
        // Those that come about by the sending belong to the next ones.
        let mut tokens = std::mem::take(&mut self.held.tokens);
        for token in tokens.drain(..) {
            // An event may have sent it already.
            let connection = self.slots.get(token);
            if connection.is_some_and(|connection| connection.outgoing.is_held_back()) {
                self.flush(token);
            }
        }
        if self.held.tokens.is_empty() {
            self.held.tokens = tokens;
        }
    }
}
