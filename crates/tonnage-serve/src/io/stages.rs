//! The stages of a connection: what is done with what the kernel said of it, and what comes
//! after a request, its response, and the rest of either.

use super::slots::NEVER_MS;
use super::{Io, Signs, Token, Waiting, accept};
use crate::connection::{Flushed, Progress, Read, Stage};

/// Readings of one connection after which others have their turn.
const READINGS: usize = 16;

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

    /// How long an idle connection is kept, in ms.
    pub(super) fn idle_ms(&self) -> u64 {
        let kept_ms = self.settings.keep_alive_ms;
        if self.draining {
            kept_ms.min(accept::DRAIN_IDLE_MS)
        } else {
            kept_ms
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

    /// How long a connection may be without its first request, in ms.
    pub(super) fn first_ms(&self) -> u64 {
        let patience_ms = self.settings.header_timeout_ms;
        if self.draining {
            patience_ms.min(accept::DRAIN_IDLE_MS)
        } else {
            patience_ms
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

    /// Reads until the socket is empty, a request is complete, or others have their turn.
    pub(super) fn read(&mut self, token: Token, signs: Signs) {
        for _ in 0..READINGS {
            let Self { slots, pool, .. } = self;
            let Some(connection) = slots.get(token) else {
                return;
            };
            connection.hung_up |= signs.hung_up;
            let read = connection.read(pool);
            // A peer that has closed says so only once: it must be read to the end.
            let more = read == Read::More || (read == Read::Drained && connection.hung_up);
            connection.more_to_read = more;
            match read {
                Read::Broken => return self.remove(token),
                Read::Empty => return self.await_more(token),
                Read::Closed => {
                    // Whatever is there is all that there will be.
                    if connection.unread().is_empty() || !self.advance(token) {
                        self.remove(token);
                    }
                    return;
                }
                Read::Drained | Read::More => {}
            }
            if self.advance(token) {
                return;
            }
            if !more {
                return self.await_more(token);
            }
        }
        // No event will tell of what is left.
        self.await_more(token);
        self.resume_later(token);
    }

    /// Goes on with bytes that were read; `true` where the connection is settled for now:
    /// its request is complete, or it was refused.
    fn advance(&mut self, token: Token) -> bool {
        let Self {
            slots,
            settings,
            streamed,
            ..
        } = self;
        let Some(connection) = slots.get(token) else {
            return true;
        };
        let progress = match streamed {
            Some(_) => connection.advance_head(&settings.limits),
            None => connection.advance(&settings.limits, &settings.folder),
        };
        self.bodies_come = streamed.is_none() && connection.sends_bodies;
        match progress {
            Progress::Wait => return false,
            Progress::Continue => {
                if connection
                    .send(&[b"HTTP/1.1 100 Continue\r\n\r\n"])
                    .is_err()
                {
                    self.remove(token);
                    return true;
                }
                return false;
            }
            Progress::Request => self.queue(token),
            Progress::Refused(_) if self.may_be_http2(token) => {
                return self.begin_http2_after_preface(token);
            }
            Progress::Refused(refusal) => self.refuse(token, refusal),
            Progress::Failed(error) => self.give_up(token, &error),
        }
        true
    }

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

    /// Sets how long a client may take for what is missing.
    fn await_more(&mut self, token: Token) {
        let (now_ms, idle_ms, first_ms) = (self.now_ms(), self.idle_ms(), self.first_ms());
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        connection.set_low_water();
        let since_ms = connection.since_ns / 1_000_000;
        let idle = connection.is_idle();
        let deadline_ms = match connection.stage {
            // It has just come, and its handshake is done.
            Stage::Head if idle && connection.served == 0 => now_ms + first_ms,
            // A head has its time from its first byte on, however it trickles.
            Stage::Head if idle => now_ms + idle_ms,
            Stage::Head => since_ms + self.settings.header_timeout_ms,
            Stage::Body(_) | Stage::Skipping(_) => now_ms + self.settings.body_timeout_ms,
            Stage::Flushing => now_ms + self.settings.send_timeout_ms,
            Stage::Request => NEVER_MS,
            Stage::Preamble
            | Stage::Handshake
            | Stage::Lingering { .. }
            | Stage::Multiplexed(_) => {
                return;
            }
        };
        self.slots.set_deadline(token, deadline_ms);
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
