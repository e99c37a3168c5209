//! What a request of HTTP/2 has in place of a socket: where its body comes from, and where
//! its response goes. Whoever has it may be in any thread.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;

use super::bells::Bell;
use super::session::Session;
use crate::connection::Flushed;
use crate::io::Token;

/// What there was of a body.
#[derive(Debug)]
pub(crate) enum Content {
    /// These bytes; they are given back by [`Stream::took`].
    Bytes(Bytes),
    /// There is nothing now.
    Nothing,
    /// That was all.
    End,
    /// The client has taken its request back, or is gone.
    Gone,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    session: Arc<Session>,
    number: u32,
    bell: Arc<Bell>,
    waker: Waker,
    body: RecvStream,
}

impl Stream {
    pub(super) fn new(
        session: Arc<Session>,
        number: u32,
        bell: Arc<Bell>,
        waker: Waker,
        body: RecvStream,
    ) -> Self {
        Self {
            session,
            number,
            bell,
            waker,
            body,
        }
    }

    /// The connection that it is of.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The worker knows it by this from now on.
    pub(crate) fn name(&self, token: Token) {
        self.session.name(self.number, token);
    }

    /// The same stream, for an answer in the place of whoever has it.
    pub(crate) fn aside(&self) -> StreamAside {
        StreamAside {
            session: Arc::clone(&self.session),
            number: self.number,
        }
    }

    /// Whether the client has taken its request back, or is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.bell.is_gone()
    }

    /// Whether all of the request has come and was read.
    pub(crate) fn has_ended(&self) -> bool {
        self.body.is_end_stream()
    }

    /// What has come of the body. Where that is nothing, the bell rings for more.
    pub(crate) fn read(&mut self) -> Content {
        if self.has_ended() {
            return Content::End;
        }
        if self.is_gone() {
            return Content::Gone;
        }
        match self.body.poll_data(&mut Context::from_waker(&self.waker)) {
            Poll::Pending => Content::Nothing,
            Poll::Ready(Some(Ok(bytes))) => Content::Bytes(bytes),
            // Fields after the body have no place in either interface.
            Poll::Ready(None) => Content::End,
            Poll::Ready(Some(Err(_))) => Content::Gone,
        }
    }

    /// So many bytes of content were taken, so that the client may send as many more.
    pub(crate) fn took(&mut self, bytes: usize) {
        // It can only fail where nothing can come any more.
        let _ = self.body.flow_control().release_capacity(bytes);
        self.session.note_room(bytes);
    }

    /// Sends what was written, in the form of HTTP/1.1; `at_once`, or with what is flushed
    /// soon.
    pub(crate) fn send(&self, slices: &[&[u8]], at_once: bool) -> io::Result<()> {
        self.session.send(self.number, slices, at_once)
    }

    /// Sends a stretch of a file.
    pub(crate) fn send_file(&self, file: File, offset: u64, bytes: u64) -> io::Result<()> {
        self.session.send_file(self.number, file, offset, bytes)
    }

    /// Sends on what waits.
    pub(crate) fn flush(&self) -> Flushed {
        self.session.flush();
        if self.waiting_bytes() == 0 {
            Flushed::All
        } else {
            Flushed::Blocked
        }
    }

    /// All of the response was given, but for these trailers, as HTTP/1.1 has them.
    pub(crate) fn finish(&self, trailers: &[u8]) -> io::Result<()> {
        self.session.finish(self.number, trailers)
    }

    /// Bytes that the client has not taken.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.session.waiting_bytes(self.number)
    }

    /// Bytes that went on to the client.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.session.sent_bytes(self.number)
    }

    /// Whether so much waits that a writer should wait, too.
    pub(crate) fn is_full(&self) -> bool {
        self.session.is_full(self.number)
    }

    /// Waits until that is over, at most so long without any progress; whether it is.
    pub(crate) fn wait_for_room(&self, most: Duration) -> bool {
        self.session.wait_for_room(self.number, most)
    }
}

/// A stream for somebody who may have to answer in the place of whoever has it.
#[derive(Debug, Clone)]
pub(crate) struct StreamAside {
    session: Arc<Session>,
    number: u32,
}

impl StreamAside {
    /// Sends a whole response, written as HTTP/1.1.
    pub(crate) fn answer(&self, bytes: &[u8]) {
        // Where its client has gone, nobody waits for it.
        let _ = self.session.send(self.number, &[bytes], true);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.session.leave_stream(self.number);
    }
}
