//! The supervisor's host: what it leaves to Python is done by an object of `_serve.py`.

use std::io;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tonnage_serve::listen::{Address, AddressError, Inherited, ListenOptions, Listener, Listeners};
use tonnage_serve::settings::{Account, Settings};
use tonnage_serve::status::StatsdOptions;
use tonnage_serve::supervisor::{
    Birth, Hook, Host, Level, Options, Pid, Policy, Telling, Wanted, run,
};
use tonnage_serve::tls::TlsServer;

use crate::settings::{Settings as PySettings, tls_server};
use crate::worker::{Kit, Worker};

/// Runs until it is told to end; exit code. Raises `OSError` where it cannot listen.
#[pyfunction]
pub(crate) fn supervise(
    settings: &Bound<'_, PySettings>,
    host: Bound<'_, PyAny>,
    descriptors: Vec<i32>,
    by_systemd: bool,
    master_pid: i32,
) -> PyResult<i32> {
    let settings = settings.get().inner();
    let wanted = wanted(host.py(), &settings)?;
    let tls = tls_server(&settings)?;
    let mut options = Options::new(wanted);
    options.inherited = match (descriptors.is_empty(), by_systemd) {
        (true, _) => Inherited::Nothing,
        (false, true) => Inherited::FromSystemd(descriptors),
        (false, false) => Inherited::FromServer(descriptors),
    };
    options.parent = Pid::from_raw(master_pid);
    "tonnage".clone_into(&mut options.worker_kind);
    let mut host = PyHost {
        host,
        proven: (Arc::clone(&settings), tls.clone()),
        settings,
        tls,
        failed: None,
    };
    let code = run(&mut host, options);
    host.failed.map_or(Ok(code), Err)
}

struct PyHost<'py> {
    host: Bound<'py, PyAny>,
    /// The settings of workers that are born from now on.
    settings: Arc<Settings>,
    /// What they speak TLS with.
    tls: Option<Arc<TlsServer>>,
    /// Those of the last generation that came to serve.
    proven: (Arc<Settings>, Option<Arc<TlsServer>>),
    /// What a hook raised that the start depends on.
    failed: Option<PyErr>,
}

impl PyHost<'_> {
    /// Calls a method of which nothing is expected.
    fn call(&self, name: &str, arguments: Bound<'_, PyTuple>) {
        if let Err(error) = self.host.call_method1(name, arguments) {
            error.write_unraisable(self.host.py(), Some(&self.host));
        }
    }

    /// The workers' own sockets: descriptors of this process until the fork is over.
    fn kit(&self, birth: &Birth<'_>) -> io::Result<Kit> {
        let listeners = birth.listeners.iter().map(Listener::try_clone);
        Ok(Kit {
            listeners: listeners.collect::<io::Result<_>>()?,
            originals: {
                let mut originals = birth.listeners.descriptors();
                originals.extend_from_slice(&birth.private);
                originals
            },
            inboxes: Arc::clone(birth.inboxes),
            bell: Arc::clone(birth.bell),
            reports: Arc::clone(birth.reports),
            signals: Arc::clone(birth.signals),
            supervisor: birth.supervisor,
            board: birth.board,
            slot: birth.slot,
            age: birth.age,
            replaces: birth.replaces,
            reasons: Arc::clone(birth.reasons),
            settings: Arc::clone(&self.settings),
            tls: self.tls.clone(),
        })
    }

    /// A hook whose failure ends the start.
    fn must(&mut self, arguments: Bound<'_, PyTuple>) -> Result<(), String> {
        let called = self.host.call_method1("hook", arguments);
        called.map(|_| ()).map_err(|error| {
            let text = error.to_string();
            self.failed.get_or_insert(error);
            text
        })
    }
}

