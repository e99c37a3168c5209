//! One call of the application: a request, its response, and who waits for either. What
//! the application calls `receive` and `send` are its methods.
//!
//! Nothing here refers to itself: a call knows its task only while the task waits, and
//! those who wait only until they are woken.

mod around;
mod ending;
mod sending;
mod waiting;
mod websocket;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tonnage_serve::dispatch::Exchange;
use tonnage_serve::io::Token;
use tonnage_serve::websocket::Upgrade;

use self::sending::Sending;
pub(super) use self::waiting::Answer;
use self::websocket::Session;
use super::awaitable::Waiting;
use super::bridge::Bridge;
use super::failure;
use super::message::{self, Head, Kind};
use crate::observe::Watched;

/// A request that is not answered yet.
struct Open {
    token: Token,
    exchange: Exchange,
}

/// One call of the application.
#[pyclass(module = "tonnage._tonnage")]
pub(super) struct Call {
    bridge: Py<Bridge>,
    /// Until the response is complete, or the client has gone.
    open: Option<Open>,
    is_complete: bool,
    /// Until the application has returned.
    scope: Option<Py<PyDict>>,
    watched: Option<Watched>,
    /// Where the request asks for one.
    websocket: Option<Box<Session>>,
    /// The application has had the end of the body.
    body_told: bool,
    /// The response's body is complete, and these trailers are to follow it, so far.
    trailers: Option<Vec<(Vec<u8>, Vec<u8>)>>,
    /// Futures of those who wait for a message.
    receivers: Vec<Py<PyAny>>,
    /// Futures of those who wait for room.
    senders: Vec<Py<PyAny>>,
    /// Where it has to wait; it is cancelled when the client stays away.
    task: Option<Py<PyAny>>,
    /// We have cancelled it.
    cancelled: bool,
    /// Since when the client has not moved although somebody waits for it.
    stalled_since_ms: Option<u64>,
    gone_since_ms: Option<u64>,
}

#[pymethods]
impl Call {
    fn receive(slf: &Bound<'_, Self>) -> Waiting {
        Waiting::for_message(slf.clone().unbind())
    }

    #[pyo3(signature = (message, /))]
    fn send<'py>(
        slf: &Bound<'py, Self>,
        message: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let message = message.cast::<PyDict>()?;
        if slf.try_borrow()?.websocket.is_some() {
            return Self::send_websocket(slf, message);
        }
        let sending = match Kind::of(message)? {
            Kind::Start => {
                let head = Head::of(message)?;
                slf.try_borrow_mut()?.start(&head)?
            }
            Kind::Body => {
                let (part, more) = message::body(message)?;
                slf.try_borrow_mut()?.body(&part, more)?
            }
            Kind::File => {
                let path = message::path(message)?;
                slf.try_borrow_mut()?.file(&path)?
            }
            Kind::Trailers => {
                let (fields, more) = message::trailers(message)?;
                slf.try_borrow_mut()?.add_trailers(&fields, more)?
            }
            Kind::EarlyHint => {
                let links = message::links(message)?;
                slf.try_borrow_mut()?.hint(&links)?
            }
            Kind::Interim => {
                let head = Head::of(message)?;
                slf.try_borrow_mut()?.interim(&head)?
            }
        };
        Self::sent(slf, sending)
    }

    /// Called by the loop where the task did not end at once.
    #[pyo3(name = "_ended", signature = (task, /))]
    fn ended(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        let settled = Self::settle(slf, task);
        let bridge = slf.borrow().bridge.clone_ref(slf.py());
        bridge.get().forget(slf)?;
        settled
    }
}

impl Call {
    /// What `send` returns.
    fn sent<'py>(slf: &Bound<'py, Self>, sending: Sending) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match sending {
            Sending::Going => {}
            Sending::Full => {
                let waiting = Waiting::for_room(slf.clone().unbind());
                return Ok(Bound::new(py, waiting)?.into_any());
            }
            Sending::Complete => Self::give_back(slf)?,
            Sending::Short => {
                Self::give_back(slf)?;
                let text = "the response is shorter than its Content-Length";
                return Err(PyRuntimeError::new_err(text));
            }
            Sending::Lost => {
                Self::give_back(slf)?;
                return Err(failure::disconnected());
            }
        }
        Ok(slf.borrow().bridge.get().sent(py))
    }

    /// A call that belongs to no request yet.
    pub(super) fn new(bridge: Py<Bridge>) -> Self {
        Self {
            bridge,
            open: None,
            is_complete: false,
            scope: None,
            watched: None,
            websocket: None,
            body_told: false,
            trailers: None,
            receivers: Vec::new(),
            senders: Vec::new(),
            task: None,
            cancelled: false,
            stalled_since_ms: None,
            gone_since_ms: None,
        }
    }

    /// Takes a request in hand.
    pub(super) fn begin(
        &mut self,
        token: Token,
        exchange: Exchange,
        scope: Py<PyDict>,
        watched: Option<Watched>,
        upgrade: Option<Upgrade>,
    ) {
        self.open = Some(Open { token, exchange });
        self.is_complete = false;
        self.scope = Some(scope);
        self.watched = watched;
        // Of a websocket nobody asks for a body.
        self.body_told = upgrade.is_some();
        self.websocket = upgrade.map(|upgrade| Box::new(Session::new(upgrade)));
        self.trailers = None;
        self.cancelled = false;
        self.stalled_since_ms = None;
        self.gone_since_ms = None;
    }

    /// The request and its task, where both are there.
    pub(super) fn request_and_task(&self, py: Python<'_>) -> Option<(String, Py<PyAny>)> {
        let (open, task) = (self.open.as_ref()?, self.task.as_ref()?);
        Some((open.exchange.name(), task.clone_ref(py)))
    }

    /// The task has to wait. Where its connection is, as long as it has one.
    pub(super) fn keep(&mut self, task: Py<PyAny>, now_ms: u64) -> Option<Token> {
        self.task = Some(task);
        let open = self.open.as_mut()?;
        open.exchange.send_at_once();
        if open.exchange.is_hung_up() {
            self.gone_since_ms = Some(now_ms);
        }
        Some(open.token)
    }
}
