//! Where load goes: a URL, taken apart and resolved to the one address that is
//! used for the whole run.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use http::Uri;

use crate::LoadError;

/// A target that took a connection when it was looked up.
#[derive(Debug, Clone)]
pub struct Target {
    /// The URL as given.
    pub url: String,
    /// Value of the `Host` header.
    pub host_header: String,
    /// Path and query of the request line.
    pub path: String,
    /// The address that every connection goes to.
    pub address: SocketAddr,
}

impl Target {
    /// Takes `url` apart, resolves its host and tries its addresses in the
    /// resolver's order; the first that takes a connection within `timeout` is
    /// used, so that no name is looked up while load is sent.
    pub fn resolve(url: &str, timeout: Duration) -> Result<Self, LoadError> {
        let (host, port, host_header, path) = take_apart(url)?;
        let addresses =
            (host.as_str(), port)
                .to_socket_addrs()
                .map_err(|source| LoadError::Resolve {
                    host: host.clone(),
                    source,
                })?;
        let mut last = None;
        for address in addresses {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(_probe) => {
                    return Ok(Self {
                        url: url.to_owned(),
                        host_header,
                        path,
                        address,
                    });
                }
                Err(source) => last = Some(LoadError::Connect { address, source }),
            }
        }
        Err(last.unwrap_or_else(|| LoadError::Resolve {
            host,
            source: io::Error::new(io::ErrorKind::NotFound, "it has no address"),
        }))
    }
}

/// `http://host:port` of a URL without a path; what follows is the caller's own.
pub fn base_of(url: &str) -> Result<String, LoadError> {
    let (_, _, host_header, path) = take_apart(url)?;
    if path != "/" {
        return Err(LoadError::Url {
            url: url.to_owned(),
            message: format!("it has the path {path} where none is wanted"),
        });
    }
    Ok(format!("http://{host_header}"))
}

/// Host (without brackets), port, `Host` header and path of a URL.
fn take_apart(url: &str) -> Result<(String, u16, String, String), LoadError> {
    let bad = |message: &str| LoadError::Url {
        url: url.to_owned(),
        message: message.to_owned(),
    };
    // `localhost:8000/x` is what people type; `http` would take the host for a scheme.
    let full = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    // A fragment is the browser's business and never sent.
    let sent = full.split('#').next().unwrap_or_default();
    let uri: Uri = sent
        .parse()
        .map_err(|error: http::uri::InvalidUri| bad(&error.to_string()))?;
    let scheme = uri.scheme_str().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(LoadError::Scheme {
            url: url.to_owned(),
            scheme: scheme.to_owned(),
        });
    }
    let authority = uri.authority().ok_or_else(|| bad("it has no host"))?;
    if authority.as_str().contains('@') {
        return Err(bad(
            "user names in URLs are not supported, send an Authorization header instead",
        ));
    }
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    if host.is_empty() {
        return Err(bad("it has no host"));
    }
    let port = match authority.port_u16() {
        Some(port) => port,
        None if authority
            .as_str()
            .trim_start_matches(authority.host())
            .is_empty() =>
        {
            80
        }
        None => return Err(bad("its port is no number from 0 to 65535")),
    };
    let path = uri
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    Ok((host.to_owned(), port, authority.as_str().to_owned(), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, host, port, path) in [
            ("http://127.0.0.1:8000/", "127.0.0.1", 8000, "/"),
            ("http://example.test", "example.test", 80, "/"),
            ("localhost:5000/x?y=1", "localhost", 5000, "/x?y=1"),
            ("http://[::1]:81/a#b", "::1", 81, "/a"),
            ("HTTP://h?q=1", "h", 80, "/?q=1"),
            (
                "h/{{seq}}?x={{rand:-1..9}}&{{line.a.b}}",
                "h",
                80,
                "/{{seq}}?x={{rand:-1..9}}&{{line.a.b}}",
            ),
        ] {
            let (got_host, got_port, _, got_path) = take_apart(url).unwrap();
            assert_eq!(
                (got_host.as_str(), got_port, got_path.as_str()),
                (host, port, path),
                "{url}"
            );
        }
    }

    #[test]
    fn the_host_header_keeps_port_and_brackets() {
        assert_eq!(take_apart("http://[::1]:81/").unwrap().2, "[::1]:81");
        assert_eq!(take_apart("http://h/").unwrap().2, "h");
    }

    #[test]
    fn a_base_has_no_path() {
        assert_eq!(base_of("http://h:1/").unwrap(), "http://h:1");
        assert_eq!(base_of("127.0.0.1:8000").unwrap(), "http://127.0.0.1:8000");
        for url in [
            "http://h:1/x",
            "http://h/?q",
            "http://h:99999/",
            "https://h/",
        ] {
            assert!(base_of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for url in [
            "",
            "http://",
            "https://h/",
            "ftp://h/",
            "http://h:99999/",
            "http://u:p@h/",
            "http://h:port/",
            "http://a b/",
        ] {
            assert!(take_apart(url).is_err(), "{url}");
        }
    }
}
