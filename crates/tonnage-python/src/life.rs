//! What all threads of a worker share of its life: how the others see it, when it is to end,
//! and where it says what.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::PyList;
use tonnage_serve::board::{Board, Logged, Meters, Slot, SlotId, Wish, now_ms};
use tonnage_serve::dispatch::{Dispatcher, Ending};
use tonnage_serve::supervisor::Bell;

use crate::asgi::Bridge;
use crate::gevent::Greenlets;
use crate::worker::{Kit, lock};

/// How long before the supervisor loses its patience a worker loses its own, at most and as a
/// share: applications have to clear up, too.
const BEFORE_KILL: Duration = Duration::from_secs(1);
const BEFORE_KILL_SHARE: u32 = 10;

/// What signal handlers raise: `tonnage._worker.Leave`.
const LEAVE: &str = "Leave";

/// How long before the end of its time a worker that drains tells those who are still at work
/// to end.
pub(crate) fn before_kill(graceful: Duration) -> Duration {
    BEFORE_KILL.min(graceful / BEFORE_KILL_SHARE)
}

/// Why a worker's main thread leaves: what a signal handler raised.
#[derive(Debug, Default)]
pub(crate) struct Leaving(Mutex<Option<PyErr>>);

impl Leaving {
    /// The first reason counts.
    pub(crate) fn set(&self, error: PyErr) {
        let mut reason = lock(&self.0);
        reason.get_or_insert(error);
    }

    /// Whether there is a reason.
    pub(crate) fn is_set(&self) -> bool {
        lock(&self.0).is_some()
    }

    /// The reason, once.
    pub(crate) fn take(&self) -> Option<PyErr> {
        lock(&self.0).take()
    }
}

/// What all threads of a worker share of its life.
#[derive(Debug)]
pub(crate) struct Life {
    place: &'static Slot,
    /// Where it is counted what happens, where somebody wants to know.
    meters: Option<&'static Meters>,
    /// When the event loop's timer is due; 0 before the first time.
    loop_due_ns: AtomicU64,
    board: Board,
    slot: SlotId,
    bell: Arc<Bell>,
    draining: AtomicBool,
    dispatcher: OnceLock<Arc<Dispatcher>>,
    /// How a worker with a loop is told to drain, from whatever thread, and, where it takes
    /// it a moment, to leave.
    event_loop: OnceLock<(Py<PyAny>, Option<Py<PyAny>>)>,
    /// The loop on which the application starts.
    starting: OnceLock<Py<PyAny>>,
    /// Who knows the calls of an ASGI worker.
    bridge: OnceLock<Py<Bridge>>,
    /// The same of one that serves in greenlets.
    greenlets: OnceLock<Py<Greenlets>>,
    /// Requests after which the worker wants to be replaced; never, where it is the
    /// largest number.
    most_requests: AtomicU64,
    pub(crate) leaving: Leaving,
    /// A client asked for a protocol that is not spoken, and somebody was told.
    told_of_upgrade: AtomicBool,
    log: Mutex<Option<Py<PyAny>>>,
}

impl Life {
    pub(crate) fn new(kit: &Kit) -> Self {
        let processes = &kit.settings.processes;
        let most_requests = processes.max_requests.map_or(u64::MAX, |most| {
            most.saturating_add(random_below(
                processes.max_requests_jitter.saturating_add(1),
            ))
        });
        Self {
            place: kit.board.slot(kit.slot),
            meters: (kit.settings.metrics.are_wanted()).then(|| kit.board.meters(kit.slot)),
            loop_due_ns: AtomicU64::new(0),
            board: kit.board,
            slot: kit.slot,
            bell: Arc::clone(&kit.bell),
            draining: AtomicBool::new(false),
            dispatcher: OnceLock::new(),
            event_loop: OnceLock::new(),
            starting: OnceLock::new(),
            bridge: OnceLock::new(),
            greenlets: OnceLock::new(),
            most_requests: AtomicU64::new(most_requests),
            leaving: Leaving::default(),
            told_of_upgrade: AtomicBool::new(false),
            log: Mutex::new(None),
        }
    }

    /// The number of its place.
    pub(crate) fn slot(&self) -> usize {
        self.slot.index()
    }

