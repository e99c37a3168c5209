//! Bodies that are read when somebody asks for them and not before: meanwhile the full
//! socket holds the client back.

use rustix::io::Errno;

use super::wire::Incoming;
use super::{Connection, Progress, Stage};
use crate::http::{Limits, Refusal};

/// Bytes of a body that nobody wanted which are read and forgotten, so that the connection
/// can go on; with more it is cheaper to begin a new one.
const SKIPPED_BYTES: u64 = 8 << 20;

/// Readings after which other connections have their turn.
const SKIPPINGS: usize = 4;

/// What there was of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// Content, and nothing after it where it is the last; only then there may be none.
    Part {
        /// The body is complete.
        last: bool,
    },
    /// No content yet.
    Nothing,
    /// The client has gone, or ended its sending side too early.
    Gone,
}

/// How forgetting a body went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// All of it came.
    Done,
    /// More has to come.
    Waiting,
    /// There may be more at once, but others have their turn.
    Yielded,
    /// The rest will not come, or is not worth waiting for.
    Ended,
}

impl Connection {
    /// Keeps in mind what the kernel said.
    pub(crate) fn note(&mut self, readable: bool, hung_up: bool) {
        if self.is_stream() {
            // What happens to the others' socket is told by the stream.
            self.hung_up |= self.is_taken_back();
            return;
        }
        self.more_to_read |= readable || hung_up;
        self.hung_up |= hung_up;
    }

    /// Goes on with the bytes that are there: a request is complete with its head.
    pub(crate) fn advance_head(&mut self, limits: &Limits) -> Progress {
        match self.parse_head(limits) {
            Ok(true) => Progress::Request,
            Ok(false) => Progress::Wait,
            Err(refusal) => Progress::Refused(refusal),
        }
    }

    /// Whether the client waits for leave to send the body, and has not begun.
    pub(crate) fn awaits_continue(&self) -> bool {
        matches!(self.stage, Stage::Body(_)) && self.wants_continue()
    }

    /// Whether more of the body is known to be missing than would be skipped.
    pub(crate) fn lacks_much(&self) -> bool {
        matches!(&self.stage, Stage::Body(intake) if intake.lacks_more_than(SKIPPED_BYTES))
    }

