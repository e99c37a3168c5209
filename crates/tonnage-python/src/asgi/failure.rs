//! Applications that fail: what is said of it, and what the client gets.

use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tonnage_serve::dispatch::Exchange;

create_exception!(
    tonnage._tonnage,
    ClientDisconnected,
    PyOSError,
    "The client has gone: what is sent reaches nobody (ASGI's HTTP specification, 2.4)."
);

/// How far an exception's causes are looked through.
const CAUSES: usize = 16;

pub(super) fn disconnected() -> PyErr {
    ClientDisconnected::new_err("the client has disconnected")
}

/// What is wrong with an application that returned and left the response as it is here.
pub(super) fn unfinished(exchange: &Exchange) -> PyErr {
    PyRuntimeError::new_err(if exchange.reply().is_started() {
        "the ASGI application returned before its response was complete"
    } else {
        "the ASGI application returned without a response"
    })
}

/// Whether an exception comes of a client that has gone, however frameworks wrapped it.
pub(super) fn is_of_disconnect(py: Python<'_>, error: &PyErr) -> bool {
    let mut next = Some(error.clone_ref(py));
    for _ in 0..CAUSES {
        let Some(error) = next else {
            return false;
        };
        if error.is_instance_of::<ClientDisconnected>(py) || is_group_of_disconnects(py, &error) {
            return true;
        }
        next = error.cause(py).or_else(|| error.context(py));
    }
    false
}

/// Groups of exceptions come of task groups (PEP 654, Python 3.11).
fn is_group_of_disconnects(py: Python<'_>, error: &PyErr) -> bool {
    let inner = error.value(py).getattr_opt(intern!(py, "exceptions"));
    let Ok(Some(inner)) = inner else {
        return false;
    };
    let Ok(inner) = inner.try_iter() else {
        return false;
    };
    let mut inner =
        inner.map(|error| error.is_ok_and(|error| is_of_disconnect(py, &PyErr::from_value(error))));
    let mut some = false;
    inner.all(|quiet| {
        some = true;
        quiet
    }) && some
}

/// Whether a task was cancelled.
pub(super) fn is_cancelled(py: Python<'_>, error: &PyErr) -> bool {
    let cancelled = py
        .import(intern!(py, "asyncio"))
        .and_then(|asyncio| asyncio.getattr(intern!(py, "CancelledError")));
    cancelled.is_ok_and(|cancelled| error.is_instance(py, &cancelled))
}

/// Method and path, of a scope whose request is answered already.
pub(super) fn name(scope: &Bound<'_, PyDict>) -> String {
    let py = scope.py();
    let [method, path] = [intern!(py, "method"), intern!(py, "path")].map(|key| {
        let text = scope.get_item(key).ok().flatten();
        text.map(|text| text.to_string())
    });
    // A websocket has none.
    let method = method.unwrap_or_else(|| "GET".to_owned());
    format!("{method} {}", path.unwrap_or_default())
}
