//! The end of a worker: nothing new is taken, and when all is answered the hub stops. Requests
//! that take too long are ended as gevent ends greenlets, by raising `GreenletExit` in them, so
//! that they clear up before the supervisor loses its patience.

use std::sync::atomic::Ordering;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::greenlets::Greenlets;

/// The worker was told to drain.
const TOLD: u8 = 1;

/// And to take what waits in the listeners' backlog.
const EMPTY_BACKLOG: u8 = 2;

impl Greenlets {
    /// Keeps in mind that the worker is to drain, for the next turn.
    pub(super) fn tell(&self, empty_backlog: bool) {
        let told = if empty_backlog {
            TOLD | EMPTY_BACKLOG
        } else {
            TOLD
        };
        self.told.fetch_or(told, Ordering::AcqRel);
    }

    /// Begins to drain, where the worker was told to.
    pub(super) fn drain_if_told(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let told = self.told.load(Ordering::Acquire);
        if told & TOLD == 0 || self.draining.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.with_streams(|streams| {
            streams.drain(told & EMPTY_BACKLOG != 0);
            // What waited in the backlog may have something already.
            streams.poll();
        });
        let hurry = slf.getattr(intern!(slf.py(), "_lose_patience"))?;
        self.hub().call_later(self.drain_time, &hurry)
    }

    /// Ends those who are still at work; the second time they are left alone.
    pub(super) fn hurry(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if self.killed.swap(true, Ordering::Relaxed) {
            return self.stop(py);
        }
        let working = self.working(py);
        if !working.is_empty() {
            let count = working.len();
            let text = format!("{count} requests did not end in time and are killed");
            self.life.log(py, "warning", &text);
        }
        self.hub().kill(PyList::new(py, working)?)?;
        let hurry = slf.getattr(intern!(py, "_lose_patience"))?;
        self.hub().call_later(self.killed_time, &hurry)
    }

    /// Lets the hub stop when the worker has a reason to leave, or nothing left to do.
    pub(super) fn stop_if_over(&self, py: Python<'_>) -> PyResult<()> {
        let is_drained = || {
            self.draining.load(Ordering::Relaxed)
                && self.with_streams(|streams| streams.is_drained())
        };
        if self.life.leaving.is_set() || is_drained() {
            self.stop(py)
        } else {
            Ok(())
        }
    }
}
