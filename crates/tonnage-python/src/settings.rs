//! Settings between Python, which executes configuration files, and the server.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pyo3::create_exception;
use pyo3::exceptions::{PySystemExit, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use tonnage_serve::access_log::{AccessFormat, AccessLog};
use tonnage_serve::compress::Compression;
use tonnage_serve::io::IoSettings;
use tonnage_serve::proxy_protocol::ProxyProtocol;
use tonnage_serve::settings::{
    CompressSettings, Environment, FileSettings, Invocation, OBJECT_KEY, ProxySettings, RawValue,
    Settings as ServeSettings, SettingsError as Wrong, Source,
};
use tonnage_serve::static_files::StaticFiles;
use tonnage_serve::tls::TlsServer;

create_exception!(
    tonnage._tonnage,
    SettingsError,
    PyValueError,
    "A setting that cannot be; the message names it, where it is from, and what would be right."
);

create_exception!(
    tonnage._tonnage,
    UsageError,
    SettingsError,
    "The same of what a flag says: of the command line, or of GUNICORN_CMD_ARGS."
);

/// What stands for no bound, in ms: a hundred years.
const FOR_EVER_MS: u64 = 100 * 365 * 24 * 3600 * 1000;

/// Serve's command line and `GUNICORN_CMD_ARGS`, read but not yet understood.
#[pyclass(module = "tonnage._tonnage", frozen)]
#[derive(Debug)]
pub(crate) struct Arguments(Invocation);

#[pymethods]
impl Arguments {
    /// The configuration file that they name, the command line first.
    #[getter]
    fn config(&self) -> Option<String> {
        self.0.config_location().map(str::to_owned)
    }
}

/// Every setting, understood.
#[pyclass(module = "tonnage._tonnage", frozen)]
#[derive(Debug)]
pub(crate) struct Settings(Arc<ServeSettings>);

impl Settings {
    pub(crate) fn inner(&self) -> Arc<ServeSettings> {
        Arc::clone(&self.0)
    }
}

#[pymethods]
impl Settings {
    /// By gunicorn's names.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let values = PyDict::new(py);
        for entry in self.0.entries() {
            values.set_item(entry.setting.name, to_python(py, &entry.value)?)?;
        }
        Ok(values)
    }

    /// Whether requests run in gevent's greenlets.
    #[getter]
    fn greenlets(&self) -> bool {
        self.0.application.greenlets.is_some()
    }

    /// For `--check-config`.
    #[getter]
    fn not_honoured(&self) -> Vec<String> {
        self.0.not_honoured()
    }

    /// What has to be said at each start.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.0.warnings()
    }

    /// Whether TLS can be spoken as they say. Raises `ValueError`.
    fn check_tls(&self) -> PyResult<()> {
        tls_server(&self.0).map(|_| ())
    }

    /// What was found for settings that are `auto`, and by what.
    #[getter]
    fn decisions(&self) -> Vec<String> {
        self.0.decisions()
    }

    /// For `--print-config`.
    #[getter]
    fn text(&self) -> String {
        self.0.print_config()
    }
}

/// Reads serve's command line, without the verb, and `GUNICORN_CMD_ARGS`. Prints and raises
/// `SystemExit` for help, the version and bad usage.
#[pyfunction]
pub(crate) fn parse_arguments(
    argv: Vec<String>,
    environment: HashMap<String, String>,
) -> PyResult<Arguments> {
    let environment = Environment::from_lookup(move |name| environment.get(name).cloned());
    Invocation::new(argv, environment)
        .map(Arguments)
        .map_err(|error| {
            let text = error.to_string();
            // Where nobody reads it there is nobody to tell.
            let _ = if error.is_answer() {
                std::io::stdout().write_all(text.as_bytes())
            } else {
                std::io::stderr().write_all(text.as_bytes())
            };
            PySystemExit::new_err(error.exit_code())
        })
}

