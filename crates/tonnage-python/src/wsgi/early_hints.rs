//! `wsgi.early_hints`, as gunicorn has it: called with header fields, it sends them in a 103
//! response at once (RFC 8297). After the response has begun, to a client of HTTP/1.0, and
//! where the request is over, it does nothing.

use std::borrow::Cow;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::holders;
use super::responder::{self, Responder};
use crate::text::to_latin1;

/// What is in an environ. It may outlive its request, which then it knows no more.
#[pyclass(module = "tonnage._tonnage")]
#[derive(Debug)]
pub(super) struct EarlyHints(Option<Py<Responder>>);

#[pymethods]
impl EarlyHints {
    #[pyo3(signature = (headers, /))]
    fn __call__(&self, headers: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut pairs = Vec::new();
        for pair in headers.try_iter()? {
            pairs.push(pair?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?);
        }
        let texts = pairs
            .iter()
            .map(|(name, value)| Ok((text(name)?, text(value)?)));
        let texts = texts.collect::<PyResult<Vec<_>>>()?;
        let Some(responder) = &self.0 else {
            return Ok(());
        };
        let mut responder = responder.bind(headers.py()).try_borrow_mut()?;
        let Ok(exchange) = responder.exchange() else {
            return Ok(());
        };
        let fields = texts.iter().map(|(name, value)| (&**name, &**value));
        exchange.send_interim(103, fields).map_err(responder::error)
    }
}

impl EarlyHints {
    /// For the requests of this responder.
    pub(super) fn new<'py>(responder: &Bound<'py, Responder>) -> PyResult<Bound<'py, Self>> {
        Bound::new(responder.py(), Self(Some(responder.clone().unbind())))
    }

    /// After a request: one for the next, which is this where nobody has kept it.
    pub(super) fn renew<'py>(
        this: &Bound<'py, Self>,
        responder: &Bound<'py, Responder>,
    ) -> PyResult<Option<Bound<'py, Self>>> {
        if holders(this.as_any()) == 1 {
            return Ok(None);
        }
        this.try_borrow_mut()?.0 = None;
        Self::new(responder).map(Some)
    }
}

/// Bytes are taken as gunicorn takes them.
fn text<'a>(part: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(bytes) = part.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    let part = part.cast::<PyString>();
    let part = part.map_err(|_| PyTypeError::new_err("headers must be pairs of strings"))?;
    let text = part.to_str()?;
    to_latin1(text).ok_or_else(|| {
        PyValueError::new_err(format!("header with characters beyond Latin-1: {text:?}"))
    })
}
