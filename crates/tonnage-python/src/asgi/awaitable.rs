//! What `receive` and `send` return. Each is its own iterator, and has a coroutine's
//! methods, so that it can be made a task, too. They wait only where they have to, by a
//! future of the loop.

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

use super::call::{Answer, Call};

/// A message that was sent. Nothing can happen to it any more, so that one object is
/// enough for all of them.
#[pyclass(module = "tonnage._tonnage", frozen)]
#[derive(Debug)]
pub(super) struct Sent;

#[pymethods]
impl Sent {
    fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self) -> Option<()> {
        None
    }

    #[pyo3(signature = (value, /))]
    fn send(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let _ = value;
        Err(PyStopIteration::new_err(()))
    }

    #[pyo3(signature = (kind, value=None, traceback=None, /))]
    fn throw(
        &self,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = traceback;
        Err(thrown(kind, value))
    }

    fn close(&self) {}
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The next message to the application.
    Message,
    /// Room for the next message of the application: the client has to take what was
    /// sent before.
    Room,
}

/// Something that may have to be waited for.
#[pyclass(module = "tonnage._tonnage")]
#[derive(Debug)]
pub(super) struct Waiting {
    /// Whose it is; nobody's when it was had.
    call: Option<Py<Call>>,
    wanted: Wanted,
}

impl Waiting {
    pub(super) fn for_message(call: Py<Call>) -> Self {
        Self {
            call: Some(call),
            wanted: Wanted::Message,
        }
    }

    pub(super) fn for_room(call: Py<Call>) -> Self {
        Self {
            call: Some(call),
            wanted: Wanted::Room,
        }
    }
}

#[pymethods]
impl Waiting {
    fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    /// Gives the future to wait for to the task, or the value to whoever awaits.
    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(call) = &self.call else {
            let text = "cannot reuse an already awaited coroutine";
            return Err(PyRuntimeError::new_err(text));
        };
        let answer = match self.wanted {
            Wanted::Message => Call::message(call.bind(py))?,
            Wanted::Room => Call::room(call.bind(py))?,
        };
        match answer {
            Answer::Wait(future) => Ok(future),
            Answer::Value(value) => {
                self.call = None;
                Err(PyStopIteration::new_err(match value {
                    Some(message) => message.into_any().unbind(),
                    None => py.None(),
                }))
            }
        }
    }

    #[pyo3(signature = (value, /))]
    fn send<'py>(&mut self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.__next__(value.py())
    }

    #[pyo3(signature = (kind, value=None, traceback=None, /))]
    fn throw(
        &mut self,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = traceback;
        self.call = None;
        Err(thrown(kind, value))
    }

    fn close(&mut self) {
        self.call = None;
    }
}

/// What was thrown into a coroutine: an exception, or its class.
fn thrown(kind: Bound<'_, PyAny>, value: Option<Bound<'_, PyAny>>) -> PyErr {
    PyErr::from_value(value.filter(|value| !value.is_none()).unwrap_or(kind))
}
