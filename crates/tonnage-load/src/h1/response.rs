//! Finding a response's status and its end (RFC 9112, section 6.3) in whatever
//! pieces it arrives, without keeping its body.

use super::chunked::ChunkDecoder;
use crate::body::BodySink;

/// The longest response head that is accepted, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The most header lines that are accepted.
const MAX_HEADERS: usize = 128;

/// What is known of a response once it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// Whether the connection can serve another request.
    pub(crate) reusable: bool,
}

/// What came is not HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProtocolError;

/// The state of one response on one connection.
#[derive(Debug)]
pub(crate) struct ResponseScanner {
    /// Responses to HEAD have no body, whatever their headers say.
    to_head_request: bool,
    state: State,
    /// Where the body goes.
    body: BodySink,
    /// The beginning of a head that did not come in one piece.
    head: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Head,
    Body {
        response: Response,
        framing: Framing,
    },
}

#[derive(Debug, Clone, Copy)]
enum Framing {
    /// This many bytes are still to come.
    Length(u64),
    Chunked(ChunkDecoder),
    /// Everything until the peer closes.
    UntilClose,
}

/// A head that was read: its length in bytes and what follows it.
struct Head {
    length: usize,
    response: Response,
    framing: Framing,
}

impl ResponseScanner {
    /// `keep_body` where a check looks at it.
    pub(crate) fn new(keep_body: bool) -> Self {
        Self {
            to_head_request: false,
            state: State::Head,
            body: BodySink::new(keep_body),
            head: Vec::new(),
        }
    }

    /// Whether nothing of the response has come yet.
    pub(crate) fn is_untouched(&self) -> bool {
        matches!(self.state, State::Head) && self.head.is_empty()
    }

    /// Makes ready for the response to the next request, which may be a HEAD.
    #[inline]
    pub(crate) fn reset(&mut self, to_head_request: bool) {
        self.to_head_request = to_head_request;
        self.state = State::Head;
        self.head.clear();
        self.body.reset();
    }

    /// The body, as far as it has come.
    #[inline]
    pub(crate) fn body(&self) -> &BodySink {
        &self.body
    }

    /// Reads the next bytes; gives the response once it is whole. Bytes beyond
    /// its end are a protocol error, since nothing else was asked for.
    #[inline]
    pub(crate) fn feed(&mut self, data: &[u8]) -> Result<Option<Response>, ProtocolError> {
        match self.state {
            State::Head if self.head.is_empty() => self.feed_head(data),
            State::Head => self.feed_more_head(data),
            State::Body { .. } => self.feed_body(data),
        }
    }

    /// The peer closed in good order: the end of a response that is delimited by
    /// just that, or `None` where it came too early.
    pub(crate) fn feed_end(&mut self) -> Option<Response> {
        match self.state {
            State::Body {
                response,
                framing: Framing::UntilClose,
            } => Some(Response {
                reusable: false,
                ..response
            }),
            _ => None,
        }
    }

