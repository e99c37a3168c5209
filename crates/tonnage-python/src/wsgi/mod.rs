//! WSGI (PEP 3333): a request as a call of the application.

mod early_hints;
mod environ;
mod file_wrapper;
mod input;
mod plan;
mod responder;
mod serving;
mod strings;
mod tls;

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use rustix::event::Timespec;
use tonnage_serve::dispatch::{Application, Exchange};
use tonnage_serve::io::Refusals;

use self::early_hints::EarlyHints;
use self::environ::Environs;
pub(crate) use self::file_wrapper::FileWrapper;
use self::input::Input;
pub(crate) use self::plan::servers;
use self::responder::Responder;
pub(crate) use self::serving::serve_wsgi;
use crate::observe::Observer;
use crate::refused::{self, Unfit};
use crate::turn::Turn;

/// What one thread needs to run a WSGI application.
pub(crate) struct WsgiThread<'py> {
    py: Python<'py>,
    app: Bound<'py, PyAny>,
    environs: Environs,
    /// The input of requests without a body.
    empty: Bound<'py, Input>,
    /// `start_response` and what it belongs to; used again, unless the application keeps it.
    spare: Option<Callables<'py>>,
    observer: Observer,
    turn: Turn,
    /// How long a client may let a response wait.
    send_timeout: Timespec,
}

/// A response's face to the application.
struct Callables<'py> {
    responder: Bound<'py, Responder>,
    start_response: Bound<'py, PyAny>,
    early_hints: Bound<'py, EarlyHints>,
}

impl<'py> Callables<'py> {
    fn new(py: Python<'py>, send_timeout: Timespec) -> PyResult<Self> {
        let responder = Bound::new(py, Responder::new(send_timeout))?;
        let start_response = responder.getattr(intern!(py, "start_response"))?;
        let write = responder.getattr(intern!(py, "write"))?;
        responder.borrow_mut().set_write(Some(write.unbind()));
        Ok(Self {
            early_hints: EarlyHints::new(&responder)?,
            responder,
            start_response,
        })
    }

    /// Whether only we have them, so that nobody can write into another request's response.
    /// The responder is known to us, to `start_response`, to `write` and to the hints.
    fn are_ours(&self) -> bool {
        let py = self.responder.py();
        holders(&self.start_response) == 1
            && holders(self.responder.as_any()) == 4
            && (self.responder.try_borrow()).is_ok_and(|responder| responder.has_write_alone(py))
    }

    /// What the application has kept of the last environ is for no other request.
    fn renew(&mut self) -> PyResult<()> {
        if let Some(early_hints) = EarlyHints::renew(&self.early_hints, &self.responder)? {
            self.early_hints = early_hints;
        }
        Ok(())
    }

    /// Breaks the circle of the responder and its `write`, so that it ends with its last
    /// holder.
    fn let_go(self) {
        if let Ok(mut responder) = self.responder.try_borrow_mut() {
            responder.set_write(None);
        }
    }
}

impl<'py> WsgiThread<'py> {
    fn new(
        app: Bound<'py, PyAny>,
        environs: Environs,
        observer: Observer,
        turn: Turn,
        send_timeout: Timespec,
    ) -> PyResult<Self> {
        let py = app.py();
        input::register(py)?;
        Ok(Self {
            py,
            environs,
            empty: Bound::new(py, Input::default())?,
            spare: None,
            observer,
            turn,
            send_timeout,
            app,
        })
    }

    /// Has a request answered, by the application where it is given it.
    fn answer(&mut self, mut exchange: Exchange) -> Option<Exchange> {
        let py = self.py;
        let (environ, mut callables) = match self.prepare(&mut exchange) {
            Ok(prepared) => prepared,
            Err(Unfit::Refused(refusal)) => {
                refused::warn(py, self.turn.life(), exchange.peer(), refusal);
                exchange.refuse(refusal);
                return Some(exchange);
            }
            Err(Unfit::Raised(error)) => return Some(self.fail(exchange, &error)),
        };
        if self.observer.wants_response_fields() {
            exchange.keep_said();
        }
        let (watched, begun) = self.observer.begin(py, &environ);
        self.turn.life().count_request();
        callables.responder.borrow_mut().begin(exchange);
        let result = begun.and_then(|()| self.call(&environ, &callables));
        // Where the application still writes, from a thread of its own, the request is lost.
        let responder = callables.responder.try_borrow_mut();
        let mut exchange = responder.ok().and_then(|mut responder| responder.end());
        if let Err(error) = result {
            exchange = exchange.map(|exchange| self.fail(exchange, &error));
        }
        if let (Some(watched), Some(exchange)) = (watched, &exchange)
            && let Err(error) = watched.end(py, &environ, exchange.reply())
        {
            self.turn.life().set_aside(py, error);
        }
        drop(environ);
        if callables.renew().is_ok() && callables.are_ours() {
            self.spare = Some(callables);
        } else {
            callables.let_go();
        }
        exchange
    }

