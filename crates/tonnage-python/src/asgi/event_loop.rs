//! The event loop as a request sees it: its task, and futures to wait for. `asyncio`'s and
//! uvloop's are asked the same things.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

/// What every request's task is called: a name of its own would have to be made.
const TASK_NAME: &str = "tonnage-request";

/// An event loop, and how the application's coroutines become tasks of it.
#[derive(Debug)]
pub(super) struct EventLoop {
    object: Py<PyAny>,
    create_future: Py<PyAny>,
    tasks: Tasks,
    /// The context that each request gets a copy of. It is never entered, so that nothing
    /// that a request sets can be in it.
    context: Py<PyAny>,
    app: Py<PyAny>,
    /// Calling the application runs nothing of it, so that it can be called outside of the
    /// request's context.
    makes_coroutines: bool,
    /// `types.CoroutineType`.
    coroutine: Py<PyType>,
    /// Makes a coroutine of something else that can be awaited.
    awaited: Py<PyAny>,
}

/// How a task is made.
#[derive(Debug)]
enum Tasks {
    /// It runs at once, up to where it first has to wait (Python 3.12).
    Eager {
        task: Py<PyAny>,
        /// Its named arguments; the context is another one each time.
        options: Py<PyDict>,
    },
    /// It runs at the loop's next turn.
    Plain { create_task: Py<PyAny> },
}

impl EventLoop {
    /// `awaited`: see there.
    pub(super) fn new(
        object: &Bound<'_, PyAny>,
        app: &Bound<'_, PyAny>,
        makes_coroutines: bool,
        awaited: Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = object.py();
        let context = py.import("contextvars")?.call_method0("copy_context")?;
        let coroutine = py.import("types")?.getattr("CoroutineType")?;
        let tasks = if py.version_info() >= (3, 12) {
            let options = PyDict::new(py);
            options.set_item(intern!(py, "loop"), object)?;
            options.set_item(intern!(py, "eager_start"), true)?;
            options.set_item(intern!(py, "name"), TASK_NAME)?;
            options.set_item(intern!(py, "context"), &context)?;
            Tasks::Eager {
                task: py.import("asyncio")?.getattr("Task")?.unbind(),
                options: options.unbind(),
            }
        } else {
            Tasks::Plain {
                create_task: object.getattr("create_task")?.unbind(),
            }
        };
        Ok(Self {
            object: object.clone().unbind(),
            create_future: object.getattr("create_future")?.unbind(),
            tasks,
            context: context.unbind(),
            app: app.clone().unbind(),
            makes_coroutines,
            coroutine: coroutine.cast_into::<PyType>()?.unbind(),
            awaited: awaited.unbind(),
        })
    }

    /// The loop itself.
    pub(super) fn object<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyAny> {
        self.object.bind(py)
    }

    /// Calls the application in a context of its own, as a task; it may be done already.
    pub(super) fn start<'py>(
        &self,
        scope: &Bound<'py, PyDict>,
        receive: &Bound<'py, PyAny>,
        send: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = scope.py();
        let context = self.context.bind(py).call_method0(intern!(py, "copy"))?;
        let coroutine = if self.makes_coroutines {
            self.app.bind(py).call1((scope, receive, send))?
        } else {
            let call = (&self.app, scope, receive, send);
            context.call_method1(intern!(py, "run"), call)?
        };
        let coroutine = if coroutine.get_type_ptr() == self.coroutine.as_ptr().cast() {
            coroutine
        } else {
            self.awaited.bind(py).call1((coroutine,))?
        };
        match &self.tasks {
            Tasks::Eager { task, options } => {
                let options = options.bind(py);
                options.set_item(intern!(py, "context"), &context)?;
                let made = task.bind(py).call((coroutine,), Some(options));
                // Nobody but the request holds its context.
                options.set_item(intern!(py, "context"), &self.context)?;
                made
            }
            // A task's context is a copy of the one in which it is made.
            Tasks::Plain { create_task } => {
                context.call_method1(intern!(py, "run"), (create_task, coroutine))
            }
        }
    }

    /// A future that an awaitable can give to the task that awaits it.
    pub(super) fn future<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let future = self.create_future.bind(py).call0()?;
        // As a future's own `__await__` says that it is not yielded by mistake.
        future.setattr(intern!(py, "_asyncio_future_blocking"), true)?;
        Ok(future)
    }

    /// Calls something at the loop's next turn.
    pub(super) fn call_soon(&self, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = callback.py();
        self.object(py)
            .call_method1(intern!(py, "call_soon"), (callback,))?;
        Ok(())
    }

    /// Calls something after so many ms.
    pub(super) fn call_later(&self, ms: u64, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = callback.py();
        let seconds = ms as f64 / 1000.0;
        self.object(py)
            .call_method1(intern!(py, "call_later"), (seconds, callback))?;
        Ok(())
    }

    /// Lets the loop return after its present turn.
    pub(super) fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.object(py).call_method0(intern!(py, "stop"))?;
        Ok(())
    }
}

/// Wakes those who wait for these futures. Who was cancelled meanwhile waits no more.
pub(super) fn wake(py: Python<'_>, futures: Vec<Py<PyAny>>) {
    for future in futures {
        let future = future.bind(py);
        let woken = is_done(future).and_then(|done| {
            if !done {
                future.call_method1(intern!(py, "set_result"), (py.None(),))?;
            }
            Ok(())
        });
        if let Err(error) = woken {
            error.write_unraisable(py, Some(future));
        }
    }
}

/// Whether a future or task is done.
pub(super) fn is_done(future: &Bound<'_, PyAny>) -> PyResult<bool> {
    future
        .call_method0(intern!(future.py(), "done"))?
        .is_truthy()
}
