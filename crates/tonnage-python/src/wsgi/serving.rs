//! A worker that serves a WSGI application: one thread that does everything, or several,
//! while the main one looks after signals and, with `--threads auto`, after their number.

use std::num::NonZeroU64;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec};
use tonnage_serve::dispatch::{Decision, Dispatcher, Ending, Growth, Pressure, active_ns, now_ns};
use tonnage_serve::io::{Io, Neighbours};

use super::plan::{Plan, servers};
use crate::settings::io_settings;
use crate::turn::Turn;
use crate::worker::Worker;

/// What the kernel may add to a wait of an application's thread, in place of its 50 µs
/// (prctl(2), `PR_SET_TIMERSLACK`): who has several threads has them to wait.
const TIMER_SLACK_NS: NonZeroU64 = NonZeroU64::new(1000).unwrap();

/// How often a main thread that serves nothing itself looks around, in ms.
const LOOK_MS: i64 = 500;

/// How often it looks whether more threads would help, in ms.
const PRESSED_LOOK_MS: i64 = 50;

/// Serves a WSGI application until drained. Reports the worker ready.
#[pyfunction]
pub(crate) fn serve_wsgi(app: Bound<'_, PyAny>, worker: &Bound<'_, Worker>) -> PyResult<()> {
    let py = app.py();
    let worker = worker.get();
    let kit = worker.take_kit()?;
    let servers = servers(&kit.listeners);
    let settings = Arc::clone(&worker.settings);
    let neighbours = Neighbours::new(kit.board, kit.slot, Arc::clone(&kit.inboxes));
    let obeyed = io_settings(&settings, kit.tls, worker.access_log());
    let mut io = Io::new(obeyed, kit.listeners, Some(neighbours))?;
    worker.look_after(&mut io);
    io.poller().watch_wakeup(worker.wakeup_reader()?)?;
    let threads = settings.application.threads as usize;
    let life = Arc::clone(&worker.life);
    let dispatcher = Dispatcher::start(io, threads, Some(life.place()))?;
    life.serves_by(&dispatcher);
    let plan = Plan::new(py, &settings, servers, &worker.life)?;
    life.ready();
    if life.is_draining() {
        // Told before there was anything to drain.
        dispatcher.end(Ending::Gracefully {
            empty_backlog: false,
        });
    }
    let growth = settings.application.max_threads;
    let growth = growth.map(|most| Growth::new(most as usize));
    if threads == 1 && growth.is_none() {
        plan.serve(app, worker.observer(py), true, &dispatcher)?;
    } else {
        let pool = Pool {
            app: &app,
            worker,
            plan: &plan,
            dispatcher: &dispatcher,
            threads: Vec::new(),
        };
        pool.serve(threads, growth)?;
    }
    life.leaving.take().map_or(Ok(()), Err)
}

/// The threads of a worker that has several, or may come to have.
struct Pool<'a, 'py> {
    app: &'a Bound<'py, PyAny>,
    worker: &'a Worker,
    plan: &'a Plan,
    dispatcher: &'a Arc<Dispatcher>,
    threads: Vec<JoinHandle<PyResult<()>>>,
}

impl Pool<'_, '_> {
    /// Serves with so many threads, while this one looks after signals.
    fn serve(mut self, threads: usize, mut growth: Option<Growth>) -> PyResult<()> {
        let py = self.app.py();
        let turn = Turn::new(Arc::clone(&self.worker.life), true);
        let reader = self.worker.wakeup_reader()?;
        for _ in 0..threads {
            self.start_thread()?;
        }
        while !self.threads.is_empty() {
            let (decision, asked_ns) =
                py.detach(|| look_around(reader, self.dispatcher, growth.as_mut()));
            let got_ns = now_ns();
            turn.take(py);
            self.bury();
            if self.dispatcher.has_ended() {
                // At once: threads that are in an application may take for ever.
                return Ok(());
            }
            let decision = growth
                .as_mut()
                .zip(decision)
                .and_then(|(growth, decision)| {
                    growth.confirm(decision, got_ns.saturating_sub(asked_ns), got_ns)
                });
            if let Some(decision) = decision {
                self.worker.life.log(py, "info", &decision.to_string());
                self.grow(decision.to);
            }
        }
        Ok(())
    }

