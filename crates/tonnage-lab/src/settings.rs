//! What the laboratory needs to know of its surroundings; the command line
//! gathers it, because only that may read the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::Package;

/// Folders and environment of the laboratory.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the store, the runs' folders and the leases are.
    pub home: PathBuf,
    /// Where environments and unpacked apps are; may be deleted at any time
    /// while nothing runs.
    pub cache: PathBuf,
    /// The running program, which has the native services in it.
    pub tonnage: PathBuf,
    /// The Python that the user asks for.
    pub python: Option<PathBuf>,
    /// The Python package `tonnage`, where this program runs from it.
    pub package: Option<Package>,
    /// The Python that is asked for that package otherwise.
    pub active_python: Option<PathBuf>,
    /// Folders to look for Python in: PATH, in order.
    pub search_path: Vec<PathBuf>,
    /// The folder of pyenv's versions, where there may be some.
    pub pyenv_versions: Option<PathBuf>,
    /// The image that containers are made of; `scratch` mounts this machine's own
    /// programs and libraries. The one that ships by default.
    pub container_base: Option<String>,
    /// The environment of the installers: the user's own, with the proxies and
    /// package indexes set there.
    pub installer_environment: BTreeMap<OsString, OsString>,
    /// The environment of every server. Only what any program needs: a stray
    /// `GUNICORN_CMD_ARGS` would change what is measured.
    pub environment: BTreeMap<OsString, OsString>,
}

impl Settings {
    /// The store's file.
    pub fn store_path(&self) -> PathBuf {
        self.home.join("tonnage.db")
    }

    /// The folder with a folder for each run.
    pub fn runs(&self) -> PathBuf {
        self.home.join("runs")
    }

    /// Folders of the user's own stacks.
    pub fn stacks(&self) -> PathBuf {
        self.home.join("stacks")
    }

    /// Files that say which process owns which server.
    pub(crate) fn leases(&self) -> PathBuf {
        self.home.join("leases")
    }

    /// Folders that last as long as a server.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.home.join("scratch")
    }
}

/// Settings of a machine with nothing on it but what `home` holds.
#[cfg(test)]
pub(crate) fn for_tests(home: &std::path::Path) -> Settings {
    Settings {
        home: home.to_owned(),
        cache: home.join("cache"),
        tonnage: PathBuf::from("tonnage"),
        python: None,
        package: None,
        active_python: None,
        search_path: vec![home.join("bin")],
        pyenv_versions: Some(home.join("versions")),
        container_base: None,
        installer_environment: [("PATH".into(), "/usr/bin:/bin".into())].into(),
        environment: BTreeMap::new(),
    }
}
