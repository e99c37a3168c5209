//! Complete requests, which wait until somebody gives them to the application, and no longer
//! than they may.

use super::{Io, Token};
use crate::connection::Connection;

/// A request that is complete and has not been given to the application.
#[derive(Debug)]
pub struct Waiting {
    pub(crate) token: Token,
    pub(crate) connection: Box<Connection>,
    /// Since when it has been complete: a body that took long has not waited.
    pub(crate) queued_ns: u64,
    /// How long before that whoever was told of it waited for the interpreter.
    pub(crate) gil_ns: u64,
}

impl Io {
    /// A request is complete: it waits for the application, or is turned away.
    pub(super) fn queue(&mut self, token: Token) {
        let Some(mut connection) = self.slots.take(token) else {
            return;
        };
        // Of a body that is streamed the kernel tells as it comes.
        if self.streamed.is_none() {
            connection.set_low_water();
        }
        if self.settings.keep_alive_ms == 0
            && let Some(head) = &mut connection.head
        {
            head.meaning.keep_alive = false;
        }
        let Some(connection) = self.serve_file(token, connection) else {
            return;
        };
        // An event loop takes all that there is at each of its turns.
        let most = self.settings.max_queue.saturating_add(self.takers);
        if self.streamed.is_none() && self.waiting.len() >= most {
            self.turn_away(token, connection);
        } else {
            self.waiting.push_back(Waiting {
                token,
                connection,
                queued_ns: self.now_ns,
                gil_ns: self.gil_ns,
            });
        }
    }

    /// The request that has waited longest; otherwise the next one that can be read. Those
    /// with bodies are read when they can be run, so that one after the other has the same
    /// memory, which is still in the processor's cache, and a client can send on while others
    /// are served. Where there is none, responses wait for no other any more.
    pub fn next(&mut self, now_ns: u64) -> Option<Waiting> {
        self.now_ns = now_ns;
        loop {
            let waiting = self.longest_waiting();
            if waiting.is_some() {
                return waiting;
            }
            if let Some((token, signs)) = self.unseen.pop_front() {
                self.see(token, signs);
            } else if self.holds_back() {
                // What was asked behind them can be read then.
                self.let_go();
            } else {
                return None;
            }
        }
    }

    fn longest_waiting(&mut self) -> Option<Waiting> {
        let longest_ns = match self.settings.queue_timeout_ms {
            0 => u64::MAX,
            timeout_ms => timeout_ms * 1_000_000,
        };
        while let Some(waiting) = self.waiting.pop_front() {
            if waiting.connection.is_taken_back() {
                self.close_stream(waiting.token, waiting.connection);
            } else if self.now_ns.saturating_sub(waiting.queued_ns) <= longest_ns {
                self.show_waiting();
                return Some(waiting);
            } else {
                self.turn_away(waiting.token, waiting.connection);
            }
        }
        None
    }

    /// Complete requests that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether there may be a request that nobody has taken yet.
    pub fn has_more(&self) -> bool {
        !self.waiting.is_empty() || !self.unseen.is_empty()
    }

    /// Shows how many requests wait, where somebody wants to know.
    pub(super) fn show_waiting(&self) {
        if let Some(meters) = self.meters {
            meters.set_waiting(self.waiting.len() as u32);
        }
    }
}
