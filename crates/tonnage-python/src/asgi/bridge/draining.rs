//! The end of a worker: nothing new is taken, and when all is answered the loop returns.
//! Applications that take too long are cancelled, so that the lifespan still ends in peace
//! before the supervisor loses its patience.

use std::sync::atomic::Ordering;

use pyo3::intern;
use pyo3::prelude::*;
use tonnage_serve::dispatch::now_ns;

use super::super::call::Call;
use super::Bridge;

impl Bridge {
    /// Begins to drain.
    pub(super) fn take_nothing_new(
        &self,
        slf: &Bound<'_, Self>,
        empty_backlog: bool,
    ) -> PyResult<()> {
        if self.draining.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.core().streams.drain(empty_backlog);
        self.let_websockets_go(slf.py())?;
        self.hurry_after(slf, self.patience.drain_ms)?;
        // What waited in the backlog may have something already.
        self.nudge(slf)?;
        self.stop_if_over(slf.py())
    }

    /// Tells the websockets that they are to end.
    fn let_websockets_go(&self, py: Python<'_>) -> PyResult<()> {
        let now_ms = now_ns() / 1_000_000;
        let calls = self.core().open_calls(py);
        calls
            .iter()
            .try_for_each(|call| Call::go_away(call.bind(py), now_ms))
    }

    fn hurry_after(&self, slf: &Bound<'_, Self>, ms: u64) -> PyResult<()> {
        let hurry = slf.getattr(intern!(slf.py(), "_lose_patience"))?;
        self.event_loop.call_later(ms, &hurry)
    }

    /// Leaves: those who are at work are cancelled now, and clients are not waited for.
    pub(super) fn cancel_and_stop(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        if self.is_over() {
            return Ok(());
        }
        self.quitting.store(true, Ordering::Relaxed);
        if !self.draining.swap(true, Ordering::Relaxed) {
            self.core().streams.drain(false);
        }
        if !self.cancelled.swap(true, Ordering::Relaxed) {
            self.cancel_all(slf.py())?;
        }
        self.hurry_after(slf, self.patience.cancelled_ms)?;
        self.stop_if_over(slf.py())
    }

    /// Cancels those who are still at work; the second time they are left alone.
    pub(super) fn hurry(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if self.cancelled.swap(true, Ordering::Relaxed) {
            return self.stop(py);
        }
        let count = self.cancel_all(py)?;
        if count > 0 {
            let text = format!("{count} requests did not end in time and are cancelled");
            self.life.log(py, "warning", &text);
        }
        self.hurry_after(slf, self.patience.cancelled_ms)
    }

    /// Cancels all who are at work; how many they were.
    fn cancel_all(&self, py: Python<'_>) -> PyResult<usize> {
        let waiting = self.core().waiting_calls(py);
        for call in &waiting {
            Call::leave_at_once(call.bind(py))?;
            Call::cancel(call.bind(py))?;
        }
        Ok(waiting.len())
    }

    /// Lets the loop return when a draining worker has nothing left to do.
    pub(super) fn stop_if_over(&self, py: Python<'_>) -> PyResult<()> {
        if !self.is_draining() {
            return Ok(());
        }
        let over = if self.quitting.load(Ordering::Relaxed) {
            self.core().is_idle()
        } else {
            self.core().is_drained()
        };
        if over { self.stop(py) } else { Ok(()) }
    }

    /// Lets the loop return, once: it has to run again for the application's shutdown.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        if self.over.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.event_loop.stop(py)
    }

    /// Whether the loop was told to return.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether the worker is to end.
    pub(in crate::asgi) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
