//! Between the loop and the sockets: the loop calls when a socket has something, requests
//! are begun, and calls of the application that wait are told what happened.
//!
//! The sockets are held under a lock only while no Python runs, so that it is never waited
//! for by whoever has the interpreter.

mod core;
mod draining;
mod handles;
mod late;
mod serving;

use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use tonnage_serve::dispatch::{Exchange, Heard, Received, Streams, now_ns};
use tonnage_serve::http::Refusal;
use tonnage_serve::websocket::{Message, WebSocket};

use self::core::Core;
use self::handles::Spares;
use super::awaitable::Sent;
use super::call::Call;
use super::event_loop::EventLoop;
use super::message::Messages;
use super::scope::Scopes;
use super::websocket::Rules;
use crate::life::Life;
use crate::observe::Observer;
use crate::turn::Turn;

/// How often it is looked at what takes too long, in ms.
const TICK_MS: u64 = 500;

/// How long is waited for whom, in ms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// A client that does not take its response.
    pub(super) send_ms: u64,
    /// A client that does not send its body.
    pub(super) body_ms: u64,
    /// An application whose client has gone.
    pub(super) disconnect_ms: u64,
    /// An application that is still at work when the worker is to end.
    pub(super) drain_ms: u64,
    /// The same after it was cancelled.
    pub(super) cancelled_ms: u64,
}

/// An ASGI worker.
#[pyclass(module = "tonnage._tonnage", frozen)]
pub(crate) struct Bridge {
    event_loop: EventLoop,
    core: Mutex<Core>,
    scopes: Mutex<Scopes>,
    spares: Spares,
    messages: Messages,
    sent: Py<Sent>,
    observer: Observer,
    /// What responses say is kept for those who watch.
    keeps_said: bool,
    turn: Turn,
    life: Arc<Life>,
    patience: Patience,
    websockets: Rules,
    /// A turn is under way, which begins whatever requests there are.
    turning: AtomicBool,
    /// The loop was asked for another turn.
    nudged: AtomicBool,
    draining: AtomicBool,
    /// The worker leaves as soon as no call waits.
    quitting: AtomicBool,
    /// The loop was told to return.
    over: AtomicBool,
    /// Those who were still at work were cancelled.
    cancelled: AtomicBool,
}

/// What a bridge is made of.
pub(super) struct Parts {
    pub(super) event_loop: EventLoop,
    pub(super) streams: Streams,
    pub(super) scopes: Scopes,
    pub(super) observer: Observer,
    pub(super) life: Arc<Life>,
    pub(super) patience: Patience,
    pub(super) websockets: Rules,
}

#[pymethods]
impl Bridge {
    /// Called by the loop when the sockets have something, or it was asked to.
    #[pyo3(name = "_turn")]
    fn turn(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        if this.is_over() {
            return Ok(());
        }
        this.nudged.store(false, Ordering::Relaxed);
        // An application may run the loop within a request (though it should not).
        let outer = this.turning.swap(true, Ordering::Relaxed);
        let served = this.serve(slf);
        this.core().streams.let_go();
        this.turning.store(outer, Ordering::Relaxed);
        if this.core().streams.has_more() {
            this.nudge(slf)?;
        }
        served?;
        this.stop_if_over(slf.py())
    }

    /// Called by the loop twice a second.
    #[pyo3(name = "_tick")]
    fn tick(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        if this.is_over() {
            return Ok(());
        }
        let py = slf.py();
        this.life.note_tick(now_ns(), TICK_MS);
        // First of all, so that it goes on whatever happens.
        this.event_loop
            .call_later(TICK_MS, &slf.getattr(intern!(py, "_tick"))?)?;
        this.look_around(py)?;
        Self::turn(slf)?;
        let now_ms = now_ns() / 1_000_000;
        let calls = this.core().open_calls(py);
        for call in calls {
            if let Err(error) = Call::look(call.bind(py), now_ms) {
                this.life.set_aside(py, error);
            }
        }
        Ok(())
    }

    /// Tells the worker to drain; from any thread, and in the midst of anything.
    #[pyo3(signature = (empty_backlog=false))]
    fn drain(slf: &Bound<'_, Self>, empty_backlog: bool) -> PyResult<()> {
        let py = slf.py();
        let begin = slf.getattr(intern!(py, "_begin_drain"))?;
        let event_loop = slf.get().event_loop.object(py);
        let called = (begin, empty_backlog);
        event_loop.call_method1(intern!(py, "call_soon_threadsafe"), called)?;
        Ok(())
    }