/// Merges defaults, environment, configuration file (its location and its variables) and
/// flags.
#[pyfunction]
#[pyo3(signature = (arguments, config))]
pub(crate) fn resolve_settings(
    arguments: &Bound<'_, Arguments>,
    config: Option<(String, Bound<'_, PyDict>)>,
) -> PyResult<Settings> {
    let (location, variables) = config.unzip();
    let variables = variables.map(|variables| pairs(&variables)).transpose()?;
    let file = location.as_deref().zip(variables);
    let directory = std::env::current_dir()?;
    let settings = arguments.get().0.settings(file, &directory);
    let settings = settings.map_err(|errors| {
        let text = errors.to_string();
        if errors.0.iter().any(is_of_flag) {
            UsageError::new_err(text)
        } else {
            SettingsError::new_err(text)
        }
    })?;
    if let Err(error) = AccessFormat::parse(&settings.logging.access_log_format) {
        return Err(SettingsError::new_err(format!(
            "access_log_format: {error}"
        )));
    }
    Ok(Settings(Arc::new(settings)))
}

fn is_of_flag(error: &Wrong) -> bool {
    match error {
        Wrong::Invalid { origin, .. }
        | Wrong::Refused { origin, .. }
        | Wrong::Unknown { origin, .. } => {
            matches!(origin, Source::CommandLine | Source::CmdArgs)
        }
        Wrong::Conflict(_) | Wrong::NoApplication => false,
    }
}

fn from_python(value: &Bound<'_, PyAny>) -> PyResult<RawValue> {
    // A boolean is a whole number to Python, so it comes first.
    if value.is_none() {
        Ok(RawValue::Nothing)
    } else if let Ok(switch) = value.cast::<PyBool>() {
        Ok(RawValue::Switch(switch.is_true()))
    } else if value.is_instance_of::<PyInt>() {
        // What is beyond 64 bits is out of every range.
        Ok(RawValue::Whole(value.extract().unwrap_or(i64::MAX)))
    } else if value.is_instance_of::<PyFloat>() {
        Ok(RawValue::Fraction(value.extract()?))
    } else if let Ok(text) = value.cast::<PyString>() {
        Ok(RawValue::Text(text.to_str()?.to_owned()))
    } else if let Ok(list) = value.cast::<PyList>() {
        let items = list.iter().map(|item| from_python(&item));
        Ok(RawValue::List(items.collect::<PyResult<_>>()?))
    } else if let Ok(map) = value.cast::<PyDict>() {
        if let Some(name) = map.get_item(OBJECT_KEY)? {
            return Ok(RawValue::Object(name.extract()?));
        }
        Ok(RawValue::Map(pairs(map)?))
    } else {
        Ok(RawValue::Object(value.get_type().to_string()))
    }
}

/// Names and values.
fn pairs(map: &Bound<'_, PyDict>) -> PyResult<Vec<(String, RawValue)>> {
    let pairs = map.iter();
    pairs
        .map(|(name, value)| Ok((name.extract::<String>()?, from_python(&value)?)))
        .collect()
}

fn to_python<'py>(py: Python<'py>, value: &RawValue) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        RawValue::Nothing => py.None().into_bound(py),
        RawValue::Switch(switch) => PyBool::new(py, *switch).to_owned().into_any(),
        RawValue::Whole(number) => number.into_pyobject(py)?.into_any(),
        RawValue::Fraction(number) => number.into_pyobject(py)?.into_any(),
        RawValue::Text(text) => PyString::new(py, text).into_any(),
        RawValue::List(items) => {
            let items = items.iter().map(|item| to_python(py, item));
            PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_any()
        }
        RawValue::Map(items) => {
            let map = PyDict::new(py);
            for (name, item) in items {
                map.set_item(name, to_python(py, item)?)?;
            }
            map.into_any()
        }
        RawValue::Object(name) => {
            let map = PyDict::new(py);
            map.set_item(OBJECT_KEY, name)?;
            map.into_any()
        }
    })
}

/// Certificates and keys, read anew, where settings name some. Raises `ValueError`.
pub(crate) fn tls_server(settings: &ServeSettings) -> PyResult<Option<Arc<TlsServer>>> {
    let Some(tls) = &settings.tls else {
        return Ok(None);
    };
    match TlsServer::new(tls, &settings.alpn_protocols()) {
        Ok(server) => Ok(Some(Arc::new(server))),
        Err(error) => Err(PyValueError::new_err(error.to_string())),
    }
}

/// What the sockets of a worker obey; `log` has a line for what needs no application.
pub(crate) fn io_settings(
    settings: &ServeSettings,
    tls: Option<Arc<TlsServer>>,
    log: Option<Arc<AccessLog>>,
) -> IoSettings {
    let http = &settings.http;
    let bound_ms = |bound: Option<Duration>| bound.map_or(FOR_EVER_MS, ms);
    IoSettings {
        tls,
        limits: http.limits,
        http2: http.http2,
        folder: upload_folder(http.tmp_upload_dir.as_deref()).into(),
        keep_alive_ms: ms(http.keepalive),
        header_timeout_ms: bound_ms(http.header_timeout),
        body_timeout_ms: bound_ms(http.body_timeout),
        send_timeout_ms: bound_ms(http.send_timeout),
        connections: http
            .worker_connections
            .map_or(usize::MAX, |most| most as usize),
        max_queue: http.max_queue.unwrap_or(usize::MAX),
        queue_timeout_ms: http.queue_timeout.map_or(0, ms),
        metered: settings.metrics.are_wanted(),
        proxy_protocol: proxy_protocol(&settings.proxies),
        compression: compression(settings.compress.as_ref()),
        static_files: static_files(&settings.files, log),
    }
}

fn compression(settings: Option<&CompressSettings>) -> Option<Arc<Compression>> {
    let settings = settings?;
    let compression = Compression::new(&settings.types, settings.min_size_bytes);
    Some(Arc::new(compression))
}

fn static_files(settings: &FileSettings, log: Option<Arc<AccessLog>>) -> Option<Arc<StaticFiles>> {
    let mounts = settings.static_files.clone();
    (!mounts.is_empty()).then(|| Arc::new(StaticFiles::new(mounts, settings.static_max_age_s, log)))
}

fn proxy_protocol(settings: &ProxySettings) -> Option<Arc<ProxyProtocol>> {
    let versions = settings.proxy_protocol?;
    let proxies = settings.proxy_allow_ips.clone();
    Some(Arc::new(ProxyProtocol::new(versions, proxies)))
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// Where long bodies go: the setting, or the system's folder for temporary files.
fn upload_folder(setting: Option<&Path>) -> std::path::PathBuf {
    setting.map_or_else(std::env::temp_dir, Path::to_owned)
}
