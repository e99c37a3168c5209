//! Who is measured: each server in its fastest honest setting.

use std::path::{Path, PathBuf};

use super::places::SERVERS;
use super::rows::Setup;

/// Where the servers listen, one at a time.
pub(super) const PORT: u16 = 18_101;

/// A server in one of its modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Server {
    Tonnage,
    GunicornSync,
    GunicornGthread,
    GunicornGevent,
    GunicornAsgi,
    Uwsgi,
    GranianWsgi,
    GranianAsgi,
    Fastwsgi,
    Bjoern,
    Uvicorn,
    UvicornWebsockets,
    UvicornSansio,
    UvicornWsproto,
    Hypercorn,
    HypercornWsgi,
}

impl Server {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tonnage => "tonnage",
            Self::GunicornSync => "gunicorn sync",
            Self::GunicornGthread => "gunicorn gthread",
            Self::GunicornGevent => "gunicorn gevent",
            Self::GunicornAsgi => "gunicorn asgi",
            Self::Uwsgi => "uwsgi",
            Self::GranianWsgi | Self::GranianAsgi => "granian",
            Self::Fastwsgi => "fastwsgi",
            Self::Bjoern => "bjoern",
            Self::Uvicorn => "uvicorn",
            // What it does websockets with, of `websockets` in two ways.
            Self::UvicornWebsockets => "uvicorn websockets",
            Self::UvicornSansio => "uvicorn sans-io",
            Self::UvicornWsproto => "uvicorn wsproto",
            Self::Hypercorn | Self::HypercornWsgi => "hypercorn",
        }
    }

    /// The locked set of requirements that it is in.
    pub(super) fn set(self) -> &'static str {
        match self {
            Self::Uwsgi => "uwsgi",
            Self::Fastwsgi => "fastwsgi",
            Self::Bjoern => "bjoern",
            _ => SERVERS,
        }
    }

    /// What follows the interpreter on the command line.
    pub(super) fn arguments(self, setup: &Setup) -> Vec<String> {
        let (workers, threads) = (setup.workers.to_string(), setup.threads.to_string());
        let address = format!("127.0.0.1:{PORT}");
        let port = PORT.to_string();
        let text = match self {
            Self::Tonnage => format!(
                "-m tonnage serve --bind {address} --workers {workers} --threads {threads} \
                 --keep-alive 75 --log-level warning"
            ),
            Self::GunicornSync => gunicorn("sync", setup),
            // Without more than one thread it would be the sync worker.
            Self::GunicornGthread => {
                let threads = setup.threads.max(2);
                format!("{} --threads {threads}", gunicorn("gthread", setup))
            }
            Self::GunicornGevent => gunicorn("gevent", setup),
            Self::GunicornAsgi => format!("{} --asgi-loop uvloop", gunicorn("asgi", setup)),
            // A connection that is kept holds its thread, so that there must be one for
            // each; without keep-alive it is slower still.
            Self::Uwsgi => {
                let threads = setup.threads.max(setup.connections);
                format!(
                    "{UWSGI} --strict --master --die-on-term --need-app --single-interpreter \
                     --workers {workers} --threads {threads} --http11-socket {address} \
                     --socket-timeout 75 --listen 1024 --disable-logging --module"
                )
            }
            Self::GranianWsgi => {
                format!(
                    "{} --interface wsgi --blocking-threads {threads}",
                    granian(setup)
                )
            }
            Self::GranianAsgi => format!("{} --interface asgi --loop uvloop", granian(setup)),
            Self::Fastwsgi => "{apps}/serve_fastwsgi.py".to_owned(),
            Self::Bjoern => "{apps}/serve_bjoern.py".to_owned(),
            Self::Uvicorn => uvicorn(setup, "none"),
            Self::UvicornWebsockets => uvicorn(setup, "websockets"),
            Self::UvicornSansio => uvicorn(setup, "websockets-sansio"),
            Self::UvicornWsproto => uvicorn(setup, "wsproto"),
            Self::Hypercorn | Self::HypercornWsgi => format!(
                "-m hypercorn --worker-class uvloop --bind {address} --workers {workers} \
                 --backlog 2048 --keep-alive 75 --log-level warning"
            ),
        };
        let apps = apps().display().to_string();
        let mut words: Vec<String> = text
            .split_whitespace()
            .map(|word| word.replace("{apps}", &apps))
            .collect();
        words.push(match self {
            Self::HypercornWsgi => format!("wsgi:{}", setup.target),
            _ => setup.target.to_owned(),
        });
        if matches!(self, Self::Fastwsgi | Self::Bjoern) {
            words.extend([port, workers]);
        }
        words
    }
}

/// uWSGI is a program beside its Python, no module of it. One word: no spaces.
const UWSGI: &str = "{apps}/serve_uwsgi.py";

fn gunicorn(class: &str, setup: &Setup) -> String {
    format!(
        "-m gunicorn --worker-class {class} --workers {} --bind 127.0.0.1:{PORT} \
         --http-parser fast --worker-connections 10000 --keep-alive 75 --backlog 2048 \
         --graceful-timeout 2 --worker-tmp-dir /dev/shm --no-control-socket --log-level warning",
        setup.workers
    )
}

fn uvicorn(setup: &Setup, websockets: &str) -> String {
    format!(
        "-m uvicorn --host 127.0.0.1 --port {PORT} --workers {} --loop uvloop \
         --http httptools --ws {websockets} --backlog 2048 --timeout-keep-alive 75 \
         --no-access-log --log-level warning",
        setup.workers
    )
}

fn granian(setup: &Setup) -> String {
    format!(
        "-m granian --workers {} --host 127.0.0.1 --port {PORT} --http 1 --no-ws \
         --runtime-mode st --runtime-threads 1 --backlog 2048 --backpressure 1000 \
         --workers-kill-timeout 2 --no-access-log --log-level warning",
        setup.workers
    )
}

/// What is served, and what serves it where a server has no command line.
pub(super) fn apps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/serve/apps")
}

#[cfg(test)]
mod tests {
    use super::super::places::SETS;
    use super::super::protocols;
    use super::super::rows::{Generator, ROWS};
    use super::*;

    #[test]
    fn every_command_names_the_application_and_the_port() {
        for row in ROWS.iter().chain(&protocols::ROWS) {
            for server in row.rivals.iter().chain([&Server::Tonnage]) {
                let words = server.arguments(&row.setup);
                let names = |word: &String| word.ends_with(row.setup.target);
                assert!(words.iter().any(names), "{words:?}");
                assert!(words.join(" ").contains(&PORT.to_string()), "{words:?}");
                assert!(!words.join(" ").contains('{'), "{words:?}");
            }
        }
    }

    #[test]
    fn what_is_run_is_there() {
        for row in ROWS.iter().chain(&protocols::ROWS) {
            let module = row.setup.target.split(':').next().unwrap();
            assert!(apps().join(format!("{module}.py")).is_file(), "{module}");
            if let Generator::Uploads(script) = row.asked_by {
                assert!(apps().join(script).is_file(), "{script}");
            }
        }
        for set in SETS {
            let requirements = apps().join(format!("../requirements/{set}.in"));
            assert!(requirements.is_file(), "{set}");
        }
    }
}
