//! What is asked of the servers beside plain HTTP/1.1: HTTP/2, TLS, websockets and
//! greenlets (`cargo xtask bench serve-protocols`). Measured and judged as the others are.

use anyhow::ensure;

use super::mode::Mode;
use super::places::SERVERS;
use super::rivals::Server;
use super::rows::{CLOSE, Generator, HELLO_ROW, Row, Setup};
use super::{Settings, chosen, measure_rows};
use crate::packages::find;

/// Of h2load: as many requests under way as wrk has, on fewer connections.
const H2_CONNECTIONS: u32 = 8;
pub(super) const H2_STREAMS: u32 = 8;

const SMALL_BYTES: usize = 32;
const LARGE_BYTES: usize = 65_536;

const WSGI: &[Server] = &[Server::HypercornWsgi, Server::GranianWsgi];

/// gunicorn speaks HTTP/2 as well, which no demand is about.
const HTTPS_WSGI: &[Server] = &[
    Server::GunicornGthread,
    Server::HypercornWsgi,
    Server::GranianWsgi,
];

const ASGI: &[Server] = &[Server::Hypercorn, Server::GranianAsgi];

const WEBSOCKETS: &[Server] = &[
    Server::UvicornWsproto,
    Server::UvicornWebsockets,
    Server::UvicornSansio,
    Server::GranianAsgi,
];

const fn http2(target: &'static str) -> Setup {
    Setup {
        connections: H2_CONNECTIONS,
        ..Setup::once(target)
    }
}

/// Every row. Each demands what [`HELLO_ROW`] does: not to be behind any rival.
pub(super) static ROWS: [Row; 9] = [
    Row {
        name: "h2-wsgi",
        title: "WSGI over HTTP/2",
        mode: Mode::Http2,
        setup: http2("wsgi:hello"),
        rivals: WSGI,
        asked_by: Generator::H2load,
        ..HELLO_ROW
    },
    Row {
        name: "h2-asgi",
        title: "ASGI over HTTP/2",
        mode: Mode::Http2,
        setup: http2("asgi:hello"),
        rivals: ASGI,
        asked_by: Generator::H2load,
        ..HELLO_ROW
    },
    Row {
        name: "h2-tls-wsgi",
        title: "WSGI over HTTP/2 and TLS",
        mode: Mode::Http2Tls,
        setup: http2("wsgi:hello"),
        rivals: WSGI,
        asked_by: Generator::H2load,
        ..HELLO_ROW
    },
    Row {
        name: "h2-tls-asgi",
        title: "ASGI over HTTP/2 and TLS",
        mode: Mode::Http2Tls,
        setup: http2("asgi:hello"),
        rivals: ASGI,
        asked_by: Generator::H2load,
        ..HELLO_ROW
    },
    Row {
        name: "https-wsgi",
        title: "WSGI over HTTP/1.1 and TLS",
        mode: Mode::Https,
        rivals: HTTPS_WSGI,
        ..HELLO_ROW
    },
    Row {
        name: "https-asgi",
        title: "ASGI over HTTP/1.1 and TLS",
        mode: Mode::Https,
        setup: Setup::once("asgi:hello"),
        rivals: ASGI,
        ..HELLO_ROW
    },
    Row {
        name: "ws-small",
        title: "websocket echo of 32 bytes",
        mode: Mode::Websockets,
        setup: Setup::once("asgi_echo:app"),
        rivals: WEBSOCKETS,
        asked_by: Generator::Echo(SMALL_BYTES),
        ..HELLO_ROW
    },
    Row {
        name: "ws-large",
        title: "websocket echo of 64 KiB",
        mode: Mode::Websockets,
        setup: Setup::once("asgi_echo:app"),
        rivals: WEBSOCKETS,
        asked_by: Generator::Echo(LARGE_BYTES),
        ..HELLO_ROW
    },
    Row {
        name: "gevent",
        title: "time.sleep(0.1) in greenlets, 500 connections",
        mode: Mode::Greenlets,
        setup: Setup {
            connections: 500,
            ..Setup::once("wsgi:sleep_long")
        },
        rivals: &[Server::GunicornGevent],
        // Bounded by the sleep, at 5,000 a second: who comes near it is nearly equal.
        least_repeats: CLOSE,
        ..HELLO_ROW
    },
];

/// Measures each row, and fails where a demand is missed.
pub(in crate::bench) fn run(settings: &Settings) -> anyhow::Result<()> {
    let rows = chosen(&ROWS, &settings.only)?;
    require(&rows, |program| find(program).is_some())?;
    let mut places = settings.subject.install(&[SERVERS])?;
    if rows.iter().any(|row| row.mode.has_tls()) {
        places.certify()?;
    }
    measure_rows(&rows, &places, settings)
}

/// Fails with the packages of what is missing here.
fn require(rows: &[&Row], is_there: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let mut needed: Vec<_> = rows.iter().flat_map(|row| row.mode.programs()).collect();
    needed.retain(|(program, _)| !is_there(program));
    needed.sort_unstable();
    needed.dedup();
    let (programs, packages): (Vec<&str>, Vec<&str>) = needed.into_iter().copied().unzip();
    ensure!(
        programs.is_empty(),
        "{} not found: apt-get install {}, or choose other rows with --only",
        programs.join(" and "),
        packages.join(" ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_speaks_what_is_served() {
        for row in &ROWS {
            let (is_http2, is_echo) = match row.asked_by {
                Generator::H2load => (true, false),
                Generator::Echo(_) => (false, true),
                _ => (false, false),
            };
            let speaks_http2 = matches!(row.mode, Mode::Http2 | Mode::Http2Tls);
            assert_eq!(is_http2, speaks_http2, "{}", row.name);
            assert_eq!(is_echo, row.mode == Mode::Websockets, "{}", row.name);
        }
    }

    #[test]
    fn packages_are_named_once_and_only_for_what_is_chosen() {
        let rows = |names: [&str; 2]| chosen(&ROWS, &names.map(str::to_owned)).unwrap();
        let no_h2load = |program: &str| program != "h2load";
        assert!(require(&rows(["gevent", "https-asgi"]), no_h2load).is_ok());
        let said = require(&rows(["h2-wsgi", "h2-tls-asgi"]), no_h2load).unwrap_err();
        let expected = "h2load not found: apt-get install nghttp2-client, \
                        or choose other rows with --only";
        assert_eq!(said.to_string(), expected);
    }

    #[test]
    fn tls_takes_a_certificate_and_nothing_else_does() {
        for row in &ROWS {
            let words = row.mode.arguments(Server::Tonnage, None);
            assert_eq!(words.is_err(), row.mode.has_tls(), "{}", row.name);
            let makes_one = row
                .mode
                .programs()
                .iter()
                .any(|(name, _)| *name == "openssl");
            assert_eq!(makes_one, row.mode.has_tls(), "{}", row.name);
        }
    }
}
