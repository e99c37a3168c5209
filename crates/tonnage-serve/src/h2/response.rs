//! The response of one stream on its way to the client: its head, what of its body waits
//! for the client's window, and its end.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ::http::HeaderMap;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};

use super::bells::Bell;
use super::head::{self, Answer};
use crate::connection::Outgoing;
use crate::io::Token;

/// A part up to this length that is the last goes to the library as it is, whatever the
/// client's window is: it is no more than the library keeps for other streams, too.
const DIRECT_BYTES: usize = 16 << 10;

/// Bytes of one stream that are handed to the library before another one has its turn.
const STEP_BYTES: usize = 64 << 10;

/// How far a response has come.
#[derive(Debug)]
enum Sender {
    /// There is no head yet.
    Head(SendResponse<Bytes>),
    Body(SendStream<Bytes>),
    /// All of it is the library's affair, or nobody wants it.
    Done,
}

/// How handing a body to the library went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handed {
    /// All that there was.
    All,
    /// As much as the client's window takes: the bell rings when there is more room.
    Blocked,
    /// As much as one turn takes.
    Yielded,
    /// The client does not want it any more.
    Gone,
}

/// What is known of one stream's response.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and they come about in any order"
)]
#[derive(Debug)]
pub(super) struct Outbound {
    pub(super) bell: Arc<Bell>,
    waker: Waker,
    /// Under which the worker knows the stream, once it does.
    pub(super) token: Option<Token>,
    sender: Sender,
    pub(super) outgoing: Outgoing,
    /// A response to HEAD.
    bodiless: bool,
    /// Bytes that the head promised and that have not been given.
    left: Option<u64>,
    /// All of the body was given.
    ended: bool,
    /// What follows the body.
    trailers: Option<HeaderMap>,
    /// Nobody will give any more.
    pub(super) is_left: bool,
    /// Somebody wants to know when the client has taken some.
    pub(super) wants_room: bool,
    /// It is among those that have something for the library.
    pub(super) is_pending: bool,
    /// Bytes of the body that went to the library.
    pub(super) handed_bytes: u64,
    /// The same when it was looked for stalled ones, and since when it has been that.
    seen_bytes: u64,
    seen_since_ns: Option<u64>,
}

