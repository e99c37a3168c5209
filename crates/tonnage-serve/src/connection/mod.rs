//! One client's connection: its bytes, the request that is being read from them, and what
//! it still has to be sent. Knows no epoll and no other connection.

mod body;
mod input;
mod low_water;
mod memory;
mod outgoing;
mod over_stream;
mod preamble;
mod raw;
mod spool;
mod streaming;
mod wire;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;
use rustix::net::RecvFlags;

pub use self::body::Body;
pub(crate) use self::body::{BodyError, Intake};
pub use self::input::Head;
use self::input::INPUT_BYTES;
pub(crate) use self::input::{Buffers, Pool};
pub use self::memory::Memory;
pub use self::outgoing::Held;
pub(crate) use self::outgoing::{Flushed, Outgoing};
pub(crate) use self::over_stream::Taken;
pub(crate) use self::preamble::Preamble;
pub(crate) use self::raw::Raw;
pub(crate) use self::streaming::{Arrived, Skipped};
pub(crate) use self::wire::{Handshake, Incoming, Wire, duplicate};
use crate::board::Meters;
use crate::h2::{Session, Stream};
use crate::http::{Limits, Refusal};
use crate::listen::Peer;
use crate::outbox::Outbox;
use crate::overdue::Outlet;
use crate::proxy_protocol::Introduced;
use crate::request::Request;
use crate::tls::TlsServer;

/// Room for what is read of a body that goes through the input.
const BODY_INPUT_BYTES: usize = 48 << 10;

/// Where a connection stands.
#[derive(Debug)]
pub(crate) enum Stage {
    /// A proxy may say who its client is.
    Preamble,
    /// What comes first is about how the rest is protected.
    Handshake,
    /// A head is awaited, or part of it has come.
    Head,
    /// A body is being read for the head that was parsed.
    Body(Intake),
    /// A request is complete, and waits or is in hand.
    Request,
    /// Its response is complete and nobody wanted the rest of its body, which is read and
    /// forgotten so that the next request can be.
    Skipping(Box<Intake>),
    /// The last response is still being sent.
    Flushing,
    /// All was sent and the sending side is closed; what the client still sends is read
    /// and forgotten, so that it reads our answer and not a reset (RFC 9112, 9.6).
    Lingering,
    /// HTTP/2 is spoken on it: requests are its streams', which have connections of their
    /// own.
    Multiplexed(Arc<Session>),
}

/// What became of the bytes so far.
#[derive(Debug)]
pub(crate) enum Progress {
    /// More are needed.
    Wait,
    /// A request is complete.
    Request,
    /// The client may send its body (RFC 9110, 10.1.1).
    Continue,
    /// What came is no request that will be served.
    Refused(Refusal),
    /// What came cannot be kept, which is not the client's fault.
    Failed(io::Error),
}

/// What one reading gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// Bytes, and perhaps more to come at once.
    More,
    /// All that was there.
    Drained,
    /// There was nothing.
    Empty,
    /// The peer will send nothing any more.
    Closed,
    /// The connection is broken.
    Broken,
}

/// A client's connection.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and they come about in any order"
)]
#[derive(Debug)]
pub struct Connection {
    /// Where it is no connection, but one request on one that speaks HTTP/2: what its bytes
    /// go through.
    stream: Option<Box<Stream>>,
    pub(crate) wire: Wire,
    /// The client, as far as is known.
    pub(crate) peer: Peer,
    /// What a proxy said of it.
    pub(crate) introduced: Option<Box<Introduced>>,
    /// The listener that it came through.
    pub(crate) listener: u32,
    /// The newest request has a body.
    pub(crate) sends_bodies: bool,
    pub(crate) stage: Stage,
    pub(crate) buffers: Option<Box<Buffers>>,
    pub(crate) head: Option<Box<Head>>,
    pub(crate) body: Body,
    pub(crate) outgoing: Outgoing,
    /// What the response said: whether the connection is closed after it.
    pub(crate) closing: bool,
    worker_ends: Option<Arc<AtomicBool>>,
    /// What is still to come of a body that nobody wants.
    pub(crate) rest: Option<Box<Intake>>,
    /// The kernel said that the peer has closed; there may be bytes from before.
    pub(crate) hung_up: bool,
    /// The peer has closed its sending side.
    pub(crate) input_ended: bool,
    /// The socket may have more than was read, which no event will tell again.
    pub(crate) more_to_read: bool,
    /// Bytes that must be there before the kernel says that there are some.
    low_water: u32,
    /// Requests that were served on it.
    pub(crate) served: u64,
    /// When the first byte of this request, or this stage, was seen.
    pub(crate) since_ns: u64,
    /// Since when a response that is complete has waited to be sent, where that is counted;
    /// 0 where none does.
    tail_since_ns: u64,
}

