//! WSGI (PEP 3333): a request as a call of the application.

mod calls;
mod early_hints;
mod environ;
mod file_wrapper;
mod input;
mod plan;
mod responder;
mod serving;
mod strings;
mod tls;

use pyo3::prelude::*;
use tonnage_serve::dispatch::{Application, Exchange};
use tonnage_serve::io::Refusals;

pub(crate) use self::calls::{Calls, Stock};
pub(crate) use self::file_wrapper::FileWrapper;
pub(crate) use self::plan::{Plan, servers};
pub(crate) use self::responder::Patience;
pub(crate) use self::serving::serve_wsgi;

/// What one thread needs to run a WSGI application.
pub(crate) struct WsgiThread<'py> {
    py: Python<'py>,
    calls: Calls,
    stock: Stock,
}

impl WsgiThread<'_> {
    /// Has a request answered, by the application where it is given it.
    fn answer(&mut self, mut exchange: Exchange) -> Option<Exchange> {
        let py = self.py;
        match self.stock.prepare(py, &mut exchange) {
            Ok(prepared) => {
                let (exchange, callables) = self.calls.run(py, exchange, prepared);
                self.stock.take_back(py, callables);
                exchange
            }
            Err(unfit) => Some(self.calls.refuse(py, exchange, unfit)),
        }
    }
}

impl Application for WsgiThread<'_> {
    fn serve(&mut self, exchange: Exchange) -> Option<Exchange> {
        let exchange = self.answer(exchange);
        if let Some(exchange) = &exchange {
            self.calls.log(exchange);
        }
        exchange
    }

    fn detached<T: Send>(&mut self, waiting: impl FnOnce() -> T + Send) -> T {
        self.py.detach(waiting)
    }

    fn turn(&mut self) {
        self.calls.turn().take(self.py);
    }

    fn refused(&mut self, refusals: Refusals) {
        self.calls.tell(self.py, &refusals);
    }
}

/// How many hold an object.
#[expect(unsafe_code, reason = "Python's own count has no safe name")]
pub(crate) fn holders(object: &Bound<'_, PyAny>) -> isize {
    // SAFETY: the pointer is that of an object which `object` holds, and its thread is
    // attached to the interpreter.
    unsafe { pyo3::ffi::Py_REFCNT(object.as_ptr()) }
}
