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
mod reading;
mod sending;
mod spool;
mod streaming;
mod wire;

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::body::Body;
pub(crate) use self::body::{BodyError, Intake};
pub use self::input::Head;
pub(crate) use self::input::{Buffers, Pool};
pub use self::memory::Memory;
pub use self::outgoing::Held;
pub(crate) use self::outgoing::{Flushed, Outgoing};
pub(crate) use self::over_stream::Taken;
pub(crate) use self::preamble::Preamble;
pub(crate) use self::raw::Raw;
pub(crate) use self::reading::{Forgotten, Progress, Read};
pub(crate) use self::streaming::{Arrived, Skipped};
pub(crate) use self::wire::{Handshake, Incoming, Wire, duplicate};
use crate::h2::{Session, Stream};
use crate::listen::Peer;
use crate::overdue::{Outlet, Way};
use crate::proxy_protocol::Introduced;
use crate::request::Request;
use crate::tls::TlsServer;

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
    Lingering {
        /// What may still come, in bytes.
        left_bytes: u64,
    },
    /// HTTP/2 is spoken on it: requests are its streams', which have connections of their
    /// own.
    Multiplexed(Arc<Session>),
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
        let way = match (&self.stream, self.wire.session()) {
            (Some(stream), _) => Way::Stream(stream.aside()),
            (None, Some(session)) => Way::Tls(session.clone()),
            (None, None) => Way::Plain,
        };
        Outlet {
            socket: self.socket().as_raw_fd(),
            way,
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
}
