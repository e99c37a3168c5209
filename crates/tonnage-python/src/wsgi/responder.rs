//! `start_response` and the `write` that it gives back (PEP 3333).

use std::os::fd::AsRawFd;

use pyo3::exceptions::{PyAssertionError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PySequence, PyString, PyTuple};
use rustix::event::Timespec;
use tonnage_serve::dispatch::{Exchange, now_ns};
use tonnage_serve::http::parse_status;
use tonnage_serve::reply::ReplyError;

use super::holders;
use crate::send::send_part;
use crate::text::to_latin1;

/// Bytes that a client may leave waiting before a greenlet that has more for it waits, and
/// how few they must be for it to go on.
const HIGH_BYTES: u64 = 64 << 10;
const LOW_BYTES: u64 = 16 << 10;

/// The response of one request, as the application sees it.
#[pyclass(module = "tonnage._tonnage")]
#[derive(Debug)]
pub(crate) struct Responder {
    exchange: Option<Exchange>,
    write: Option<Py<PyAny>>,
    patience: Patience,
}

/// How a response waits for a client that takes it slowly.
#[derive(Debug)]
pub(crate) enum Patience {
    /// The thread waits, without the interpreter, at most so long.
    Thread(Timespec),
    /// Other greenlets run meanwhile. Called with a descriptor, where there is one that tells of
    /// room, and how many seconds the client has taken nothing; returns whether it is worth
    /// trying before the client's time is over.
    Greenlet(Py<PyAny>),
}

impl Patience {
    /// The same for another response.
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Thread(most) => Self::Thread(*most),
            Self::Greenlet(wait) => Self::Greenlet(wait.clone_ref(py)),
        }
    }

    /// Waits, where too much waits for the client already, until it has taken some of that,
    /// or can be given up. `whole`: nothing comes after it.
    fn wait_for_room(&self, py: Python<'_>, exchange: &mut Exchange, whole: bool) -> PyResult<()> {
        match self {
            Self::Thread(most) => {
                if exchange.is_full() {
                    py.detach(|| exchange.wait_for_room(*most));
                }
                Ok(())
            }
            Self::Greenlet(wait) if !whole && exchange.tail_bytes() > HIGH_BYTES => {
                give_way(wait.bind(py), exchange)
            }
            Self::Greenlet(_) => Ok(()),
        }
    }
}

/// Lets other greenlets run until the client has taken most of what waits. One that waits
/// costs nobody anything, so that there is no need to write tails to files.
fn give_way(wait: &Bound<'_, PyAny>, exchange: &mut Exchange) -> PyResult<()> {
    let (mut left_bytes, mut since_ns) = (exchange.tail_bytes(), now_ns());
    while exchange.is_intact() && exchange.tail_bytes() > LOW_BYTES {
        if exchange.tail_bytes() < left_bytes {
            (left_bytes, since_ns) = (exchange.tail_bytes(), now_ns());
        }
        let socket = exchange.socket().map(|socket| socket.as_raw_fd());
        let waited_s = now_ns().saturating_sub(since_ns) as f64 / 1e9;
        let writable = wait.call1((socket, waited_s))?;
        if writable.is_truthy()? {
            exchange.flush();
        } else {
            exchange.abort();
        }
    }
    Ok(())
}

#[pymethods]
impl Responder {
    /// Sets status and headers. With `exc_info`, what was set before is replaced, as long
    /// as nothing of it was sent.
    #[pyo3(signature = (status, headers, exc_info=None, /))]
    fn start_response(
        &mut self,
        py: Python<'_>,
        status: &Bound<'_, PyString>,
        headers: &Bound<'_, PyAny>,
        exc_info: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let exchange = self.exchange()?;
        match exc_info {
            Some(exc_info) if exchange.reply().has_sent() => return Err(raised(exc_info)?),
            None if exchange.reply().is_started() => {
                let text = "start_response was called twice, the second time without exc_info";
                return Err(PyAssertionError::new_err(text));
            }
            _ => {}
        }
        // PEP 3333 wants a list, and gunicorn takes whatever has pairs in it.
        let headers = match headers.cast::<PyList>() {
            Ok(list) => list.clone(),
            Err(_) => headers.cast::<PySequence>()?.to_list()?,
        };
        start(exchange, status, &headers)?;
        match &self.write {
            Some(write) => Ok(write.clone_ref(py)),
            None => Ok(py.None()),
        }
    }

