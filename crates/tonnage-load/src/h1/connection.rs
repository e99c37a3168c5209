//! One user's connection: its socket and the phase its request is in.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use tonnage_model::{Cause, Phase};

use super::response::ResponseScanner;
use crate::backoff::Backoff;
use crate::transport::{Outgoing, Transport};
use crate::{Address, Request, RequestSource};

/// What a user is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing, and nothing more is wanted of it.
    Idle,
    /// Pausing after a failed connect, until the deadline.
    Paused,
    Connecting,
    /// In the TLS handshake.
    ShakingHands,
    Writing,
    Waiting,
    Reading,
}

impl Stage {
    /// The phase in which a request fails that fails now.
    pub(crate) fn phase(self) -> Phase {
        match self {
            Self::Idle | Self::Paused | Self::Connecting => Phase::Connect,
            Self::ShakingHands => Phase::Tls,
            Self::Writing => Phase::Write,
            Self::Waiting => Phase::Wait,
            Self::Reading => Phase::Read,
        }
    }
}

/// How a write went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// The socket takes no more for now.
    Blocked,
    /// So many bytes went, and there may be more.
    Part(usize),
    /// So many bytes went, and they were the last.
    All(usize),
}

/// One slot and its connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: Option<OwnedFd>,
    /// Grows with each socket, so that an event of a closed one is recognised.
    pub(crate) generation: u32,
    pub(crate) stage: Stage,
    pub(crate) transport: Transport,
    /// Whether the connect (and the handshake) succeeded.
    pub(crate) is_up: bool,
    /// Whether it ever did, on this socket or an earlier one.
    pub(crate) was_up: bool,
    /// Requests that this socket has carried.
    pub(crate) served: u32,
    pub(crate) scanner: ResponseScanner,
    /// The request under way.
    pub(crate) request: Request,
    /// Its bytes, where it was made for the occasion.
    pub(crate) rendered: Vec<u8>,
    /// Bytes of the request that are with the kernel.
    pub(crate) written: usize,
    /// When the request was due.
    pub(crate) due_ns: u64,
    /// When `connect` was called, then when the socket was writable.
    pub(crate) connecting_ns: u64,
    /// When the first byte was written.
    pub(crate) sent_ns: u64,
    /// When the first bytes of the response came; 0 before.
    pub(crate) first_byte_ns: u64,
    /// When the stage has lasted too long, or the pause ends.
    pub(crate) deadline_ns: u64,
    pub(crate) backoff: Backoff,
}

impl Connection {
    /// `keep_body` where a check looks at bodies.
    pub(crate) fn new(keep_body: bool) -> Self {
        Self {
            socket: None,
            generation: 0,
            stage: Stage::Idle,
            transport: Transport::Plain,
            is_up: false,
            was_up: false,
            served: 0,
            scanner: ResponseScanner::new(keep_body),
            request: Request::Fixed(0),
            rendered: Vec::new(),
            written: 0,
            due_ns: 0,
            connecting_ns: 0,
            sent_ns: 0,
            first_byte_ns: 0,
            deadline_ns: u64::MAX,
            backoff: Backoff::default(),
        }
    }

    /// Opens a socket and begins to connect it. It can be written once epoll
    /// says so.
    pub(crate) fn open(&mut self, address: &Address) -> Result<&OwnedFd, Errno> {
        let socket = address.connect()?;
        self.generation = self.generation.wrapping_add(1);
        self.transport = Transport::Plain;
        self.is_up = false;
        self.served = 0;
        Ok(self.socket.insert(socket))
    }

    /// Hands the next bytes of the request to the transport. Where all are with
    /// it already, brings out what it still holds.
    #[inline]
    pub(crate) fn write(&mut self, source: &RequestSource) -> Result<Written, Cause> {
        let Some(socket) = &self.socket else {
            return Ok(Written::Blocked);
        };
        let request = source.bytes(self.request, &self.rendered);
        let left = &request[self.written..];
        if left.is_empty() {
            return Ok(match self.transport.flush(socket)? {
                Outgoing::Full => Written::Blocked,
                Outgoing::Taken(_) => Written::All(0),
            });
        }
        match self.transport.write(socket, left)? {
            Outgoing::Full => Ok(Written::Blocked),
            Outgoing::Taken(bytes) => {
                self.written += bytes;
                let all = bytes == left.len() && !self.transport.is_tls();
                Ok(if all {
                    Written::All(bytes)
                } else {
                    Written::Part(bytes)
                })
            }
        }
    }

    /// Whether the whole request has been handed over.
    #[inline]
    pub(crate) fn request_is_out(&self, source: &RequestSource) -> bool {
        self.written == source.bytes(self.request, &self.rendered).len()
    }

    /// Closes the socket, if there is one; epoll forgets it by itself. Says
    /// whether it was up.
    pub(crate) fn close(&mut self) -> bool {
        self.socket = None;
        std::mem::replace(&mut self.is_up, false)
    }

    /// The phase in which a request fails that fails now for `cause`.
    pub(crate) fn phase_of(&self, cause: Cause) -> Phase {
        // In TLS 1.3 the client is done first: a server that refuses it says so
        // when the first request is already out (RFC 8446, section 4.4.2.4).
        if cause == Cause::Alert && self.served == 0 && self.scanner.is_untouched() {
            return Phase::Tls;
        }
        self.stage.phase()
    }
}