impl Connection {
    /// A connection that was just accepted.
    pub(crate) fn new(socket: OwnedFd, peer: Peer, listener: u32) -> Self {
        Self::over(Wire::plain(socket), peer, listener)
    }

    /// A request, or all requests of a client, over this wire.
    fn over(wire: Wire, peer: Peer, listener: u32) -> Self {
        Self {
            stream: None,
            wire,
            peer,
            introduced: None,
            listener,
            sends_bodies: false,
            stage: Stage::Head,
            buffers: None,
            head: None,
            body: Body::Empty,
            outgoing: Outgoing::default(),
            closing: false,
            worker_ends: None,
            rest: None,
            hung_up: false,
            input_ended: false,
            more_to_read: false,
            low_water: 1,
            served: 0,
            since_ns: 0,
            tail_since_ns: 0,
        }
    }

    /// Counts how long a complete response took to be sent, once it is.
    pub(crate) fn tell_tail(&mut self, meters: &Meters, now_ns: u64) {
        match (self.outgoing.is_empty(), self.tail_since_ns) {
            (true, 0) => {}
            (true, since_ns) => {
                meters.count_tail(now_ns.saturating_sub(since_ns));
                self.tail_since_ns = 0;
            }
            (false, 0) => self.tail_since_ns = now_ns,
            (false, _) => {}
        }
    }

    /// TLS is spoken on it.
    pub(crate) fn through_tls(mut self, server: &Arc<TlsServer>) -> Self {
        self.wire.expect_tls(server);
        self.stage = self.first_stage();
        self
    }

    /// Where it stands when nothing of HTTP, nor of what protects it, has come.
    pub(crate) fn first_stage(&self) -> Stage {
        if self.wire.bare().is_some() {
            Stage::Head
        } else {
            Stage::Handshake
        }
    }

    /// Where tails that are too long for memory go, and whether its worker is to end.
    pub(crate) fn within(mut self, folder: Arc<Path>, worker_ends: Arc<AtomicBool>) -> Self {
        self.outgoing = Outgoing::new(folder);
        self.worker_ends = Some(worker_ends);
        self
    }

    /// Whether the worker is to end when its connections have.
    pub(crate) fn is_of_ending_worker(&self) -> bool {
        let ends = self.worker_ends.as_ref();
        ends.is_some_and(|ends| ends.load(Ordering::Relaxed))
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.wire.socket()
    }

    /// Where a late request is answered.
    pub(crate) fn outlet(&self) -> Outlet {
        Outlet {
            socket: self.socket().as_raw_fd(),
            is_plain: self.wire.bare().is_some(),
            stream: self.stream.as_ref().map(|stream| stream.aside()),
        }
    }

    /// Bytes that were read and belong to nothing yet.
    pub(crate) fn unread(&self) -> &[u8] {
        let buffers = self.buffers.as_deref();
        buffers.map_or(&[], Buffers::unread)
    }

