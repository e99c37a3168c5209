//! Requests that take too long: which call is whose, and how they end.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::super::call::Call;
use super::Bridge;

impl Bridge {
    /// The calls that wait, request and task of each, and the loop.
    pub(crate) fn calls<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyAny>)> {
        let calls = self.core().open_calls(py);
        // One that is in the midst of something is not waiting.
        let calls = calls
            .iter()
            .filter_map(|call| call.bind(py).try_borrow().ok()?.request_and_task(py));
        let calls = PyList::new(py, calls.collect::<Vec<_>>())?;
        Ok((calls, self.event_loop.object(py).clone()))
    }

    /// Has the loop end what is late, from whatever thread.
    pub(crate) fn end_late_soon(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let end = slf.getattr(intern!(py, "_end_late"))?;
        let event_loop = slf.get().event_loop.object(py);
        event_loop.call_method1(intern!(py, "call_soon_threadsafe"), (end,))?;
        Ok(())
    }

    /// Ends it, in the loop.
    pub(super) fn end_late_calls(&self, py: Python<'_>) {
        let calls = self.core().open_calls(py);
        for call in calls {
            if let Err(error) = Call::end_late(call.bind(py)) {
                self.life.set_aside(py, error);
            }
        }
    }
}
