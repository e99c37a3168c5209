//! A worker that serves a WSGI application: one thread that does everything, or several,
//! while the main one looks after signals.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread::JoinHandle;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec};
use tonnage_serve::dispatch::{Dispatcher, Ending};
use tonnage_serve::io::{Io, Neighbours};

use super::plan::{Plan, servers};
use crate::settings::io_settings;
use crate::turn::Turn;
use crate::worker::Worker;

/// What the kernel may add to a wait of an application's thread, in place of its 50 µs
/// (prctl(2), `PR_SET_TIMERSLACK`): who has several threads has them to wait.
const TIMER_SLACK_NS: NonZeroU64 = NonZeroU64::new(1000).unwrap();

/// How often a main thread that serves nothing itself looks around.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 500_000_000,
};

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
    if threads == 1 {
        plan.serve(app, worker.observer(py), true, &dispatcher)?;
    } else {
        serve_threads(py, &app, worker, &plan, &dispatcher, threads)?;
    }
    life.leaving.take().map_or(Ok(()), Err)
}

/// Serves with several threads, while the main one looks after signals.
fn serve_threads(
    py: Python<'_>,
    app: &Bound<'_, PyAny>,
    worker: &Worker,
    plan: &Plan,
    dispatcher: &Arc<Dispatcher>,
    threads: usize,
) -> PyResult<()> {
    let turn = Turn::new(Arc::clone(&worker.life), true);
    let reader = worker.wakeup_reader()?;
    let mut threads: Vec<_> = (0..threads)
        .map(|_| start_thread(py, app, worker, plan, dispatcher))
        .collect::<Result<_, _>>()?;
    while !threads.is_empty() {
        py.detach(|| {
            let mut watched = [PollFd::new(&reader, PollFlags::IN)];
            // Whatever it says, it is looked.
            let _ = rustix::event::poll(&mut watched, Some(&LOOK));
            let mut bytes = [0; 64];
            while matches!(rustix::io::read(reader, &mut bytes), Ok(1..)) {}
        });
        turn.take(py);
        for ended in threads.extract_if(.., |thread| thread.is_finished()) {
            let panicked = |_| {
                Err(PyRuntimeError::new_err(
                    "a thread of the worker has panicked",
                ))
            };
            if let Err(error) = ended.join().unwrap_or_else(panicked) {
                // With a thread less it would serve ever fewer requests.
                worker.life.leave(error);
            }
        }
        if dispatcher.has_ended() {
            // At once: threads that are in an application may take for ever.
            return Ok(());
        }
    }
    Ok(())
}

/// Starts one of several threads.
fn start_thread(
    py: Python<'_>,
    app: &Bound<'_, PyAny>,
    worker: &Worker,
    plan: &Plan,
    dispatcher: &Arc<Dispatcher>,
) -> std::io::Result<JoinHandle<PyResult<()>>> {
    let (app, dispatcher) = (app.clone().unbind(), Arc::clone(dispatcher));
    let (plan, observer) = (plan.clone_ref(py), worker.observer(py));
    let serve = move || {
        // Where it cannot be had, waits are as long as everywhere else.
        let _ = rustix::thread::set_current_timer_slack(Some(TIMER_SLACK_NS));
        Python::attach(|py| plan.serve(app.into_bound(py), observer, false, &dispatcher))
    };
    std::thread::Builder::new()
        .name("tonnage-wsgi".to_owned())
        .spawn(serve)
}
