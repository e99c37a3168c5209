//! A response on its way from an application to bytes: what is said in its head, where its
//! body ends, and what must not be sent. Without input or output, and the same for every
//! interface.

use std::cell::RefCell;

use rustix::time::{ClockId, clock_gettime};

use crate::http::{
    BadField, CHUNK_END, DateCache, LAST_CHUNK, Method, ResponseFraming, ResponseName, SERVER,
    Version, push_chunk_head, push_end, push_field, push_length, push_status, reason,
    response_framing,
};

/// Room for a head; most are shorter.
const HEAD_BYTES: usize = 384;

/// The end of the last chunk's data, and of the body.
const CHUNK_AND_BODY_END: &[u8] = b"\r\n0\r\n\r\n";

thread_local! {
    /// The Date field, made once a second in each thread.
    static DATE: RefCell<DateCache> = RefCell::new(DateCache::new());
}

/// Adds the Date field of now.
pub(crate) fn push_date(out: &mut Vec<u8>) {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    DATE.with_borrow_mut(|date| out.extend_from_slice(date.line(now.tv_sec)));
}

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

/// A part of the body as it goes to the socket, after [`Reply::take_head`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framed {
    /// So many bytes of the part.
    pub(crate) bytes: usize,
    /// What comes after them.
    pub(crate) after: &'static [u8],
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
        (self.framing, self.left) = (ResponseFraming::None, 0);
        self.state = State::Finished;
    }

    /// Begins the response, or begins it anew as long as nothing was sent.
    pub fn start<'f>(
        &mut self,
        status: u16,
        reason: &[u8],
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
    ) -> Result<(), ReplyError> {
        if self.has_sent() {
            return Err(ReplyError::AlreadySent);
        }
        if status < 200 {
            return Err(ReplyError::Interim);
        }
        self.state = State::Nothing;
        self.before.clear();
        self.before.reserve(HEAD_BYTES);
        (self.length, self.dated, self.named) = (None, false, false);
        if let Some(said) = &mut self.said {
            said.reason = reason.to_vec();
            said.fields.clear();
        }
        push_status(&mut self.before, status, reason)?;
        self.status = status;
        for (name, value) in fields {
            self.add_field(name, value)?;
        }
        self.state = State::Started;
        Ok(())
    }

    /// Leaves HTTP for another protocol (RFC 9110, section 15.2.2): the head is complete, and
    /// the connection ends with that protocol.
    pub(crate) fn switch<'f>(
        &mut self,
        protocol: &[u8],
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
    ) -> Result<(), ReplyError> {
        const STATUS: u16 = 101;
        let reason = reason(STATUS).as_bytes();
        self.start(200, reason, [])?;
        self.before.clear();
        push_status(&mut self.before, STATUS, reason)?;
        self.status = STATUS;
        push_field(&mut self.before, b"Upgrade", protocol)?;
        push_field(&mut self.before, b"Connection", b"Upgrade")?;
        for (name, value) in fields {
            // It has no content whose length could be said.
            if ResponseName::of(name) != ResponseName::ContentLength {
                self.add_field(name, value)?;
            }
        }
        if !self.named {
            self.before.extend_from_slice(SERVER);
        }
        if !self.dated {
            push_date(&mut self.before);
        }
        self.before.extend_from_slice(b"\r\n");
        self.framing = ResponseFraming::None;
        self.state = State::Finished;
        self.close_after();
        Ok(())
    }

    /// Counts what the other protocol sent.
    pub(crate) fn count_raw(&mut self, bytes: u64) {
        self.body_bytes += bytes;
    }

    fn add_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), ReplyError> {
        match ResponseName::of(name) {
            ResponseName::ContentLength => {
                let length = decimal(value).ok_or(ReplyError::Length)?;
                // Twice the same is once (RFC 9110, 8.6).
                match self.length.replace(length) {
                    None => {}
                    Some(before) if before == length => return Ok(()),
                    Some(_) => return Err(ReplyError::Length),
                }
                // It must not have one (RFC 9110, 8.6).
                if self.status == 204 {
                    return Ok(());
                }
            }
            ResponseName::Connection => {
                if value
                    .to_ascii_lowercase()
                    .split(|b| *b == b',')
                    .any(is_close)
                {
                    self.close_after();
                }
                return Ok(());
            }
            ResponseName::Trailer if !self.trails => return Ok(()),
            // How the response is framed is not for the application to say.
            ResponseName::TransferEncoding | ResponseName::Upgrade | ResponseName::HopByHop => {
                return Ok(());
            }
            ResponseName::Date => self.dated = true,
            ResponseName::Server => self.named = true,
            ResponseName::Trailer | ResponseName::Other => {}
        }
        push_field(&mut self.before, name, value)?;
        if let Some(said) = &mut self.said {
            said.fields.push((name.to_vec(), value.to_vec()));
        }
        Ok(())
    }

    /// Ends the head. `whole`: the body's length, where all of it is known.
    fn end_head(&mut self, whole: Option<u64>) {
        let Asked {
            method, version, ..
        } = self.asked;
        // What HEAD is answered has no content, and nobody knows how long GET's would be
        // (RFC 9110, 8.6).
        let is_unknown = method == Method::Head && whole == Some(0);
        let whole = whole.filter(|_| !is_unknown);
        let length = self.length.or(whole);
        self.framing = response_framing(method, self.status, version, length);
        let may_have_length = !matches!(self.status, 204 | 304) && method != Method::Connect;
        if self.length.is_none()
            && let Some(length) = whole
            && may_have_length
        {
            push_length(&mut self.before, length);
        }
        if !self.named {
            self.before.extend_from_slice(SERVER);
        }
        if !self.dated {
            push_date(&mut self.before);
        }
        push_end(
            &mut self.before,
            self.framing,
            version,
            self.asked.keep_alive,
        );
        self.left = match self.framing {
            ResponseFraming::Length(bytes) => bytes,
            _ => 0,
        };
        self.state = State::Sending;
    }

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