    /// What the application is called with.
    fn prepare(
        &mut self,
        exchange: &mut Exchange,
    ) -> Result<(Bound<'py, PyDict>, Callables<'py>), Unfit> {
        let py = self.py;
        let body = exchange.take_body();
        let body_bytes = body.len();
        let input = input::of(py, body, &mut self.empty)?;
        let environ = self.environs.build(py, exchange, &input, body_bytes)?;
        let callables = match self.spare.take() {
            Some(callables) => callables,
            None => Callables::new(py, self.send_timeout)?,
        };
        environ.set_item(intern!(py, "wsgi.early_hints"), &callables.early_hints)?;
        Ok((environ, callables))
    }

    fn call(&self, environ: &Bound<'py, PyDict>, callables: &Callables<'py>) -> PyResult<()> {
        let answer = self.app.call1((environ, &callables.start_response))?;
        let responder = &callables.responder;
        if let Some(only) = only_part(&answer) {
            return self
                .send(responder, &only, true)
                .and_then(|()| finish(responder));
        }
        let sent = self.send_all(responder, &answer);
        let closed = close(&answer);
        sent.and(closed).and_then(|()| finish(responder))
    }

    fn send_all(
        &self,
        responder: &Bound<'py, Responder>,
        answer: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        if let Ok(wrapper) = answer.cast::<FileWrapper>()
            && self.send_file(responder, wrapper)?
        {
            return Ok(());
        }
        for part in answer.try_iter()? {
            let part = part?;
            let bytes = part.cast::<PyBytes>().map_err(|_| not_bytes(&part))?;
            // What is empty only says that the application lives (PEP 3333).
            if !bytes.as_bytes().is_empty() {
                self.send(responder, bytes, false)?;
                // Nobody takes the rest, which may have no end.
                if !responder.try_borrow_mut()?.exchange()?.is_intact() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn send(
        &self,
        responder: &Bound<'py, Responder>,
        part: &Bound<'py, PyBytes>,
        whole: bool,
    ) -> PyResult<()> {
        responder.try_borrow_mut()?.send(self.py, part, whole)
    }

    /// `false` where it is no file that the kernel can send.
    fn send_file(
        &self,
        responder: &Bound<'py, Responder>,
        wrapper: &Bound<'py, FileWrapper>,
    ) -> PyResult<bool> {
        let Some(stretch) = wrapper.borrow().stretch(self.py) else {
            return Ok(false);
        };
        let file = file_wrapper::borrow(stretch.descriptor);
        let mut responder = responder.try_borrow_mut()?;
        let sent = responder
            .exchange()?
            .send_file(file, stretch.offset, stretch.bytes);
        sent.map_err(responder::error).map(|()| true)
    }

    /// What a client gets when the application failed: an answer, where none was begun.
    fn fail(&self, mut exchange: Exchange, error: &PyErr) -> Exchange {
        self.turn.report(self.py, &exchange.name(), error);
        exchange.fail();
        exchange
    }
}

impl Application for WsgiThread<'_> {
    fn serve(&mut self, exchange: Exchange) -> Option<Exchange> {
        let exchange = self.answer(exchange);
        if let Some(exchange) = &exchange {
            self.observer.log(exchange);
        }
        exchange
    }

    fn detached<T: Send>(&mut self, waiting: impl FnOnce() -> T + Send) -> T {
        self.py.detach(waiting)
    }

    fn turn(&mut self) {
        self.turn.take(self.py);
    }

    fn refused(&mut self, refusals: Refusals) {
        refused::tell(self.py, self.turn.life(), &self.observer, &refusals);
    }
}

/// How many hold an object.
#[expect(unsafe_code, reason = "Python's own count has no safe name")]
pub(crate) fn holders(object: &Bound<'_, PyAny>) -> isize {
    // SAFETY: the pointer is that of an object which `object` holds, and its thread is
    // attached to the interpreter.
    unsafe { pyo3::ffi::Py_REFCNT(object.as_ptr()) }
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
