//! Heads between the two versions. A request of HTTP/2 is written as HTTP/1.1 would have
//! it and then read by the same parser, so that the same rules and limits hold, and whoever
//! looks at it finds offsets into bytes as always. A response's head comes as HTTP/1.1
//! bytes, too, and is taken apart again.

use ::http::header::{CONTENT_LENGTH, COOKIE, HOST};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use memchr::memmem;

/// Writes a request's head.
pub(super) fn write_request(parts: &Parts, into: &mut Vec<u8>) {
    let authority = parts.uri.authority().map(::http::uri::Authority::as_str);
    let target = match parts.uri.path_and_query() {
        // Its target is the authority (RFC 9113, section 8.5).
        _ if parts.method == Method::CONNECT => authority.unwrap_or_default(),
        Some(path) => path.as_str(),
        None => "/",
    };
    for part in [parts.method.as_str(), " ", target, " HTTP/1.1\r\n"] {
        into.extend_from_slice(part.as_bytes());
    }
    if let Some(authority) = authority {
        push(into, b"host", &[authority.as_bytes()]);
    }
    let mut cookies = Vec::new();
    for (name, value) in &parts.headers {
        if name == COOKIE {
            // They may have been split for the sake of compression (RFC 9113, 8.2.3).
            cookies.push(value.as_bytes());
        } else if name != HOST || Some(value.as_bytes()) != authority.map(str::as_bytes) {
            // A Host that says something else makes two of them, which is refused.
            push(into, name.as_str().as_bytes(), &[value.as_bytes()]);
        }
    }
    if !cookies.is_empty() {
        push(into, b"cookie", &cookies);
    }
    into.extend_from_slice(b"\r\n");
}

fn push(into: &mut Vec<u8>, name: &[u8], values: &[&[u8]]) {
    into.extend_from_slice(name);
    for (at, value) in values.iter().enumerate() {
        into.extend_from_slice(if at == 0 { b": " } else { b"; " });
        into.extend_from_slice(value);
    }
    into.extend_from_slice(b"\r\n");
}

/// A response's head.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: Response<()>,
    /// What it says of the length of its body.
    pub(super) length: Option<u64>,
    /// Bytes that it took as HTTP/1.1.
    pub(super) bytes: usize,
}

/// Takes a head apart that was written as HTTP/1.1; `None` where it is none.
pub(super) fn read_response(bytes: &[u8]) -> Option<Answer> {
    let end = memmem::find(bytes, b"\r\n\r\n")? + 2;
    let mut lines = Lines(&bytes[..end]);
    let status = lines.next()?.get(b"HTTP/1.1 ".len()..)?.get(..3)?;
    let mut head = Response::new(());
    *head.status_mut() = StatusCode::from_bytes(status).ok()?;
    *head.headers_mut() = read_fields(lines.0)?;
    let length = match head.headers().get(CONTENT_LENGTH) {
        Some(length) => Some(length.to_str().ok()?.parse().ok()?),
        None => None,
    };
    Some(Answer {
        head,
        length,
        bytes: end + 2,
    })
}

/// Takes fields apart that were written as HTTP/1.1, without what is of a connection.
pub(super) fn read_fields(bytes: &[u8]) -> Option<HeaderMap> {
    let mut fields = HeaderMap::new();
    for line in Lines(bytes) {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if !is_of_connection(name) {
            let name = HeaderName::from_bytes(name).ok()?;
            fields.append(name, HeaderValue::from_bytes(value).ok()?);
        }
    }
    Some(fields)
}

/// The lines of a head, each of which ends with CR LF.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\r', self.0)?;
        let (line, rest) = (&self.0[..end], &self.0[end + 2..]);
        self.0 = rest;
        Some(line)
    }
}

/// What HTTP/2 says in other ways (RFC 9113, section 8.2.2).
fn is_of_connection(name: &[u8]) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    match name.len() {
        7 => is("upgrade"),
        10 => is("connection") || is("keep-alive"),
        16 => is("proxy-connection"),
        17 => is("transfer-encoding"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use ::http::Request;

    use super::*;

    fn written(request: ::http::request::Builder) -> String {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let mut bytes = Vec::new();
        write_request(&parts, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_request_is_written_as_http_1_has_it() {
        let request = Request::get("https://example.org:8443/a%20b?c=d")
            .header("accept", "*/*")
            .header("cookie", "a=1")
            .header("x-one", "1")
            .header("cookie", "b=2")
            .header("host", "example.org:8443");
        assert_eq!(
            written(request),
            "GET /a%20b?c=d HTTP/1.1\r\nhost: example.org:8443\r\naccept: */*\r\nx-one: 1\r\n\
             cookie: a=1; b=2\r\n\r\n"
        );
    }

    #[test]
    fn a_host_that_is_another_stays_to_be_refused() {
        let request = Request::get("http://a/").header("host", "b");
        assert!(written(request).contains("host: a\r\nhost: b\r\n"));
        let request = Request::get("/x").header("host", "b");
        assert_eq!(written(request), "GET /x HTTP/1.1\r\nhost: b\r\n\r\n");
        let request = Request::builder().method("CONNECT").uri("a:1");
        assert!(written(request).starts_with("CONNECT a:1 HTTP/1.1\r\n"));
    }

    #[test]
    fn a_response_is_taken_apart_without_what_is_of_a_connection() {
        let bytes = b"HTTP/1.1 404 Not Found\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nX-Empty: \r\n\
            Content-Length: 5\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nhello";
        let answer = read_response(bytes).unwrap();
        assert_eq!(answer.head.status(), 404);
        assert_eq!(answer.length, Some(5));
        assert_eq!(&bytes[answer.bytes..], b"hello");
        let fields = answer.head.headers();
        let cookies: Vec<_> = fields.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a", "b"]);
        assert_eq!(fields["x-empty"], "");
        assert_eq!(fields.len(), 4);
    }

    #[test]
    fn what_is_no_head_is_none() {
        for bytes in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 2\r\n\r\n",
            b"hello\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        ] {
            assert!(read_response(bytes).is_none(), "{bytes:?}");
        }
        let interim = read_response(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        assert!(interim.head.status().is_informational());
    }
}
