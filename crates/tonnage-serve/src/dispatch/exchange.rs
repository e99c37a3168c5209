//! One request and its response, in the hands of whoever runs the application.

mod around;
mod compressing;
mod streaming;
mod websocket;

use std::borrow::Cow;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use self::compressing::Compressing;
pub use self::streaming::Received;
pub use self::websocket::Heard;
use super::now_ns;
use crate::board::{Meters, Split};
use crate::connection::{Body, Connection, Flushed, Head, Held, duplicate};
use crate::http::{self, Known, Method, Version};
use crate::io::Waiting;
use crate::listen::Peer;
use crate::outbox::{self, Outbox};
use crate::overdue::{Register, TIMED_OUT_TEXT, Ticket};
use crate::proxy_protocol::Introduced;
use crate::reply::{Asked, Reply, ReplyError};
use crate::request::Request;
use crate::tls::TlsInfo;

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

    /// Keeps where its time goes: it waited for so long, in ns, to be given to the
    /// application, and for so long for the interpreter.
    pub(crate) fn split(&mut self, queue_ns: u64, gil_ns: u64) {
        self.split = Some(Split {
            queue_ns,
            gil_ns,
            ..Split::default()
        });
    }

    /// Counts it, once the application is done with it: how it was answered, and where its
    /// time went.
    pub(crate) fn count(&self, meters: &Meters, ended_ns: u64) {
        let mut split = self.split.unwrap_or_default();
        // How long a websocket is open is nobody's service time.
        let ended_ns = self.accepted_ns.unwrap_or(ended_ns);
        let had_ns = ended_ns.saturating_sub(self.began_ns);
        split.write_ns = split.write_ns.min(had_ns);
        split.application_ns = had_ns - split.write_ns;
        meters.count_served(self.reply.status(), &split, self.reply.body_bytes());
    }

    /// Does something that hands the response on, and counts how long that takes.
    fn hand_on<T>(&mut self, hand_on: impl FnOnce(&mut Self) -> T) -> T {
        if self.split.is_none() {
            return hand_on(self);
        }
        let began_ns = now_ns();
        let handed_on = hand_on(self);
        if let Some(split) = &mut self.split {
            split.write_ns += now_ns().saturating_sub(began_ns);
        }
        handed_on
    }

    /// Lets a short response wait there for others. Whoever has the connection is to send
    /// them soon ([`crate::io::Io::next`]); where it is late, somebody else does.
    pub(crate) fn may_wait(mut self, outbox: &Arc<Outbox>) -> Self {
        self.outbox = Some(Arc::clone(outbox));
        self
    }

    /// Enters it there, until it is answered.
    pub(crate) fn enter_in(mut self, register: &Arc<Register>) -> Self {
        let outlet = Some(self.connection.outlet());
        self.ticket = Some(register.enter(self.request(), self.began_ns, outlet));
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

    /// The parsed head; its offsets point into [`Exchange::head_bytes`].
    pub fn head(&self) -> Option<&Head> {
        self.connection.head.as_deref()
    }

    /// The bytes of the request, from its first line on.
    pub fn head_bytes(&self) -> &[u8] {
        self.connection.head_bytes()
    }

    /// The request's head.
    pub fn request(&self) -> Option<Request<'_>> {
        self.connection.request()
    }

    /// Method and target, for people.
    pub fn name(&self) -> String {
        self.request()
            .map(|request| request.to_string())
            .unwrap_or_default()
    }

    /// The method; in capitals, where that was asked for.
    pub fn method(&self) -> Cow<'_, [u8]> {
        self.request().map_or(Cow::Borrowed(&[]), Request::method)
    }

    /// The target, as it was sent.
    pub fn target(&self) -> &[u8] {
        self.request().map_or(&[], Request::target)
    }

    /// The target's path, as it was sent.
    pub fn path(&self) -> &[u8] {
        self.request().map_or(&[], Request::path)
    }

    /// What follows the question mark, as it was sent.
    pub fn query(&self) -> &[u8] {
        self.request().map_or(&[], Request::query)
    }

    /// The version of HTTP that the client speaks.
    pub fn version(&self) -> Version {
        self.request().map_or(Version::Http11, Request::version)
    }

    /// The fields in their order: what is known of the name, the name and the value as
    /// they were sent.
    pub fn fields(&self) -> impl Iterator<Item = (Known, &[u8], Cow<'_, [u8]>)> {
        self.request().into_iter().flat_map(Request::fields)
    }

    /// Who asks.
    pub fn peer(&self) -> Peer {
        self.connection.peer
    }

    /// Who holds the other end of the socket: the client, or a proxy that has said who that is
    /// (see [`crate::proxy_protocol`]). Its fields are the proxy's to set.
    pub fn neighbour(&self) -> Peer {
        let introduced = self.introduced();
        introduced.map_or(self.connection.peer, |introduced| introduced.proxy)
    }

    /// What a proxy has said of the client before its first request.
    pub fn introduced(&self) -> Option<&Introduced> {
        self.connection.introduced.as_deref()
    }

    /// What protects the connection, where TLS does.
    pub fn tls(&self) -> Option<&Arc<TlsInfo>> {
        self.connection.wire.tls()
    }

    /// The number of the listener that it came through.
    pub fn listener(&self) -> usize {
        self.connection.listener as usize
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

    /// Sends a part of the body, and the head before the first one. `whole`: it is all of
    /// the body. Bytes beyond a length that was promised are left out. A client that has
    /// gone is no error: the response is then for nobody.
    pub fn send(&mut self, part: &[u8], whole: bool) -> Result<(), ReplyError> {
        if self.goes_compressed(whole.then_some(part.len() as u64))? {
            return self.send_compressed(part, whole);
        }
        self.send_plain(part, whole)
    }

    /// The same for bytes that go out as they are.
    fn send_plain(&mut self, part: &[u8], whole: bool) -> Result<(), ReplyError> {
        self.say_whether_it_ends();
        if let Some(framed) = self.reply.frame(part.len(), whole)? {
            self.write(&part[..framed.bytes], framed.after);
        }
        Ok(())
    }

    /// The same for bytes that somebody else holds, and that may be held until the client
    /// has taken them.
    pub fn send_held(&mut self, part: Held, whole: bool) -> Result<(), ReplyError> {
        let length = part.as_ref().as_ref().len();
        if self.goes_compressed(whole.then_some(length as u64))? {
            return self.send_compressed(part.as_ref().as_ref(), whole);
        }
        self.say_whether_it_ends();
        let Some(framed) = self.reply.frame(length, whole)? else {
            return Ok(());
        };
        if framed.bytes < length {
            self.write(&part.as_ref().as_ref()[..framed.bytes], framed.after);
            return Ok(());
        }
        let head = self.reply.take_head();
        let sent = self.hand_on(|exchange| {
            exchange.connection.send_held(&head, part)?;
            match framed.after {
                [] => Ok(()),
                after => exchange.connection.send(&[after]),
            }
        });
        self.reply.give_back(head);
        self.note_sent(&sent);
        Ok(())
    }

    /// Writes what comes before a part, the part, and what comes after it.
    fn write(&mut self, part: &[u8], after: &[u8]) {
        let mut head = self.reply.take_head();
        let sent = if part.len() <= COPIED_BYTES {
            head.extend_from_slice(part);
            head.extend_from_slice(after);
            self.hand_on(|exchange| exchange.send_or_hold(&head))
        } else if after.is_empty() {
            self.hand_on(|exchange| exchange.connection.send(&[&head, part]))
        } else {
            self.hand_on(|exchange| exchange.connection.send(&[&head, part, after]))
        };
        self.reply.give_back(head);
        self.note_sent(&sent);
    }

    /// Sends the end of a short response, or lets it wait for others.
    fn send_or_hold(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(outbox) = &self.outbox
            // A part of a response is never late for the sake of others (PEP 3333).
            && self.reply.has_all()
            && self.connection.outgoing.is_empty()
        {
            let now_ns = now_ns();
            if now_ns.saturating_sub(self.began_ns) < outbox::LONGEST_NS
                && self.connection.hold_back(outbox, bytes, now_ns)
            {
                return Ok(());
            }
        }
        self.connection.send(&[bytes])
    }

    /// Sends a stretch of a file as the whole body, from the kernel's memory.
    pub fn send_file(
        &mut self,
        file: BorrowedFd<'_>,
        offset: u64,
        bytes: u64,
    ) -> Result<(), ReplyError> {
        // The kernel compresses nothing.
        self.compressing = None;
        self.say_whether_it_ends();
        let Some(framed) = self.reply.frame_whole(bytes)? else {
            return Ok(());
        };
        let head = self.reply.take_head();
        let sent = self.hand_on(|exchange| {
            exchange.connection.send(&[&head])?;
            if framed == 0 {
                return Ok(());
            }
            let file = duplicate(file)?;
            exchange.connection.send_file(file, offset, framed)
        });
        self.reply.give_back(head);
        self.note_sent(&sent);
        Ok(())
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

    /// Whether so much waits for the client that a writer should wait too.
    pub fn is_full(&self) -> bool {
        self.intact && self.connection.is_full()
    }

    /// The client's socket, for whoever waits for room otherwise than
    /// [`Exchange::wait_for_room`] does. None where room is not the socket's to give: a stream
    /// shares it with others.
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        (!self.connection.is_stream()).then(|| self.connection.socket())
    }

    /// Waits until the client has taken some of what waits, at most so long.
    pub fn wait_for_room(&mut self, most: Timespec) {
        if self.is_full() {
            self.hand_on(|exchange| exchange.poll_for_room(most));
        }
    }

    fn poll_for_room(&mut self, most: Timespec) {
        if self.connection.is_stream() {
            self.intact &= self.connection.wait_for_room(most);
            return;
        }
        while self.is_full() {
            let socket = self.connection.socket();
            let mut watched = [PollFd::from_borrowed_fd(socket, PollFlags::OUT)];
            let writable = rustix::event::poll(&mut watched, Some(&most));
            match (writable, self.connection.flush()) {
                // A signal says nothing about the client.
                (
                    Ok(1..) | Err(Errno::INTR),
                    Ok(Flushed::All | Flushed::Blocked | Flushed::Yielded),
                ) => {}
                _ => self.intact = false,
            }
        }
    }
}
