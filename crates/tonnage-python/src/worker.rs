//! A worker process's place among the workers, as Python knows it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use tonnage_serve::access_log::{AccessFormat, AccessLog, Destination, TimeZone};
use tonnage_serve::board::{Board, Boot, Logged, SlotId};
use tonnage_serve::dispatch::now_ns;
use tonnage_serve::io::Io;
use tonnage_serve::listen::{Inboxes, Listener};
use tonnage_serve::overdue::{Overseer, Register};
use tonnage_serve::settings::Settings;
use tonnage_serve::supervisor::{Bell, Level, Reasons, Reports, STOP_MARGIN, Signal, Signals};
use tonnage_serve::tls::TlsServer;

use crate::life::Life;
use crate::observe::Observer;
use crate::orphan;
use crate::stacks::{self, Threads};

/// How long the end of a worker waits for its access log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// What a worker needs of its supervisor.
#[derive(Debug)]
pub(crate) struct Kit {
    pub(crate) listeners: Vec<Listener>,
    /// The supervisor's own descriptors of the same sockets, which a worker must not
    /// keep open: clients would be connected where nobody listens any more.
    pub(crate) originals: Vec<i32>,
    pub(crate) inboxes: Arc<Inboxes>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) reports: Arc<Reports>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) supervisor: Pid,
    pub(crate) board: Board,
    pub(crate) slot: SlotId,
    pub(crate) age: u64,
    pub(crate) replaces: bool,
    pub(crate) reasons: Arc<Reasons>,
    pub(crate) settings: Arc<Settings>,
    /// Read by the supervisor, who may read what the worker's user may not.
    pub(crate) tls: Option<Arc<TlsServer>>,
}

/// What a thread that panicked had in hand is whole: nothing is left half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A worker's place among the workers, made by the supervisor before each fork.
#[pyclass(module = "tonnage._tonnage", frozen)]
#[derive(Debug)]
pub(crate) struct Worker {
    kit: Mutex<Option<Kit>>,
    pub(crate) settings: Arc<Settings>,
    signals: Arc<Signals>,
    bell: Arc<Bell>,
    reports: Arc<Reports>,
    pub(crate) life: Arc<Life>,
    /// Requests in the application's hands, where they have limits.
    register: Option<Arc<Register>>,
    #[pyo3(get)]
    age: u64,
    /// Whether it takes the place of another, which goes on if this one does not start.
    #[pyo3(get)]
    pub(crate) replaces: bool,
    reasons: Arc<Reasons>,
    wakeup: OnceLock<(OwnedFd, OwnedFd)>,
    observer: Mutex<Option<Py<PyAny>>>,
    access_log: Mutex<Option<Arc<AccessLog>>>,
}

impl Worker {
    pub(crate) fn new(kit: Kit) -> Self {
        let life = Arc::new(Life::new(&kit));
        let limits = kit.settings.http.request_limits;
        Self {
            settings: Arc::clone(&kit.settings),
            signals: Arc::clone(&kit.signals),
            bell: Arc::clone(&kit.bell),
            reports: Arc::clone(&kit.reports),
            register: limits
                .are_set()
                .then(|| Register::new(limits, life.meters())),
            age: kit.age,
            replaces: kit.replaces,
            reasons: Arc::clone(&kit.reasons),
            kit: Mutex::new(Some(kit)),
            life,
            wakeup: OnceLock::new(),
            observer: Mutex::new(None),
            access_log: Mutex::new(None),
        }
    }

    /// In the supervisor, after the fork: what is the worker's alone.
    pub(crate) fn leave_to_child(&self) {
        drop(lock(&self.kit).take());
    }

    /// The sockets, once.
    pub(crate) fn take_kit(&self) -> PyResult<Kit> {
        let taken = lock(&self.kit).take();
        taken.ok_or_else(|| PyRuntimeError::new_err("this worker serves already"))
    }

    /// Has the requests entered that the application is given, where they have limits.
    pub(crate) fn look_after(&self, io: &mut Io) {
        if let Some(register) = &self.register {
            io.enter_in(Arc::clone(register));
        }
    }

    /// What a signal makes readable.
    pub(crate) fn wakeup_reader(&self) -> PyResult<BorrowedFd<'_>> {
        Ok(self.wakeup()?.0.as_fd())
    }

    fn wakeup(&self) -> PyResult<&(OwnedFd, OwnedFd)> {
        if let Some(pair) = self.wakeup.get() {
            return Ok(pair);
        }
        let pair = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(system)?;
        Ok(self.wakeup.get_or_init(|| pair))
    }

    /// Where lines of requests go, where it is the server's own log.
    pub(crate) fn access_log(&self) -> Option<Arc<AccessLog>> {
        lock(&self.access_log).clone()
    }

    /// Leaves word of why this worker cannot start.
    pub(crate) fn explain(&self, reason: &str) {
        self.reasons.leave(self.life.place_id(), reason);
    }

    /// Who wants to know of requests.
    pub(crate) fn observer(&self, py: Python<'_>) -> Observer {
        let python = lock(&self.observer)
            .as_ref()
            .map(|observer| observer.clone_ref(py));
        Observer::new(python, self.access_log())
    }
}

#[pymethods]
impl Worker {
    /// The number of its place.
    #[getter]
    fn slot(&self) -> usize {
        self.life.slot()
    }

    /// Requests that the application was given so far.
    #[getter]
    fn requests(&self) -> u64 {
        self.life.requests()
    }

    /// Written to by Python's signal handler; whoever polls wakes the main thread.
    #[getter]
    fn wakeup_fd(&self) -> PyResult<i32> {
        Ok(self.wakeup()?.1.as_raw_fd())
    }

