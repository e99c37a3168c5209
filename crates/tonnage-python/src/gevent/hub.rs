//! What is asked of gevent: `tonnage._gevent.Hub`, and greenlets.

use std::os::fd::AsRawFd;
use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::greenlets::Greenlets;

/// How often it is looked at what takes too long.
pub(super) const TICK: Duration = Duration::from_millis(500);

/// gevent's hub as a worker sees it.
#[derive(Debug)]
pub(super) struct Hub {
    /// `tonnage._gevent.Hub`.
    object: Py<PyAny>,
    /// `gevent.Greenlet`.
    greenlet: Py<PyAny>,
}

impl Hub {
    /// `send_timeout`: how long a client may let a response wait; none is for ever.
    pub(super) fn new(py: Python<'_>, send_timeout: Option<Duration>) -> PyResult<Self> {
        let ours = py.import("tonnage._gevent")?;
        let seconds = send_timeout.map(|time| time.as_secs_f64());
        Ok(Self {
            object: ours.getattr("Hub")?.call1((seconds,))?.unbind(),
            greenlet: py.import("gevent")?.getattr("Greenlet")?.unbind(),
        })
    }

    /// What responses wait with for clients that take them slowly.
    pub(super) fn wait_for_room(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.object.getattr(py, "wait_for_room")
    }

    /// Begins to watch the sockets.
    pub(super) fn watch(&self, greenlets: &Bound<'_, Greenlets>) -> PyResult<()> {
        let py = greenlets.py();
        let descriptor = greenlets.get().descriptor().as_raw_fd();
        let (turn, tick) = (greenlets.getattr("_turn")?, greenlets.getattr("_tick")?);
        let watched = (descriptor, turn, tick, TICK.as_secs_f64());
        self.object.call_method1(py, "watch", watched)?;
        Ok(())
    }

    /// A greenlet that will run this; [`run`] begins it.
    pub(super) fn greenlet<'py>(
        &self,
        serve: &Bound<'py, PyAny>,
        number: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.greenlet.bind(serve.py()).call1((serve, number))
    }

    /// Has the hub call something soon.
    pub(super) fn call_soon(&self, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = callback.py();
        let name = intern!(py, "call_soon");
        self.object.call_method1(py, name, (callback,))?;
        Ok(())
    }

    /// Has the hub call something after so long.
    pub(super) fn call_later(&self, time: Duration, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        let later = (time.as_secs_f64(), callback);
        self.object
            .call_method1(callback.py(), "call_later", later)?;
        Ok(())
    }

    /// Ends greenlets, as soon as each comes to it.
    pub(super) fn kill(&self, greenlets: Bound<'_, PyList>) -> PyResult<()> {
        let py = greenlets.py();
        self.object.call_method1(py, "kill", (greenlets,))?;
        Ok(())
    }

    /// Lets the hub run until it is told to stop. Raises what greenlets raise that ends the
    /// process.
    pub(super) fn wait(&self, py: Python<'_>) -> PyResult<()> {
        self.object.call_method0(py, "wait").map(|_| ())
    }

    /// Lets [`Hub::wait`] return.
    pub(super) fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.object.call_method0(py, "stop").map(|_| ())
    }

    /// Watches nothing any more.
    pub(super) fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.object.call_method0(py, "close").map(|_| ())
    }
}

/// Runs a greenlet up to where it first waits. To be called in the hub, which goes on then.
pub(super) fn run(greenlet: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = greenlet.py();
    greenlet.call_method0(intern!(py, "switch")).map(|_| ())
}
