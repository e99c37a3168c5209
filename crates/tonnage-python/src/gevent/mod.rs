//! A WSGI application in gevent's greenlets (`-k gevent`): the sockets are watched in the loop
//! of gevent's hub, and each request runs in a greenlet of its own, so that a thousand may wait
//! at once. That the standard library waits in greenlets is `python/tonnage/_gevent.py`'s
//! affair.
//!
//! Greenlets take turns on one thread and one stack, parts of which are put aside while others
//! run. So nothing may be locked or borrowed while Python runs that another greenlet could
//! want, and nothing outside of a greenlet's stack may point into it.

mod answering;
mod beginning;
mod draining;
mod greenlets;
mod hub;

use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use tonnage_serve::dispatch::Streams;
use tonnage_serve::io::{Io, Neighbours};

pub(crate) use self::greenlets::Greenlets;
use self::greenlets::Parts;
use self::hub::Hub;
use crate::settings::io_settings;
use crate::worker::Worker;
use crate::wsgi::{Patience, Plan, servers};

/// Serves a WSGI application in greenlets until drained. Reports the worker ready.
#[pyfunction]
pub(crate) fn serve_gevent(app: Bound<'_, PyAny>, worker: &Bound<'_, Worker>) -> PyResult<()> {
    let py = app.py();
    let worker = worker.get();
    let greenlets = greenlets(app, worker)?;
    let hub = greenlets.get().hub();
    hub.watch(&greenlets)?;
    worker.life.tells_of_greenlets(&greenlets);
    let drain = greenlets.getattr(intern!(py, "drain"))?.unbind();
    worker.life.ends_by(py, drain, None)?;
    worker.life.ready();
    let waited = hub.wait(py);
    hub.close(py)?;
    worker.life.leaving.take().map_or(waited, Err)
}

/// The sockets, and what they have to do with the hub.
fn greenlets<'py>(app: Bound<'py, PyAny>, worker: &Worker) -> PyResult<Bound<'py, Greenlets>> {
    let py = app.py();
    let settings = Arc::clone(&worker.settings);
    let kit = worker.take_kit()?;
    let servers = servers(&kit.listeners);
    let neighbours = Neighbours::new(kit.board, kit.slot, Arc::clone(&kit.inboxes));
    let obeyed = io_settings(&settings, kit.tls, worker.access_log());
    let mut io = Io::new(obeyed, kit.listeners, Some(neighbours))?;
    worker.look_after(&mut io);
    io.poller().watch_wakeup(worker.wakeup_reader()?)?;
    let most = settings.application.greenlets.unwrap_or(u32::MAX);
    let plan = Plan::new(py, &settings, servers, &worker.life)?;
    let hub = Hub::new(py, settings.http.send_timeout)?;
    let patience = Patience::Greenlet(hub.wait_for_room(py)?);
    let parts = Parts {
        streams: Streams::start_whole(io, Some(worker.life.place()), most)?,
        calls: plan.calls(app.unbind(), worker.observer(py), true),
        plan,
        patience,
        hub,
        life: Arc::clone(&worker.life),
        graceful: settings.processes.graceful_timeout,
        has_limits: settings.http.request_limits.are_set(),
    };
    Bound::new(py, Greenlets::new(py, parts)?)
}
