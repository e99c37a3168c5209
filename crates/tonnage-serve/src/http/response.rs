//! Response heads and the frames of response bodies, written into a buffer. What an
//! application hands over is checked: nothing of it can end a line, a head or a chunk.

use super::bytes::{TOKEN, run, text_run, trim};
use super::{Method, Version};

/// The end of a chunk's data.
pub const CHUNK_END: &[u8] = b"\r\n";
/// The last chunk, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// The field that says that a body is chunked.
pub const CHUNKED: &[u8] = b"Transfer-Encoding: chunked\r\n";
/// The answer to an expectation.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// The Server field.
pub const SERVER: &[u8] = b"Server: tonnage\r\n";

/// The most frequent status line.
const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// An application's response that cannot be sent. What is wrong with it is not repeated:
/// it may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadField {
    /// A status that is not three digits (from 100 on), a space and a phrase.
    #[error("invalid response status")]
    Status,
    /// A name that is no token.
    #[error("invalid response header name")]
    Name,
    /// A value with a control character.
    #[error("invalid response header value")]
    Value,
}

/// Where a response's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseFraming {
    /// It has none, whatever its fields say.
    None,
    /// After so many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// Where the connection closes.
    UntilClose,
}

/// Names of response fields that are not simply handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseName {
    /// `Content-Length`
    ContentLength,
    /// `Transfer-Encoding`, which is the server's affair.
    TransferEncoding,
    /// `Connection`, which is the server's affair but for `close`.
    Connection,
    /// `Upgrade`
    Upgrade,
    /// `Date`
    Date,
    /// `Server`
    Server,
    /// `Trailer`, which says what follows the body.
    Trailer,
    /// Another one that is meant for this connection only (RFC 2616, section 13.5.1).
    HopByHop,
    /// Any other.
    Other,
}

impl ResponseName {
    /// What `name` is, in any case.
    pub fn of(name: &[u8]) -> Self {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            2 if is("te") => Self::HopByHop,
            4 if is("date") => Self::Date,
            6 if is("server") => Self::Server,
            7 if is("upgrade") => Self::Upgrade,
            7 if is("trailer") => Self::Trailer,
            8 if is("trailers") => Self::HopByHop,
            10 if is("connection") => Self::Connection,
            10 if is("keep-alive") => Self::HopByHop,
            14 if is("content-length") => Self::ContentLength,
            16 if is("proxy-connection") => Self::HopByHop,
            17 if is("transfer-encoding") => Self::TransferEncoding,
            18 if is("proxy-authenticate") => Self::HopByHop,
            19 if is("proxy-authorization") => Self::HopByHop,
            _ => Self::Other,
        }
    }
}

/// Where the body of a response ends (RFC 9112, section 6.3), given the length that the
/// application said or the server knows. To a client of HTTP/1.0 nothing is chunked.
pub fn response_framing(
    method: Method,
    status: u16,
    version: Version,
    length: Option<u64>,
) -> ResponseFraming {
    if method == Method::Head || matches!(status, 100..=199 | 204 | 304) {
        return ResponseFraming::None;
    }
    // The bytes behind a CONNECT that succeeded are a tunnel's (section 6.3, point 2).
    if method == Method::Connect && matches!(status, 200..=299) {
        return ResponseFraming::UntilClose;
    }
    match (length, version) {
        (Some(length), _) => ResponseFraming::Length(length),
        (None, Version::Http11) => ResponseFraming::Chunked,
        // To a client of HTTP/2, its stream is what closes.
        (None, Version::Http10 | Version::Http2) => ResponseFraming::UntilClose,
    }
}

/// Reads a status as WSGI has it, `404 Not Found`: the code and the phrase.
pub fn parse_status(status: &[u8]) -> Result<(u16, &[u8]), BadField> {
    let (code, phrase) = match status {
        [a, b, c] => ([*a, *b, *c], &[][..]),
        [a, b, c, b' ', phrase @ ..] => ([*a, *b, *c], phrase),
        _ => return Err(BadField::Status),
    };
    if !code.iter().all(u8::is_ascii_digit) || text_run(phrase) < phrase.len() {
        return Err(BadField::Status);
    }
    let code = code
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    Ok((code, phrase))
}

