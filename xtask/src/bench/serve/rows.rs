//! What is asked of the servers, and what the answer must be.

use super::ask::HELLO;
use super::mode::Mode;
use super::rivals::Server;

/// What a server serves, and with how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup {
    /// The application, below `apps/`.
    pub(super) target: &'static str,
    pub(super) workers: u32,
    /// Threads that run the application in each worker.
    pub(super) threads: u32,
    /// Connections that it must have room for.
    pub(super) connections: u32,
}

impl Setup {
    /// By one worker with one thread.
    pub(super) const fn once(target: &'static str) -> Self {
        Self {
            target,
            workers: 1,
            threads: 1,
            connections: 64,
        }
    }
}

/// A line of the table: one application, served by each in turn.
#[derive(Debug)]
pub(super) struct Row {
    /// As `--only` names it.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) mode: Mode,
    pub(super) setup: Setup,
    /// Who is measured beside ours.
    pub(super) rivals: &'static [Server],
    pub(super) asked_by: Generator,
    /// The body that proves that the right thing is measured: its length, and how it
    /// begins.
    pub(super) body: (usize, &'static str),
    /// Whether the application is also called in a loop, and as what.
    pub(super) looped: Option<&'static str>,
    pub(super) demands: &'static [Demand],
    /// Fewer alternating repeats than this are not enough.
    pub(super) least_repeats: u32,
}

/// Who sends the load.
#[derive(Debug, Clone, Copy)]
pub(super) enum Generator {
    /// wrk, with plain GETs.
    Wrk,
    /// wrk, with a script of `apps/` that sends bodies.
    Uploads(&'static str),
    /// The one that does not copy bodies: of a mebibyte each wrk's core is full before that
    /// of any server, and its rate says nothing of them.
    Discard,
    /// h2load, with several streams on each connection.
    H2load,
    /// A client of websockets, with messages of so many bytes.
    Echo(usize),
}

/// What the medians must show.
#[derive(Debug, Clone, Copy)]
pub(super) enum Demand {
    /// At least so many times the best of the others.
    Best(f64),
    /// At least so many times one of them.
    Of(Server, f64),
    /// At least this share of the loop.
    Loop(f64),
}

/// Repeats of a row whose servers are nearly equal: the median of three still moves by the
/// two hundredths that are looked for.
pub(super) const CLOSE: u32 = 7;

/// Slow ones too, since they are what people use now.
const EVERY_WSGI: &[Server] = &[
    Server::GunicornSync,
    Server::GunicornGthread,
    Server::GunicornGevent,
    Server::Uwsgi,
    Server::GranianWsgi,
    Server::Fastwsgi,
    Server::Bjoern,
];

/// Those that the server's issue names for everything beyond the smallest answer.
const SOME_WSGI: &[Server] = &[Server::GunicornGthread, Server::Uwsgi, Server::GranianWsgi];

const EVERY_ASGI: &[Server] = &[
    Server::Hypercorn,
    Server::GunicornAsgi,
    Server::GranianAsgi,
    Server::Uvicorn,
];

const SOME_ASGI: &[Server] = &[Server::GunicornAsgi, Server::GranianAsgi, Server::Uvicorn];

pub(super) const HELLO_ROW: Row = Row {
    name: "",
    title: "",
    mode: Mode::Plain,
    setup: Setup::once("wsgi:hello"),
    rivals: EVERY_WSGI,
    asked_by: Generator::Wrk,
    least_repeats: 1,
    body: HELLO,
    looped: None,
    demands: &[Demand::Best(1.0)],
};

/// Every row of plain HTTP/1.1. Two workers share the servers' one core: the other is the client's, and a
/// server that took some of that would slow the client down and be paid for it.
pub(super) static ROWS: [Row; 10] = [
    Row {
        name: "raw-wsgi",
        title: "raw WSGI",
        looped: Some("wsgi"),
        ..HELLO_ROW
    },
    Row {
        name: "flask",
        title: "Flask hello",
        setup: Setup::once("flask_hello:app"),
        looped: Some("wsgi"),
        demands: &[Demand::Best(1.05), Demand::Loop(0.85)],
        least_repeats: CLOSE,
        ..HELLO_ROW
    },
    Row {
        name: "raw-asgi",
        title: "raw ASGI",
        setup: Setup::once("asgi:hello"),
        rivals: EVERY_ASGI,
        looped: Some("asgi"),
        demands: &[Demand::Best(1.0), Demand::Of(Server::Uvicorn, 1.7)],
        ..HELLO_ROW
    },
    Row {
        name: "fastapi",
        title: "FastAPI hello",
        setup: Setup::once("fastapi_hello:app"),
        rivals: EVERY_ASGI,
        looped: Some("asgi"),
        demands: &[Demand::Of(Server::Uvicorn, 1.25), Demand::Loop(0.78)],
        ..HELLO_ROW
    },
    Row {
        name: "flask-2",
        title: "Flask hello, two workers on the one core",
        setup: Setup {
            workers: 2,
            ..Setup::once("flask_hello:app")
        },
        rivals: SOME_WSGI,
        ..HELLO_ROW
    },
    Row {
        name: "fastapi-2",
        title: "FastAPI hello, two workers on the one core",
        setup: Setup {
            workers: 2,
            ..Setup::once("fastapi_hello:app")
        },
        rivals: SOME_ASGI,
        ..HELLO_ROW
    },
    Row {
        name: "sleep",
        title: "time.sleep(0.01), 32 threads",
        least_repeats: CLOSE,
        setup: Setup {
            threads: 32,
            // As many as there are threads: uWSGI ties one to each connection.
            connections: 32,
            ..Setup::once("wsgi:sleep")
        },
        rivals: SOME_WSGI,
        ..HELLO_ROW
    },
    Row {
        name: "large",
        title: "1 MiB response",
        setup: Setup::once("wsgi:large"),
        rivals: SOME_WSGI,
        body: (1 << 20, "xxxx"),
        asked_by: Generator::Discard,
        ..HELLO_ROW
    },
    Row {
        name: "upload",
        title: "1 MiB upload",
        setup: Setup::once("wsgi:upload"),
        rivals: SOME_WSGI,
        asked_by: Generator::Uploads("upload.lua"),
        ..HELLO_ROW
    },
    Row {
        name: "flask-threads",
        title: "Flask hello, 4 threads",
        setup: Setup {
            threads: 4,
            ..Setup::once("flask_hello:app")
        },
        rivals: SOME_WSGI,
        ..HELLO_ROW
    },
];

#[cfg(test)]
mod tests {
    use super::super::protocols;
    use super::*;

    #[test]
    fn rows_have_names_and_demand_only_what_is_measured() {
        let rows: Vec<&Row> = ROWS.iter().chain(&protocols::ROWS).collect();
        for (index, row) in rows.iter().enumerate() {
            assert!(!row.name.is_empty() && !row.title.is_empty());
            assert!(rows[..index].iter().all(|other| other.name != row.name));
            assert!(!row.demands.is_empty(), "{}", row.name);
            for demand in row.demands {
                match demand {
                    Demand::Best(_) => assert!(!row.rivals.is_empty()),
                    Demand::Of(server, _) => assert!(row.rivals.contains(server)),
                    Demand::Loop(_) => assert!(row.looped.is_some()),
                }
            }
        }
    }
}