impl Outbound {
    /// `folder`: where a body goes that is too long for memory. `bodiless`: it answers HEAD.
    pub(super) fn new(
        bell: Arc<Bell>,
        sender: SendResponse<Bytes>,
        folder: &Arc<Path>,
        bodiless: bool,
    ) -> Self {
        Self {
            waker: bell.waker(),
            bell,
            token: None,
            sender: Sender::Head(sender),
            outgoing: Outgoing::new(Arc::clone(folder)),
            bodiless,
            left: None,
            ended: false,
            trailers: None,
            is_left: false,
            wants_room: false,
            is_pending: false,
            handed_bytes: 0,
            seen_bytes: 0,
            seen_since_ns: None,
        }
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Whether nothing is left to do for it here.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.sender, Sender::Done)
    }

    /// Whether all of it was given.
    pub(super) fn has_all(&self) -> bool {
        self.ended
    }

    /// Takes what was written: a head as HTTP/1.1 has it, then bytes of the body.
    pub(super) fn write(&mut self, slices: &[&[u8]]) -> io::Result<()> {
        for &slice in slices {
            let mut rest = slice;
            while let Sender::Head(_) = self.sender
                && !rest.is_empty()
            {
                let answer = head::read_response(rest);
                let answer = answer.ok_or(io::ErrorKind::InvalidData)?;
                rest = &rest[answer.bytes..];
                self.begin(answer)?;
            }
            self.add(rest)?;
        }
        Ok(())
    }

    /// Sends a head; after an interim one another follows.
    fn begin(&mut self, answer: Answer) -> io::Result<()> {
        let Sender::Head(sender) = &mut self.sender else {
            return Err(gone());
        };
        let status = answer.head.status();
        if status.is_informational() {
            return sender.send_informational(answer.head).map_err(failed);
        }
        self.bodiless |= matches!(status.as_u16(), 204 | 304);
        self.left = answer.length;
        self.ended = self.bodiless || answer.length == Some(0);
        let sent = sender.send_response(answer.head, self.ended);
        let body = sent.map_err(failed)?;
        self.sender = if self.ended {
            Sender::Done
        } else {
            Sender::Body(body)
        };
        Ok(())
    }

    /// Adds bytes to the body.
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() || self.bodiless {
            return Ok(());
        }
        self.count(bytes.len() as u64)?;
        if self.ended && bytes.len() <= DIRECT_BYTES && self.outgoing.is_empty() {
            return self.send_last(Bytes::copy_from_slice(bytes));
        }
        self.outgoing.keep(bytes);
        Ok(())
    }

    /// Adds a stretch of a file.
    pub(super) fn add_file(&mut self, file: File, offset: u64, bytes: u64) -> io::Result<()> {
        if bytes == 0 || self.bodiless {
            return Ok(());
        }
        self.count(bytes)?;
        self.outgoing.keep_file(file, offset, bytes);
        Ok(())
    }

    /// Counts bytes that are given; the last promised one is the end.
    fn count(&mut self, bytes: u64) -> io::Result<()> {
        if self.ended || self.bell.is_gone() {
            return Err(gone());
        }
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(bytes).ok_or(io::ErrorKind::InvalidData)?;
            self.ended = *left == 0;
        }
        Ok(())
    }

    /// All of the body was given; trailers follow it, where there are some.
    pub(super) fn finish(&mut self, trailers: &[u8]) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        if !trailers.is_empty() {
            let trailers = head::read_fields(trailers);
            self.trailers = Some(trailers.ok_or(io::ErrorKind::InvalidData)?);
        }
        self.ended = true;
        if self.outgoing.is_empty() {
            return match self.trailers.take() {
                Some(trailers) => self.send_trailers(trailers),
                None => self.send_last(Bytes::new()),
            };
        }
        Ok(())
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
        match std::mem::replace(&mut self.sender, Sender::Done) {
            Sender::Body(mut body) => body.send_trailers(trailers).map_err(failed),
            Sender::Head(_) | Sender::Done => Err(gone()),
        }
    }

    fn send_last(&mut self, bytes: Bytes) -> io::Result<()> {
        self.handed_bytes += bytes.len() as u64;
        match std::mem::replace(&mut self.sender, Sender::Done) {
            Sender::Body(mut body) => body.send_data(bytes, true).map_err(failed),
            Sender::Head(_) | Sender::Done => Err(gone()),
        }
    }

    /// Hands to the library what the client's window takes.
    pub(super) fn hand_on(&mut self) -> io::Result<Handed> {
        let Sender::Body(body) = &mut self.sender else {
            return Ok(Handed::All);
        };
        let mut left_bytes = STEP_BYTES;
        while !self.outgoing.is_empty() {
            if left_bytes == 0 {
                return Ok(Handed::Yielded);
            }
            let waiting_bytes = self.outgoing.waiting_bytes();
            body.reserve_capacity(waiting_bytes.min(STEP_BYTES as u64) as usize);
            let room = match body.capacity() {
                0 => match body.poll_capacity(&mut Context::from_waker(&self.waker)) {
                    Poll::Pending => return Ok(Handed::Blocked),
                    Poll::Ready(Some(Ok(room))) => room,
                    Poll::Ready(_) => return Ok(Handed::Gone),
                },
                room => room,
            };
            let bytes = self.outgoing.pull(room.min(left_bytes))?;
            left_bytes -= bytes.len();
            self.handed_bytes += bytes.len() as u64;
            let has_all = self.ended && self.outgoing.is_empty();
            let is_last = has_all && self.trailers.is_none();
            if body.send_data(bytes.into(), is_last).is_err() {
                return Ok(Handed::Gone);
            }
            if is_last {
                self.sender = Sender::Done;
                return Ok(Handed::All);
            }
            if has_all && let Some(trailers) = self.trailers.take() {
                self.send_trailers(trailers)?;
                return Ok(Handed::All);
            }
        }
        Ok(Handed::All)
    }

    /// Whether the client has taken its request back, or is gone altogether.
    pub(super) fn was_reset(&mut self) -> bool {
        let mut context = Context::from_waker(&self.waker);
        let reset = match &mut self.sender {
            Sender::Head(sender) => sender.poll_reset(&mut context),
            Sender::Body(body) => body.poll_reset(&mut context),
            Sender::Done => Poll::Pending,
        };
        reset.is_ready()
    }

    /// The response does not go on, and the client is to see that.
    pub(super) fn reset(&mut self, reason: Reason) {
        match std::mem::replace(&mut self.sender, Sender::Done) {
            Sender::Head(mut sender) => sender.send_reset(reason),
            Sender::Body(mut body) => body.send_reset(reason),
            Sender::Done => {}
        }
        self.give_up();
    }

    /// Nobody takes it any more.
    pub(super) fn give_up(&mut self) {
        self.bell.set_gone();
        self.sender = Sender::Done;
        self.outgoing = Outgoing::default();
        self.ended = true;
    }

    /// Whether the client has taken nothing for so long of what waits for it, each time
    /// that it was looked. `has_room`: it is not that the connection takes nothing.
    pub(super) fn is_stalled(&mut self, now_ns: u64, most_ns: u64, has_room: bool) -> bool {
        let waits = has_room && !self.outgoing.is_empty();
        if waits && self.handed_bytes == self.seen_bytes {
            let since_ns = *self.seen_since_ns.get_or_insert(now_ns);
            now_ns.saturating_sub(since_ns) >= most_ns
        } else {
            self.seen_bytes = self.handed_bytes;
            self.seen_since_ns = None;
            false
        }
    }
}

/// What a writer is told whose client has gone.
pub(super) fn gone() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

fn failed(error: h2::Error) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, error)
}
