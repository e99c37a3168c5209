//! Those who want to know of each request: hooks and loggers in Python, and the access log.

use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tonnage_serve::access_log::{AccessLog, Answered};
use tonnage_serve::dispatch::{Exchange, now_ns};
use tonnage_serve::http;
use tonnage_serve::io::Refused;
use tonnage_serve::reply::Reply;

use crate::text::{latin1, variable};

/// Nobody, somebody in Python, or the access log.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    python: Option<Py<PyAny>>,
    access_log: Option<Arc<AccessLog>>,
}

/// A request that somebody in Python was told of.
#[derive(Debug)]
pub(crate) struct Watched {
    observer: Py<PyAny>,
    request: Py<PyAny>,
    began_ns: u64,
}

impl Observer {
    pub(crate) fn new(python: Option<Py<PyAny>>, access_log: Option<Arc<AccessLog>>) -> Self {
        Self { python, access_log }
    }

    /// Whether the fields of responses have to be kept.
    pub(crate) fn wants_response_fields(&self) -> bool {
        let logged = self.access_log.as_ref();
        self.python.is_some() || logged.is_some_and(|log| log.format().wants_response_fields())
    }

    /// Tells of a request that is about to be given to the application, which it is not
    /// where that raises something.
    pub(crate) fn begin(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
    ) -> (Option<Watched>, PyResult<()>) {
        let Some(observer) = &self.python else {
            return (None, Ok(()));
        };
        let began_ns = now_ns();
        let begun = observer.call_method1(py, intern!(py, "begin"), (environ,));
        let (request, begun) = match begun {
            Ok(request) => (request, Ok(())),
            Err(error) => (py.None(), Err(error)),
        };
        let watched = Watched {
            observer: observer.clone_ref(py),
            request,
            began_ns,
        };
        (Some(watched), begun)
    }

    /// Writes the line of a request that was answered.
    pub(crate) fn log(&self, exchange: &Exchange) {
        if let Some(log) = &self.access_log
            && let Some(answered) = Answered::now(exchange)
        {
            answered.log(log);
        }
    }

    /// Tells of a request that was refused, where enough of it could be read.
    pub(crate) fn log_refused(&self, py: Python<'_>, refused: &Refused) -> PyResult<()> {
        let Some(request) = refused.request() else {
            return Ok(());
        };
        let answered = Answered {
            peer: refused.peer,
            request,
            said: None,
            status: refused.refusal.status(),
            sent_bytes: refused.sent_bytes,
            took_ns: refused.took_ns,
        };
        if let Some(log) = &self.access_log {
            answered.log(log);
        }
        match &self.python {
            Some(observer) => tell(&answered, observer.bind(py)),
            None => Ok(()),
        }
    }
}

/// Has a logger in Python write it. The environ is as far as it goes without a server.
fn tell(answered: &Answered<'_>, observer: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = observer.py();
    let request = answered.request;
    let environ = PyDict::new(py);
    for (key, value) in [
        ("REQUEST_METHOD", &*request.method()),
        ("RAW_URI", request.target()),
        ("PATH_INFO", &*http::unquote(request.path())),
        ("QUERY_STRING", request.query()),
        ("SERVER_PROTOCOL", request.version().name().as_bytes()),
        ("REMOTE_ADDR", answered.peer.host().as_bytes()),
    ] {
        environ.set_item(key, latin1(py, value))?;
    }
    for (_, name, value) in request.fields() {
        environ.set_item(variable(name), latin1(py, &value))?;
    }
    let reason = http::reason(answered.status);
    let took_us = answered.took_ns / 1000;
    let arguments = (
        environ,
        answered.status,
        reason,
        answered.sent_bytes,
        took_us,
    );
    observer.call_method1(intern!(py, "refused"), arguments)?;
    Ok(())
}

impl Watched {
    /// Tells how it was answered.
    pub(crate) fn end(
        self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        reply: &Reply,
    ) -> PyResult<()> {
        let took_us = now_ns().saturating_sub(self.began_ns) / 1000;
        let said = reply.said().cloned().unwrap_or_default();
        let pairs = said.fields.iter();
        let pairs = pairs.map(|(name, value)| (latin1(py, name), latin1(py, value)));
        let arguments = (
            self.request,
            environ,
            reply.status(),
            latin1(py, &said.reason),
            PyList::new(py, pairs.collect::<Vec<_>>())?,
            reply.body_bytes(),
            took_us,
        );
        self.observer
            .call_method1(py, intern!(py, "end"), arguments)?;
        Ok(())
    }
}
