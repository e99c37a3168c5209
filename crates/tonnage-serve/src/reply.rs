//! A response on its way from an application to bytes: what is said in its head, where its
//! body ends, and what must not be sent. Without input or output, and the same for every
//! interface.

mod body;
mod head;
#[cfg(test)]
mod tests;

pub(crate) use self::head::push_date;
use crate::http::{BadField, Method, ResponseFraming, Version, reason};

/// What of a request decides about the form of its response.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The version that the client speaks.
    pub version: Version,
    /// The connection may go on afterwards.
    pub keep_alive: bool,
}

/// A response that cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A part of the body before the head.
    #[error("the response has a body before its head")]
    NotStarted,
    /// A head after a part was sent.
    #[error("the response has a second head after its first part was sent")]
    AlreadySent,
    /// A status of an interim response.
    #[error("an interim status cannot end a request")]
    Interim,
    /// A status of a final response before that.
    #[error("not the status of an interim response")]
    NotInterim,
    /// A Content-Length that is no number, or a second one that is another.
    #[error("invalid Content-Length in a response")]
    Length,
    /// A status, name or value that would break the protocol.
    #[error(transparent)]
    Field(#[from] BadField),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is no head.
    Nothing,
    /// There is one, which can still be replaced.
    Started,
    /// The head is complete, perhaps on its way already.
    Sending,
    /// All was sent that there was.
    Finished,
}

/// What an application said in the head, for those who watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The reason phrase.
    pub reason: Vec<u8>,
    /// The fields.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The response to one request.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and they come about in any order"
)]
#[derive(Debug)]
pub struct Reply {
    asked: Asked,
    state: State,
    status: u16,
    /// What is to be sent before the next part: the head, the line before a chunk.
    before: Vec<u8>,
    length: Option<u64>,
    dated: bool,
    named: bool,
    framing: ResponseFraming,
    left: u64,
    ended: bool,
    /// Trailers may follow the body.
    trails: bool,
    body_bytes: u64,
    said: Option<Box<Said>>,
}

impl Reply {
    /// To a request of this kind.
    pub fn new(asked: Asked) -> Self {
        Self {
            asked,
            state: State::Nothing,
            status: 0,
            before: Vec::new(),
            length: None,
            dated: false,
            named: false,
            framing: ResponseFraming::None,
            left: 0,
            ended: false,
            trails: false,
            body_bytes: 0,
            said: None,
        }
    }

    /// Keeps what is said in the head, for [`Reply::said`].
    pub fn keep_said(&mut self) {
        self.said.get_or_insert_default();
    }

    /// What was said in the head, where it is kept.
    pub fn said(&self) -> Option<&Said> {
        self.said.as_deref()
    }

    /// The status; 0 where there is none yet.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Bytes of the body that went to the client.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Whether there is a head.
    pub fn is_started(&self) -> bool {
        self.state != State::Nothing
    }

    /// Whether the client has been sent something.
    pub fn has_sent(&self) -> bool {
        matches!(self.state, State::Sending | State::Finished)
    }

    /// Whether the client got all that it was promised.
    pub fn is_complete(&self) -> bool {
        self.state == State::Finished && self.left == 0
    }

    /// Whether what was framed so far is all that will be sent.
    pub(crate) fn has_all(&self) -> bool {
        match self.framing {
            ResponseFraming::None => self.state != State::Started,
            ResponseFraming::Length(_) => self.left == 0,
            ResponseFraming::Chunked => self.ended,
            ResponseFraming::UntilClose => false,
        }
    }

    /// Whether the connection ends with it.
    pub fn closes(&self) -> bool {
        !self.asked.keep_alive || self.framing == ResponseFraming::UntilClose
    }

    /// Trailers may follow the body.
    pub(crate) fn announce_trailers(&mut self) {
        self.trails = true;
    }

    /// Whether trailers may follow the body.
    pub fn trails(&self) -> bool {
        self.trails
    }

    /// The connection ends with this response.
    pub fn close_after(&mut self) {
        self.asked.keep_alive = false;
    }

    /// Somebody else has answered: nothing of this one is sent.
    pub(crate) fn give_up(&mut self, status: u16, body_bytes: u64) {
        self.close_after();
        self.before.clear();
        (self.status, self.body_bytes) = (status, body_bytes);
        if let Some(said) = &mut self.said {
            said.reason = reason(status).as_bytes().to_vec();
            said.fields.clear();
        }
        (self.framing, self.left) = (ResponseFraming::None, 0);
        self.state = State::Finished;
    }

    /// Counts what the other protocol sent.
    pub(crate) fn count_raw(&mut self, bytes: u64) {
        self.body_bytes += bytes;
    }

    /// What is to be sent before the part that was framed.
    pub(crate) fn take_head(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.before)
    }

    /// Gives the room back that it took.
    pub(crate) fn give_back(&mut self, mut head: Vec<u8>) {
        head.clear();
        self.before = head;
    }
}
