//! Requests as calls of a WSGI application. Whoever serves, a thread or greenlets, has
//! [`Calls`], which many requests may be in at a time, and [`Stock`], which is in one hand at
//! a time and never while the application runs.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use tonnage_serve::dispatch::Exchange;
use tonnage_serve::io::Refusals;

use super::early_hints::EarlyHints;
use super::environ::Environs;
use super::file_wrapper::{self, FileWrapper};
use super::holders;
use super::input::{self, Input};
use super::responder::{self, Patience, Responder};
use crate::observe::Observer;
use crate::refused::{self, Unfit};
use crate::turn::Turn;

/// Callables that are kept to be used again: a thread has use for one, greenlets for those
/// of the requests that end one after the other.
const SPARES: usize = 16;

/// A response's face to the application.
pub(crate) struct Callables {
    responder: Py<Responder>,
    start_response: Py<PyAny>,
    early_hints: Py<EarlyHints>,
}

impl Callables {
    fn new(py: Python<'_>, patience: Patience) -> PyResult<Self> {
        let responder = Bound::new(py, Responder::new(patience))?;
        let start_response = responder.getattr(intern!(py, "start_response"))?;
        let write = responder.getattr(intern!(py, "write"))?;
        responder.borrow_mut().set_write(Some(write.unbind()));
        Ok(Self {
            early_hints: EarlyHints::new(&responder)?.unbind(),
            responder: responder.unbind(),
            start_response: start_response.unbind(),
        })
    }

    /// Whether only we have them, so that nobody can write into another request's response.
    /// The responder is known to us, to `start_response`, to `write` and to the hints.
    fn are_ours(&self, py: Python<'_>) -> bool {
        let responder = self.responder.bind(py);
        holders(self.start_response.bind(py)) == 1
            && holders(responder.as_any()) == 4
            && (responder.try_borrow()).is_ok_and(|responder| responder.has_write_alone(py))
    }

    /// What the application has kept of the last environ is for no other request.
    fn renew(&mut self, py: Python<'_>) -> PyResult<()> {
        let (early_hints, responder) = (self.early_hints.bind(py), self.responder.bind(py));
        if let Some(early_hints) = EarlyHints::renew(early_hints, responder)? {
            self.early_hints = early_hints.unbind();
        }
        Ok(())
    }

    /// Breaks the circle of the responder and its `write`, so that it ends with its last
    /// holder.
    fn let_go(self, py: Python<'_>) {
        if let Ok(mut responder) = self.responder.try_borrow_mut(py) {
            responder.set_write(None);
        }
    }
}

/// What an application is called with.
pub(crate) struct Prepared<'py> {
    environ: Bound<'py, PyDict>,
    callables: Callables,
}

/// What requests take and give back.
pub(crate) struct Stock {
    environs: Environs,
    /// The input of requests without a body.
    empty: Py<Input>,
    /// Used again, unless the application keeps them.
    spares: Vec<Callables>,
    patience: Patience,
}

impl Stock {
    pub(super) fn new(py: Python<'_>, environs: Environs, patience: Patience) -> PyResult<Self> {
        input::register(py)?;
        Ok(Self {
            environs,
            empty: Py::new(py, Input::default())?,
            spares: Vec::with_capacity(SPARES),
            patience,
        })
    }

    /// What the application is called with for this request.
    pub(crate) fn prepare<'py>(
        &mut self,
        py: Python<'py>,
        exchange: &mut Exchange,
    ) -> Result<Prepared<'py>, Unfit> {
        let body = exchange.take_body();
        let body_bytes = body.len();
        let input = input::of(py, body, &mut self.empty)?;
        let environ = self.environs.build(py, exchange, &input, body_bytes)?;
        let callables = match self.spares.pop() {
            Some(callables) => callables,
            None => Callables::new(py, self.patience.clone_ref(py))?,
        };
        environ.set_item(intern!(py, "wsgi.early_hints"), &callables.early_hints)?;
        Ok(Prepared { environ, callables })
    }

    /// Keeps what was used, unless the application has kept it.
    pub(crate) fn take_back(&mut self, py: Python<'_>, mut callables: Callables) {
        if callables.renew(py).is_err() || !callables.are_ours(py) {
            callables.let_go(py);
        } else if self.spares.len() < SPARES {
            self.spares.push(callables);
        } else {
            // Nobody else has them, so that nothing of the application goes with them.
            callables.let_go(py);
        }
    }
}

/// How requests are answered by the application.
pub(crate) struct Calls {
    app: Py<PyAny>,
    observer: Observer,
    turn: Turn,
}

impl Calls {
    pub(super) fn new(app: Py<PyAny>, observer: Observer, turn: Turn) -> Self {
        Self {
            app,
            observer,
            turn,
        }
    }

