//! Everything that is read from the environment.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use tonnage_lab::{Package, Settings};

use crate::commands::UsageError;

/// The longest time that the variables of services may set.
const MAX_SERVICE_SECONDS: f64 = 60.0;

/// Variables that a server may need, and those by which the workloads are varied;
/// everything else is kept from it.
const SERVER_VARIABLES: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "EVALUATE_MODE",
    "EVALUATE_POOL_SIZE",
    "IO_BOUND_DEFAULT_DELAY",
    "RELAY_TIMEOUT_S",
];

/// The laboratory's settings from `$TONNAGE_HOME`, `$TONNAGE_PYTHON` and the
/// XDG folders.
pub(crate) fn lab() -> anyhow::Result<Settings> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let folder = |name: &str| variable(name).map(PathBuf::from);
    let user_home = folder("HOME");
    let below_home = |path: &str| user_home.as_ref().map(|home| home.join(path));
    let (home, cache) = if let Some(home) = folder("TONNAGE_HOME") {
        let home = std::path::absolute(&home).context("$TONNAGE_HOME")?;
        let cache = home.join("cache");
        (home, cache)
    } else {
        let absolute = |name: &str| folder(name).filter(|path| path.is_absolute());
        let home = absolute("XDG_DATA_HOME").or_else(|| below_home(".local/share"));
        let cache = absolute("XDG_CACHE_HOME").or_else(|| below_home(".cache"));
        let missing = "neither $TONNAGE_HOME nor $HOME is set: say where records may be kept";
        (
            home.context(missing)?.join("tonnage"),
            cache.context(missing)?.join("tonnage"),
        )
    };
    let environment: BTreeMap<OsString, OsString> = SERVER_VARIABLES
        .iter()
        .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)))
        .collect();
    Ok(Settings {
        home,
        cache,
        tonnage: program()?,
        python: folder("TONNAGE_PYTHON"),
        package: own_package()?,
        active_python: active_python(),
        search_path: variable("PATH")
            .map(|path| env::split_paths(&path).collect())
            .unwrap_or_default(),
        pyenv_versions: folder("PYENV_ROOT")
            .or_else(|| below_home(".pyenv"))
            .map(|root| root.join("versions")),
        container_base: env::var("TONNAGE_CONTAINER_BASE")
            .ok()
            .filter(|image| !image.is_empty()),
        installer_environment: installer_environment(),
        environment,
    })
}

/// Where this program is installed, where it runs inside Python.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The command that starts it.
    pub program: PathBuf,
    /// The folder of its package.
    pub package: PathBuf,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// Says where it is installed; only the first time counts.
pub(crate) fn set_installed(installed: Installed) {
    INSTALLED.get_or_init(|| installed);
}

fn program() -> anyhow::Result<PathBuf> {
    match INSTALLED.get() {
        Some(installed) => Ok(installed.program.clone()),
        None => env::current_exe().context("cannot find the running program"),
    }
}

/// The package that this program runs from, inside Python: then the interpreter is the
/// program that runs.
fn own_package() -> anyhow::Result<Option<Package>> {
    let Some(installed) = INSTALLED.get() else {
        return Ok(None);
    };
    Ok(Some(Package {
        folder: installed.package.clone(),
        python: env::current_exe().context("cannot find the running Python")?,
    }))
}

/// The Python of the active environment, or the first on the search path.
pub(crate) fn active_python() -> Option<PathBuf> {
    let environment = env::var_os("VIRTUAL_ENV").map(|root| PathBuf::from(root).join("bin/python"));
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .flat_map(|folder| ["python3", "python"].map(|name| folder.join(name)));
    environment
        .into_iter()
        .chain(found)
        .find(|python| python.is_file())
}

/// What is set for native services in the variables that the Python ones read:
/// `$UPSTREAM_URL`, `$RELAY_TIMEOUT_S` and `$IO_BOUND_DEFAULT_DELAY`, both in seconds.
pub(crate) fn service() -> anyhow::Result<tonnage_services::Settings> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let seconds = |name: &str, least: f64, default: Duration| {
        let Some(text) = variable(name) else {
            return Ok(default);
        };
        let most = MAX_SERVICE_SECONDS;
        let seconds = text.parse().ok().filter(|s| (least..=most).contains(s));
        let wrong = || UsageError(format!("${name} must be seconds from {least} to {most}"));
        anyhow::Ok(Duration::from_secs_f64(seconds.ok_or_else(wrong)?))
    };
    let defaults = tonnage_services::Settings::default();
    Ok(tonnage_services::Settings {
        upstream: variable("UPSTREAM_URL"),
        relay_timeout: seconds("RELAY_TIMEOUT_S", 0.001, defaults.relay_timeout)?,
        default_delay: seconds("IO_BOUND_DEFAULT_DELAY", 0.0, defaults.default_delay)?,
        ..defaults
    })
}

/// The user's environment, with pip's idea of trusted certificates passed on to
/// uv, which does not read it.
fn installer_environment() -> BTreeMap<OsString, OsString> {
    let mut variables: BTreeMap<OsString, OsString> = env::vars_os().collect();
    let certificates = variables.get(&OsString::from("PIP_CERT")).cloned();
    if let Some(certificates) = certificates {
        variables
            .entry("SSL_CERT_FILE".into())
            .or_insert(certificates);
    }
    variables
}
