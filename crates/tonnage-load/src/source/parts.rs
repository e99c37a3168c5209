//! The parts of a request whose bytes were made here, for protocols that frame
//! them in another way (HTTP/2, gRPC).

/// Fields that HTTP/1.1 needs and HTTP/2 says in other words, or not at all
/// (RFC 9113, section 8.2.2).
const HTTP1_ONLY: [&str; 6] = [
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "proxy-connection",
    "upgrade",
];

/// A request taken apart: a view of its bytes, nothing is copied.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// The body; empty for none.
    pub body: &'a [u8],
    /// The header lines, each with its line break.
    header_lines: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes apart a request that a [`RequestSource`](crate::RequestSource) made.
    ///
    /// # Panics
    ///
    /// On other bytes that are no request.
    pub fn of(request: &'a [u8]) -> Self {
        Self::read(request).expect("the bytes are a request that was made here")
    }

    fn read(request: &'a [u8]) -> Option<Self> {
        let end = request.windows(4).position(|w| w == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&request[..end + 2]).ok()?;
        let (request_line, header_lines) = head.split_once("\r\n")?;
        let (method, rest) = request_line.split_once(' ')?;
        let path = rest.strip_suffix(" HTTP/1.1")?;
        Some(Self {
            method,
            path,
            body: &request[end + 4..],
            header_lines,
        })
    }

    /// What HTTP/2 calls `:authority`: the value of the `Host` header.
    pub fn authority(&self) -> &'a str {
        self.all_headers()
            .find(|(name, _)| name.eq_ignore_ascii_case("host"))
            .map_or("", |(_, value)| value)
    }

    /// Names (as given, so that HTTP/2 has to make them lower case) and values, in
    /// order, without what only HTTP/1.1 says: `Host`, `Content-Length`,
    /// `Connection` and their like.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.all_headers().filter(|(name, _)| {
            !HTTP1_ONLY
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        })
    }

    fn all_headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.header_lines.split_terminator("\r\n").map(|line| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name, value.trim_matches([' ', '\t']))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart_without_what_only_http1_says() {
        let parts = Parts::of(
            b"POST /a?b HTTP/1.1\r\nHost: h:1\r\nX-A:  b: c \r\nX-Empty: \r\nContent-Length: 4\r\nConnection: close\r\n\r\n\r\n\r\n",
        );
        assert_eq!((parts.method, parts.path), ("POST", "/a?b"));
        assert_eq!(parts.authority(), "h:1");
        assert_eq!(
            parts.headers().collect::<Vec<_>>(),
            [("X-A", "b: c"), ("X-Empty", "")]
        );
        assert_eq!(parts.body, b"\r\n\r\n");
    }

    #[test]
    fn a_request_without_headers_has_none() {
        let parts = Parts::of(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(parts.headers().count(), 0);
        assert_eq!(parts.authority(), "");
        assert!(parts.body.is_empty());
    }
}
