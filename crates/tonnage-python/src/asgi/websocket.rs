//! Websockets as ASGI has them (its WebSocket specification): the scope, and the messages
//! that `receive` gives.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use tonnage_serve::settings::WebSocketSettings;
use tonnage_serve::websocket::{Closed, Options, Upgrade};

/// What websockets obey, with times in ms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) options: Options,
    compresses: bool,
    /// How long nothing may come of a client before it is sent a ping.
    pub(super) ping_interval_ms: Option<u64>,
    /// How long it may take to answer.
    pub(super) ping_timeout_ms: Option<u64>,
}

impl Rules {
    pub(super) fn new(settings: &WebSocketSettings) -> Self {
        let ms = |duration: std::time::Duration| duration.as_millis() as u64;
        Self {
            options: Options {
                most_bytes: settings.max_message_size.unwrap_or(usize::MAX),
            },
            compresses: settings.per_message_deflate,
            ping_interval_ms: settings.ping_interval.map(ms),
            ping_timeout_ms: settings.ping_timeout.map(ms),
        }
    }

    /// What of a client's wishes can be granted.
    pub(super) fn grant(&self, upgrade: &mut Upgrade) {
        if !self.compresses {
            upgrade.without_compression();
        }
    }
}

/// Makes the scope of a request into that of the websocket that it asks for.
pub(super) fn make_scope(scope: &Bound<'_, PyDict>, upgrade: &Upgrade) -> PyResult<()> {
    let py = scope.py();
    let scheme = scope.get_item(intern!(py, "scheme"))?;
    let is_secure = scheme.is_some_and(|scheme| scheme.eq("https").unwrap_or(false));
    let scheme = if is_secure { "wss" } else { "ws" };
    scope.set_item(intern!(py, "type"), intern!(py, "websocket"))?;
    scope.set_item(intern!(py, "scheme"), scheme)?;
    scope.set_item(intern!(py, "subprotocols"), upgrade.subprotocols())?;
    scope.del_item(intern!(py, "method"))?;
    // What is about responses is not for websockets, and the rest is for both.
    let extensions = PyDict::new(py);
    if let Some(known) = scope.get_item(intern!(py, "extensions"))?
        && let Ok(known) = known.cast::<PyDict>()
    {
        for (name, value) in known {
            if !name.extract::<&str>()?.starts_with("http.") {
                extensions.set_item(name, value)?;
            }
        }
    }
    extensions.set_item(intern!(py, "websocket.http.response"), PyDict::new(py))?;
    scope.set_item(intern!(py, "extensions"), extensions)
}

/// The first message.
pub(super) fn connect(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let message = PyDict::new(py);
    message.set_item(intern!(py, "type"), intern!(py, "websocket.connect"))?;
    Ok(message)
}

/// What the client sent: a text or bytes.
pub(super) fn receive<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let py = data.py();
    let message = PyDict::new(py);
    message.set_item(intern!(py, "type"), intern!(py, "websocket.receive"))?;
    // Only one of both: there are applications that look which of them is there.
    let key = if data.is_exact_instance_of::<PyString>() {
        intern!(py, "text")
    } else {
        debug_assert!(data.is_exact_instance_of::<PyBytes>());
        intern!(py, "bytes")
    };
    message.set_item(key, data)?;
    Ok(message)
}

/// The last message.
pub(super) fn disconnect<'py>(py: Python<'py>, closed: &Closed) -> PyResult<Bound<'py, PyDict>> {
    let message = PyDict::new(py);
    message.set_item(intern!(py, "type"), intern!(py, "websocket.disconnect"))?;
    message.set_item(intern!(py, "code"), closed.code)?;
    message.set_item(intern!(py, "reason"), &closed.reason)?;
    Ok(message)
}
