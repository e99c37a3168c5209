//! Requests as the `h2` crate takes them, made from the source's bytes: those that
//! are the same every time are put together once.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

use crate::{Cursor, LoadError, LoadPlan, Parts, RequestSource};

/// Requests that are kept ready, for each thread; further ones are put together
/// whenever they are sent.
const MAX_READY: u32 = 16 * 1024;

/// A request: its head and its body.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) head: Request<()>,
    pub(crate) body: Bytes,
}

/// The requests of one thread, one after the other.
pub(crate) struct Requests<'a> {
    source: &'a RequestSource,
    cursor: Cursor<'a>,
    scheme: &'static str,
    ready: Vec<Option<Prepared>>,
    buffer: Vec<u8>,
}

impl<'a> Requests<'a> {
    pub(crate) fn new(plan: &LoadPlan, source: &'a RequestSource, cursor: Cursor<'a>) -> Self {
        let ready = source.fixed_count().min(MAX_READY);
        Self {
            source,
            cursor,
            scheme: scheme(plan),
            ready: vec![None; ready as usize],
            buffer: Vec::new(),
        }
    }

    /// The next request; `None` where its parts make none.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Prepared> {
        let request = self.cursor.next(&mut self.buffer).request;
        if let crate::Request::Fixed(index) = request
            && let Some(ready) = self.ready.get_mut(index as usize)
        {
            if ready.is_none() {
                *ready = prepare(self.source.fixed_parts(index), self.scheme).ok();
            }
            return ready.clone();
        }
        let bytes = self.source.bytes(request, &self.buffer);
        prepare(Parts::of(bytes), self.scheme).ok()
    }
}

fn scheme(plan: &LoadPlan) -> &'static str {
    match plan.target.tls_host {
        Some(_) => "https",
        None => "http",
    }
}

/// Looks at every request that is known before the load, and at one of those that
/// are not.
pub(crate) fn check(plan: &LoadPlan, source: &RequestSource) -> Result<(), LoadError> {
    let scheme = scheme(plan);
    for index in 0..source.fixed_count() {
        prepare(source.fixed_parts(index), scheme)?;
    }
    let mut buffer = Vec::new();
    let request = source.cursor(plan.seed, 0, 1).next(&mut buffer).request;
    prepare(Parts::of(source.bytes(request, &buffer)), scheme)?;
    Ok(())
}

fn prepare(parts: Parts<'_>, scheme: &str) -> Result<Prepared, LoadError> {
    let refuse = |what: String| LoadError::Plan(format!("{what} cannot be sent over HTTP/2"));
    let mut head = Request::new(());
    *head.method_mut() = Method::from_bytes(parts.method.as_bytes())
        .map_err(|_| refuse(format!("the method `{}`", parts.method)))?;
    *head.uri_mut() = Uri::builder()
        .scheme(scheme)
        .authority(parts.authority())
        .path_and_query(parts.path)
        .build()
        .map_err(|error| refuse(format!("the path `{}` ({error})", parts.path)))?;
    for (name, value) in parts.headers() {
        let header = || refuse(format!("the header `{name}: {value}`"));
        // RFC 9113, section 8.2.2.
        if name.eq_ignore_ascii_case("te") && value != "trailers" {
            return Err(header());
        }
        // Makes the name lower case, as HTTP/2 wants it.
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| header())?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| header())?;
        head.headers_mut().append(name, value);
    }
    Ok(Prepared {
        head,
        body: Bytes::copy_from_slice(parts.body),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_becomes_one_of_http2() {
        let request =
            b"POST /a?b HTTP/1.1\r\nHost: h:1\r\nX-A: b\r\nx-a: c\r\nContent-Length: 2\r\n\r\nhi";
        let prepared = prepare(Parts::of(request), "https").unwrap();
        assert_eq!(prepared.head.method(), "POST");
        assert_eq!(prepared.head.uri(), "https://h:1/a?b");
        let headers: Vec<_> = prepared.head.headers().iter().collect();
        assert_eq!(headers.len(), 2);
        assert!(headers.iter().all(|(name, _)| name.as_str() == "x-a"));
        assert_eq!(prepared.body, "hi");
    }

    #[test]
    fn what_http2_has_no_words_for_is_refused() {
        let request = b"GET / HTTP/1.1\r\nHost: h\r\nTE: gzip\r\n\r\n";
        let error = prepare(Parts::of(request), "http").unwrap_err().to_string();
        assert_eq!(error, "the header `TE: gzip` cannot be sent over HTTP/2");
        let request = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(70_000));
        assert!(prepare(Parts::of(request.as_bytes()), "http").is_err());
    }
}