    /// The request whose head was parsed.
    pub(crate) fn request(&self) -> Option<Request<'_>> {
        let head = self.head.as_deref()?;
        Some(Request::new(self.head_bytes(), &head.line, &head.fields))
    }

    /// The bytes that the parsed head's offsets count in.
    pub(crate) fn head_bytes(&self) -> &[u8] {
        self.unread()
    }

    /// Whether nothing of a request has come, nor of anything before it.
    pub(crate) fn is_idle(&self) -> bool {
        match self.stage {
            Stage::Head | Stage::Preamble => self.unread().is_empty(),
            Stage::Handshake => self.wire.can_move(),
            _ => false,
        }
    }

    /// Whether another worker could go on with it: it is idle, and nobody has read anything
    /// that counts for what comes, such as who the client is.
    pub(crate) fn can_move(&self) -> bool {
        self.is_idle() && !self.input_ended && self.introduced.is_none() && self.wire.can_move()
    }

    /// Bytes that the client has taken, in a measure that grows with each of them.
    pub(crate) fn sent_bytes(&self) -> u64 {
        match &self.stream {
            Some(stream) => stream.sent_bytes(),
            None => self.outgoing.sent_bytes() + self.wire.pushed_bytes(),
        }
    }

    /// Whether the socket has bytes of a request, or of its body, that were not read.
    pub(crate) fn has_unseen_input(&self) -> bool {
        let may_have = self.is_idle() || matches!(self.stage, Stage::Body(_));
        may_have && !self.is_stream() && self.has_input()
    }

    fn has_input(&self) -> bool {
        let mut byte = [0];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        matches!(
            rustix::net::recv(self.socket(), &mut byte, flags),
            Ok((1.., _))
        )
    }

    /// Reads what the socket has, once.
    pub(crate) fn read(&mut self, pool: &mut Pool) -> Read {
        if let Stage::Body(intake) = &mut self.stage {
            let buffers = self.buffers.get_or_insert_with(|| pool.take());
            let head_end = self.head.as_ref().map_or(0, |head| head.end);
            if buffers.input.len() == buffers.start + head_end
                && let Some(read) = intake.read_directly(&mut self.wire, &mut buffers.input)
            {
                return self.note_read(read);
            }
        }
        let buffers = self.buffers.get_or_insert_with(|| pool.take());
        buffers.make_room(match self.stage {
            Stage::Body(_) => BODY_INPUT_BYTES,
            _ => INPUT_BYTES / 2,
        });
        let read = self.wire.read_into(&mut buffers.input);
        self.note_read(read)
    }

    fn note_read(&mut self, read: Result<Incoming, Errno>) -> Read {
        match read {
            Ok(Incoming::Bytes { drained: true, .. }) => Read::Drained,
            Ok(Incoming::Bytes { .. }) => Read::More,
            Ok(Incoming::End) => {
                self.input_ended = true;
                Read::Closed
            }
            Err(Errno::AGAIN | Errno::INTR) => Read::Empty,
            Err(_) => Read::Broken,
        }
    }

    /// Goes on with the bytes that are there.
    pub(crate) fn advance(&mut self, limits: &Limits, folder: &Path) -> Progress {
        if matches!(self.stage, Stage::Head) {
            match self.parse_head(limits) {
                Ok(true) => {}
                Ok(false) => return Progress::Wait,
                Err(refusal) => return Progress::Refused(refusal),
            }
            if let Stage::Body(_) = self.stage
                && self.wants_continue()
            {
                return Progress::Continue;
            }
        }
        if matches!(self.stage, Stage::Body(_)) {
            match self.take_body(folder) {
                Ok(true) => {}
                Ok(false) => return Progress::Wait,
                Err(BodyError::Refused(refusal)) => return Progress::Refused(refusal),
                Err(BodyError::Io(error)) => return Progress::Failed(error),
            }
        }
        Progress::Request
    }

    /// Parses the head, where it is complete; then the stage is its body or its request.
    fn parse_head(&mut self, limits: &Limits) -> Result<bool, Refusal> {
        let Some(buffers) = &mut self.buffers else {
            return Ok(false);
        };
        let Some(head) = buffers.head(limits)? else {
            return Ok(false);
        };
        self.stage = match Intake::new(head.meaning.framing, limits)? {
            Some(intake) => Stage::Body(intake),
            None => Stage::Request,
        };
        self.sends_bodies = matches!(self.stage, Stage::Body(_));
        self.body = Body::Empty;
        self.head = Some(head);
        Ok(true)
    }

    /// Whether the client waits for leave to send its body, and has not begun.
    fn wants_continue(&self) -> bool {
        let Some(head) = &self.head else {
            return false;
        };
        head.meaning.expects_continue && self.unread().len() == head.end
    }

    fn take_body(&mut self, folder: &Path) -> Result<bool, BodyError> {
        let Some(head_end) = self.head.as_ref().map(|head| head.end) else {
            return Ok(false);
        };
        let Stage::Body(intake) = &mut self.stage else {
            return Ok(false);
        };
        let mut done = intake.is_complete();
        if let Some(buffers) = &mut self.buffers {
            // The head's bytes stay where they are: its offsets point into them.
            let from = buffers.start + head_end;
            if !done && buffers.input.len() > from {
                let (taken, complete) = intake.take(&buffers.input[from..], folder)?;
                buffers.input.drain(from..from + taken);
                done = complete;
            }
        }
        if done && let Stage::Body(intake) = std::mem::replace(&mut self.stage, Stage::Request) {
            self.body = intake.finish();
        }
        Ok(done)
    }

    /// The response was given: gets ready for the next request on the connection.
    pub(crate) fn next_request(&mut self, pool: &mut Pool) {
        self.body = Body::Empty;
        self.served += 1;
        self.stage = Stage::Head;
        let head = self.head.take();
        if let Some(buffers) = &mut self.buffers {
            buffers.use_up(head);
            if buffers.unread().is_empty()
                && let Some(buffers) = self.buffers.take()
            {
                pool.give_back(buffers);
            }
        }
    }

    /// Sends what waits, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<Flushed> {
        if let Some(stream) = &self.stream {
            return Ok(stream.flush());
        }
        self.outgoing.flush(&mut self.wire)
    }

    /// Sends bytes, or keeps what the socket does not take.
    pub(crate) fn send(&mut self, slices: &[&[u8]]) -> io::Result<()> {
        if let Some(stream) = &self.stream {
            return stream.send(slices, true);
        }
        self.outgoing.send(&mut self.wire, slices)
    }

    /// Keeps a complete response from `since_ns` on, so that it goes with others; `false`
    /// where others could not send it.
    pub(crate) fn hold_back(&mut self, outbox: &Arc<Outbox>, bytes: &[u8], since_ns: u64) -> bool {
        if let Some(stream) = &self.stream {
            // Where its client has gone, nobody waits for it.
            let _ = stream.send(&[bytes], false);
            outbox.hold_session(stream.session(), since_ns);
            return true;
        }
        let Some(socket) = self.wire.bare() else {
            return false;
        };
        let ticket = outbox.hold(socket, bytes, since_ns);
        self.outgoing.hold_back(ticket);
        true
    }

    /// Sends a head, then bytes that somebody else holds.
    pub(crate) fn send_held(&mut self, head: &[u8], body: Held) -> io::Result<()> {
        if let Some(stream) = &self.stream {
            return stream.send(&[head, body.as_ref().as_ref()], true);
        }
        self.outgoing.send_held(&mut self.wire, head, body)
    }

    /// Sends a stretch of a file.
    pub(crate) fn send_file(
        &mut self,
        file: std::fs::File,
        offset: u64,
        bytes: u64,
    ) -> io::Result<()> {
        if let Some(stream) = &self.stream {
            return stream.send_file(file, offset, bytes);
        }
        self.outgoing.send_file(&mut self.wire, file, offset, bytes)
    }

    /// Bytes that the client has not taken yet.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        match &self.stream {
            Some(stream) => stream.waiting_bytes(),
            None => self.outgoing.waiting_bytes(),
        }
    }

    /// Whether so much waits for the client that a writer should wait, too.
    pub(crate) fn is_full(&self) -> bool {
        match &self.stream {
            Some(stream) => stream.is_full(),
            None => self.outgoing.is_full(),
        }
    }

    /// Reads and forgets; `true` where the peer has closed.
    pub(crate) fn forget_input(&mut self) -> bool {
        let mut forgotten = [0; 4096];
        // A client that sends for ever ends by its deadline.
        for _ in 0..16 {
            match rustix::io::read(self.socket(), &mut forgotten) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(Errno::AGAIN | Errno::INTR) => return false,
                Err(_) => return true,
            }
        }
        false
    }

    /// Says that nothing more will be sent.
    pub(crate) fn shut_down(&mut self) {
        self.wire.shut_down();
    }

    /// Says that the client has all that it will get, where that is so.
    pub(crate) fn say_goodbye(&mut self) {
        if self.outgoing.is_empty() {
            self.wire.close();
        }
    }
}