/// A number in digits, and nothing else.
fn decimal(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok()?;
    digits.then(|| text.parse().ok()).flatten()
}

fn is_close(option: &[u8]) -> bool {
    option.trim_ascii() == b"close"
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Asked = Asked {
        method: Method::Get,
        version: Version::Http11,
        keep_alive: true,
    };

    type Fields<'a> = &'a [(&'a [u8], &'a [u8])];

    /// What a client reads of a response made of these parts.
    fn sent(
        asked: Asked,
        status: u16,
        fields: Fields<'_>,
        parts: &[&[u8]],
        whole: bool,
    ) -> (String, Reply) {
        let mut reply = Reply::new(asked);
        let dated: Vec<_> = [(&b"Date"[..], &b"x"[..])]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        reply.start(status, b"", dated).unwrap();
        let mut bytes = Vec::new();
        for part in parts {
            if let Some(framed) = reply.frame(part.len(), whole).unwrap() {
                bytes.extend(reply.take_head());
                bytes.extend_from_slice(&part[..framed.bytes]);
                bytes.extend_from_slice(framed.after);
            }
        }
        if let Some(end) = reply.finish().unwrap() {
            bytes.extend(reply.take_head());
            bytes.extend_from_slice(end);
        }
        (String::from_utf8(bytes).unwrap(), reply)
    }

    #[test]
    fn a_whole_body_has_a_length_and_parts_are_chunks() {
        let (text, reply) = sent(GET, 200, &[], &[b"hello"], true);
        assert!(
            text.ends_with("Content-Length: 5\r\nServer: tonnage\r\n\r\nhello"),
            "{text}"
        );
        assert!(reply.is_complete() && !reply.closes());
        let (text, reply) = sent(GET, 200, &[], &[b"hel", b"", b"lo"], false);
        assert!(
            text.ends_with("Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
            "{text}"
        );
        assert!(reply.is_complete());
        assert_eq!(reply.body_bytes(), 5);
    }

    #[test]
    fn an_empty_body_has_the_length_zero() {
        let (text, _) = sent(GET, 200, &[], &[], false);
        assert!(text.contains("Content-Length: 0\r\n"), "{text}");
        let (text, _) = sent(GET, 204, &[], &[], false);
        assert!(!text.contains("Content-Length"), "{text}");
    }

    #[test]
    fn a_promised_length_is_kept_or_the_response_is_incomplete() {
        let (text, reply) = sent(GET, 200, &[(b"Content-Length", b"3")], &[b"hello"], false);
        assert!(text.ends_with("\r\n\r\nhel"), "{text}");
        assert!(reply.is_complete());
        let (_, reply) = sent(GET, 200, &[(b"content-length", b"9")], &[b"hello"], false);
        assert!(!reply.is_complete());
        let mut reply = Reply::new(GET);
        let twice: [(&[u8], &[u8]); 2] = [(b"Content-Length", b"3"), (b"Content-Length", b"4")];
        assert_eq!(reply.start(200, b"OK", twice), Err(ReplyError::Length));
        let signed: [(&[u8], &[u8]); 1] = [(b"Content-Length", b"+3")];
        assert_eq!(reply.start(200, b"OK", signed), Err(ReplyError::Length));
    }

    #[test]
    fn heads_old_clients_and_closing_are_as_the_standard_says() {
        let head = Asked {
            method: Method::Head,
            ..GET
        };
        let (text, reply) = sent(head, 200, &[(b"Content-Length", b"5")], &[b"hello"], true);
        assert!(
            text.contains("Content-Length: 5\r\n") && text.ends_with("\r\n\r\n"),
            "{text}"
        );
        assert!(reply.is_complete());
        // An application that leaves the body out for HEAD says nothing of its length.
        for parts in [&[b"".as_slice()][..], &[]] {
            let (text, reply) = sent(head, 200, &[], parts, true);
            assert!(!text.contains("Content-Length"), "{text}");
            assert!(!text.contains("Transfer-Encoding"), "{text}");
            assert!(reply.is_complete() && !reply.closes());
        }
        let (text, _) = sent(head, 200, &[], &[b"hello"], true);
        assert!(text.contains("Content-Length: 5\r\n"), "{text}");
        let old = Asked {
            version: Version::Http10,
            ..GET
        };
        let (text, reply) = sent(old, 200, &[], &[b"hel", b"lo"], false);
        assert!(text.ends_with("Connection: close\r\n\r\nhello"), "{text}");
        assert!(reply.closes());
        let (text, reply) = sent(old, 200, &[], &[b"hello"], true);
        assert!(text.contains("Connection: keep-alive"), "{text}");
        assert!(!reply.closes());
        let (_, reply) = sent(GET, 200, &[(b"Connection", b"foo, Close")], &[b"x"], true);
        assert!(reply.closes());
    }

    #[test]
    fn what_is_the_servers_affair_is_not_handed_on() {
        let fields: Fields<'_> = &[
            (b"Transfer-Encoding", b"chunked"),
            (b"Keep-Alive", b"5"),
            (b"Server", b"mine"),
        ];
        let (text, _) = sent(GET, 200, fields, &[b"x"], true);
        assert!(
            !text.contains("chunked") && !text.contains("Keep-Alive"),
            "{text}"
        );
        assert_eq!(text.matches("Server: ").count(), 1);
    }

    /// What a client reads of a response with trailers.
    fn trailed(asked: Asked, announced: bool, fields: Fields<'_>, parts: &[&[u8]]) -> String {
        let mut reply = Reply::new(asked);
        if announced {
            reply.announce_trailers();
        }
        reply.start(200, b"OK", fields.iter().copied()).unwrap();
        let mut bytes = Vec::new();
        for part in parts {
            if let Some(framed) = reply.frame(part.len(), false).unwrap() {
                bytes.extend(reply.take_head());
                bytes.extend_from_slice(&part[..framed.bytes]);
                bytes.extend_from_slice(framed.after);
            }
        }
        let trailers: Fields<'_> = &[(b"X-Sum", b"1"), (b"Content-Length", b"9"), (b"TE", b"x")];
        let end = reply.finish_with(trailers.iter().copied()).unwrap();
        bytes.extend(reply.take_head());
        bytes.extend(end.unwrap_or_default());
        assert!(reply.is_complete());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn trailers_follow_the_last_chunk_and_nothing_else() {
        let named: Fields<'_> = &[(b"Trailer", b"X-Sum")];
        let text = trailed(GET, true, named, &[b"abc"]);
        assert!(text.contains("\r\nTrailer: X-Sum\r\n"), "{text}");
        assert!(
            text.ends_with("\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"),
            "{text}"
        );
        let text = trailed(GET, true, &[], &[]);
        assert!(text.ends_with("\r\n\r\n0\r\nX-Sum: 1\r\n\r\n"), "{text}");
        let text = trailed(GET, false, named, &[b"abc"]);
        assert!(
            !text.contains("Trailer") && !text.contains("X-Sum"),
            "{text}"
        );
        let text = trailed(GET, true, &[(b"Content-Length", b"3")], &[b"abc"]);
        assert!(text.ends_with("\r\n\r\nabc"), "{text}");
        let head = Asked {
            method: Method::Head,
            ..GET
        };
        assert!(trailed(head, true, &[], &[]).ends_with("\r\n\r\n"));
        let mut reply = Reply::new(GET);
        reply.announce_trailers();
        reply.start(200, b"OK", []).unwrap();
        let broken: [(&[u8], &[u8]); 1] = [(b"X", b"a\r\nb")];
        assert!(reply.finish_with(broken).is_err());
        assert!(!reply.is_complete());
    }

    #[test]
    fn a_switch_to_another_protocol_is_complete_and_ends_the_connection() {
        let fields: Fields<'_> = &[
            (b"Date", b"x"),
            (b"Connection", b"keep-alive"),
            (b"Content-Length", b"0"),
            (b"X-A", b"1"),
        ];
        let mut reply = Reply::new(GET);
        reply.switch(b"other", fields.iter().copied()).unwrap();
        let head = String::from_utf8(reply.take_head()).unwrap();
        assert_eq!(
            head,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\
             Date: x\r\nX-A: 1\r\nServer: tonnage\r\n\r\n"
        );
        assert!(reply.is_complete() && reply.has_sent() && reply.closes());
        reply.count_raw(3);
        assert_eq!((reply.status(), reply.body_bytes()), (101, 3));
    }

    #[test]
    fn a_head_can_be_replaced_until_it_was_sent() {
        let none: [(&[u8], &[u8]); 0] = [];
        let mut reply = Reply::new(GET);
        assert_eq!(reply.frame(1, false), Err(ReplyError::NotStarted));
        assert_eq!(
            reply.start(100, b"Continue", none),
            Err(ReplyError::Interim)
        );
        reply.start(200, b"OK", none).unwrap();
        reply.start(500, b"No", none).unwrap();
        assert_eq!(reply.status(), 500);
        reply.frame(1, false).unwrap();
        assert!(reply.take_head().starts_with(b"HTTP/1.1 500 No\r\n"));
        assert_eq!(reply.start(200, b"OK", none), Err(ReplyError::AlreadySent));
    }
}
