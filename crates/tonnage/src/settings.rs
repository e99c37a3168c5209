//! Everything that is read from the environment.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use tonnage_lab::Settings;

/// Variables that a server may need; everything else is kept from it.
const SERVER_VARIABLES: [&str; 8] = [
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
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
        python: folder("TONNAGE_PYTHON"),
        search_path: variable("PATH")
            .map(|path| env::split_paths(&path).collect())
            .unwrap_or_default(),
        pyenv_versions: folder("PYENV_ROOT")
            .or_else(|| below_home(".pyenv"))
            .map(|root| root.join("versions")),
        installer_environment: installer_environment(),
        environment,
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
