//! What gunicorn's and others' worker classes mean here. A worker class decides two
//! things, the interface and how requests wait; in the second only gevent's differ here.

/// What an application speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Interface {
    /// Nobody said: the application is looked at.
    #[default]
    Auto,
    /// PEP 3333.
    Wsgi,
    /// ASGI 3.
    Asgi,
}

impl Interface {
    /// As `interface` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Wsgi => "wsgi",
            Self::Asgi => "asgi",
        }
    }
}

/// What a worker class means here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WorkerClass {
    /// Workers of this interface.
    Serves(Interface),
    /// Workers that run a WSGI application in gevent's greenlets.
    Greenlets,
    /// It cannot be had; the text says what to do.
    Refused(&'static str),
}

const EVENTLET: &str =
    "eventlet is no longer maintained, and gunicorn dropped it too; use `gevent`, or `--threads`";
const TORNADO: &str = "tornado's handlers speak no interface; start them by tornado itself, or \
                       its WSGIContainer's application directly";
const AIOHTTP: &str =
    "aiohttp's applications are neither WSGI nor ASGI; start them by aiohttp itself";
const OWN: &str = "worker classes of your own cannot run; use `sync`, `gthread`, `gevent` or `asgi`, \
                   and the hooks for what the class did";

/// What this class means; `egg:gunicorn#sync` and import paths too.
pub(super) fn worker_class(name: &str) -> WorkerClass {
    use WorkerClass::{Greenlets, Refused, Serves};
    let name = name.strip_prefix("egg:gunicorn#").unwrap_or(name);
    match name {
        "sync"
        | "gthread"
        | "gunicorn.workers.sync.SyncWorker"
        | "gunicorn.workers.gthread.ThreadWorker" => Serves(Interface::Wsgi),
        "asgi" | "gunicorn.workers.gasgi.ASGIWorker" => Serves(Interface::Asgi),
        _ if name.starts_with("uvicorn.workers.Uvicorn") || name.starts_with("uvicorn_worker.") => {
            Serves(Interface::Asgi)
        }
        "gevent" | "gevent_wsgi" | "gevent_pywsgi" => Greenlets,
        _ if name.starts_with("gunicorn.workers.ggevent.") => Greenlets,
        "eventlet" | "gunicorn.workers.geventlet.EventletWorker" => Refused(EVENTLET),
        "tornado" | "gunicorn.workers.gtornado.TornadoWorker" => Refused(TORNADO),
        _ if name.starts_with("aiohttp.") => Refused(AIOHTTP),
        _ => Refused(OWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_classes_choose_an_interface_and_others_come_with_advice() {
        for (name, interface) in [
            ("sync", Interface::Wsgi),
            ("egg:gunicorn#sync", Interface::Wsgi),
            ("gunicorn.workers.gthread.ThreadWorker", Interface::Wsgi),
            ("asgi", Interface::Asgi),
            ("uvicorn.workers.UvicornWorker", Interface::Asgi),
            ("uvicorn.workers.UvicornH11Worker", Interface::Asgi),
            ("uvicorn_worker.UvicornWorker", Interface::Asgi),
            ("uvicorn_worker._workers.UvicornWorker", Interface::Asgi),
        ] {
            assert_eq!(worker_class(name), WorkerClass::Serves(interface), "{name}");
        }
        for name in [
            "gevent",
            "gevent_pywsgi",
            "egg:gunicorn#gevent",
            "gunicorn.workers.ggevent.GeventWorker",
        ] {
            assert_eq!(worker_class(name), WorkerClass::Greenlets, "{name}");
        }
        for (name, advice) in [
            ("eventlet", EVENTLET),
            ("tornado", TORNADO),
            ("aiohttp.GunicornUVLoopWebWorker", AIOHTTP),
            ("project.workers.Mine", OWN),
            ("", OWN),
        ] {
            assert_eq!(worker_class(name), WorkerClass::Refused(advice), "{name}");
        }
    }
}
