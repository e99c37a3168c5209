//! Requests as the `h2` crate takes them, made from the source's bytes: those that
//! are the same every time are put together once.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};

use crate::{Cursor, GrpcMethod, LoadError, LoadPlan, Parts, RequestSource};

/// Requests that are kept ready, for each thread; further ones are put together
/// whenever they are sent.
const MAX_READY: u32 = 16 * 1024;

/// A request: its head and its body.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) head: Request<()>,
    pub(crate) body: Bytes,
}

/// What requests are made into.
#[derive(Debug, Clone, Copy)]
struct Dialect<'a> {
    scheme: &'static str,
    /// The method that is called; `None` where it is plain HTTP.
    method: Option<&'a GrpcMethod>,
}

/// The requests of one thread, one after the other.
pub(crate) struct Requests<'a> {
    source: &'a RequestSource,
    cursor: Cursor<'a>,
    dialect: Dialect<'a>,
    ready: Vec<Option<Prepared>>,
    buffer: Vec<u8>,
}

impl<'a> Requests<'a> {
    pub(crate) fn new(plan: &'a LoadPlan, source: &'a RequestSource, cursor: Cursor<'a>) -> Self {
        let ready = source.fixed_count().min(MAX_READY);
        Self {
            source,
            cursor,
            dialect: Dialect::of(plan),
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
                *ready = self.dialect.prepare(self.source.fixed_parts(index)).ok();
            }
            return ready.clone();
        }
        let bytes = self.source.bytes(request, &self.buffer);
        self.dialect.prepare(Parts::of(bytes)).ok()
    }
}

/// Looks at every request that is known before the load, and at one of those that
/// are not.
pub(crate) fn check(plan: &LoadPlan, source: &RequestSource) -> Result<(), LoadError> {
    let dialect = Dialect::of(plan);
    for index in 0..source.fixed_count() {
        dialect.prepare(source.fixed_parts(index))?;
    }
    let mut buffer = Vec::new();
    let request = source.cursor(plan.seed, 0, 1).next(&mut buffer).request;
    dialect.prepare(Parts::of(source.bytes(request, &buffer)))?;
    Ok(())
}

impl<'a> Dialect<'a> {
    fn of(plan: &'a LoadPlan) -> Self {
        Self {
            scheme: match plan.target.tls_host {
                Some(_) => "https",
                None => "http",
            },
            method: plan.protocol.method(),
        }
    }

    fn prepare(self, parts: Parts<'_>) -> Result<Prepared, LoadError> {
        let mut head = Request::new(());
        let body = match self.method {
            None => {
                *head.method_mut() = Method::from_bytes(parts.method.as_bytes())
                    .map_err(|_| refused(&format!("the method `{}`", parts.method)))?;
                *head.uri_mut() = uri(self.scheme, parts.authority(), parts.path)?;
                Bytes::copy_from_slice(parts.body)
            }
            Some(method) if method.path() == parts.path => {
                grpc_head(&mut head, self.scheme, parts.authority(), parts.path)?;
                method.request(parts.body)?
            }
            Some(method) => {
                let problem = format!("{} is called, not {}", method.path(), parts.path);
                return Err(LoadError::Plan(problem));
            }
        };
        for (name, value) in parts.headers() {
            self.add_header(&mut head, name, value)?;
        }
        Ok(Prepared { head, body })
    }

    fn add_header(self, head: &mut Request<()>, name: &str, value: &str) -> Result<(), LoadError> {
        let header = || refused(&format!("the header `{name}: {value}`"));
        // Makes the name lower case, as HTTP/2 wants it.
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| header())?;
        // RFC 9113, section 8.2.2.
        if key == TE && value != "trailers" {
            return Err(header());
        }
        let is_set = self.method.is_some() && (key == TE || key == CONTENT_TYPE);
        if !is_set {
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| header())?;
            head.headers_mut().append(key, value);
        }
        Ok(())
    }
}

/// Makes `head` that of a gRPC call.
pub(crate) fn grpc_head(
    head: &mut Request<()>,
    scheme: &str,
    authority: &str,
    path: &str,
) -> Result<(), LoadError> {
    *head.method_mut() = Method::POST;
    *head.uri_mut() = uri(scheme, authority, path)?;
    let headers = head.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    Ok(())
}

fn uri(scheme: &str, authority: &str, path: &str) -> Result<Uri, LoadError> {
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|error| refused(&format!("the path `{path}` ({error})")))
}

fn refused(what: &str) -> LoadError {
    LoadError::Plan(format!("{what} cannot be sent over HTTP/2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare(parts: Parts<'_>, scheme: &'static str) -> Result<Prepared, LoadError> {
        let dialect = Dialect {
            scheme,
            method: None,
        };
        dialect.prepare(parts)
    }

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