    /// Has the application answer a request. What it was called with comes back; the request
    /// does not where the application still writes, from a thread of its own.
    pub(crate) fn run<'py>(
        &self,
        py: Python<'py>,
        mut exchange: Exchange,
        prepared: Prepared<'py>,
    ) -> (Option<Exchange>, Callables) {
        let Prepared { environ, callables } = prepared;
        if self.observer.wants_response_fields() {
            exchange.keep_said();
        }
        let (watched, begun) = self.observer.begin(py, &environ);
        self.turn.life().count_request();
        callables.responder.borrow_mut(py).begin(exchange);
        let result = begun.and_then(|()| self.call(&environ, &callables));
        let responder = callables.responder.try_borrow_mut(py);
        let mut exchange = responder.ok().and_then(|mut responder| responder.end());
        if let Err(error) = result {
            exchange = exchange.map(|exchange| self.fail(py, exchange, &error));
        }
        if let (Some(watched), Some(exchange)) = (watched, &exchange)
            && let Err(error) = watched.end(py, &environ, exchange.reply())
        {
            self.turn.life().set_aside(py, error);
        }
        (exchange, callables)
    }

    /// Answers a request that the application is not given.
    pub(crate) fn refuse(&self, py: Python<'_>, mut exchange: Exchange, unfit: Unfit) -> Exchange {
        match unfit {
            Unfit::Refused(refusal) => {
                refused::warn(py, self.turn.life(), exchange.peer(), refusal);
                exchange.refuse(refusal);
                exchange
            }
            Unfit::Raised(error) => self.fail(py, exchange, &error),
        }
    }

    /// Writes the line of a request that was answered.
    pub(crate) fn log(&self, exchange: &Exchange) {
        self.observer.log(exchange);
    }

    /// Tells of requests that were refused before they could be given to the application.
    pub(crate) fn tell(&self, py: Python<'_>, refusals: &Refusals) {
        refused::tell(py, self.turn.life(), &self.observer, refusals);
    }

    /// What is done between requests.
    pub(crate) fn turn(&self) -> &Turn {
        &self.turn
    }

    fn call(&self, environ: &Bound<'_, PyDict>, callables: &Callables) -> PyResult<()> {
        let py = environ.py();
        let call = (environ, &callables.start_response);
        let answer = self.app.bind(py).call1(call)?;
        let responder = callables.responder.bind(py);
        if let Some(only) = only_part(&answer) {
            return send(responder, &only, true).and_then(|()| finish(responder));
        }
        let sent = send_all(responder, &answer);
        let closed = close(&answer);
        sent.and(closed).and_then(|()| finish(responder))
    }

    /// What a client gets when the application failed: an answer, where none was begun.
    fn fail(&self, py: Python<'_>, mut exchange: Exchange, error: &PyErr) -> Exchange {
        self.turn.report(py, &exchange.name(), error);
        exchange.fail();
        exchange
    }
}

fn send_all(responder: &Bound<'_, Responder>, answer: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Ok(wrapper) = answer.cast::<FileWrapper>()
        && send_file(responder, wrapper)?
    {
        return Ok(());
    }
    for part in answer.try_iter()? {
        let part = part?;
        let bytes = part.cast::<PyBytes>().map_err(|_| not_bytes(&part))?;
        // What is empty only says that the application lives (PEP 3333).
        if !bytes.as_bytes().is_empty() {
            send(responder, bytes, false)?;
            // Nobody takes the rest, which may have no end.
            if !responder.try_borrow_mut()?.exchange()?.is_intact() {
                break;
            }
        }
    }
    Ok(())
}

fn send(responder: &Bound<'_, Responder>, part: &Bound<'_, PyBytes>, whole: bool) -> PyResult<()> {
    responder
        .try_borrow_mut()?
        .send(responder.py(), part, whole)
}

/// `false` where it is no file that the kernel can send.
fn send_file(responder: &Bound<'_, Responder>, wrapper: &Bound<'_, FileWrapper>) -> PyResult<bool> {
    let Some(stretch) = wrapper.borrow().stretch(responder.py()) else {
        return Ok(false);
    };
    let file = file_wrapper::borrow(stretch.descriptor);
    let mut responder = responder.try_borrow_mut()?;
    let sent = responder
        .exchange()?
        .send_file(file, stretch.offset, stretch.bytes);
    sent.map_err(responder::error).map(|()| true)
}

/// The body, where it is a list or tuple of one part: its length is known (PEP 3333,
/// "Handling the Content-Length Header").
fn only_part<'py>(answer: &Bound<'py, PyAny>) -> Option<Bound<'py, PyBytes>> {
    let only = if let Ok(list) = answer.cast_exact::<PyList>() {
        (list.len() == 1).then(|| list.get_item(0).ok()).flatten()
    } else if let Ok(tuple) = answer.cast_exact::<PyTuple>() {
        (tuple.len() == 1).then(|| tuple.get_item(0).ok()).flatten()
    } else {
        None
    };
    only.and_then(|only| only.cast_into::<PyBytes>().ok())
}

fn finish(responder: &Bound<'_, Responder>) -> PyResult<()> {
    let mut responder = responder.try_borrow_mut()?;
    responder.exchange()?.finish().map_err(responder::error)
}

/// Whatever happened, an answer that wants to be closed is (PEP 3333).
fn close(answer: &Bound<'_, PyAny>) -> PyResult<()> {
    match answer.getattr_opt(intern!(answer.py(), "close"))? {
        Some(close) => close.call0().map(|_| ()),
        None => Ok(()),
    }
}

fn not_bytes(part: &Bound<'_, PyAny>) -> PyErr {
    let kind = part.get_type();
    PyTypeError::new_err(format!(
        "an application's answer is made of bytes, not of {kind}"
    ))
}
