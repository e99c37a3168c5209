//! Where load goes: a URL, taken apart and resolved to the one address that is
//! used for the whole run.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use http::Uri;
use rustix::io::Errno;

use crate::{Address, LoadError};

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
    pub address: Address,
    /// The host's name without port, for TLS; `None` where TLS is not spoken.
    pub tls_host: Option<String>,
}

impl Target {
    /// Takes `url` apart, resolves its host and tries its addresses in the
    /// resolver's order; the first that takes a connection within `timeout` is
    /// used, so that no name is looked up while load is sent.
    pub fn resolve(url: &str, timeout: Duration) -> Result<Self, LoadError> {
        let parts = take_apart(url)?;
        let addresses = (parts.host.as_str(), parts.port)
            .to_socket_addrs()
            .map_err(|source| LoadError::Resolve {
                host: parts.host.clone(),
                source,
            })?;
        let mut last = None;
        for address in addresses {
            let address_shown = Address::Tcp(address);
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(_probe) => return Ok(parts.target(url, address_shown)),
                Err(source) => {
                    last = Some(LoadError::Connect {
                        address: address_shown,
                        source,
                    });
                }
            }
        }
        Err(last.unwrap_or_else(|| LoadError::Resolve {
            host: parts.host,
            source: io::Error::new(io::ErrorKind::NotFound, "it has no address"),
        }))
    }

    /// The same for a Unix socket; host and port of `url` only name the target.
    pub fn resolve_unix(url: &str, path: &Path) -> Result<Self, LoadError> {
        let parts = take_apart(url)?;
        let address = Address::Unix(path.to_owned());
        // Without waiting: a blocking connect would wait for ever for a listener
        // that takes nobody.
        match address.connect() {
            Ok(_probe) => Ok(parts.target(url, address)),
            Err(error) => Err(LoadError::Connect {
                address,
                source: match error {
                    Errno::AGAIN => {
                        io::Error::new(io::ErrorKind::WouldBlock, "its backlog is full")
                    }
                    other => other.into(),
                },
            }),
        }
    }
}

impl Target {
    /// Whether the URL asks for gRPC (`grpc://` or `grpcs://`).
    pub fn is_grpc(&self) -> bool {
        take_apart(&self.url).is_ok_and(|parts| parts.scheme.starts_with("grpc"))
    }
}

#[cfg(test)]
impl Target {
    pub(crate) fn for_tests() -> Self {
        Self {
            url: "http://h:1/p?q".to_owned(),
            host_header: "h:1".to_owned(),
            path: "/p?q".to_owned(),
            address: Address::Tcp(([127, 0, 0, 1], 1).into()),
            tls_host: None,
        }
    }
}

/// `http://host:port` (or `https`, `grpc`, `grpcs`) of a URL without a path; what follows is the caller's own.
pub fn base_of(url: &str) -> Result<String, LoadError> {
    let parts = take_apart(url)?;
    if parts.path != "/" {
        return Err(LoadError::Url {
            url: url.to_owned(),
            message: format!("it has the path {} where none is wanted", parts.path),
        });
    }
    Ok(format!("{}://{}", parts.scheme, parts.host_header))
}

/// What can be spoken; with an `s` at the end, over TLS.
const SCHEMES: [&str; 4] = ["http", "https", "grpc", "grpcs"];

/// Path and query of a URL, as they are sent.
pub fn path_of(url: &str) -> Result<String, LoadError> {
    Ok(take_apart(url)?.path)
}

/// Whether two URLs go to the same host and port by the same scheme.
pub fn same_host(one: &str, other: &str) -> Result<bool, LoadError> {
    let (one, other) = (take_apart(one)?, take_apart(other)?);
    let place = |parts: &Parts| (parts.scheme, parts.host.to_ascii_lowercase(), parts.port);
    Ok(place(&one) == place(&other))
}

/// A URL, taken apart.
#[derive(Debug)]
struct Parts {
    scheme: &'static str,
    /// Without brackets.
    host: String,
    port: u16,
    host_header: String,
    path: String,
}

impl Parts {
    fn target(self, url: &str, address: Address) -> Target {
        Target {
            url: url.to_owned(),
            tls_host: self.scheme.ends_with('s').then_some(self.host),
            host_header: self.host_header,
            path: self.path,
            address,
        }
    }
}

fn take_apart(url: &str) -> Result<Parts, LoadError> {
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
    let known = SCHEMES
        .iter()
        .find(|known| scheme.eq_ignore_ascii_case(known));
    let Some(&scheme) = known else {
        return Err(LoadError::Scheme {
            url: url.to_owned(),
            scheme: scheme.to_owned(),
        });
    };
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
            if scheme.ends_with('s') {
                443
            } else {
                80
            }
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
    Ok(Parts {
        scheme,
        host: host.to_owned(),
        port,
        host_header: authority.as_str().to_owned(),
        path,
    })
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
            ("https://h/", "h", 443, "/"),
            ("https://h:8443/", "h", 8443, "/"),
            ("grpc://h:50051/p.S/M", "h", 50051, "/p.S/M"),
            ("grpcs://h/p.S/M", "h", 443, "/p.S/M"),
            (
                "h/{{seq}}?x={{rand:-1..9}}&{{line.a.b}}",
                "h",
                80,
                "/{{seq}}?x={{rand:-1..9}}&{{line.a.b}}",
            ),
        ] {
            let parts = take_apart(url).unwrap();
            assert_eq!(
                (parts.host.as_str(), parts.port, parts.path.as_str()),
                (host, port, path),
                "{url}"
            );
            let is_tls = parts.scheme.ends_with('s');
            assert_eq!(is_tls, url.contains("s://"), "{url}");
        }
    }

    #[test]
    fn the_host_header_keeps_port_and_brackets() {
        assert_eq!(
            take_apart("http://[::1]:81/").unwrap().host_header,
            "[::1]:81"
        );
        assert_eq!(take_apart("http://h/").unwrap().host_header, "h");
    }

    #[test]
    fn hosts_are_compared_without_path_and_case() {
        assert!(same_host("http://h/a", "H:80/b?c").unwrap());
        assert!(!same_host("http://h/a", "https://h/a").unwrap());
        assert!(!same_host("http://h/a", "http://h:81/a").unwrap());
        assert_eq!(path_of("h:1/a?b#c").unwrap(), "/a?b");
    }

    #[test]
    fn a_base_has_no_path() {
        assert_eq!(base_of("http://h:1/").unwrap(), "http://h:1");
        assert_eq!(base_of("127.0.0.1:8000").unwrap(), "http://127.0.0.1:8000");
        assert_eq!(base_of("https://h").unwrap(), "https://h");
        assert_eq!(base_of("grpc://h:1").unwrap(), "grpc://h:1");
        for url in ["http://h:1/x", "http://h/?q", "http://h:99999/"] {
            assert!(base_of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for url in [
            "",
            "http://",
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