    /// Reads a head (or several: interim responses are skipped) at the beginning
    /// of `data`, and remembers an incomplete one.
    fn feed_head(&mut self, mut data: &[u8]) -> Result<Option<Response>, ProtocolError> {
        loop {
            match parse_head(data, self.to_head_request)? {
                None => {
                    if data.len() > MAX_HEAD_BYTES {
                        return Err(ProtocolError);
                    }
                    self.head.extend_from_slice(data);
                    return Ok(None);
                }
                Some(head) => {
                    data = &data[head.length..];
                    // 101 would change the protocol, which nobody asked for.
                    if head.response.status == 101 {
                        return Err(ProtocolError);
                    }
                    if head.response.status >= 200 {
                        self.state = State::Body {
                            response: head.response,
                            framing: head.framing,
                        };
                        return self.feed_body(data);
                    }
                    if data.is_empty() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// A head that comes in pieces: parsed again only once its end is there, so
    /// that a peer which drips byte by byte costs little.
    fn feed_more_head(&mut self, data: &[u8]) -> Result<Option<Response>, ProtocolError> {
        let search_from = self.head.len().saturating_sub(3);
        self.head.extend_from_slice(data);
        if self.head.len() > MAX_HEAD_BYTES + data.len() {
            return Err(ProtocolError);
        }
        let new = &self.head[search_from..];
        let ends = new.windows(2).any(|w| w == b"\n\n") || new.windows(3).any(|w| w == b"\n\r\n");
        // A status line that is none is refused early, not at the head's end.
        if !ends && self.head.starts_with(&b"HTTP/1."[..self.head.len().min(7)]) {
            return Ok(None);
        }
        let head = std::mem::take(&mut self.head);
        self.feed_head(&head)
    }

    #[inline]
    fn feed_body(&mut self, data: &[u8]) -> Result<Option<Response>, ProtocolError> {
        let State::Body { response, framing } = &mut self.state else {
            return Ok(None);
        };
        let end = match framing {
            Framing::Length(left) => {
                let here = (*left).min(data.len() as u64);
                *left -= here;
                self.body.take(&data[..here as usize]);
                (*left == 0).then_some(here as usize)
            }
            Framing::Chunked(decoder) => decoder
                .feed(data, &mut self.body)
                .map_err(|_| ProtocolError)?,
            Framing::UntilClose => {
                self.body.take(data);
                None
            }
        };
        match end {
            None => Ok(None),
            Some(end) if end == data.len() => Ok(Some(*response)),
            Some(_) => Err(ProtocolError),
        }
    }
}

/// Reads one head; `None` where `data` does not hold all of it.
fn parse_head(data: &[u8], to_head_request: bool) -> Result<Option<Head>, ProtocolError> {
    let mut headers = [const { std::mem::MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    let length = match httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        data,
        &mut headers,
    ) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(ProtocolError),
    };
    let status = parsed.code.ok_or(ProtocolError)?;
    let fields = Fields::of(&parsed)?;
    let bodiless = to_head_request || status == 204 || status == 304 || status < 200;
    // RFC 9112, section 6.3: no body, else the coding, else the length, else
    // until the connection closes.
    let framing = if bodiless {
        Framing::Length(0)
    } else {
        match (fields.coding, fields.length) {
            (Some(Coding::Chunked), _) => Framing::Chunked(ChunkDecoder::new()),
            (Some(Coding::Other), _) | (None, None) => Framing::UntilClose,
            (None, Some(length)) => Framing::Length(length),
        }
    };
    let reusable = fields.keep_alive && !matches!(framing, Framing::UntilClose);
    Ok(Some(Head {
        length,
        response: Response { status, reusable },
        framing,
    }))
}

/// The header fields that decide where a response ends and what comes next.
struct Fields {
    length: Option<u64>,
    coding: Option<Coding>,
    keep_alive: bool,
}

enum Coding {
    /// Chunked is the last coding, so that the body delimits itself.
    Chunked,
    Other,
}

impl Fields {
    #[inline]
    fn of(response: &httparse::Response<'_, '_>) -> Result<Self, ProtocolError> {
        let mut fields = Self {
            length: None,
            coding: None,
            keep_alive: response.version == Some(1),
        };
        for header in response.headers.iter() {
            // Names of other lengths are not compared at all.
            match header.name.len() {
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    if has_token(header.value, b"close") {
                        fields.keep_alive = false;
                    } else if has_token(header.value, b"keep-alive") {
                        fields.keep_alive = true;
                    }
                }
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    let length = decimal(header.value)?;
                    if fields.length.is_some_and(|before| before != length) {
                        return Err(ProtocolError);
                    }
                    fields.length = Some(length);
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    let last = header
                        .value
                        .rsplit(|&b| b == b',')
                        .next()
                        .unwrap_or_default();
                    fields.coding = Some(if last.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                        Coding::Chunked
                    } else {
                        Coding::Other
                    });
                }
                _ => {}
            }
        }
        Ok(fields)
    }
}

/// Whether a comma-separated list has `token`, in any case.
fn has_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|&b| b == b',')
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

/// A content length: digits and nothing else.
fn decimal(text: &[u8]) -> Result<u64, ProtocolError> {
    let text = text.trim_ascii();
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(ProtocolError);
    }
    std::str::from_utf8(text)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(ProtocolError)
}

#[cfg(test)]
mod tests;
