//! Reading a connection, its head and its body, until its request is complete, and how long its
//! client may take for that.

use super::slots::NEVER_MS;
use super::{Io, Signs, Token, accept};
use crate::connection::{Progress, Read, Stage};

/// Readings of one connection after which others have their turn.
const READINGS: usize = 16;

impl Io {
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
    pub(super) fn advance(&mut self, token: Token) -> bool {
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

    /// Sets how long a client may take for what is missing.
    pub(super) fn await_more(&mut self, token: Token) {
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

    /// How long an idle connection is kept, in ms.
    pub(super) fn idle_ms(&self) -> u64 {
        self.unless_drained(self.settings.keep_alive_ms)
    }

    /// How long a connection may be without its first request, in ms.
    pub(super) fn first_ms(&self) -> u64 {
        self.unless_drained(self.settings.header_timeout_ms)
    }

    fn unless_drained(&self, most_ms: u64) -> u64 {
        if self.draining {
            most_ms.min(accept::DRAIN_IDLE_MS)
        } else {
            most_ms
        }
    }
}
