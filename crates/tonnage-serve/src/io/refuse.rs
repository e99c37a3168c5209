//! Answers that need no application: to what is no request, and to what there is no
//! time for.

use std::io;

use super::slots::Signs;
use super::{Io, Refusals, Refused, Token};
use crate::connection::{Connection, Stage};
use crate::http::{self, Method, Refusal};
use crate::listen::Peer;
use crate::reply::push_date;

/// What a client that was turned away is asked to wait, in seconds.
const RETRY_AFTER_S: u32 = 1;

impl Io {
    /// Says why a request is refused, and ends the connection: where it ends and the next
    /// one begins is not known.
    pub(super) fn refuse(&mut self, token: Token, refusal: Refusal) {
        self.counts.refused += 1;
        let status = refusal.status();
        if let Some(meters) = self.meters {
            meters.count_refused();
            meters.count_status(status);
        }
        let text = format!("{refusal}\n");
        let now_ns = self.now_ns;
        if let Some(connection) = self.slots.get(token) {
            let limits = &self.settings.limits;
            let refused = || Refused::new(connection, refusal, text.len(), limits, now_ns);
            self.refusals.add(now_ns, refusal, refused);
        }
        self.answer_and_end(token, status, &text);
    }

    /// A request was refused that was in an application's hands already, which tells of
    /// the answer.
    pub(crate) fn note_refusal(&mut self, peer: Peer, refusal: Refusal) {
        self.counts.refused += 1;
        if let Some(meters) = self.meters {
            meters.count_refused();
        }
        let refused = || Refused::answered(peer, refusal);
        self.refusals.add(self.now_ns, refusal, refused);
    }

    /// The requests that were refused or turned away since it was asked last.
    pub fn take_refusals(&mut self) -> Option<Refusals> {
        self.refusals.take(self.now_ns)
    }

    /// A request's body cannot be kept, for want of disk space for example.
    pub(super) fn give_up(&mut self, token: Token, error: &io::Error) {
        self.note_trouble("a request body", error);
        self.refuse(token, Refusal::NoRoom);
    }

    /// Something that is too long for memory cannot be kept.
    pub(super) fn note_trouble(&mut self, what: &str, error: &io::Error) {
        let folder = self.settings.folder.display();
        let text = format!("Cannot keep {what} in {folder}: {error}");
        self.refusals.note_trouble(text);
    }

    fn answer_and_end(&mut self, token: Token, status: u16, text: &str) {
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        connection.closing = true;
        // Whatever was read of it is of no use any more.
        connection.head = None;
        connection.stage = Stage::Request;
        if connection
            .send(&[&answer(status, text, false, true)])
            .is_err()
        {
            return self.remove(token);
        }
        if connection.is_stream() {
            return self.close_refused_stream(token);
        }
        // Whether the client sends on is not known: it is given time to read this.
        let signs = Signs {
            readable: true,
            ..Signs::default()
        };
        self.settle(token, signs);
    }

    /// Answers at once that there is no time for this request.
    pub(super) fn turn_away(&mut self, token: Token, mut connection: Box<Connection>) {
        self.counts.turned_away += 1;
        let refusal = Refusal::Overload;
        if let Some(meters) = self.meters {
            meters.count_turned_away();
            meters.count_status(refusal.status());
        }
        let gives_up_body = connection.gives_up_body();
        let head = connection.head.as_ref();
        let keep =
            head.is_some_and(|head| head.meaning.keep_alive) && !gives_up_body && !self.draining;
        let bodiless = head.is_some_and(|head| head.line.kind == Method::Head);
        connection.closing = !keep;
        let text = format!("{refusal}\n");
        let sent_bytes = if bodiless { 0 } else { text.len() };
        let mut answer = answer(refusal.status(), &text, true, !keep);
        answer.truncate(answer.len() - text.len() + sent_bytes);
        let (limits, now_ns) = (&self.settings.limits, self.now_ns);
        let refused = || Refused::new(&connection, refusal, sent_bytes, limits, now_ns);
        self.refusals.add(now_ns, refusal, refused);
        if connection.send(&[&answer]).is_err() {
            drop(connection);
            return self.remove(token);
        }
        if connection.is_stream() {
            return self.close_stream(token, connection);
        }
        let signs = self.slots.put_back(token, connection);
        self.remember(token, signs);
        // Not from here: its next request may be turned away too, and the one after that.
        self.resume_later(token);
    }
}

/// A short answer in plain text.
pub(crate) fn answer(status: u16, text: &str, retry: bool, close: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    // The phrases of our own statuses have nothing that could be refused.
    let _ = http::push_status(&mut out, status, http::reason(status).as_bytes());
    out.extend_from_slice(http::SERVER);
    push_date(&mut out);
    out.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\n");
    http::push_length(&mut out, text.len() as u64);
    if retry {
        out.extend_from_slice(format!("Retry-After: {RETRY_AFTER_S}\r\n").as_bytes());
    }
    out.extend_from_slice(if close {
        b"Connection: close\r\n\r\n".as_slice()
    } else {
        b"Connection: keep-alive\r\n\r\n"
    });
    out.extend_from_slice(text.as_bytes());
    out
}
