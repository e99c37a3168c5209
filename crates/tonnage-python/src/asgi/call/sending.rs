//! What the application sends: each message is a step of the response.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tonnage_serve::dispatch::Exchange;
use tonnage_serve::http;

use super::super::failure;
use super::super::message::{self, Head, Kind};
use super::Call;
use crate::send::send_part;

/// Bytes that a client may leave untaken before the application waits for it.
pub(super) const HIGH_BYTES: u64 = 64 << 10;

/// How a message of the application left the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// There may be more.
    Going,
    /// There may be more, when the client has taken some of it.
    Full,
    /// It is complete.
    Complete,
    /// It ended before it had the length that it promised.
    Short,
    /// The client has gone.
    Lost,
}

impl Call {
    pub(super) fn exchange(&mut self, kind: Kind) -> PyResult<&mut Exchange> {
        match (&mut self.open, self.is_complete) {
            (Some(open), _) => Ok(&mut open.exchange),
            (None, true) => Err(PyRuntimeError::new_err(format!(
                "unexpected ASGI message {:?}: the response is complete",
                kind.name()
            ))),
            (None, false) => Err(failure::disconnected()),
        }
    }

    /// Nothing is sent before the first part, so that both leave together.
    pub(super) fn start(&mut self, head: &Head<'_>) -> PyResult<Sending> {
        let exchange = self.exchange(Kind::Start)?;
        if exchange.reply().is_started() {
            let text = "unexpected ASGI message \"http.response.start\": the response has begun";
            return Err(PyRuntimeError::new_err(text));
        }
        exchange.close_if_body_is_left();
        if head.trailers {
            exchange.announce_trailers();
        }
        let reason = http::reason(head.status).as_bytes();
        exchange
            .start(head.status, reason, head.fields())
            .map_err(message::error)?;
        Ok(Sending::Going)
    }

    pub(super) fn body(&mut self, part: &Bound<'_, PyBytes>, more: bool) -> PyResult<Sending> {
        self.before_trailers(Kind::Body)?;
        let exchange = self.exchange(Kind::Body)?;
        let trails = !more && exchange.reply().trails();
        send_part(exchange, part, !more && !trails).map_err(message::error)?;
        if !more && !trails {
            return finish(exchange);
        }
        let sending = if !exchange.is_intact() {
            Sending::Lost
        } else if exchange.tail_bytes() > HIGH_BYTES {
            Sending::Full
        } else {
            Sending::Going
        };
        if trails {
            self.trailers = Some(Vec::new());
        }
        Ok(sending)
    }

    pub(super) fn file(&mut self, path: &Path) -> PyResult<Sending> {
        self.before_trailers(Kind::File)?;
        let exchange = self.exchange(Kind::File)?;
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            let text = format!("{} is no regular file", path.display());
            return Err(PyOSError::new_err(text));
        }
        let bytes = metadata.len();
        exchange
            .send_file(file.as_fd(), 0, bytes)
            .map_err(message::error)?;
        finish(exchange)
    }
}

/// The response has all its parts.
pub(super) fn finish(exchange: &mut Exchange) -> PyResult<Sending> {
    exchange.finish().map_err(message::error)?;
    Ok(if !exchange.is_intact() {
        Sending::Lost
    } else if exchange.reply().is_complete() {
        Sending::Complete
    } else {
        Sending::Short
    })
}
