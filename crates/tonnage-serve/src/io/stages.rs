//! The stages of a connection: what is done with what the kernel said of it, and what comes
//! after a request, its response, and the rest of either.

use super::{Io, Signs, Token};
use crate::connection::{Flushed, Stage};

impl Io {
    /// What comes after a response: the rest of it, the end, or the next request.
    pub(super) fn settle(&mut self, token: Token, signs: Signs) {
        let Self {
            slots,
            pool,
            meters,
            now_ns,
            ..
        } = self;
        let Some(connection) = slots.get(token) else {
            return;
        };
        if let Some(meters) = meters {
            connection.tell_tail(meters, *now_ns);
        }
        if !connection.outgoing.is_empty() {
            connection.stage = Stage::Flushing;
            // First, since flushing may come to its end and look for the next request.
            connection.note(signs.readable, signs.hung_up);
            let held_back = connection.outgoing.is_held_back();
            let deadline_ms = self.now_ms() + self.settings.send_timeout_ms;
            self.slots.set_deadline(token, deadline_ms);
            if held_back {
                self.hold_back(token);
            } else {
                // What was noted as writable may have been used up since: look.
                self.flush(token);
            }
            return;
        }
        if connection.closing {
            self.end(token, signs);
            return;
        }
        if let Some(rest) = connection.rest.take() {
            connection.stage = Stage::Skipping(rest);
            self.remember(token, signs);
            self.skip(token);
            return;
        }
        connection.next_request(pool);
        if connection.input_ended && connection.unread().is_empty() {
            self.remove(token);
            return;
        }
        self.go_on(token, signs);
    }

    /// Looks at what a connection has for the next request.
    pub(super) fn go_on(&mut self, token: Token, signs: Signs) {
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        // The kernel will not say it again, and the next request may be there already.
        connection.note(signs.readable, signs.hung_up);
        let may_have_more = connection.more_to_read;
        if connection.unread().is_empty() && !may_have_more {
            let deadline_ms = self.now_ms() + self.idle_ms();
            self.slots.set_deadline(token, deadline_ms);
            return;
        }
        // The next head begins now, as far as anybody can tell.
        connection.since_ns = self.now_ns;
        if !connection.unread().is_empty() && self.advance(token) {
            return;
        }
        if may_have_more {
            self.read(token, signs);
        } else {
            self.await_more(token);
        }
    }

    /// Goes on with a connection whose turn ended before its work did.
    pub(super) fn resume(&mut self, token: Token) {
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        let signs = Signs {
            readable: connection.more_to_read,
            writable: true,
            hung_up: connection.hung_up,
        };
        if matches!(connection.stage, Stage::Request) {
            self.settle(token, signs);
        } else {
            self.work(token, signs);
        }
    }

    /// Has a connection resumed after the others.
    pub(super) fn resume_later(&mut self, token: Token) {
        if !self.again.contains(&token) {
            self.again.push(token);
        }
    }

    /// Keeps in mind what a connection could not look at yet.
    pub(super) fn remember(&mut self, token: Token, signs: Signs) {
        if let Some(connection) = self.slots.get(token) {
            connection.note(signs.readable, signs.hung_up);
        }
    }

    /// Does what a connection's signs ask for.
    pub(super) fn work(&mut self, token: Token, signs: Signs) {
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        let input = signs.readable || signs.hung_up;
        match connection.stage {
            Stage::Preamble if input => self.read_preamble(token, signs),
            Stage::Handshake => self.shake_hands(token, signs),
            Stage::Body(_) if connection.is_stream() => self.read_stream(token),
            Stage::Head | Stage::Body(_) if input => {
                if connection.is_idle() {
                    connection.since_ns = self.now_ns;
                }
                self.read(token, signs);
            }
            Stage::Flushing => {
                self.remember(token, signs);
                if signs.writable || signs.hung_up {
                    self.flush(token);
                }
            }
            Stage::Skipping(_) => {
                self.remember(token, signs);
                self.skip(token);
            }
            Stage::Lingering { .. } if input => self.forget(token),
            // It was answered, and is settled in a moment.
            Stage::Request => self.remember(token, signs),
            Stage::Multiplexed(_) => self.take_turn(token, signs),
            Stage::Preamble | Stage::Head | Stage::Body(_) | Stage::Lingering { .. } => {}
        }
    }

    /// Sends on what a client has not taken yet.
    pub(super) fn flush(&mut self, token: Token) {
        let deadline_ms = self.now_ms() + self.settings.send_timeout_ms;
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        let before = connection.sent_bytes();
        match connection.flush() {
            Ok(Flushed::All) => self.settle(token, Signs::default()),
            Ok(flushed) => {
                let moved = connection.sent_bytes() > before;
                if moved {
                    self.slots.set_deadline(token, deadline_ms);
                }
                if flushed == Flushed::Yielded {
                    self.resume_later(token);
                }
            }
            Err(_) => self.remove(token),
        }
    }

    /// Forgets a connection and closes it.
    pub(super) fn remove(&mut self, token: Token) {
        let before = self.slots.len();
        if let Some(mut connection) = self.slots.remove(token) {
            connection.say_goodbye();
            self.lose_session(&connection);
        }
        if self.slots.len() < before {
            self.tell_connections();
            self.listen_again();
        }
    }
}
