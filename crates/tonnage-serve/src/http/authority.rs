//! `host[:port]`: Host fields, CONNECT's target, and the middle of an absolute URI
//! (RFC 3986, section 3.2). Who is logged in (`user@`) has no place there (RFC 9110,
//! section 4.2.4).

use memchr::memchr;

use super::bytes::{HOST, is, run};

/// The host and the port (perhaps without digits), or `None` where it is neither.
pub(super) fn split(authority: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let host_bytes = if authority.first() == Some(&b'[') {
        let close = memchr(b']', authority)?;
        let address = &authority[1..close];
        let is_address = address.iter().all(|&byte| byte == b':' || is(byte, HOST));
        if address.is_empty() || !is_address {
            return None;
        }
        close + 1
    } else {
        run(authority, HOST)
    };
    let (host, rest) = authority.split_at(host_bytes);
    match rest {
        [] => Some((host, None)),
        [b':', port @ ..] if port.iter().all(u8::is_ascii_digit) => Some((host, Some(port))),
        _ => None,
    }
}

/// Whether it is a host, with or without a port.
pub(super) fn is_host(authority: &[u8]) -> bool {
    split(authority).is_some_and(|(host, _)| !host.is_empty())
}

/// Whether it is a host with a port that can be (RFC 9110, section 9.3.6).
pub(super) fn is_host_and_port(authority: &[u8]) -> bool {
    match split(authority) {
        Some((host, Some(port))) => {
            let port = super::bytes::decimal(port);
            !host.is_empty() && port.is_some_and(|port| (1..=65535).contains(&port))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        for host in [
            "a",
            "example.com",
            "example.com:80",
            "example.com:",
            "under_score.example:8000",
            "127.0.0.1:8000",
            "[::1]",
            "[::1]:443",
            "[fe80::1%25eth0]",
            "xn--bcher-kva.example",
            "%62ook",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":80",
            "a:b",
            "a:80:80",
            "::1",
            "[]",
            "[::1",
            "[::1]x",
            "[a/b]",
            "user@host",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a\"",
            "a,b c",
            "caf\u{e9}",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn a_tunnel_needs_a_port() {
        assert!(is_host_and_port(b"example.com:443"));
        assert!(is_host_and_port(b"[::1]:65535"));
        for target in [
            "example.com",
            "example.com:",
            "example.com:0",
            "a:65536",
            ":443",
            "/",
        ] {
            assert!(!is_host_and_port(target.as_bytes()), "{target}");
        }
    }
}
