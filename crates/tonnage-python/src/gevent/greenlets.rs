//! Between the hub and the sockets: the hub calls when a socket has something, and requests
//! are begun (`beginning.rs`), each in a greenlet that takes it from here, has it answered
//! (`answering.rs`) and brings it back.
//!
//! The sockets are held under a lock only while no Python runs, so that no greenlet that is
//! put aside has them.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pyo3::prelude::*;
use tonnage_serve::dispatch::{Exchange, Streams, now_ns};
use tonnage_serve::io::{Poller, Token};

use super::hub::{self, Hub};
use crate::life::{Life, before_kill};
use crate::worker::lock;
use crate::wsgi::{Calls, Patience, Plan, Stock};

/// What is not Python's, and the greenlets that are at work.
pub(super) struct Core {
    pub(super) streams: Streams,
    /// The request that the greenlet takes which is begun next.
    pub(super) handed: Option<(Token, Exchange)>,
    /// The greenlets that have a request, by their numbers, and its name where somebody looks
    /// after those that take too long.
    pub(super) working: HashMap<u64, (Py<PyAny>, String)>,
    /// The number of the last one.
    pub(super) number: u64,
}

/// A worker that serves in greenlets.
#[pyclass(module = "tonnage._tonnage", frozen)]
pub(crate) struct Greenlets {
    core: Mutex<Core>,
    poller: Arc<Poller>,
    /// Away while a greenlet prepares a request. Preparing may collect garbage, whose end may
    /// make the greenlet wait: who comes meanwhile makes another.
    pub(super) stock: Mutex<Option<Box<Stock>>>,
    pub(super) plan: Plan,
    pub(super) patience: Patience,
    pub(super) calls: Calls,
    hub: Hub,
    pub(super) life: Arc<Life>,
    /// How long requests have to end when the worker is to, and how long again when they were
    /// told to.
    pub(super) drain_time: Duration,
    pub(super) killed_time: Duration,
    /// Somebody looks after requests that take too long.
    pub(super) has_limits: bool,
    /// A turn is under way, which begins whatever requests there are.
    pub(super) turning: AtomicBool,
    /// The hub was asked for another turn.
    pub(super) nudged: AtomicBool,
    /// The worker was told to drain: see `draining`.
    pub(super) told: AtomicU8,
    pub(super) draining: AtomicBool,
    /// Those who were still at work were told to end.
    pub(super) killed: AtomicBool,
    /// The hub was told to stop.
    over: AtomicBool,
}

/// What a worker is made of.
pub(super) struct Parts {
    pub(super) streams: Streams,
    pub(super) plan: Plan,
    pub(super) patience: Patience,
    pub(super) calls: Calls,
    pub(super) hub: Hub,
    pub(super) life: Arc<Life>,
    pub(super) graceful: Duration,
    pub(super) has_limits: bool,
}

#[pymethods]
impl Greenlets {
    /// Called by the hub when the sockets have something, or it was asked to. Raises nothing:
    /// the hub would call no more.
    #[pyo3(name = "_turn")]
    fn turn(slf: &Bound<'_, Self>) {
        let this = slf.get();
        if this.is_over() || this.turning.swap(true, Ordering::Relaxed) {
            return;
        }
        this.nudged.store(false, Ordering::Relaxed);
        if let Err(error) = this.begin_all(slf) {
            this.life.set_aside(slf.py(), error);
        }
        this.turning.store(false, Ordering::Relaxed);
        this.go_on(slf);
    }

    /// Called by the hub twice a second.
    #[pyo3(name = "_tick")]
    fn tick(slf: &Bound<'_, Self>) {
        let this = slf.get();
        if !this.is_over() {
            this.life.note_tick(now_ns(), hub::TICK.as_millis() as u64);
            this.look_around(slf.py());
            Self::turn(slf);
        }
    }

    /// What a greenlet runs.
    #[pyo3(name = "_serve")]
    fn serve(slf: &Bound<'_, Self>, number: u64) {
        let (this, py) = (slf.get(), slf.py());
        let handed = this.core().handed.take();
        let Some((token, exchange)) = handed else {
            return;
        };
        let exchange = this.answer(py, exchange);
        if let Some(exchange) = &exchange {
            this.calls.log(exchange);
        }
        let ended = {
            let mut core = this.core();
            match exchange {
                Some(exchange) => core.streams.end(token, exchange),
                None => core.streams.lose(token),
            }
            core.working.remove(&number)
        };
        drop(ended);
        this.go_on(slf);
    }

    /// Tells the worker to drain; from any thread, and in the midst of anything.
    #[pyo3(name = "drain", signature = (empty_backlog=false))]
    fn tell_to_drain(&self, empty_backlog: bool) {
        self.tell(empty_backlog);
        self.poller.ring();
    }

    /// Called by the hub when those who are still at work have had their time.
    #[pyo3(name = "_lose_patience")]
    fn lose_patience(slf: &Bound<'_, Self>) {
        if let Err(error) = slf.get().hurry(slf) {
            slf.get().life.set_aside(slf.py(), error);
        }
    }
}

impl Greenlets {
    pub(super) fn new(py: Python<'_>, parts: Parts) -> PyResult<Self> {
        let before_kill = before_kill(parts.graceful);
        let stock = parts.plan.stock(py, parts.patience.clone_ref(py))?;
        Ok(Self {
            poller: parts.streams.bell(),
            core: Mutex::new(Core {
                streams: parts.streams,
                handed: None,
                working: HashMap::new(),
                number: 0,
            }),
            stock: Mutex::new(Some(Box::new(stock))),
            plan: parts.plan,
            patience: parts.patience,
            calls: parts.calls,
            hub: parts.hub,
            life: parts.life,
            drain_time: parts.graceful.saturating_sub(before_kill),
            killed_time: before_kill / 2,
            has_limits: parts.has_limits,
            turning: AtomicBool::new(false),
            nudged: AtomicBool::new(false),
            told: AtomicU8::new(0),
            draining: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            over: AtomicBool::new(false),
        })
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// What the hub has to watch.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }

    /// The sockets, for a moment.
    pub(super) fn with_streams<T>(&self, act: impl FnOnce(&mut Streams) -> T) -> T {
        act(&mut self.core().streams)
    }

    /// The greenlets that have a request.
    pub(super) fn working<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        let core = self.core();
        let working = core.working.values();
        working
            .map(|(greenlet, _)| greenlet.bind(py).clone())
            .collect()
    }

    /// The requests that are at work, with their greenlets.
    pub(crate) fn calls(&self, py: Python<'_>) -> Vec<(String, Py<PyAny>)> {
        let core = self.core();
        let working = core.working.values();
        working
            .map(|(greenlet, name)| (name.clone(), greenlet.clone_ref(py)))
            .collect()
    }

    /// Runs signal handlers and shows that the worker lives.
    pub(super) fn look_around(&self, py: Python<'_>) {
        self.calls.turn().take(py);
    }

    /// Lets the hub stop, once.
    pub(super) fn stop(&self, py: Python<'_>) -> PyResult<()> {
        if self.over.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.hub.stop(py)
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// No Python runs while it is held.
    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        lock(&self.core)
    }
}
