//! A record as a line. Nothing that comes from a client can break out of its place:
//! double quotes are escaped as gunicorn does, control characters as `\xNN` besides.

use std::borrow::Cow;
use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::format::{AccessFormat, Atom, Layout, Piece};
use super::json;
use super::trace::TraceContext;

/// What is known of an answered request. Texts are bytes as they came, read as
/// ISO 8859-1 as WSGI does.
#[derive(Debug, Clone, Copy)]
pub struct AccessRecord<'a> {
    /// The peer's address, or what a trusted proxy says it is; empty where there is
    /// none (a Unix socket), which is logged as `-`.
    pub remote_address: &'a [u8],
    /// The method, such as `GET`.
    pub method: &'a [u8],
    /// The target as it stood in the request line.
    pub target: &'a [u8],
    /// The path, decoded.
    pub path: &'a [u8],
    /// What follows the question mark.
    pub query: &'a [u8],
    /// Such as `HTTP/1.1`.
    pub protocol: &'a [u8],
    /// The answer's status.
    pub status: u16,
    /// Bytes of the answer's body.
    pub sent_bytes: u64,
    /// From the request's head until the answer was complete.
    pub took: Duration,
    /// The process that answered.
    pub process: u32,
}

/// Where the names in a format are looked up, all of them in lower case. Of a field
/// that is there several times, gunicorn has the last.
pub trait AccessLookup {
    /// A field of the request.
    fn request_field(&self, name: &str) -> Option<Cow<'_, [u8]>>;

    /// A field of the response.
    fn response_field(&self, _name: &str) -> Option<Cow<'_, [u8]>> {
        None
    }

    /// A variable of the environment that the application was given.
    fn variable(&self, _name: &str) -> Option<Cow<'_, [u8]>> {
        None
    }
}

impl AccessFormat {
    /// Appends the line, without an end. `date` is what [`super::LogDate`] says.
    pub fn render(
        &self,
        record: &AccessRecord<'_>,
        lookup: &dyn AccessLookup,
        date: &[u8],
        line: &mut Vec<u8>,
    ) {
        if self.json {
            return json::push_line(record, lookup, date, line);
        }
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => line.extend_from_slice(text.as_bytes()),
                Piece::Atom(atom, layout) => {
                    let start = line.len();
                    push_atom(atom, record, lookup, date, line);
                    if *layout != Layout::default() {
                        lay_out(*layout, start, line);
                    }
                }
            }
        }
    }
}

fn push_atom(
    atom: &Atom,
    record: &AccessRecord<'_>,
    lookup: &dyn AccessLookup,
    date: &[u8],
    line: &mut Vec<u8>,
) {
    let took = record.took;
    match atom {
        Atom::RemoteAddress if record.remote_address.is_empty() => line.push(b'-'),
        Atom::RemoteAddress => push_text(record.remote_address, line),
        Atom::User => match user(lookup) {
            Some(user) => push_text(&user, line),
            None => line.push(b'-'),
        },
        Atom::Date => line.extend_from_slice(date),
        Atom::RequestLine => {
            push_text(record.method, line);
            line.push(b' ');
            push_text(record.target, line);
            line.push(b' ');
            push_text(record.protocol, line);
        }
        Atom::Method => push_text(record.method, line),
        Atom::Path => push_text(record.path, line),
        Atom::Query => push_text(record.query, line),
        Atom::Protocol => push_text(record.protocol, line),
        Atom::Status => push_number(u64::from(record.status), line),
        Atom::SentBytes => push_number(record.sent_bytes, line),
        Atom::Referer => push_found(lookup.request_field("referer"), line),
        Atom::UserAgent => push_found(lookup.request_field("user-agent"), line),
        Atom::Seconds => push_number(took.as_secs(), line),
        Atom::Milliseconds => push_number(saturated(took.as_millis()), line),
        Atom::Microseconds => push_number(saturated(took.as_micros()), line),
        Atom::DecimalSeconds => {
            // Writing to a vector cannot fail.
            let _ = write!(line, "{}.{:06}", took.as_secs(), took.subsec_micros());
        }
        Atom::Process => {
            let _ = write!(line, "<{}>", record.process);
        }
        Atom::RequestField(name) => push_found(lookup.request_field(name), line),
        Atom::ResponseField(name) => push_found(lookup.response_field(name), line),
        Atom::Variable(name) => push_found(lookup.variable(name), line),
        Atom::TraceId => push_trace(lookup, |trace| trace.trace_id, line),
        Atom::SpanId => push_trace(lookup, |trace| trace.span_id, line),
        Atom::Dash => line.push(b'-'),
    }
}

fn push_trace(lookup: &dyn AccessLookup, id: fn(TraceContext<'_>) -> &str, line: &mut Vec<u8>) {
    let value = lookup.request_field("traceparent");
    match value.as_deref().and_then(TraceContext::parse) {
        Some(trace) => line.extend_from_slice(id(trace).as_bytes()),
        None => line.push(b'-'),
    }
}

fn saturated(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn push_number(number: u64, line: &mut Vec<u8>) {
    let _ = write!(line, "{number}");
}

fn push_found(found: Option<Cow<'_, [u8]>>, line: &mut Vec<u8>) {
    match found {
        Some(value) => push_text(&value, line),
        None => line.push(b'-'),
    }
}

/// Bytes as ISO 8859-1, in UTF-8. C0 and C1 control characters could end the line or
/// drive a terminal; gunicorn lets them through where a path was percent-encoded.
fn push_text(text: &[u8], line: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| !is_plain(*byte)) {
        line.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => line.extend_from_slice(b"\\\""),
            byte if byte < 0xa0 => {
                let _ = write!(line, "\\x{byte:02x}");
            }
            byte => line.extend_from_slice(&[0xc0 | (byte >> 6), 0x80 | (byte & 0x3f)]),
        }
        rest = &rest[at + 1..];
    }
    line.extend_from_slice(rest);
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"'
}

/// The name in `Authorization: Basic …`; none is `-`.
pub(super) fn user(lookup: &dyn AccessLookup) -> Option<Vec<u8>> {
    let value = lookup.request_field("authorization")?;
    let (scheme, rest) = value.split_at_checked(5)?;
    if !scheme.eq_ignore_ascii_case(b"basic") || !rest.starts_with(b" ") {
        return None;
    }
    let decoded = STANDARD.decode(rest.trim_ascii()).ok()?;
    let name = decoded.split(|byte| *byte == b':').next()?;
    // gunicorn reads it as UTF-8 and gives up where it is not.
    let name = std::str::from_utf8(name).ok()?;
    // `push_text` reads ISO 8859-1; what that lacks cannot be shown.
    let latin: Vec<u8> = name
        .chars()
        .map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?'))
        .collect();
    (!latin.is_empty()).then_some(latin)
}

/// Cuts and pads what was written since `start`.
fn lay_out(layout: Layout, start: usize, line: &mut Vec<u8>) {
    let is_first = |byte: &u8| byte & 0xc0 != 0x80;
    let mut chars = line[start..].iter().filter(|byte| is_first(byte)).count();
    if let Some(most) = layout.precision.filter(|most| *most < chars) {
        let mut begins = (start..line.len()).filter(|at| is_first(&line[*at]));
        if let Some(end) = begins.nth(most) {
            line.truncate(end);
        }
        chars = most;
    }
    let missing = layout.width.saturating_sub(chars);
    let filler = if layout.zeros { b'0' } else { b' ' };
    let at = if layout.left { line.len() } else { start };
    drop(line.splice(at..at, std::iter::repeat_n(filler, missing)));
}
