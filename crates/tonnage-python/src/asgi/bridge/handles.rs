//! What the application is called with. It is used again where the application does not
//! keep it: most requests need nothing new.

use std::sync::Mutex;

use pyo3::intern;
use pyo3::prelude::*;

use super::super::call::Call;
use super::{Bridge, lock};
use crate::wsgi::holders;

/// Calls that are kept to be used again.
const SPARES: usize = 16;

/// A call, and the two of its methods that the application knows.
pub(super) struct Handles {
    pub(super) call: Py<Call>,
    pub(super) receive: Py<PyAny>,
    pub(super) send: Py<PyAny>,
}

impl Handles {
    fn new(bridge: &Bound<'_, Bridge>) -> PyResult<Self> {
        let py = bridge.py();
        let call = Bound::new(py, Call::new(bridge.clone().unbind()))?;
        Ok(Self {
            receive: call.getattr(intern!(py, "receive"))?.unbind(),
            send: call.getattr(intern!(py, "send"))?.unbind(),
            call: call.unbind(),
        })
    }

    /// Whether only we have them; the call is known to us and to both methods.
    fn are_ours(&self, py: Python<'_>) -> bool {
        holders(self.receive.bind(py)) == 1
            && holders(self.send.bind(py)) == 1
            && holders(self.call.bind(py).as_any()) == 3
    }
}

/// Handles that nobody uses now.
#[derive(Default)]
pub(super) struct Spares(Mutex<Vec<Handles>>);

impl Spares {
    /// Handles that nobody else has.
    pub(super) fn take(&self, bridge: &Bound<'_, Bridge>) -> PyResult<Handles> {
        let spare = lock(&self.0).pop();
        spare.map_or_else(|| Handles::new(bridge), Ok)
    }

    /// Keeps handles for the next request, unless the application has kept them.
    pub(super) fn give_back(&self, py: Python<'_>, handles: Handles) {
        if !handles.are_ours(py) {
            return;
        }
        let mut spares = lock(&self.0);
        if spares.len() < SPARES {
            spares.push(handles);
        }
    }

    pub(super) fn clear(&self) {
        let spares = std::mem::take(&mut *lock(&self.0));
        drop(spares);
    }
}
