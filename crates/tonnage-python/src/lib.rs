//! The extension `tonnage._tonnage`: the bridge between Python and the server, and every
//! other verb of the command line. What it offers is described in
//! `python/tonnage/_tonnage.pyi`, which is the contract with the Python side.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    reason = "arguments and receivers are as Python hands them over"
)]
#![allow(
    clippy::similar_names,
    reason = "`slf` is PyO3's name for the object that `self` is the content of"
)]

mod asgi;
mod gevent;
mod life;
mod observe;
mod orphan;
mod refused;
mod send;
mod settings;
mod stacks;
mod supervise;
mod text;
mod turn;
mod worker;
mod wsgi;

use pyo3::prelude::*;

#[pymodule]
mod _tonnage {
    #[pymodule_export]
    use super::asgi::{ClientDisconnected, serve_asgi};
    #[pymodule_export]
    use super::gevent::serve_gevent;
    #[pymodule_export]
    use super::settings::{
        Arguments, Settings, SettingsError, UsageError, parse_arguments, resolve_settings,
    };
    #[pymodule_export]
    use super::supervise::supervise;
    #[pymodule_export]
    use super::worker::Worker;
    #[pymodule_export]
    use super::wsgi::{FileWrapper, serve_wsgi};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    /// Runs every verb but `serve`: arguments without the program's name, exit code.
    #[pyfunction]
    fn main(py: Python<'_>, argv: Vec<std::ffi::OsString>) -> PyResult<u8> {
        super::main(py, argv)
    }
}

#[cfg(feature = "cli")]
fn main(py: Python<'_>, argv: Vec<std::ffi::OsString>) -> PyResult<u8> {
    // The command that pip made, for what has to start Tonnage anew, and where the
    // package is, for servers that it starts.
    let scripts = py
        .import("sysconfig")?
        .call_method1("get_path", ("scripts",))?;
    let init: std::path::PathBuf = py.import("tonnage")?.getattr("__file__")?.extract()?;
    let installed = tonnage::Installed {
        program: scripts.extract::<std::path::PathBuf>()?.join("tonnage"),
        package: init.parent().unwrap_or(&init).to_owned(),
    };
    let arguments: Vec<_> = std::iter::once("tonnage".into()).chain(argv).collect();
    Ok(py.detach(|| tonnage::run_installed(installed, arguments).code()))
}

#[cfg(not(feature = "cli"))]
fn main(_py: Python<'_>, argv: Vec<std::ffi::OsString>) -> PyResult<u8> {
    let text = format!("this build has only `serve`, and no {:?}", argv.first());
    Err(pyo3::exceptions::PyRuntimeError::new_err(text))
}
