//! The body of a response: how its parts are framed, how many of their bytes are sent, and
//! what ends it.

use super::{Reply, ReplyError, State};
use crate::http::{
    CHUNK_END, LAST_CHUNK, ResponseFraming, ResponseName, push_chunk_head, push_field,
};

/// The end of the last chunk's data, and of the body.
const CHUNK_AND_BODY_END: &[u8] = b"\r\n0\r\n\r\n";

/// A part of the body as it goes to the socket, after [`Reply::take_head`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framed {
    /// So many bytes of the part.
    pub(crate) bytes: usize,
    /// What comes after them.
    pub(crate) after: &'static [u8],
}

impl Reply {
    /// Frames a part of the body: what of it is sent, and what after it. `None` where there
    /// is nothing to send at all.
    pub(crate) fn frame(
        &mut self,
        bytes: usize,
        whole: bool,
    ) -> Result<Option<Framed>, ReplyError> {
        match self.state {
            State::Nothing => return Err(ReplyError::NotStarted),
            State::Started => self.end_head(whole.then_some(bytes as u64)),
            State::Sending | State::Finished => {}
        }
        let mut framed = Framed { bytes, after: &[] };
        match self.framing {
            ResponseFraming::None => framed.bytes = 0,
            ResponseFraming::Length(_) => {
                framed.bytes = (bytes as u64).min(self.left) as usize;
                self.left -= framed.bytes as u64;
            }
            ResponseFraming::Chunked => {
                push_chunk_head(&mut self.before, bytes);
                framed.after = match (bytes, whole) {
                    (0, false) => &[],
                    (0, true) => LAST_CHUNK,
                    (_, false) => CHUNK_END,
                    (_, true) => CHUNK_AND_BODY_END,
                };
                self.ended |= whole;
            }
            ResponseFraming::UntilClose => {}
        }
        self.body_bytes += framed.bytes as u64;
        let nothing = self.before.is_empty() && framed.bytes == 0 && framed.after.is_empty();
        Ok((!nothing).then_some(framed))
    }

    /// Frames a body that is known to have so many bytes: how many of them are sent.
    pub(crate) fn frame_whole(&mut self, bytes: u64) -> Result<Option<u64>, ReplyError> {
        match self.state {
            State::Nothing => return Err(ReplyError::NotStarted),
            State::Started => self.end_head(Some(bytes)),
            State::Sending | State::Finished => return Ok(None),
        }
        let sent = match self.framing {
            ResponseFraming::None => 0,
            ResponseFraming::Length(_) => bytes.min(self.left),
            // Its length is known, so that it is never chunked.
            ResponseFraming::Chunked | ResponseFraming::UntilClose => bytes,
        };
        self.left = self.left.saturating_sub(sent);
        self.body_bytes += sent;
        Ok(Some(sent))
    }

    /// Ends the response; gives what is still to be sent after [`Reply::take_head`].
    pub(crate) fn finish(&mut self) -> Result<Option<&'static [u8]>, ReplyError> {
        match self.state {
            State::Nothing => return Err(ReplyError::NotStarted),
            State::Started => self.end_head(Some(0)),
            State::Sending => {}
            State::Finished => return Ok(None),
        }
        self.state = State::Finished;
        if self.framing == ResponseFraming::Chunked && !self.ended {
            self.ended = true;
            return Ok(Some(LAST_CHUNK));
        }
        Ok((!self.before.is_empty()).then_some(&[]))
    }

    /// Ends the response with trailers, where its body is in chunks; gives what is still to be
    /// sent after [`Reply::take_head`].
    pub(crate) fn finish_with<'f>(
        &mut self,
        trailers: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
    ) -> Result<Option<Vec<u8>>, ReplyError> {
        let mut fields = Vec::new();
        for (name, value) in trailers {
            // What says how a message is read is of no use behind it (RFC 9110, 6.5.1).
            if ResponseName::of(name) == ResponseName::Other {
                push_field(&mut fields, name, value)?;
            }
        }
        if self.state == State::Started && self.trails {
            self.end_head(None);
        }
        let Some(end) = self.finish()? else {
            return Ok(None);
        };
        Ok(Some(match end.strip_suffix(b"\r\n") {
            Some(last_chunk) if self.trails => [last_chunk, &fields, b"\r\n"].concat(),
            _ => end.to_vec(),
        }))
    }

    /// The application has left the response shorter than it promised: its end is not sent.
    pub(crate) fn fall_short(&mut self) {
        self.state = State::Finished;
        self.ended = true;
        self.left = self.left.max(1);
    }
}