    /// Takes what has come of the body, read into `room`, and hands it on at most once.
    /// A socket that is known to be empty is not asked.
    pub(crate) fn receive(
        &mut self,
        room: &mut [u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<Arrived, Refusal> {
        if self.is_stream() {
            return self.receive_stream(sink);
        }
        let head_end = self.head.as_ref().map_or(0, |head| head.end);
        let intake = match &mut self.stage {
            Stage::Body(intake) => intake,
            Stage::Skipping(intake) => &mut **intake,
            _ => return Ok(Arrived::Part { last: true }),
        };
        // The head's bytes are there, so that its buffer is, too.
        let Some(buffers) = &mut self.buffers else {
            return Ok(Arrived::Gone);
        };
        let last = loop {
            let from = buffers.start + head_end;
            if buffers.input.len() > from {
                let passed = intake.pass(&buffers.input[from..], sink)?;
                buffers.input.drain(from..from + passed.consumed);
                if passed.done || passed.content > 0 {
                    break passed.done;
                }
            }
            if !self.more_to_read {
                return Ok(Arrived::Nothing);
            }
            let wanted = intake.wanted_bytes(room.len());
            match self.wire.read(&mut room[..wanted]) {
                // There is more, but nothing of it is content: a client's own fault.
                Ok(Incoming::Bytes { count: 0, .. }) => return Ok(Arrived::Nothing),
                Ok(Incoming::Bytes { count, drained }) => {
                    // Where the peer has closed, only the end of its bytes says so.
                    self.more_to_read = !drained || self.hung_up;
                    let passed = intake.pass(&room[..count], sink)?;
                    buffers
                        .input
                        .extend_from_slice(&room[passed.consumed..count]);
                    if passed.done || passed.content > 0 {
                        break passed.done;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.more_to_read = false;
                    return Ok(Arrived::Nothing);
                }
                Ok(Incoming::End) | Err(_) => {
                    self.input_ended = true;
                    return Ok(Arrived::Gone);
                }
            }
        };
        if last {
            self.stage = Stage::Request;
        }
        Ok(Arrived::Part { last })
    }

    /// Reads on in a body that nobody wants.
    pub(crate) fn skip(&mut self, room: &mut [u8]) -> Skipped {
        for _ in 0..SKIPPINGS {
            match self.receive(room, &mut |_| {}) {
                Ok(Arrived::Part { last: true }) => return Skipped::Done,
                Ok(Arrived::Part { last: false }) => {}
                Ok(Arrived::Nothing) => return Skipped::Waiting,
                Ok(Arrived::Gone) | Err(_) => return Skipped::Ended,
            }
        }
        Skipped::Yielded
    }

    /// The response is complete. What is missing of the body is skipped where it is not
    /// much and the client is going to send it; otherwise the connection ends.
    pub(crate) fn leave_body(&mut self, is_coming: bool) {
        if !matches!(self.stage, Stage::Body(_)) {
            return;
        }
        if let Stage::Body(mut intake) = std::mem::replace(&mut self.stage, Stage::Request) {
            if is_coming && !self.closing && intake.bound_rest(SKIPPED_BYTES) {
                self.rest = Some(Box::new(intake));
            } else {
                self.end_unread();
            }
        }
    }

    /// The body will not be read: where the request has one, the connection ends with its
    /// answer, and this says so.
    pub(crate) fn gives_up_body(&mut self) -> bool {
        let had_one = matches!(self.stage, Stage::Body(_));
        if had_one {
            self.end_unread();
        }
        had_one
    }

    /// The connection ends although the client may still send.
    pub(crate) fn end_unread(&mut self) {
        self.stage = Stage::Request;
        self.closing = true;
        // Whoever ends it takes care that no reset overtakes the answer.
        self.more_to_read = true;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::super::{Pool, Read};
    use super::*;
    use crate::listen::Peer;

    /// A connection that has read this, and its client.
    fn connection(sent: &[u8]) -> (Connection, UnixStream) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.write_all(sent).unwrap();
        let mut connection = Connection::new(ours.into(), Peer::Unix, 0);
        assert_eq!(connection.read(&mut Pool::default()), Read::Drained);
        (connection, theirs)
    }

    fn received(connection: &mut Connection) -> (Result<Arrived, Refusal>, Vec<u8>) {
        let mut content = Vec::new();
        let mut room = [0; 64];
        let arrived = connection.receive(&mut room, &mut |part| content.extend_from_slice(part));
        (arrived, content)
    }

    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n";
    const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn a_body_is_read_when_it_is_asked_for_and_no_further() {
        let (mut connection, mut client) = connection(&[HEAD, b"he"].concat());
        assert!(matches!(
            connection.advance_head(&Limits::default()),
            Progress::Request
        ));
        assert_eq!(
            received(&mut connection),
            (Ok(Arrived::Part { last: false }), b"he".to_vec())
        );
        assert_eq!(received(&mut connection).0, Ok(Arrived::Nothing));
        client.write_all(b"lloGET").unwrap();
        // Nobody has said that there is something.
        assert_eq!(received(&mut connection).0, Ok(Arrived::Nothing));
        connection.note(true, false);
        assert_eq!(
            received(&mut connection),
            (Ok(Arrived::Part { last: true }), b"llo".to_vec())
        );
        assert_eq!(
            received(&mut connection),
            (Ok(Arrived::Part { last: true }), Vec::new())
        );
        connection.next_request(&mut Pool::default());
        assert!(connection.unread().is_empty() && connection.more_to_read);
    }

    #[test]
    fn what_follows_a_chunked_body_is_the_next_request() {
        let (mut connection, mut client) = connection(&[CHUNKED, b"3\r"].concat());
        assert!(matches!(
            connection.advance_head(&Limits::default()),
            Progress::Request
        ));
        assert_eq!(received(&mut connection).0, Ok(Arrived::Nothing));
        client.write_all(b"\nabc\r\n").unwrap();
        connection.note(true, false);
        assert_eq!(
            received(&mut connection),
            (Ok(Arrived::Part { last: false }), b"abc".to_vec())
        );
        client.write_all(b"0\r\n\r\nGET /").unwrap();
        connection.note(true, false);
        assert_eq!(
            received(&mut connection),
            (Ok(Arrived::Part { last: true }), Vec::new())
        );
        connection.next_request(&mut Pool::default());
        assert_eq!(connection.unread(), b"GET /");
    }

    #[test]
    fn bodies_that_end_too_early_or_break_the_rules_are_noticed() {
        let (mut connection, client) = connection(HEAD);
        connection.advance_head(&Limits::default());
        drop(client);
        connection.note(true, true);
        assert_eq!(received(&mut connection).0, Ok(Arrived::Gone));
        let (mut connection, _client) = self::connection(&[CHUNKED, b"x\r\n"].concat());
        connection.advance_head(&Limits::default());
        assert_eq!(received(&mut connection).0, Err(Refusal::ChunkSize));
    }

    #[test]
    fn a_body_that_nobody_wants_is_skipped_or_ends_the_connection() {
        let (mut connection, mut client) = connection(HEAD);
        connection.advance_head(&Limits::default());
        connection.leave_body(true);
        let rest = connection.rest.take().expect("five bytes are little");
        connection.stage = Stage::Skipping(rest);
        assert_eq!(connection.skip(&mut [0; 64]), Skipped::Waiting);
        client.write_all(b"hello").unwrap();
        connection.note(true, false);
        assert_eq!(connection.skip(&mut [0; 64]), Skipped::Done);
        assert!(!connection.closing);

        let long = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n";
        let (mut connection, _client) = self::connection(long);
        connection.advance_head(&Limits::default());
        assert!(connection.lacks_much());
        connection.leave_body(true);
        assert!(connection.rest.is_none() && connection.closing);
    }

    #[test]
    fn a_client_that_waits_for_leave_is_seen() {
        let head =
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
        let (mut connection, _client) = connection(head);
        connection.advance_head(&Limits::default());
        assert!(connection.awaits_continue());
        connection.leave_body(false);
        assert!(connection.closing && !connection.awaits_continue());
    }
}
