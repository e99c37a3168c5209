//! A request that came over HTTP/2: a connection of its own as far as anybody sees, whose
//! bytes go through a stream and not through a socket.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::Timespec;

use super::{Arrived, BodyError, Buffers, Connection, Intake, Pool, Stage, Wire};
use crate::h2::{Content, Session, Stream};
use crate::http::{Framing, Known, Limits, Refusal, Version};
use crate::io::Token;
use crate::listen::Peer;

/// What became of a request whose body is read before anybody runs it.
#[derive(Debug)]
pub(crate) enum Taken {
    /// More has to come.
    Wait,
    /// It is complete.
    Whole,
    /// The client has taken it back.
    Gone,
    /// It breaks a rule, or cannot be kept.
    Broken(BodyError),
}

impl Connection {
    /// The request of a stream, whose head was written to `buffers`.
    pub(crate) fn of_stream(
        wire: Wire,
        peer: Peer,
        listener: u32,
        stream: Stream,
        buffers: Box<Buffers>,
    ) -> Self {
        Self {
            stream: Some(Box::new(stream)),
            buffers: Some(buffers),
            ..Self::over(wire, peer, listener)
        }
    }

    /// Whether it is the request of a stream.
    pub(crate) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether it is the request of a stream that the client has taken back.
    pub(crate) fn is_taken_back(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.is_gone())
    }

    /// The connection that a stream is of, where not all of its request was read.
    pub(crate) fn unread_session(&self) -> Option<Arc<Session>> {
        let stream = self.stream.as_ref();
        let unread = stream.filter(|stream| !stream.has_ended());
        unread.map(|stream| Arc::clone(stream.session()))
    }

    /// Parses the head of a stream's request: then the stage is its body or its request.
    pub(crate) fn parse_stream_head(&mut self, limits: &Limits) -> Result<(), Refusal> {
        if !self.parse_head(limits)? {
            return Err(Refusal::RequestLine);
        }
        let has_ended = self.stream.as_ref().is_none_or(|stream| stream.has_ended());
        let Some(head) = &mut self.head else {
            return Err(Refusal::RequestLine);
        };
        head.line.version = Version::Http2;
        if has_ended {
            // What was promised in vain is the library's to refuse.
            self.stage = Stage::Request;
        } else if head.meaning.framing == Framing::None {
            // Its length is known when it has ended.
            head.meaning.framing = Framing::Chunked;
            head.meaning.expects_continue = head.fields.has(Known::Expect);
            self.stage = Stage::Body(Intake::until_end(limits));
        }
        Ok(())
    }

    /// Takes in what has come of the body.
    pub(crate) fn take_stream(&mut self, folder: &Path) -> Taken {
        let (Some(stream), Stage::Body(intake)) = (&mut self.stream, &mut self.stage) else {
            return Taken::Whole;
        };
        while !intake.is_complete() {
            match stream.read() {
                Content::Bytes(bytes) => {
                    if let Err(error) = intake.take(&bytes, folder) {
                        return Taken::Broken(error);
                    }
                    stream.took(bytes.len());
                }
                Content::End => intake.end(),
                Content::Nothing => return Taken::Wait,
                Content::Gone => return Taken::Gone,
            }
        }
        if let Stage::Body(intake) = std::mem::replace(&mut self.stage, Stage::Request) {
            self.body = intake.finish();
        }
        Taken::Whole
    }

    /// Takes what has come of the body, and hands it on at most once.
    pub(super) fn receive_stream(
        &mut self,
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<Arrived, Refusal> {
        let (Some(stream), Stage::Body(intake)) = (&mut self.stream, &mut self.stage) else {
            return Ok(Arrived::Part { last: true });
        };
        let last = loop {
            match stream.read() {
                Content::Bytes(bytes) => {
                    let passed = intake.pass(&bytes, sink);
                    stream.took(bytes.len());
                    let passed = passed?;
                    let last = passed.done || stream.has_ended();
                    if passed.content > 0 || last {
                        break last;
                    }
                }
                Content::End => break true,
                Content::Nothing => return Ok(Arrived::Nothing),
                Content::Gone => {
                    self.input_ended = true;
                    return Ok(Arrived::Gone);
                }
            }
        };
        if stream.session().takes_flush() {
            stream.session().flush();
        }
        if last {
            self.stage = Stage::Request;
        }
        Ok(Arrived::Part { last })
    }

    /// Waits until the client has taken some of what waits, at most so long without any
    /// progress; whether it has.
    pub(crate) fn wait_for_room(&self, most: Timespec) -> bool {
        let most = Duration::new(most.tv_sec as u64, most.tv_nsec as u32);
        let stream = self.stream.as_ref();
        stream.is_none_or(|stream| stream.wait_for_room(most))
    }

    /// All of the response was given, but for these trailers, as HTTP/1.1 has them.
    pub(crate) fn finish_stream(&mut self, trailers: &[u8]) -> std::io::Result<()> {
        self.stream
            .as_ref()
            .map_or(Ok(()), |stream| stream.finish(trailers))
    }

    /// The worker knows it by this from now on.
    pub(crate) fn name_stream(&self, token: Token) {
        if let Some(stream) = &self.stream {
            stream.name(token);
        }
    }

    /// Gives away what its bytes go through, and keeps the socket.
    pub(crate) fn take_wire(&mut self) -> Wire {
        let beside = self.wire.beside();
        std::mem::replace(&mut self.wire, beside)
    }

    /// Forgets what was read.
    pub(crate) fn drop_input(&mut self, pool: &mut Pool) {
        if let Some(buffers) = self.buffers.take() {
            pool.give_back(buffers);
        }
    }
}
