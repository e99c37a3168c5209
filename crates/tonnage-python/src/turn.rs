//! What a thread of a worker does between requests: looks at signals, shows that it lives,
//! and reports what applications raise.

use std::sync::Arc;

use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;

use crate::life::{Life, is_named};

/// One thread's turn.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    life: Arc<Life>,
    /// Python runs signal handlers only in the main thread.
    main: bool,
}

impl Turn {
    pub(crate) fn new(life: Arc<Life>, main: bool) -> Self {
        Self { life, main }
    }

    /// Called between requests, at least once a second.
    pub(crate) fn take(&self, py: Python<'_>) {
        if !self.main {
            return;
        }
        if let Err(error) = py.check_signals() {
            self.life.leave(error);
        }
        self.life.show();
    }

    /// The application raised this while it answered a request, which is called so.
    pub(crate) fn report(&self, py: Python<'_>, request: &str, error: &PyErr) {
        // A signal handler that ends the worker may run in the midst of a request.
        if self.life.is_left_by(py, error) {
            self.life.leave(error.clone_ref(py));
            return;
        }
        let trace = traceback(py, error);
        let text = format!("Error handling request {request}\n{trace}");
        // Where greenlets are told to end that is told of by itself.
        let level = if is_killed(py, error) {
            "debug"
        } else {
            "exception"
        };
        self.life.log(py, level, &text);
    }

    /// What the threads of the worker share.
    pub(crate) fn life(&self) -> &Life {
        &self.life
    }
}

/// Whether a greenlet was told to end.
fn is_killed(py: Python<'_>, error: &PyErr) -> bool {
    !error.is_instance_of::<PyException>(py) && is_named(py, error, "GreenletExit")
}

/// The traceback as Python prints it.
fn traceback(py: Python<'_>, error: &PyErr) -> String {
    // Before Python 3.12 an error and its traceback are kept apart.
    let parts = (error.get_type(py), error.value(py), error.traceback(py));
    let lines = py
        .import(intern!(py, "traceback"))
        .and_then(|module| module.call_method1(intern!(py, "format_exception"), parts))
        .and_then(|lines| lines.extract::<Vec<String>>());
    match lines {
        Ok(lines) => lines.concat().trim_end().to_owned(),
        Err(_) => error.to_string(),
    }
}
