//! ASGI 3: an event loop inside of which the sockets are watched. Nothing is handed from
//! one thread to another: the loop's thread reads a request, runs it as a task up to where
//! it first waits, and writes the response.

mod awaitable;
mod bridge;
mod call;
mod event_loop;
mod failure;
mod memo;
mod message;
mod pairs;
mod scope;
mod tls;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PySystemExit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use tonnage_serve::board::Boot;
use tonnage_serve::dispatch::Streams;
use tonnage_serve::io::{Io, Neighbours};
use tonnage_serve::settings::{EventLoop as LoopName, Lifespan, Settings};

pub(crate) use self::bridge::Bridge;
use self::bridge::{Parts, Patience};
use self::event_loop::EventLoop;
pub(crate) use self::failure::ClientDisconnected;
use self::scope::Scopes;
use self::websocket::Rules;
use crate::life::{Life, before_kill};
use crate::settings::io_settings;
use crate::worker::Worker;
use crate::wsgi::servers;

/// How a worker ends whose application cannot start, as gunicorn's arbiter knows it.
const WORKER_BOOT_ERROR: i32 = 3;

/// Serves an ASGI application until drained. Reports the worker ready.
#[pyfunction]
pub(crate) fn serve_asgi(app: Bound<'_, PyAny>, worker: &Bound<'_, Worker>) -> PyResult<()> {
    let py = app.py();
    let worker = worker.get();
    let settings = Arc::clone(&worker.settings);
    let ours = py.import("tonnage._asgi")?;
    let asyncio = py.import("asyncio")?;
    let object = new_loop(py, &settings)?;
    asyncio.call_method1("set_event_loop", (&object,))?;
    object.call_method1("set_exception_handler", (ours.getattr("on_loop_error")?,))?;

    let lifespan = (&app, lifespan_mode(&settings), log(py, &worker.life)?);
    let lifespan = ours.getattr("Lifespan")?.call1(lifespan)?;
    let startup = lifespan.call_method0("startup")?;
    worker.life.starts_on(&object);
    worker.life.place().boot(Boot::StartingUp);
    if !object
        .call_method1("run_until_complete", (startup,))?
        .is_truthy()?
    {
        let failure: String = lifespan.getattr("failure")?.extract()?;
        worker.explain(&format!("Application startup failed: {failure}"));
        return Err(PySystemExit::new_err(WORKER_BOOT_ERROR));
    }
    if worker.replaces
        && let Some(target) = &settings.processes.reload_check
    {
        worker.life.place().boot(Boot::AskingItself);
        check(worker, &object, &lifespan, &app, target)?;
    }

    let makes_coroutines = ours
        .call_method1("makes_coroutines", (&app,))?
        .is_truthy()?;
    let awaited = ours.getattr("awaited")?;
    let event_loop = EventLoop::new(&object, &app, makes_coroutines, awaited)?;
    let state = lifespan.getattr("state")?.cast_into()?;
    let bridge = bridge(py, worker, event_loop, state)?;
    let turn = bridge.getattr(intern!(py, "_turn"))?;
    object.call_method1("add_reader", (bridge.get().descriptor(), turn))?;
    object.call_method1("call_soon", (bridge.getattr(intern!(py, "_tick"))?,))?;
    let drain = bridge.getattr("drain")?.unbind();
    let quit = bridge.getattr("quit")?.unbind();
    worker.life.tells_of_calls(&bridge);
    worker.life.ends_by(py, drain, Some(quit))?;
    worker.life.ready();

    object.call_method0("run_forever")?;
    if let Some(error) = worker.life.leaving.take() {
        return Err(error);
    }
    object.call_method1("remove_reader", (bridge.get().descriptor(),))?;
    let shutdown = lifespan.call_method0("shutdown")?;
    object.call_method1("run_until_complete", (shutdown,))?;
    ours.call_method1("close", (object,))?;
    bridge.get().close();
    Ok(())
}

/// Asks the application for a page, and leaves where it does not have it: the worker that
/// this one was to replace goes on.
fn check(
    worker: &Worker,
    event_loop: &Bound<'_, PyAny>,
    lifespan: &Bound<'_, PyAny>,
    app: &Bound<'_, PyAny>,
    target: &str,
) -> PyResult<()> {
    let py = app.py();
    let state = lifespan.getattr("state")?;
    let root_path = worker.settings.application.root_path.as_str();
    let ask = py.import("tonnage._self_request")?.getattr("ask_asgi")?;
    let asked = ask.call1((app, target, root_path, state))?;
    let trouble: Option<String> = event_loop
        .call_method1("run_until_complete", (asked,))?
        .extract()?;
    let Some(trouble) = trouble else {
        return Ok(());
    };
    worker.life.log(py, "error", &trouble);
    worker.explain(&trouble);
    let shutdown = lifespan.call_method0("shutdown")?;
    event_loop.call_method1("run_until_complete", (shutdown,))?;
    Err(PySystemExit::new_err(WORKER_BOOT_ERROR))
}

fn new_loop<'py>(py: Python<'py>, settings: &Settings) -> PyResult<Bound<'py, PyAny>> {
    let name = match settings.application.asgi_loop {
        LoopName::Auto => "auto",
        LoopName::Asyncio => "asyncio",
        LoopName::Uvloop => "uvloop",
    };
    py.import("tonnage._loops")?
        .call_method1("new_event_loop", (name,))
}

fn lifespan_mode(settings: &Settings) -> &'static str {
    match settings.application.asgi_lifespan {
        Lifespan::Auto => "auto",
        Lifespan::On => "on",
        Lifespan::Off => "off",
    }
}

/// The worker's log, for Python: level, text.
fn log<'py>(py: Python<'py>, life: &Arc<Life>) -> PyResult<Bound<'py, PyCFunction>> {
    let life = Arc::clone(life);
    PyCFunction::new_closure(py, None, None, move |arguments, _named| {
        let (level, text): (String, String) = arguments.extract()?;
        life.log(arguments.py(), &level, &text);
        Ok::<(), PyErr>(())
    })
}

/// The sockets, and what they have to do with the loop.
fn bridge<'py>(
    py: Python<'py>,
    worker: &Worker,
    event_loop: EventLoop,
    state: Bound<'py, pyo3::types::PyDict>,
) -> PyResult<Bound<'py, Bridge>> {
    let settings = &worker.settings;
    let kit = worker.take_kit()?;
    let servers = servers(&kit.listeners);
    let neighbours = Neighbours::new(kit.board, kit.slot, Arc::clone(&kit.inboxes));
    let obeyed = io_settings(settings, kit.tls, worker.access_log());
    let graceful = settings.processes.graceful_timeout;
    let before_kill = before_kill(graceful);
    let patience = Patience {
        send_ms: obeyed.send_timeout_ms,
        body_ms: obeyed.body_timeout_ms,
        disconnect_ms: ms(settings.application.asgi_disconnect_grace_period),
        drain_ms: ms(graceful.saturating_sub(before_kill)),
        cancelled_ms: ms(before_kill / 2),
    };
    let mut io = Io::new(obeyed, kit.listeners, Some(neighbours))?;
    worker.look_after(&mut io);
    io.poller().watch_wakeup(worker.wakeup_reader()?)?;
    let parts = Parts {
        event_loop,
        streams: Streams::start(io, Some(worker.life.place()))?,
        scopes: Scopes::new(py, settings, &servers, state)?,
        observer: worker.observer(py),
        life: Arc::clone(&worker.life),
        patience,
        websockets: Rules::new(&settings.websockets),
    };
    Bridge::new(py, parts)
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
