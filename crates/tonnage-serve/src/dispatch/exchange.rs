//! One request and its response, in the hands of whoever runs the application.

mod around;
mod asked;
mod compressing;
mod counting;
mod room;
mod sending;
mod streaming;
mod websocket;

use std::io;
use std::sync::Arc;

use self::compressing::Compressing;
pub use self::streaming::Received;
pub use self::websocket::Heard;
use crate::board::Split;
use crate::connection::{Body, Connection};
use crate::http::{self, Method, Version};
use crate::io::Waiting;
use crate::outbox::Outbox;
use crate::overdue::{Register, TIMED_OUT_TEXT, Ticket};
use crate::reply::{Asked, Reply, ReplyError};

/// A part up to this length is copied behind its head: send(2) costs less than writev(2),
/// by more than the copy.
const COPIED_BYTES: usize = 1024;

/// A request that was read, and the response to it.
#[derive(Debug)]
pub struct Exchange {
    /// Its entry, where somebody looks after those that take too long. It goes before the
    /// connection, whose socket it names.
    ticket: Option<Ticket>,
    connection: Box<Connection>,
    reply: Reply,
    /// When it was given to the application, in ns.
    began_ns: u64,
    /// The client gets the response as the application meant it, so far.
    intact: bool,
    /// Somebody wanted the body, so that the client was told to send it.
    asked_for_body: bool,
    /// Where a short response may wait a moment for those that follow.
    outbox: Option<Arc<Outbox>>,
    /// The response may be compressed.
    compressing: Option<Box<Compressing>>,
    /// Where its time goes, where somebody wants to know.
    split: Option<Split>,
    /// When it became a websocket, in ns.
    accepted_ns: Option<u64>,
}

impl Exchange {
    /// A request that an application is given at `began_ns`.
    pub(crate) fn new(waiting: Waiting, began_ns: u64) -> Self {
        let connection = waiting.connection;
        let head = connection.head.as_deref();
        let asked = Asked {
            version: head.map_or(Version::Http11, |head| head.line.version),
            method: head.map_or(Method::Get, |head| head.line.kind),
            keep_alive: head.is_some_and(|head| head.meaning.keep_alive),
        };
        Self {
            ticket: None,
            connection,
            reply: Reply::new(asked),
            began_ns,
            intact: true,
            asked_for_body: false,
            outbox: None,
            compressing: None,
            split: None,
            accepted_ns: None,
        }
    }

    /// Lets a short response wait there for others. Whoever has the connection is to send
    /// them soon ([`crate::io::Io::next`]); where it is late, somebody else does.
    pub(crate) fn may_wait(mut self, outbox: &Arc<Outbox>) -> Self {
        self.outbox = Some(Arc::clone(outbox));
        self
    }

    /// Enters it there, until it is answered; after [`Exchange::split`].
    pub(crate) fn enter_in(mut self, register: &Arc<Register>) -> Self {
        let outlet = Some(self.connection.outlet());
        let waited = self.split.unwrap_or_default();
        self.ticket = Some(register.enter(self.request(), self.began_ns, waited, outlet));
        self
    }

    /// Lets it be younger than it is, however slow a test is.
    #[cfg(test)]
    pub(super) fn begun_at(&mut self, began_ns: u64) {
        self.began_ns = began_ns;
    }

    /// The connection, where it can go on, or at least end in peace: the client got what
    /// it was promised.
    pub(crate) fn into_connection(mut self) -> Option<Box<Connection>> {
        drop(self.ticket.take());
        self.connection.closing = self.reply.closes();
        (self.intact && self.reply.is_complete()).then_some(self.connection)
    }

    /// The body, once.
    pub fn take_body(&mut self) -> Body {
        std::mem::take(&mut self.connection.body)
    }

    /// When the application was given it, in ns of the dispatcher's clock.
    pub fn began_ns(&self) -> u64 {
        self.began_ns
    }

    /// When its first byte was seen, in ns of the dispatcher's clock.
    pub fn since_ns(&self) -> u64 {
        self.connection.since_ns
    }

    /// The response.
    pub fn reply(&self) -> &Reply {
        &self.reply
    }

    /// Keeps what the response's head says, for those who watch.
    pub fn keep_said(&mut self) {
        self.reply.keep_said();
    }

    /// Begins the response; nothing is sent before its first bytes, so that it can still
    /// be begun anew.
    pub fn start<'f>(
        &mut self,
        status: u16,
        reason: &[u8],
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
    ) -> Result<(), ReplyError> {
        match &mut self.compressing {
            None => self.reply.start(status, reason, fields),
            Some(compressing) => {
                let fields = fields.into_iter().collect();
                compressing.start(&mut self.reply, status, reason, fields)
            }
        }
    }

    /// Answers that the application failed, where nothing was sent yet; otherwise the
    /// client is to see that the response does not go on. The connection ends.
    pub fn fail(&mut self) {
        self.answer(500, "Internal Server Error\n");
    }

    /// Answers in plain text, unless an answer is on its way. The connection ends.
    fn answer(&mut self, status: u16, text: &str) {
        if self.reply.has_sent() {
            self.abort();
            return;
        }
        self.close_after();
        let fields: [(&[u8], &[u8]); 1] = [(b"Content-Type", b"text/plain; charset=utf-8")];
        let answered = self
            .start(status, http::reason(status).as_bytes(), fields)
            .and_then(|()| self.send(text.as_bytes(), true))
            .and_then(|()| self.finish());
        if answered.is_err() {
            self.abort();
        }
    }

    /// The connection ends after this response.
    pub fn close_after(&mut self) {
        self.reply.close_after();
    }

    /// A head that has not been sent says that the connection ends, where the worker was
    /// told to end meanwhile.
    fn say_whether_it_ends(&mut self) {
        if self.reply.has_sent() {
            return;
        }
        if self.connection.is_of_ending_worker() {
            self.reply.close_after();
        }
        if let Some(ticket) = &self.ticket
            && !ticket.claim()
        {
            self.was_answered();
        }
    }

    /// What was sent so far is no answer, and all of it has gone: it may still be late.
    fn release(&mut self) {
        if let Some(ticket) = &self.ticket
            && self.connection.outgoing.is_empty()
        {
            ticket.release();
        }
    }

    /// It took so long that its client was told so: whatever comes now is for nobody.
    fn was_answered(&mut self) {
        let is_head = self.method() == b"HEAD".as_slice();
        let bytes = if is_head { 0 } else { TIMED_OUT_TEXT.len() };
        self.reply.give_up(503, bytes as u64);
        self.intact = false;
    }

    /// Ends the response.
    pub fn finish(&mut self) -> Result<(), ReplyError> {
        self.finish_compressed()?;
        self.say_whether_it_ends();
        if let Some(end) = self.reply.finish()? {
            self.write(end, &[]);
        }
        if self.connection.is_stream() && self.reply.is_complete() {
            let sent = self.connection.finish_stream(&[]);
            self.note_sent(&sent);
        }
        Ok(())
    }

    /// The response cannot go on: the client is to see that.
    pub fn abort(&mut self) {
        self.intact = false;
    }

    /// Whether the client still takes what is sent.
    pub fn is_intact(&self) -> bool {
        self.intact
    }

    fn note_sent(&mut self, sent: &io::Result<()>) {
        if sent.is_err() {
            self.intact = false;
        }
    }
}
