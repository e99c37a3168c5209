//! The socket of a connection as the `h2` crate wants to see it, and as the
//! worker does: both hold the same [`Wire`], within one thread.
//!
//! Readiness comes from epoll's edges, so that a socket that was emptied is not
//! asked again before the next one. No waker is kept: the worker polls the
//! connection whenever an event comes.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use rustix::event::epoll::EventFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonnage_model::Cause;

use crate::transport::{Incoming, Outgoing, Transport};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// Bytes that one connection may read before the others have their turn: a peer
/// that sends without end must not keep the thread to itself.
const TURN_BYTES: usize = 256 * 1024;

/// Where bytes are read to before they go to their connection; one for all
/// connections of a thread.
pub(crate) type Scratch = Rc<RefCell<Box<[u8]>>>;

/// A new place to read to.
pub(crate) fn scratch() -> Scratch {
    Rc::new(RefCell::new(vec![0; READ_BYTES].into_boxed_slice()))
}

/// A connected socket and what is known of it.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: OwnedFd,
    transport: RefCell<Transport>,
    scratch: Scratch,
    /// Whether reading may give something.
    readable: Cell<bool>,
    /// Whether the peer may have announced its end, which has to be read.
    hung_up: Cell<bool>,
    /// Whether the kernel may take something.
    writable: Cell<bool>,
    /// Bytes that may still be read in this turn.
    turn: Cell<usize>,
    /// Bytes handed to the transport since they were last counted.
    sent: Cell<u64>,
    /// Bytes received since they were last counted.
    received: Cell<u64>,
    /// How the bytes ended, if they have.
    end: Cell<Option<Cause>>,
}

impl Wire {
    /// A socket that is connected, its TLS handshake done.
    pub(crate) fn new(socket: OwnedFd, transport: Transport, scratch: Scratch) -> Self {
        Self {
            socket,
            transport: RefCell::new(transport),
            scratch,
            // A peer may have spoken, and gone, before the first event of this wire.
            readable: Cell::new(true),
            hung_up: Cell::new(true),
            writable: Cell::new(true),
            turn: Cell::new(TURN_BYTES),
            sent: Cell::new(0),
            received: Cell::new(0),
            end: Cell::new(None),
        }
    }

    /// Takes note of what epoll says.
    pub(crate) fn notice(&self, flags: EventFlags) {
        let end = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        if flags.intersects(end) {
            self.hung_up.set(true);
        }
        if flags.intersects(end | EventFlags::IN) {
            self.readable.set(true);
        }
        if flags.intersects(end | EventFlags::OUT) {
            self.writable.set(true);
        }
    }

    /// The connection's turn begins.
    pub(crate) fn begin_turn(&self) {
        self.turn.set(TURN_BYTES);
    }

    /// Whether the turn ended before the socket was empty.
    pub(crate) fn wants_turn(&self) -> bool {
        self.turn.get() == 0 && self.readable.get()
    }

    /// How the bytes ended, if they have.
    pub(crate) fn end(&self) -> Option<Cause> {
        self.end.get()
    }

    /// Bytes sent and received since the last call.
    pub(crate) fn take_counts(&self) -> (u64, u64) {
        (self.sent.take(), self.received.take())
    }

    fn fail(&self, cause: Cause) -> io::Error {
        self.end.set(Some(cause));
        io::Error::other(cause.name())
    }

    fn read(&self, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.readable.get() || self.turn.get() == 0 {
            return Poll::Pending;
        }
        let mut scratch = self.scratch.borrow_mut();
        let room = buffer.remaining().min(scratch.len());
        let incoming = self
            .transport
            .borrow_mut()
            .read(&self.socket, &mut scratch[..room]);
        let length = match incoming {
            Ok(Incoming::Data(length)) => length,
            Ok(Incoming::LastData(length)) => {
                self.readable.set(self.hung_up.get());
                length
            }
            Ok(Incoming::Nothing) => {
                self.hung_up.set(false);
                self.readable.set(false);
                return Poll::Pending;
            }
            Ok(Incoming::End) => {
                self.end.set(Some(Cause::Closed));
                return Poll::Ready(Ok(()));
            }
            Err(cause) => return Poll::Ready(Err(self.fail(cause))),
        };
        buffer.put_slice(&scratch[..length]);
        self.received.set(self.received.get() + length as u64);
        self.turn.set(self.turn.get().saturating_sub(length));
        Poll::Ready(Ok(()))
    }

    fn write(&self, write: impl FnOnce(&mut Transport) -> Result<Outgoing, Cause>) -> Written {
        // What TLS still holds goes first, which bounds what it holds.
        if self.flush()?.is_pending() {
            return Ok(Poll::Pending);
        }
        let mut transport = self.transport.borrow_mut();
        match write(&mut transport).map_err(|cause| self.fail(cause))? {
            Outgoing::Full => {
                self.writable.set(false);
                Ok(Poll::Pending)
            }
            Outgoing::Taken(length) => {
                self.sent.set(self.sent.get() + length as u64);
                Ok(Poll::Ready(length))
            }
        }
    }

    fn flush(&self) -> Result<Poll<()>, io::Error> {
        if !self.writable.get() {
            return Ok(Poll::Pending);
        }
        let flushed = self.transport.borrow_mut().flush(&self.socket);
        match flushed.map_err(|cause| self.fail(cause))? {
            Outgoing::Full => {
                self.writable.set(false);
                Ok(Poll::Pending)
            }
            Outgoing::Taken(_) => Ok(Poll::Ready(())),
        }
    }
}

/// What became of a write, in an order that `?` likes.
type Written = Result<Poll<usize>, io::Error>;

fn poll_of<T>(result: Result<Poll<T>, io::Error>) -> Poll<io::Result<T>> {
    match result {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(error) => Poll::Ready(Err(error)),
    }
}

/// The `h2` crate's hold on a wire.
#[derive(Debug)]
pub(crate) struct WireEnd(pub(crate) Rc<Wire>);

impl AsyncRead for WireEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.read(buffer)
    }
}

impl AsyncWrite for WireEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = &*self.0;
        poll_of(wire.write(|transport| transport.write(&wire.socket, bytes)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wire = &*self.0;
        poll_of(wire.write(|transport| transport.write_vectored(&wire.socket, buffers)))
    }

    fn is_write_vectored(&self) -> bool {
        !self.0.transport.borrow().is_tls()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_of(self.0.flush())
    }

    /// The socket is closed when it is dropped.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
