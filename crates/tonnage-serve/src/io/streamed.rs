//! Sockets whose bodies are read when the application asks for them: a request is handed
//! out with its head, and what happens to its connection meanwhile is told.

use super::slots::Signs;
use super::{Io, Token};
use crate::connection::Skipped;

/// Room for one reading of a body: large enough that a long one costs few calls, small
/// enough for the processor's cache.
const ROOM_BYTES: usize = 256 << 10;

/// What only such sockets need.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    /// What happened to connections in the application's hands.
    pub(super) noted: Vec<(Token, Signs)>,
    room: Vec<u8>,
}

impl Streamed {
    /// Made when the first body comes.
    fn room(&mut self) -> &mut [u8] {
        if self.room.is_empty() {
            self.room.resize(ROOM_BYTES, 0);
        }
        &mut self.room
    }
}

impl Io {
    /// From now on a request is complete with its head.
    pub(crate) fn stream_bodies(&mut self) {
        self.streamed.get_or_insert_default();
    }

    /// Moves to `into` what happened to connections in the application's hands.
    pub(crate) fn take_noted(&mut self, into: &mut Vec<(Token, Signs)>) {
        if let Some(streamed) = &mut self.streamed {
            into.append(&mut streamed.noted);
        }
    }

    /// What happened to a connection while its request waited for the application.
    pub(crate) fn noted(&mut self, token: Token) -> Signs {
        self.slots.noted(token)
    }

    /// Room for one reading of a body.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.streamed.get_or_insert_default().room()
    }

    /// Reads on in a body that nobody wants; what comes after it is the next request.
    pub(super) fn skip(&mut self, token: Token) {
        let deadline_ms = self.now_ms() + self.settings.body_timeout_ms;
        let Self {
            slots,
            pool,
            streamed,
            ..
        } = self;
        let Some(connection) = slots.get(token) else {
            return;
        };
        match connection.skip(streamed.get_or_insert_default().room()) {
            Skipped::Waiting => slots.set_deadline(token, deadline_ms),
            Skipped::Yielded => self.resume_later(token),
            Skipped::Ended => self.remove(token),
            Skipped::Done => {
                connection.next_request(pool);
                if connection.input_ended && connection.unread().is_empty() {
                    self.remove(token);
                } else {
                    self.go_on(token, Signs::default());
                }
            }
        }
    }
}
