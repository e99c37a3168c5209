//! What the application sends before its response and after the body: hints and trailers.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::super::message::{self, Field, Head, Kind};
use super::Call;
use super::sending::{Sending, finish};

impl Call {
    /// After the body there are only trailers, where there are any.
    pub(super) fn before_trailers(&self, kind: Kind) -> PyResult<()> {
        match self.trailers {
            None => Ok(()),
            Some(_) => Err(unexpected(kind, "the trailers are awaited")),
        }
    }

    /// Links that the client may follow already.
    pub(super) fn hint(&mut self, links: &[Bound<'_, PyBytes>]) -> PyResult<Sending> {
        let exchange = self.exchange(Kind::EarlyHint)?;
        let fields = links.iter().map(|link| (&b"Link"[..], link.as_bytes()));
        exchange.send_interim(103, fields).map_err(message::error)?;
        Ok(Sending::Going)
    }

    /// An interim response.
    pub(super) fn interim(&mut self, head: &Head<'_>) -> PyResult<Sending> {
        let exchange = self.exchange(Kind::Interim)?;
        let sent = exchange.send_interim(head.status, head.fields());
        sent.map_err(message::error)?;
        Ok(Sending::Going)
    }

    /// Trailers, of which more may follow.
    pub(super) fn add_trailers(&mut self, fields: &[Field<'_>], more: bool) -> PyResult<Sending> {
        if self.is_complete && self.open.is_none() {
            // The client takes none, so that the body was the end.
            return Ok(Sending::Going);
        }
        self.exchange(Kind::Trailers)?;
        let Some(trailers) = &mut self.trailers else {
            return Err(unexpected(
                Kind::Trailers,
                "none were announced, or not yet",
            ));
        };
        let pairs = fields.iter();
        trailers.extend(pairs.map(|(name, value)| {
            let [name, value] = [name, value].map(|part| part.as_bytes().to_vec());
            (name, value)
        }));
        if more {
            return Ok(Sending::Going);
        }
        let trailers = std::mem::take(trailers);
        let exchange = self.exchange(Kind::Trailers)?;
        let pairs = trailers.iter();
        let pairs = pairs.map(|(name, value)| (name.as_slice(), value.as_slice()));
        exchange.finish_with(pairs).map_err(message::error)?;
        finish(exchange)
    }
}

fn unexpected(kind: Kind, why: &str) -> PyErr {
    let kind = kind.name();
    PyRuntimeError::new_err(format!("unexpected ASGI message {kind:?}: {why}"))
}
