//! What an application that works piece by piece needs of a request: parts of its body as
//! they come, how much the client has not taken yet, and whether it is still there.

use super::Exchange;
use crate::connection::{Arrived, Connection, Flushed};
use crate::dispatch::now_ns;
use crate::http::{self, Refusal};
use crate::io::Signs;
use crate::overdue::TIMED_OUT_TEXT;

/// What there was of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Content, and nothing after it where it is the last; only then there may be none.
    Part {
        /// The body is complete.
        last: bool,
    },
    /// No content yet: [`Exchange::note`] tells when to ask again.
    Nothing,
    /// The client has gone, or ended its sending side too early.
    Gone,
    /// The body breaks the rules. The client has been told, if it could be, and the
    /// connection ends.
    Refused,
}

impl Exchange {
    /// The application has to wait: whenever it answers, nothing waits for others.
    pub fn send_at_once(&mut self) {
        self.outbox = None;
    }

    /// Takes what has come of the body, read into `room`, and hands it on at most once. A
    /// client that waits for leave to send it has it from now on.
    pub(crate) fn receive(
        &mut self,
        room: &mut [u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<Received, Refusal> {
        if !self.asked_for_body {
            self.asked_for_body = true;
            if self.connection.awaits_continue() && !self.reply.has_sent() {
                let sent = self.connection.send(&[http::CONTINUE]);
                self.note_sent(&sent);
            }
        }
        let arrived = self.connection.receive(room, sink)?;
        if let Some(ticket) = &self.ticket {
            // What a client takes for its body is not the application's time.
            match arrived {
                Arrived::Nothing => ticket.pause(None),
                Arrived::Part { .. } => ticket.pause(Some(now_ns())),
                Arrived::Gone => {}
            }
        }
        Ok(match arrived {
            Arrived::Part { last } => Received::Part { last },
            Arrived::Nothing => Received::Nothing,
            Arrived::Gone => Received::Gone,
        })
    }

    /// Answers that the request is not acceptable, where nothing was answered yet. The
    /// connection ends.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.connection.end_unread();
        self.answer(refusal.status(), &format!("{refusal}\n"));
    }

    /// Answers 503 where the application has had its time, and nobody has answered yet;
    /// whether that was so. The connection ends.
    pub fn end_late(&mut self) -> bool {
        let late = self.ticket.as_ref();
        let late = late.is_some_and(|ticket| ticket.is_late(now_ns()));
        if late {
            self.connection.end_unread();
            self.answer(503, TIMED_OUT_TEXT);
        }
        late
    }

    /// To be called before the response begins: the connection ends with it, and says so,
    /// where the body would not be read to its end. A client that waits for leave to send
    /// it may take the response for a no, or send it all the same.
    pub fn close_if_body_is_left(&mut self) {
        let unasked = !self.asked_for_body && self.connection.awaits_continue();
        if unasked || self.connection.lacks_much() {
            self.close_after();
        }
    }

    /// Keeps in mind what the kernel said of the connection.
    pub fn note(&mut self, signs: Signs) {
        self.connection.note(signs.readable, signs.hung_up);
    }

    /// Whether the client has closed, at least its sending side.
    pub fn is_hung_up(&self) -> bool {
        !self.intact || self.connection.hung_up || self.connection.input_ended
    }

    /// Bytes that the client has not taken yet.
    pub fn tail_bytes(&self) -> u64 {
        self.connection.waiting_bytes()
    }

    /// Sends on what waits; whether the client took some of it.
    pub fn flush(&mut self) -> bool {
        let before = self.connection.sent_bytes();
        // A file that others have to wait for gives way; here nobody else is asked.
        loop {
            match self.connection.flush() {
                Ok(Flushed::Yielded) => {}
                Ok(Flushed::All | Flushed::Blocked) => break,
                Err(error) => {
                    self.note_sent(&Err(error));
                    break;
                }
            }
        }
        self.connection.sent_bytes() > before
    }

    /// The connection, where it can go on, or at least end in peace: the client got what
    /// it was promised.
    pub(crate) fn into_streamed(mut self) -> Option<Box<Connection>> {
        drop(self.ticket.take());
        let connection = &mut self.connection;
        connection.closing |= self.reply.closes();
        if !(self.intact && self.reply.is_complete()) {
            return None;
        }
        let is_coming = self.asked_for_body || !connection.awaits_continue();
        connection.leave_body(is_coming);
        Some(self.connection)
    }
}
