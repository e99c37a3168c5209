//! The socket of a connection as the `h2` crate wants to see it. Readiness comes from
//! epoll's edges, so that no waker is kept: whoever hears of an edge has the connection's
//! turn, and only within one is anything read.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::{Incoming, Wire};
use crate::io::Signs;

/// Bytes that one connection may read before the others have their turn.
const TURN_BYTES: usize = 32 << 10;

/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;

thread_local! {
    /// Where bytes are read to before they go to their connection.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// A connected socket and what is known of it.
#[derive(Debug)]
pub(super) struct Link(Mutex<Side>);

#[derive(Debug)]
struct Side {
    wire: Wire,
    /// What was read before HTTP/2 was spoken.
    ahead: Vec<u8>,
    /// Reading may give something.
    readable: bool,
    /// The peer may have announced its end, which has to be read.
    hung_up: bool,
    /// The kernel may take something.
    writable: bool,
    /// Bytes that may still be read in this turn.
    left_bytes: usize,
    received_bytes: u64,
    sent_bytes: u64,
}

impl Link {
    /// Over a wire of which `ahead` was read already.
    pub(super) fn new(wire: Wire, ahead: Vec<u8>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Side {
            wire,
            ahead,
            readable: false,
            hung_up: false,
            writable: true,
            left_bytes: 0,
            received_bytes: 0,
            sent_bytes: 0,
        })))
    }

    /// A turn begins, because of this.
    pub(super) fn begin_turn(&self, signs: Signs) {
        let mut side = self.side();
        side.readable |= signs.readable || signs.hung_up;
        side.hung_up |= signs.hung_up;
        side.writable |= signs.writable || signs.hung_up;
        side.left_bytes = TURN_BYTES;
    }

    /// The turn ends; whether it did before the socket was empty.
    pub(super) fn end_turn(&self) -> bool {
        let mut side = self.side();
        let was_short = side.left_bytes == 0 && side.readable;
        side.left_bytes = 0;
        was_short
    }

    /// Whether the kernel may take something.
    pub(super) fn is_writable(&self) -> bool {
        self.side().writable
    }

    /// Bytes that were read and written since there is a connection.
    pub(super) fn counts(&self) -> (u64, u64) {
        let side = self.side();
        (side.received_bytes, side.sent_bytes)
    }

    /// Says that nothing more will be sent.
    pub(super) fn shut_down(&self) {
        self.side().wire.shut_down();
    }

    fn side(&self) -> MutexGuard<'_, Side> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Side {
    fn read(&mut self, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left_bytes == 0 {
            return Poll::Pending;
        }
        let most = buffer.remaining().min(self.left_bytes).min(READ_BYTES);
        if !self.ahead.is_empty() {
            let count = most.min(self.ahead.len());
            buffer.put_slice(&self.ahead[..count]);
            self.ahead.drain(..count);
            self.count_read(count);
            return Poll::Ready(Ok(()));
        }
        if !self.readable {
            return Poll::Pending;
        }
        SCRATCH.with_borrow_mut(|scratch| {
            match self.wire.read(&mut scratch[..most]) {
                Ok(Incoming::End) => Poll::Ready(Ok(())),
                // What came was nothing that counts: it has cost a turn all the same.
                Ok(Incoming::Bytes { count: 0, .. }) => {
                    self.left_bytes = 0;
                    Poll::Pending
                }
                Ok(Incoming::Bytes { count, drained }) => {
                    // A peer that has closed says so only once: it is read to the end.
                    self.readable = !drained || self.hung_up;
                    buffer.put_slice(&scratch[..count]);
                    self.count_read(count);
                    Poll::Ready(Ok(()))
                }
                Err(Errno::AGAIN | Errno::INTR) => {
                    self.readable = false;
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(error.into())),
            }
        })
    }

    fn count_read(&mut self, bytes: usize) {
        self.received_bytes += bytes as u64;
        self.left_bytes = self.left_bytes.saturating_sub(bytes);
    }

    fn write(&mut self, slices: &[&[u8]]) -> Poll<io::Result<usize>> {
        if self.flush()?.is_pending() {
            return Poll::Pending;
        }
        if slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        match self.wire.write(slices) {
            Ok(0) => {
                self.writable = false;
                Poll::Pending
            }
            Ok(bytes) => {
                self.sent_bytes += bytes as u64;
                Poll::Ready(Ok(bytes))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn flush(&mut self) -> io::Result<Poll<()>> {
        if !self.writable {
            return Ok(Poll::Pending);
        }
        if self.wire.flush()? {
            return Ok(Poll::Ready(()));
        }
        self.writable = false;
        Ok(Poll::Pending)
    }
}

/// The `h2` crate's hold on a link.
#[derive(Debug)]
pub(super) struct LinkEnd(pub(super) Arc<Link>);

impl AsyncRead for LinkEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.side().read(buffer)
    }
}

impl AsyncWrite for LinkEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.side().write(&[bytes])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut side = self.0.side();
        match buffers {
            [] => Poll::Ready(Ok(0)),
            [one] => side.write(&[one]),
            [one, two, ..] => side.write(&[one, two]),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.side().flush() {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// The connection says goodbye, when nothing more is sent on it.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