/// Begins a head with the status line. The version is always 1.1: it is the server's, not
/// the request's (RFC 9110, section 2.5).
#[inline]
pub fn push_status(out: &mut Vec<u8>, status: u16, phrase: &[u8]) -> Result<(), BadField> {
    if status == 200 && phrase == b"OK" {
        out.extend_from_slice(OK);
        return Ok(());
    }
    if !(100..=999).contains(&status) || text_run(phrase) < phrase.len() {
        return Err(BadField::Status);
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    push_decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(phrase);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Adds a field to a head. Blanks around the value are left out. On an error nothing has
/// been added.
#[inline]
pub fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<(), BadField> {
    if name.is_empty() || run(name, TOKEN) < name.len() {
        return Err(BadField::Name);
    }
    if text_run(value) < value.len() {
        return Err(BadField::Value);
    }
    let value = trim(value);
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Adds a Content-Length field.
#[inline]
pub fn push_length(out: &mut Vec<u8>, bytes: u64) {
    out.extend_from_slice(b"Content-Length: ");
    push_decimal(out, bytes);
    out.extend_from_slice(b"\r\n");
}

/// Ends a head: says that the body is chunked where it is (its length is the caller's to
/// say), whether the connection stays open, and adds the empty line. `version` is the
/// request's, whose default for connections needs no words.
#[inline]
pub fn push_end(out: &mut Vec<u8>, framing: ResponseFraming, version: Version, keep_alive: bool) {
    if framing == ResponseFraming::Chunked {
        out.extend_from_slice(CHUNKED);
    }
    let keep_alive = keep_alive && framing != ResponseFraming::UntilClose;
    match (keep_alive, version) {
        // What HTTP/2 says of connections is not in heads (RFC 9113, section 8.2.2).
        (true, Version::Http11) | (_, Version::Http2) => out.extend_from_slice(b"\r\n"),
        (true, Version::Http10) => out.extend_from_slice(b"Connection: keep-alive\r\n\r\n"),
        (false, _) => out.extend_from_slice(b"Connection: close\r\n\r\n"),
    }
}

/// Begins a chunk of so many bytes, which `CHUNK_END` has to follow. None is begun for 0
/// bytes: that would be the last one.
#[inline]
pub fn push_chunk_head(out: &mut Vec<u8>, bytes: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    if bytes == 0 {
        return;
    }
    let digits = (usize::BITS - bytes.leading_zeros()).div_ceil(4);
    for digit in (0..digits).rev() {
        out.push(DIGITS[bytes >> (4 * digit) & 0xf]);
    }
    out.extend_from_slice(b"\r\n");
}

fn push_decimal(out: &mut Vec<u8>, number: u64) {
    // As many as `u64::MAX` has.
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_head_is_what_was_put_in() {
        let mut out = Vec::new();
        push_status(&mut out, 200, b"OK").unwrap();
        push_field(&mut out, b"Content-Type", b" text/plain\t").unwrap();
        push_field(&mut out, b"X-Name", b"caf\xe9").unwrap();
        push_field(&mut out, b"X-Empty", b"").unwrap();
        push_length(&mut out, 5);
        push_end(&mut out, ResponseFraming::Length(5), Version::Http11, true);
        assert_eq!(
            out,
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Name: caf\xe9\r\nX-Empty: \r\n\
              Content-Length: 5\r\n\r\n"
        );
        out.clear();
        push_status(&mut out, 418, b"I am one").unwrap();
        push_end(&mut out, ResponseFraming::Chunked, Version::Http11, false);
        assert_eq!(
            out,
            b"HTTP/1.1 418 I am one\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn what_would_end_a_line_is_refused_and_nothing_is_added() {
        let mut out = Vec::new();
        for byte in (0..32).filter(|&byte| byte != b'\t').chain([0x7f]) {
            let text = [b'a', byte, b'b'];
            assert_eq!(push_field(&mut out, b"X", &text), Err(BadField::Value));
            assert_eq!(push_field(&mut out, &text, b"x"), Err(BadField::Name));
            assert_eq!(push_status(&mut out, 200, &text), Err(BadField::Status));
        }
        for name in [&b""[..], b"a b", b"a:", b"caf\xe9", b"a\t"] {
            assert_eq!(push_field(&mut out, name, b"x"), Err(BadField::Name));
        }
        for status in [0, 99, 1000] {
            assert_eq!(push_status(&mut out, status, b"x"), Err(BadField::Status));
        }
        assert!(out.is_empty());
    }

    #[test]
    fn statuses_are_three_digits_and_a_phrase() {
        assert_eq!(parse_status(b"200 OK"), Ok((200, &b"OK"[..])));
        assert_eq!(parse_status(b"204"), Ok((204, &b""[..])));
        assert_eq!(parse_status(b"404 "), Ok((404, &b""[..])));
        assert_eq!(parse_status(b"999 caf\xe9"), Ok((999, &b"caf\xe9"[..])));
        for status in [
            &b""[..],
            b"20",
            b"2000",
            b"200OK",
            b" 200 OK",
            b"+20 OK",
            b"2x0 OK",
            b"200 O\r\nX: y",
            b"200 O\0",
        ] {
            assert_eq!(parse_status(status), Err(BadField::Status), "{status:?}");
        }
    }

    #[test]
    fn bodies_end_where_the_standard_says() {
        use ResponseFraming::{Chunked, Length, None as Nothing, UntilClose};
        use Version::{Http10, Http11};
        for (method, status, version, length, framing) in [
            (Method::Get, 200, Http11, Some(5), Length(5)),
            (Method::Get, 200, Http11, None, Chunked),
            (Method::Get, 200, Http10, Some(5), Length(5)),
            (Method::Get, 200, Http10, None, UntilClose),
            (Method::Head, 200, Http11, Some(5), Nothing),
            (Method::Head, 200, Http10, None, Nothing),
            (Method::Get, 204, Http11, Some(5), Nothing),
            (Method::Get, 304, Http11, Some(5), Nothing),
            (Method::Get, 103, Http11, None, Nothing),
            (Method::Get, 205, Http11, Some(0), Length(0)),
            (Method::Connect, 200, Http11, Some(5), UntilClose),
            (Method::Connect, 405, Http11, Some(5), Length(5)),
        ] {
            assert_eq!(
                response_framing(method, status, version, length),
                framing,
                "{method:?} {status} {version:?} {length:?}"
            );
        }
    }

    #[test]
    fn connections_are_named_where_they_are_not_the_default() {
        let end = |framing, version, keep_alive| {
            let mut out = Vec::new();
            push_end(&mut out, framing, version, keep_alive);
            String::from_utf8(out).unwrap()
        };
        let length = ResponseFraming::Length(1);
        assert_eq!(end(length, Version::Http11, true), "\r\n");
        assert_eq!(
            end(length, Version::Http11, false),
            "Connection: close\r\n\r\n"
        );
        assert_eq!(
            end(length, Version::Http10, true),
            "Connection: keep-alive\r\n\r\n"
        );
        // Nothing else would end such a body.
        assert_eq!(
            end(ResponseFraming::UntilClose, Version::Http10, true),
            "Connection: close\r\n\r\n"
        );
    }

    #[test]
    fn names_that_are_the_servers_are_known() {
        for (name, kind) in [
            ("Content-Length", ResponseName::ContentLength),
            ("transfer-encoding", ResponseName::TransferEncoding),
            ("CONNECTION", ResponseName::Connection),
            ("Upgrade", ResponseName::Upgrade),
            ("Date", ResponseName::Date),
            ("Server", ResponseName::Server),
            ("Keep-Alive", ResponseName::HopByHop),
            ("TE", ResponseName::HopByHop),
            ("Trailer", ResponseName::Trailer),
            ("Proxy-Authenticate", ResponseName::HopByHop),
            ("Content-Type", ResponseName::Other),
            ("X-Data", ResponseName::Other),
            ("", ResponseName::Other),
        ] {
            assert_eq!(ResponseName::of(name.as_bytes()), kind, "{name}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_by_the_standard_library(number in any::<u64>(), shift in 0..64_u32) {
            let number = number >> shift;
            let mut out = Vec::new();
            push_decimal(&mut out, number);
            prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
            let mut out = Vec::new();
            push_chunk_head(&mut out, number as usize);
            let expected = if number == 0 { String::new() } else { format!("{number:x}\r\n") };
            prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