    /// The same, for whoever has places of its own.
    pub(crate) fn place_id(&self) -> SlotId {
        self.slot
    }

    /// Tells the supervisor that files of the application have changed.
    pub(crate) fn tell_code_change(&self, mark: u32) {
        self.place.tell_code_change(mark);
        self.bell.ring();
    }

    /// Requests that the application was given so far.
    pub(crate) fn requests(&self) -> u64 {
        self.place.snapshot().requests
    }

    /// Who serves, for whoever ends it.
    pub(crate) fn serves_by(&self, dispatcher: &Arc<Dispatcher>) {
        let _ = self.dispatcher.set(Arc::clone(dispatcher));
    }

    /// Where the worker's own messages go: level, text.
    pub(crate) fn set_log(&self, log: Py<PyAny>) {
        *lock(&self.log) = Some(log);
    }

    /// Shows that the worker lives.
    pub(crate) fn show(&self) {
        self.place.beat(now_ms());
    }

    /// An event loop's timer has come, and comes again in so many ms.
    pub(crate) fn note_tick(&self, now_ns: u64, again_ms: u64) {
        let due_ns = self
            .loop_due_ns
            .swap(now_ns + again_ms * 1_000_000, Ordering::Relaxed);
        if let Some(meters) = self.meters {
            let late_ns = if due_ns == 0 {
                0
            } else {
                now_ns.saturating_sub(due_ns)
            };
            meters.count_lag(late_ns, now_ns / 1_000_000 + again_ms);
        }
    }

    /// Counts a line of the log, where somebody wants to know.
    pub(crate) fn count_logged(&self, what: Logged) {
        if let Some(meters) = self.meters {
            meters.count_logged(what);
        }
    }