    /// Takes leave of threads that have ended.
    fn bury(&mut self) {
        for ended in self.threads.extract_if(.., |thread| thread.is_finished()) {
            let panicked = |_| {
                Err(PyRuntimeError::new_err(
                    "a thread of the worker has panicked",
                ))
            };
            if let Err(error) = ended.join().unwrap_or_else(panicked) {
                // With a thread less it would serve ever fewer requests.
                self.worker.life.leave(error);
            }
        }
    }

    /// Starts threads until there are so many, or as many as can be had.
    fn grow(&mut self, threads: usize) {
        while self.threads.len() < threads {
            if let Err(error) = self.start_thread() {
                let text = format!("A further thread cannot be started: {error}");
                self.worker.life.log(self.app.py(), "warning", &text);
                break;
            }
            self.dispatcher.set_threads(self.threads.len());
        }
    }

    /// Starts one more.
    fn start_thread(&mut self) -> std::io::Result<()> {
        let py = self.app.py();
        let (app, dispatcher) = (self.app.clone().unbind(), Arc::clone(self.dispatcher));
        let (plan, observer) = (self.plan.clone_ref(py), self.worker.observer(py));
        let serve = move || {
            // Where it cannot be had, waits are as long as everywhere else.
            let _ = rustix::thread::set_current_timer_slack(Some(TIMER_SLACK_NS));
            Python::attach(|py| plan.serve(app.into_bound(py), observer, false, &dispatcher))
        };
        let thread = std::thread::Builder::new()
            .name("tonnage-wsgi".to_owned())
            .spawn(serve)?;
        self.threads.push(thread);
        Ok(())
    }
}

/// Waits until a signal wants to be looked at, or a while; where the threads may become more,
/// until that is decided. Without the interpreter's lock; when it was done, in ns.
fn look_around(
    reader: BorrowedFd<'_>,
    dispatcher: &Dispatcher,
    growth: Option<&mut Growth>,
) -> (Option<Decision>, u64) {
    let decision = if let Some(growth) = growth {
        decide(reader, dispatcher, growth)
    } else {
        wait_for_signal(reader, LOOK_MS);
        None
    };
    (decision, now_ns())
}

fn decide(
    reader: BorrowedFd<'_>,
    dispatcher: &Dispatcher,
    growth: &mut Growth,
) -> Option<Decision> {
    let mut waited_ms = 0;
    while waited_ms < LOOK_MS {
        // First, so that the lock which this thread had just now has found its next owner.
        if wait_for_signal(reader, PRESSED_LOOK_MS) {
            return None;
        }
        waited_ms += PRESSED_LOOK_MS;
        let (busy, threads) = (dispatcher.in_flight() as usize, dispatcher.threads());
        let waiting = dispatcher.waiting();
        let is_pressed = Growth::is_pressed(busy, threads, waiting);
        let decision = growth.look(Pressure {
            at_ns: now_ns(),
            threads,
            busy,
            waiting,
            active_ns: if is_pressed { active_ns() } else { 0 },
        });
        if decision.is_some() {
            return decision;
        }
    }
    None
}

/// Waits so long at most, and whether a signal came.
fn wait_for_signal(reader: BorrowedFd<'_>, most_ms: i64) -> bool {
    let mut watched = [PollFd::new(&reader, PollFlags::IN)];
    let most = Timespec {
        tv_sec: 0,
        tv_nsec: most_ms * 1_000_000,
    };
    // Whatever it says, it is looked.
    let _ = rustix::event::poll(&mut watched, Some(&most));
    let mut bytes = [0; 64];
    let mut came = false;
    while matches!(rustix::io::read(reader, &mut bytes), Ok(1..)) {
        came = true;
    }
    came
}
