//! From the socket's bytes to a request: what is read, and how far it goes. Heads are
//! `input.rs`'s, bodies `body.rs`'s.

use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::input::INPUT_BYTES;
use super::{Body, BodyError, Connection, Incoming, Intake, Pool, Stage};
use crate::http::{Limits, Refusal};

/// Room for what is read of a body that goes through the input.
const BODY_INPUT_BYTES: usize = 48 << 10;

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

/// What became of bytes that nobody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgotten {
    /// All that came was forgotten.
    All,
    /// There may be more, which no event will tell.
    Some,
    /// No more is to be read: the peer has closed, or has sent more than it may.
    Enough,
}

impl Connection {
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
    pub(super) fn parse_head(&mut self, limits: &Limits) -> Result<bool, Refusal> {
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
    pub(super) fn wants_continue(&self) -> bool {
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

    /// Reads and forgets, as far as one turn goes.
    pub(crate) fn forget_input(&mut self) -> Forgotten {
        let mut bytes = [0; 4096];
        // A client that sends for ever ends by its deadline.
        for _ in 0..16 {
            let count = match rustix::io::read(self.socket(), &mut bytes) {
                Ok(count) => count as u64,
                Err(Errno::AGAIN | Errno::INTR) => {
                    self.more_to_read = false;
                    return Forgotten::All;
                }
                Err(_) => 0,
            };
            match &mut self.stage {
                Stage::Lingering { left_bytes } if (1..=*left_bytes).contains(&count) => {
                    *left_bytes -= count;
                }
                _ => return Forgotten::Enough,
            }
        }
        self.more_to_read = true;
        Forgotten::Some
    }
}