    /// Where it is counted what the worker does, where somebody wants to know.
    pub(crate) fn meters(&self) -> Option<&'static Meters> {
        self.meters
    }

    /// The worker's place on the board.
    pub(crate) fn place(&self) -> &'static Slot {
        self.place
    }

    /// Says that the worker can serve.
    pub(crate) fn ready(&self) {
        if self.place.become_ready() {
            self.bell.ring();
        }
    }

    /// Counts a request that the application is given, and asks for a replacement when
    /// there were enough.
    pub(crate) fn count_request(&self) {
        let served = self.place.count_request();
        if served >= self.most_requests.load(Ordering::Relaxed)
            && self.most_requests.swap(u64::MAX, Ordering::Relaxed) != u64::MAX
        {
            self.place.ask_for_replacement(Wish::Requests);
            self.bell.ring();
        }
    }

    /// Finishes what was begun and takes nothing new.
    pub(crate) fn drain(&self) {
        if self.draining.swap(true, Ordering::AcqRel) {
            return;
        }
        self.place.drain();
        // Whoever is the last to say so sees nobody else who could take what waits.
        let empty_backlog = !self.board.has_other(self.slot);
        if let Some(dispatcher) = self.dispatcher.get() {
            dispatcher.end(Ending::Gracefully { empty_backlog });
        }
        if let Some((drain, _)) = self.event_loop.get() {
            Python::attach(|py| {
                if let Err(error) = drain.call1(py, (empty_backlog,)) {
                    error.write_unraisable(py, None);
                }
            });
        }
    }

    /// Whether the worker has been told to finish.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Leaves everything as it is.
    pub(crate) fn end_at_once(&self) {
        if let Some(dispatcher) = self.dispatcher.get() {
            dispatcher.end(Ending::AtOnce);
        }
    }

    /// Tells an event loop to leave, which takes it a moment. Whether there is one that runs.
    pub(crate) fn quit_loop(&self, py: Python<'_>) -> bool {
        let quit = self.event_loop.get().and_then(|(_, quit)| quit.as_ref());
        quit.is_some_and(|quit| quit.call0(py).is_ok())
    }

    /// What a worker with a loop is told to drain by, and to leave; drains at once where it
    /// was told already.
    pub(crate) fn ends_by(
        &self,
        py: Python<'_>,
        drain: Py<PyAny>,
        quit: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let _ = self.event_loop.set((drain.clone_ref(py), quit));
        if self.is_draining() {
            drain.call1(py, (false,))?;
        }
        Ok(())
    }

    /// On which event loop the application starts, before anybody calls it there.
    pub(crate) fn starts_on(&self, event_loop: &Bound<'_, PyAny>) {
        let _ = self.starting.set(event_loop.clone().unbind());
    }

    /// Who knows the calls that wait on an event loop.
    pub(crate) fn tells_of_calls(&self, bridge: &Bound<'_, Bridge>) {
        let _ = self.bridge.set(bridge.clone().unbind());
    }

    /// Who knows the requests that greenlets answer.
    pub(crate) fn tells_of_greenlets(&self, greenlets: &Bound<'_, Greenlets>) {
        let _ = self.greenlets.set(greenlets.clone().unbind());
    }

    /// Whether one thread answers many requests at a time, so that it says nothing of them.
    pub(crate) fn shares_a_thread(&self) -> bool {
        self.has_loop() || self.greenlets.get().is_some()
    }

    /// Whether the worker serves on an event loop.
    pub(crate) fn has_loop(&self) -> bool {
        self.bridge.get().is_some()
    }

    /// The calls that wait on an event loop, request and task of each, and that loop; requests
    /// and greenlets, and `None`, where there is no loop.
    pub(crate) fn calls<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyAny>)> {
        if let Some(bridge) = self.bridge.get() {
            return bridge.get().calls(py);
        }
        if let Some(starting) = self.starting.get() {
            return Ok((PyList::empty(py), starting.bind(py).clone()));
        }
        let greenlets = self.greenlets.get();
        let calls = greenlets.map_or_else(Vec::new, |all| all.get().calls(py));
        Ok((PyList::new(py, calls)?, py.None().into_bound(py)))
    }

    /// Has an event loop end the requests that have had their time.
    pub(crate) fn end_late(&self, py: Python<'_>) {
        if let Some(bridge) = self.bridge.get()
            && let Err(error) = Bridge::end_late_soon(bridge.bind(py))
        {
            error.write_unraisable(py, None);
        }
    }

    /// Whether nobody was told of a protocol that is not spoken; from now on somebody was.
    pub(crate) fn tells_of_upgrade(&self) -> bool {
        !self.told_of_upgrade.swap(true, Ordering::Relaxed)
    }

    /// Says something to whoever runs the server.
    pub(crate) fn log(&self, py: Python<'_>, level: &str, text: &str) {
        let log = lock(&self.log).as_ref().map(|log| log.clone_ref(py));
        if let Some(log) = log
            && let Err(error) = log.call1(py, (level, text))
        {
            self.set_aside(py, error);
        }
    }

    /// The worker leaves everything as it is, for this reason.
    pub(crate) fn leave(&self, error: PyErr) {
        self.leaving.set(error);
        self.end_at_once();
    }

    /// What something raised on which nothing depends, a hook or a log. A signal handler
    /// may have run in the midst of it.
    pub(crate) fn set_aside(&self, py: Python<'_>, error: PyErr) {
        if self.is_left_by(py, &error) {
            self.leave(error);
        } else {
            error.write_unraisable(py, None);
        }
    }

    /// Whether the worker is to end with it. Where many requests share a thread one that exits
    /// does not end the others: only a signal handler does.
    pub(crate) fn is_left_by(&self, py: Python<'_>, error: &PyErr) -> bool {
        is_leaving(py, error) && (self.greenlets.get().is_none() || is_named(py, error, LEAVE))
    }
}

/// Whether the worker is to end with it: what signal handlers raise.
pub(crate) fn is_leaving(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PySystemExit>(py) || error.is_instance_of::<PyKeyboardInterrupt>(py)
}

/// Whether an exception is of the class of this name, whose module is only there where somebody
/// has imported it.
pub(crate) fn is_named(py: Python<'_>, error: &PyErr, name: &str) -> bool {
    (error.get_type(py).name()).is_ok_and(|its| its == name)
}

/// A number below `bound`, another one in each process.
fn random_below(bound: u64) -> u64 {
    RandomState::new().hash_one(std::process::id()) % bound.max(1)
}