    /// The same, in the loop.
    #[pyo3(name = "_begin_drain", signature = (empty_backlog, /))]
    fn begin_drain(slf: &Bound<'_, Self>, empty_backlog: bool) -> PyResult<()> {
        slf.get().take_nothing_new(slf, empty_backlog)
    }

    /// Tells the worker to leave; in the midst of anything, as [`Bridge::drain`].
    fn quit(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let begin = slf.getattr(intern!(py, "_begin_quit"))?;
        let event_loop = slf.get().event_loop.object(py);
        event_loop.call_method1(intern!(py, "call_soon_threadsafe"), (begin,))?;
        Ok(())
    }

    /// The same, in the loop.
    #[pyo3(name = "_begin_quit")]
    fn begin_quit(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().cancel_and_stop(slf)
    }

    /// Called by the loop when requests have had their time.
    #[pyo3(name = "_end_late")]
    fn end_late(slf: &Bound<'_, Self>) {
        slf.get().end_late_calls(slf.py());
    }

    /// Called by the loop when those who are still at work have had their time.
    #[pyo3(name = "_lose_patience")]
    fn lose_patience(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().hurry(slf)
    }
}

impl Bridge {
    pub(super) fn new(py: Python<'_>, parts: Parts) -> PyResult<Bound<'_, Self>> {
        let bridge = Self {
            event_loop: parts.event_loop,
            core: Mutex::new(Core::new(parts.streams)),
            scopes: Mutex::new(parts.scopes),
            spares: Spares::default(),
            messages: Messages::new(py)?,
            sent: Py::new(py, Sent)?,
            keeps_said: parts.observer.wants_response_fields(),
            observer: parts.observer,
            turn: Turn::new(Arc::clone(&parts.life), true),
            life: parts.life,
            patience: parts.patience,
            websockets: parts.websockets,
            turning: AtomicBool::new(false),
            nudged: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            quitting: AtomicBool::new(false),
            over: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
        };
        Bound::new(py, bridge)
    }

    /// Lets go of what is kept for more requests, which knows this in turn.
    pub(super) fn close(&self) {
        self.spares.clear();
    }

    /// What the loop has to watch.
    pub(super) fn descriptor(&self) -> RawFd {
        self.core().streams.descriptor().as_raw_fd()
    }

    pub(super) fn event_loop(&self) -> &EventLoop {
        &self.event_loop
    }

    pub(super) fn messages(&self) -> &Messages {
        &self.messages
    }

    pub(super) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// What websockets obey.
    pub(super) fn websockets(&self) -> &Rules {
        &self.websockets
    }

    /// What `send` returns where nothing has to be waited for.
    pub(super) fn sent<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.sent.bind(py).clone().into_any()
    }

    /// Takes what has come of a body.
    pub(super) fn receive(
        &self,
        exchange: &mut Exchange,
        sink: &mut impl FnMut(&[u8]),
    ) -> Received {
        self.core().streams.receive(exchange, sink)
    }

    /// Takes what has come of a websocket, one reading of it.
    pub(super) fn hear(
        &self,
        exchange: &mut Exchange,
        websocket: &mut WebSocket,
        sink: &mut dyn FnMut(Message<'_>),
    ) -> Heard {
        self.core().streams.hear(exchange, websocket, sink)
    }

    /// Sends a message of a websocket; whether it could be.
    pub(super) fn say(
        &self,
        exchange: &mut Exchange,
        websocket: &WebSocket,
        message: Message<'_>,
    ) -> bool {
        self.core().streams.say(exchange, websocket, message)
    }

    /// Answers that a body is not acceptable.
    pub(super) fn refuse(&self, exchange: &mut Exchange, refusal: Refusal) {
        self.core().streams.refuse(exchange, refusal);
    }

    /// The application raised this.
    pub(super) fn report(&self, py: Python<'_>, request: &str, error: &PyErr) {
        self.turn.report(py, request, error);
    }

    /// What the threads of the worker share.
    pub(super) fn life(&self) -> &Life {
        &self.life
    }

    /// What is not Python's. No Python runs while it is held.
    fn core(&self) -> MutexGuard<'_, Core> {
        lock(&self.core)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
