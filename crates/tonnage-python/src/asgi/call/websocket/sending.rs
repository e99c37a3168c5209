//! What the application says to a client, and whether it accepts it at all.

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDict, PyString};
use tonnage_serve::http;
use tonnage_serve::websocket::{Message, code};

use super::super::super::failure;
use super::super::super::message::{self, Head};
use super::super::sending::{HIGH_BYTES, Sending, finish};
use super::super::waiting::now_ms;
use super::{Call, Session, Stage};

/// What is answered where the application closes without having accepted (ASGI's WebSocket
/// specification, "Close").
const FORBIDDEN: u16 = 403;

impl Call {
    /// A message of the application.
    pub(in crate::asgi) fn send_websocket<'py>(
        slf: &Bound<'py, Self>,
        message: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let kind = message::kind(message)?;
        let sending = match kind.to_str()? {
            "websocket.send" => slf.try_borrow_mut()?.say(message)?,
            "websocket.accept" => slf.try_borrow_mut()?.accept(message)?,
            "websocket.close" => return Self::close(slf, message),
            "websocket.http.response.start" => {
                let head = Head::of(message)?;
                slf.try_borrow_mut()?.deny(&head)?
            }
            "websocket.http.response.body" => {
                let (part, more) = message::body(message)?;
                let mut call = slf.try_borrow_mut()?;
                match &call.session()?.stage {
                    Stage::Denying => call.body(&part, more)?,
                    _ => return Err(call.unexpected("websocket.http.response.body")),
                }
            }
            other => return Err(slf.try_borrow()?.unexpected(other)),
        };
        Self::sent(slf, sending)
    }

    fn session(&mut self) -> PyResult<&mut Session> {
        let session = self.websocket.as_deref_mut();
        session.ok_or_else(failure::disconnected)
    }

    /// Why a message cannot be: the client has gone, or it is out of turn.
    fn unexpected(&self, kind: &str) -> PyErr {
        let session = self.websocket.as_ref();
        let when = match session.map(|session| (&session.stage, session.closed_by_app)) {
            Some((Stage::Asked(_), _)) => "the websocket is not accepted",
            Some((Stage::Denying, _)) => "the websocket is being denied",
            Some((Stage::Open(_), _)) => "the websocket is accepted",
            Some((Stage::Over, true)) => "the websocket is closed",
            Some((Stage::Over, false)) | None => return failure::disconnected(),
        };
        PyRuntimeError::new_err(format!("unexpected ASGI message {kind:?}: {when}"))
    }

    fn accept(&mut self, message: &Bound<'_, PyDict>) -> PyResult<Sending> {
        let py = message.py();
        let bridge = self.bridge.clone_ref(py);
        let (Some(open), Some(session)) = (&mut self.open, &mut self.websocket) else {
            return Err(self.unexpected("websocket.accept"));
        };
        let Stage::Asked(upgrade) = &session.stage else {
            return Err(self.unexpected("websocket.accept"));
        };
        let given = message::fields(message)?;
        let subprotocol = message.get_item(intern!(py, "subprotocol"))?;
        let subprotocol = subprotocol.filter(|chosen| !chosen.is_none());
        let subprotocol = subprotocol.as_ref().map(|chosen| chosen.cast::<PyString>());
        let subprotocol = subprotocol.transpose()?.map(|chosen| chosen.to_str());
        let chosen = subprotocol.transpose()?;
        let chosen = chosen.map(|chosen| (&b"Sec-WebSocket-Protocol"[..], chosen.as_bytes()));
        let fields = chosen.into_iter().chain(message::pairs(&given));
        let rules = bridge.get().websockets();
        let accepted = open.exchange.accept(upgrade, fields, rules.options);
        session.stage = Stage::Open(Box::new(accepted.map_err(message::error)?));
        session.heard_ms = now_ms();
        if bridge.get().is_draining() {
            session.leaving_since_ms = Some(session.heard_ms);
        }
        Ok(if open.exchange.is_intact() {
            Sending::Going
        } else {
            Sending::Lost
        })
    }

    fn say(&mut self, message: &Bound<'_, PyDict>) -> PyResult<Sending> {
        let py = message.py();
        let given = |key| -> PyResult<_> {
            let value = message.get_item(key)?;
            Ok(value.filter(|value| !value.is_none()))
        };
        match (given(intern!(py, "bytes"))?, given(intern!(py, "text"))?) {
            (Some(data), None) => {
                let data: PyBackedBytes = data.extract().map_err(|_| {
                    let kind = data.get_type();
                    PyTypeError::new_err(format!("\"bytes\" must be bytes, not {kind}"))
                })?;
                self.say_message(py, Message::Binary(&data))
            }
            (None, Some(text)) => {
                let text = text.cast::<PyString>()?;
                self.say_message(py, Message::Text(text.to_str()?))
            }
            _ => {
                let text = "a websocket's message must have \"bytes\" or \"text\"";
                Err(PyValueError::new_err(text))
            }
        }
    }

    fn say_message(&mut self, py: Python<'_>, message: Message<'_>) -> PyResult<Sending> {
        let bridge = self.bridge.clone_ref(py);
        let (Some(open), Some(session)) = (&mut self.open, &mut self.websocket) else {
            return Err(self.unexpected("websocket.send"));
        };
        let Stage::Open(websocket) = &session.stage else {
            return Err(self.unexpected("websocket.send"));
        };
        let exchange = &mut open.exchange;
        if !bridge.get().say(exchange, websocket, message) {
            return Err(failure::disconnected());
        }
        Ok(if !exchange.is_intact() {
            Sending::Lost
        } else if exchange.tail_bytes() > HIGH_BYTES {
            Sending::Full
        } else {
            Sending::Going
        })
    }

    /// The application answers with a response of its own instead of accepting.
    fn deny(&mut self, head: &Head<'_>) -> PyResult<Sending> {
        match &mut self.websocket {
            Some(session) if matches!(session.stage, Stage::Asked(_)) => {
                session.stage = Stage::Denying;
            }
            _ => return Err(self.unexpected("websocket.http.response.start")),
        }
        if let Some(open) = &mut self.open {
            // What a client sends behind its handshake would be no request.
            open.exchange.close_after();
        }
        self.start(head)
    }

    fn close<'py>(
        slf: &Bound<'py, Self>,
        message: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let mut call = slf.try_borrow_mut()?;
        let session = call.session()?;
        match session.stage {
            Stage::Asked(_) => {
                session.stage = Stage::Denying;
                session.closed_by_app = true;
                let sending = call.forbid()?;
                drop(call);
                return Self::sent(slf, sending);
            }
            Stage::Open(_) => session.closed_by_app = true,
            // To say goodbye to somebody who has gone does no harm.
            Stage::Over if !session.closed_by_app => {
                return Ok(call.bridge.get().sent(py));
            }
            Stage::Denying | Stage::Over => return Err(call.unexpected("websocket.close")),
        }
        drop(call);
        let number = match message.get_item(intern!(py, "code"))? {
            Some(number) if !number.is_none() => number.extract()?,
            _ => code::NORMAL,
        };
        let reason = message.get_item(intern!(py, "reason"))?;
        let reason = reason.filter(|reason| !reason.is_none());
        let reason = reason.map(|reason| reason.extract::<String>());
        let reason = reason.transpose()?.unwrap_or_default();
        Self::close_websocket(slf, number, &reason)?;
        Ok(slf.try_borrow()?.bridge.get().sent(py))
    }

    fn forbid(&mut self) -> PyResult<Sending> {
        let Some(open) = &mut self.open else {
            return Err(failure::disconnected());
        };
        let exchange = &mut open.exchange;
        exchange.close_after();
        let reason = http::reason(FORBIDDEN).as_bytes();
        exchange
            .start(FORBIDDEN, reason, [])
            .map_err(message::error)?;
        finish(exchange)
    }
}