    /// First thing in the child: puts away what is the supervisor's, and sees to it that
    /// this process does not outlive it for long.
    fn after_fork(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(kit) = &mut *lock(&self.kit) {
            let close = py.import("os")?.getattr("close")?;
            for descriptor in std::mem::take(&mut kit.originals) {
                close.call1((descriptor,))?;
            }
            let graceful = self.settings.processes.graceful_timeout;
            orphan::follow(kit.supervisor, graceful + STOP_MARGIN)?;
        }
        self.wakeup().map(|_| ())
    }

    /// Looks after requests that take too long, and after a worker that is stuck, from now on.
    fn oversee(&self, py: Python<'_>) -> PyResult<()> {
        let overseer = Overseer {
            register: self.register.clone(),
            limits: self.settings.http.request_limits,
            place: self.life.place(),
            meters: self.life.meters(),
            bell: Arc::clone(&self.bell),
            reports: Arc::clone(&self.reports),
            witness: Threads::new(py, Arc::clone(&self.life)),
        };
        Ok(overseer.start()?)
    }

    /// Has the supervisor log what every thread does; `frame` is where this one was interrupted.
    fn tell_stuck(&self, py: Python<'_>, frame: Option<Bound<'_, PyAny>>) -> PyResult<bool> {
        let register = self.register.as_ref();
        let in_hand = register.map_or_else(Vec::new, |register| register.in_hand(now_ns()));
        let text = stacks::describe(py, &self.life, &in_hand, frame.as_ref())?;
        let pid = std::process::id();
        let text = format!("Worker (pid:{pid}): it is stuck\n{text}");
        Ok(self.reports.send(Level::Critical, &text))
    }

    /// Signals that came before this process had handlers of its own.
    fn missed_signals(&self) -> Vec<i32> {
        self.signals
            .missed()
            .into_iter()
            .map(Signal::as_raw)
            .collect()
    }

    /// Leaves word of why this worker cannot start.
    #[pyo3(name = "explain")]
    fn explain_to_supervisor(&self, reason: &str) {
        self.explain(reason);
    }

    /// Says what the worker's start waits for: `import` or `self-request`.
    fn booting(&self, step: &str) {
        self.life.place().boot(match step {
            "self-request" => Boot::AskingItself,
            _ => Boot::Importing,
        });
    }

    /// Says that files of the application have changed; the same changes have the same mark,
    /// which is not zero.
    fn tell_code_change(&self, mark: u32) {
        self.life.tell_code_change(mark);
    }

    /// Says that an error is served in place of the application.
    fn be_failing(&self) {
        self.life.place().be_failing();
    }

    /// Where the worker's own messages go: level, text.
    fn set_log(&self, log: Py<PyAny>) {
        self.life.set_log(log);
    }

    /// Who is asked before and after each request; nobody costs nothing.
    fn set_observer(&self, observer: Option<Py<PyAny>>) {
        *lock(&self.observer) = observer;
    }

    /// Lines by `access_log_format` go there. The descriptor is duplicated.
    fn set_access_log(&self, descriptor: i32, path: Option<String>) -> PyResult<()> {
        let format = AccessFormat::parse(&self.settings.logging.access_log_format);
        let format = format.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        let file = duplicate(descriptor)?;
        let destination = Destination::opened(file.into(), path.map(Into::into));
        let life = Arc::clone(&self.life);
        let tell = move |trouble: tonnage_serve::access_log::Trouble| {
            Python::attach(|py| life.log(py, "error", &trouble.to_string()));
        };
        let log = AccessLog::start(format, destination, TimeZone::system(), tell)?;
        *lock(&self.access_log) = Some(Arc::new(log));
        Ok(())
    }

    /// Counts a line of the log, where somebody wants to know: `warning`, `error`, `exception`
    /// or `critical`; any other is not counted.
    fn count_logged(&self, level: &str) {
        let what = match level {
            "warning" => Logged::Warning,
            "error" => Logged::Error,
            "exception" => Logged::Exception,
            "critical" => Logged::Critical,
            _ => return,
        };
        self.life.count_logged(what);
    }

    /// Opens the access log anew; without one, nothing.
    fn reopen_logs(&self) {
        if let Some(log) = &*lock(&self.access_log) {
            log.reopen();
        }
    }

    /// Waits, for a while at most, until the access log is written.
    fn flush_logs(&self, py: Python<'_>) {
        let log = lock(&self.access_log).clone();
        if let Some(log) = log {
            // Its writer may have to tell of trouble, which takes the interpreter.
            py.detach(|| log.flush(FLUSH_TIMEOUT));
        }
    }

    /// Stops accepting, answers what is there, then lets `serve_*` return.
    fn drain(&self, py: Python<'_>) {
        // The watcher may hold the sockets for a moment, and never waits for Python.
        let _ = py;
        self.life.drain();
    }

    /// Cancels what an event loop runs, and lets `serve_asgi` end the application's lifespan
    /// and return. `False` where no loop runs.
    fn quit(&self, py: Python<'_>) -> bool {
        self.life.quit_loop(py)
    }
}

#[expect(unsafe_code, reason = "Python names descriptors by their numbers")]
fn duplicate(descriptor: i32) -> PyResult<OwnedFd> {
    if descriptor < 0 {
        return Err(PyOSError::new_err("a log's descriptor is negative"));
    }
    // SAFETY: the number is not negative, and is only borrowed for the call that copies
    // it, which fails with EBADF where nothing is open under it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    Ok(borrowed.try_clone_to_owned()?)
}

fn system(error: rustix::io::Errno) -> PyErr {
    std::io::Error::from(error).into()
}