    /// Sends bytes at once.
    #[pyo3(signature = (data, /))]
    fn write(&mut self, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        if data.as_bytes().is_empty() {
            return self.exchange().map(|_| ());
        }
        self.send(data.py(), data, false)
    }
}

impl Responder {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            exchange: None,
            write: None,
            patience,
        }
    }

    /// Sends a part of the body; `whole`: it is all of it. Waits where far too much waits
    /// for the client already.
    pub(super) fn send(
        &mut self,
        py: Python<'_>,
        part: &Bound<'_, PyBytes>,
        whole: bool,
    ) -> PyResult<()> {
        let exchange = self.exchange.as_mut().ok_or_else(over)?;
        send_part(exchange, part, whole).map_err(error)?;
        self.patience.wait_for_room(py, exchange, whole)
    }

    /// Takes a request's response in hand.
    pub(super) fn begin(&mut self, exchange: Exchange) {
        self.exchange = Some(exchange);
    }

    /// Gives it back; the application can do nothing with it any more.
    pub(super) fn end(&mut self) -> Option<Exchange> {
        self.exchange.take()
    }

    /// What `start_response` returns.
    pub(super) fn set_write(&mut self, write: Option<Py<PyAny>>) {
        self.write = write;
    }

    /// Whether nobody has kept `write`.
    pub(super) fn has_write_alone(&self, py: Python<'_>) -> bool {
        let write = self.write.as_ref();
        write.is_some_and(|write| holders(write.bind(py)) == 1)
    }

    /// The response in hand.
    pub(super) fn exchange(&mut self) -> PyResult<&mut Exchange> {
        self.exchange.as_mut().ok_or_else(over)
    }
}

fn over() -> PyErr {
    PyRuntimeError::new_err("the response is over")
}

/// Hands status and headers to the response.
fn start(
    exchange: &mut Exchange,
    status: &Bound<'_, PyString>,
    headers: &Bound<'_, PyList>,
) -> PyResult<()> {
    let status = status.to_str()?;
    let line = to_latin1(status).and_then(|line| {
        let (code, reason) = parse_status(&line).ok()?;
        Some((code, reason.to_vec()))
    });
    let Some((code, reason)) = line else {
        return Err(PyValueError::new_err(format!("invalid status: {status:?}")));
    };
    // Names and values are read where Python keeps them; the pairs hold on to them.
    let pairs: Vec<Bound<'_, PyTuple>> = headers
        .iter()
        .map(|pair| pair.cast_into::<PyTuple>().map_err(PyErr::from))
        .collect::<PyResult<_>>()?;
    let mut fields = Vec::with_capacity(pairs.len());
    let items: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)> = pairs
        .iter()
        .map(|pair| match pair.len() {
            2 => Ok((pair.get_item(0)?, pair.get_item(1)?)),
            _ => Err(PyTypeError::new_err("headers must be pairs of strings")),
        })
        .collect::<PyResult<_>>()?;
    for (name, value) in &items {
        fields.push((field_text(name)?, field_text(value)?));
    }
    let fields = fields.iter().map(|(name, value)| (&**name, &**value));
    exchange.start(code, &reason, fields).map_err(error)
}

fn field_text<'a>(text: &'a Bound<'_, PyAny>) -> PyResult<std::borrow::Cow<'a, [u8]>> {
    let text = text.cast::<PyString>()?.to_str()?;
    to_latin1(text).ok_or_else(|| {
        PyValueError::new_err(format!("header with characters beyond Latin-1: {text:?}"))
    })
}

/// The exception of `exc_info`, to be raised again.
fn raised(exc_info: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    Ok(PyErr::from_value(exc_info.get_item(1)?))
}

/// A broken response as an exception in the application that gave it.
pub(super) fn error(error: ReplyError) -> PyErr {
    match error {
        ReplyError::NotStarted => {
            PyAssertionError::new_err("start_response was not called before the first bytes")
        }
        other => PyValueError::new_err(other.to_string()),
    }
}
