//! What all threads of a WSGI worker have in common, made once.

use std::ffi::CString;
use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use rustix::event::Timespec;
use tonnage_serve::dispatch::Dispatcher;
use tonnage_serve::listen::{Listener, Name};
use tonnage_serve::proxies::Proxies;
use tonnage_serve::settings::Settings;

use super::WsgiThread;
use super::calls::{Calls, Stock};
use super::environ::{EnvironSettings, Environs};
use super::file_wrapper::FileWrapper;
use super::responder::Patience;
use crate::life::Life;
use crate::observe::Observer;
use crate::turn::Turn;

/// How a worker's threads, or its greenlets, serve.
pub(crate) struct Plan {
    constants: Py<PyDict>,
    environ: EnvironSettings,
    send_timeout: Timespec,
    life: Arc<Life>,
}

impl Plan {
    pub(crate) fn new(
        py: Python<'_>,
        settings: &Settings,
        servers: Vec<(String, String)>,
        life: &Arc<Life>,
    ) -> PyResult<Self> {
        let application = &settings.application;
        let send_timeout = settings
            .http
            .send_timeout
            .unwrap_or(std::time::Duration::MAX);
        let environ = EnvironSettings {
            script_name: application.root_path.clone(),
            servers,
            proxies: Arc::new(Proxies::new(&settings.proxies)),
        };
        Ok(Self {
            constants: constants(py, settings)?.unbind(),
            environ,
            send_timeout: Timespec {
                tv_sec: i64::try_from(send_timeout.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: send_timeout.subsec_nanos().into(),
            },
            life: Arc::clone(life),
        })
    }

    /// The same for another thread.
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            constants: self.constants.clone_ref(py),
            environ: self.environ.clone(),
            send_timeout: self.send_timeout,
            life: Arc::clone(&self.life),
        }
    }

    /// Serves in this thread until the worker ends; `main`: it is the one that sees to
    /// signals.
    pub(crate) fn serve(
        &self,
        app: Bound<'_, PyAny>,
        observer: Observer,
        main: bool,
        dispatcher: &Dispatcher,
    ) -> PyResult<()> {
        let py = app.py();
        let mut thread = WsgiThread {
            py,
            calls: self.calls(app.unbind(), observer, main),
            stock: self.stock(py, Patience::Thread(self.send_timeout))?,
        };
        dispatcher.run(&mut thread);
        Ok(())
    }

    /// How requests are answered; `main`: in the thread that sees to signals.
    pub(crate) fn calls(&self, app: Py<PyAny>, observer: Observer, main: bool) -> Calls {
        Calls::new(app, observer, Turn::new(Arc::clone(&self.life), main))
    }

    /// What requests take and give back, one at a time.
    pub(crate) fn stock(&self, py: Python<'_>, patience: Patience) -> PyResult<Stock> {
        let environs = Environs::new(py, self.environ.clone(), self.constants.bind(py))?;
        Stock::new(py, environs, patience)
    }
}

/// Name and port of each listener, as an environ has them.
pub(crate) fn servers(listeners: &[Listener]) -> Vec<(String, String)> {
    let names = listeners.iter().map(|listener| match listener.name() {
        Name::Tcp(address) => (address.ip().to_string(), address.port().to_string()),
        Name::Unix(path) => (path.display().to_string(), String::new()),
        Name::Abstract(_) | Name::Other => (String::new(), String::new()),
    });
    names.collect()
}

/// What every environ has.
fn constants<'py>(py: Python<'py>, settings: &Settings) -> PyResult<Bound<'py, PyDict>> {
    let environ = PyDict::new(py);
    let errors = errors(py)?;
    let software = concat!("tonnage/", env!("CARGO_PKG_VERSION"));
    environ.set_item(intern!(py, "SERVER_SOFTWARE"), software)?;
    environ.set_item(intern!(py, "wsgi.version"), PyTuple::new(py, [1, 0])?)?;
    environ.set_item(intern!(py, "wsgi.errors"), errors)?;
    // Greenlets are several at a time, too.
    let application = &settings.application;
    environ.set_item(
        intern!(py, "wsgi.multithread"),
        application.threads > 1
            || application.max_threads.is_some()
            || application.greenlets.is_some(),
    )?;
    environ.set_item(
        intern!(py, "wsgi.multiprocess"),
        settings.processes.workers > 1,
    )?;
    environ.set_item(intern!(py, "wsgi.run_once"), false)?;
    environ.set_item(intern!(py, "wsgi.input_terminated"), true)?;
    // A placeholder, so that setting it does not make the table grow.
    environ.set_item(intern!(py, "wsgi.early_hints"), py.None())?;
    if settings.application.sendfile {
        environ.set_item(
            intern!(py, "wsgi.file_wrapper"),
            py.get_type::<FileWrapper>(),
        )?;
    }
    Ok(environ)
}

/// `wsgi.errors`: standard error as it is at the time, since tests and loggers replace it.
fn errors(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let code = CString::new(ERRORS)?;
    let module = PyModule::from_code(py, &code, c"tonnage/_errors.py", c"tonnage._errors")?;
    module.getattr(intern!(py, "ERRORS"))
}

const ERRORS: &str = r#"
import sys


class _Errors:
    """Standard error, whatever it is at the moment."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def writelines(self, lines) -> None:
        sys.stderr.writelines(lines)

    def flush(self) -> None:
        sys.stderr.flush()


ERRORS = _Errors()
"#;