impl Host for PyHost<'_> {
    fn spawn(&mut self, birth: &Birth<'_>) -> io::Result<Pid> {
        let py = self.host.py();
        let worker = Bound::new(py, Worker::new(self.kit(birth)?))?;
        let arguments = (birth.slot.index(), birth.age, &worker);
        let pid = self.host.call_method1(intern!(py, "spawn"), arguments);
        worker.get().leave_to_child();
        let pid: i32 = pid.and_then(|pid| pid.extract())?;
        Pid::from_raw(pid).ok_or_else(|| io::Error::other("the fork gave no process"))
    }

    fn log(&mut self, level: Level, text: &str) {
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
            Level::Critical => "critical",
        };
        if let Ok(arguments) = (level, text).into_pyobject(self.host.py()) {
            self.call("log", arguments);
        }
    }

    fn reload(&mut self) -> Result<Wanted, String> {
        let py = self.host.py();
        let settings = self.host.call_method0(intern!(py, "reload"));
        let settings = settings.and_then(|settings| Ok(settings.cast_into::<PySettings>()?));
        let wanted = settings.and_then(|settings| {
            let settings = settings.get().inner();
            let understood = wanted(py, &settings).and_then(|wanted| {
                // Certificates are read anew: theirs is the reason of many a reload.
                self.tls = tls_server(&settings)?;
                self.settings = settings;
                Ok(wanted)
            });
            if understood.is_err() {
                self.call("hook", ("generation_failed",).into_pyobject(py)?);
            }
            understood
        });
        wanted.map_err(|error| error.value(py).to_string())
    }

    fn hook(&mut self, hook: &Hook) -> Result<(), String> {
        let py = self.host.py();
        let arguments = match hook {
            Hook::OnStarting => ("on_starting",).into_pyobject(py),
            Hook::WhenReady { listening } => ("when_ready", listening).into_pyobject(py),
            Hook::OnReload => ("on_reload",).into_pyobject(py),
            Hook::CodeChanged => ("code_changed",).into_pyobject(py),
            Hook::WorkersChanged { new, old } => ("nworkers_changed", *new, *old).into_pyobject(py),
            Hook::ChildExit { pid, .. } => ("child_exit", pid.as_raw_pid()).into_pyobject(py),
            Hook::OnExit => ("on_exit",).into_pyobject(py),
            Hook::Promoted => ("promoted",).into_pyobject(py),
            Hook::GenerationReady { .. } => {
                self.proven = (Arc::clone(&self.settings), self.tls.clone());
                return Ok(());
            }
            Hook::GenerationFailed { .. } => {
                (self.settings, self.tls) = self.proven.clone();
                ("generation_failed",).into_pyobject(py)
            }
        };
        let arguments = arguments.map_err(|error| error.to_string())?;
        if matches!(hook, Hook::OnStarting | Hook::WhenReady { .. }) {
            return self.must(arguments);
        }
        self.call("hook", arguments);
        Ok(())
    }

    fn reopen_logs(&mut self) {
        self.call("reopen_logs", PyTuple::empty(self.host.py()));
    }

    fn reexec(&mut self, listeners: &Listeners) -> io::Result<Pid> {
        // The child lets them survive: what else this process executes must not have them.
        let pid = self.host.call_method1("reexec", (listeners.descriptors(),));
        let pid: i32 = pid.and_then(|pid| pid.extract())?;
        Pid::from_raw(pid).ok_or_else(|| io::Error::other("the fork gave no process"))
    }

    fn wait<R: Send>(&mut self, waiting: impl FnOnce() -> R + Send) -> R {
        self.host.py().detach(waiting)
    }
}

/// What the settings ask of the supervisor.
fn wanted(py: Python<'_>, settings: &Settings) -> PyResult<Wanted> {
    let addresses = settings
        .listen
        .bind
        .iter()
        .map(|text| text.parse::<Address>());
    let addresses = addresses.collect::<Result<Vec<_>, _>>();
    let processes = &settings.processes;
    Ok(Wanted {
        policy: Policy {
            workers: processes.workers,
            timeout: processes.timeout,
            graceful_timeout: processes.graceful_timeout,
            recycling: processes.recycling.clone(),
            daemon: processes.daemon,
        },
        addresses: addresses.map_err(|error| PyValueError::new_err(error.to_string()))?,
        listen: ListenOptions {
            backlog: settings.listen.backlog,
            reuse_port: settings.listen.reuse_port,
            umask: settings.listen.umask,
            tls: settings.tls.is_some(),
            owner: Some((
                number(py, "uid_of", &processes.user)?,
                number(py, "gid_of", &processes.group)?,
            )),
            ..ListenOptions::default()
        },
        pidfile: processes.pidfile.clone(),
        telling: telling(settings)?,
    })
}

/// Who is told how the server fares.
fn telling(settings: &Settings) -> PyResult<Telling> {
    let metrics = &settings.metrics;
    let wrong = |error: AddressError| PyValueError::new_err(error.to_string());
    let status = metrics.status_bind.as_deref().map(str::parse::<Address>);
    let statsd = metrics.statsd_host.as_deref().map(|host| {
        Ok(StatsdOptions {
            address: StatsdOptions::parse_address(host)?,
            prefix: StatsdOptions::whole_prefix(&metrics.statsd_prefix),
            tags: metrics.dogstatsd_tags.clone(),
            backlog: metrics.enable_backlog_metric,
        })
    });
    Ok(Telling {
        application: settings.app.clone(),
        status: status.transpose().map_err(wrong)?,
        statsd: statsd.transpose().map_err(wrong)?,
    })
}

/// The number of a user or a group. Names are looked up where the workers look theirs up.
fn number(py: Python<'_>, look_up: &str, account: &Account) -> PyResult<u32> {
    match account {
        Account::Id(number) => Ok(*number),
        Account::Name(name) => {
            let module = py.import(intern!(py, "tonnage._process"))?;
            module.call_method1(look_up, (name,))?.extract()
        }
    }
}
