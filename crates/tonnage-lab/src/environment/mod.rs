//! Managed virtual environments: one for each set of locked requirements and
//! Python, built on demand and reused by hash. The installer is uv, itself
//! installed by pip at a locked version.

mod builder;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use sha2::{Digest, Sha256};
use tonnage_load::Stop;

use self::builder::{Builder, COMPLETE, FAILED};
use crate::availability::Availability;
use crate::catalog::short_hex;
use crate::python::{self, Python};
use crate::{Catalog, LabError, LabEvent, Settings};

/// The oldest minor version of Python 3 for which uv compiles bytecode.
const OLDEST_COMPILED: u32 = 7;

/// Where Linux distributions keep the certificates that they trust.
const SYSTEM_CERTIFICATES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

/// How much of an installer's complaint a list shows, in characters.
const SHOWN_CHARACTERS: usize = 160;

/// A virtual environment that is ready to use.
#[derive(Debug, Clone)]
pub(crate) struct VirtualEnvironment {
    /// The number behind `3.` of its Python.
    pub(crate) minor: Option<u32>,
    /// Its interpreter.
    pub(crate) python: PathBuf,
    /// Fingerprint of requirements and Python.
    pub(crate) fingerprint: String,
}

/// The environment for `lock`, built now unless it is there already.
pub(crate) fn ensure(
    settings: &Settings,
    what: &str,
    lock: &str,
    python: &Python,
    stop: &Stop,
    events: &Sender<LabEvent>,
) -> Result<VirtualEnvironment, LabError> {
    let (folder, fingerprint) = place(settings, lock, python);
    let builder = Builder {
        settings,
        what,
        stop,
        events,
    };
    builder.once(&folder, |folder| {
        let requirements = folder.with_extension("requirements");
        fs::write(&requirements, lock).map_err(LabError::io(&requirements))?;
        // uv itself needs a newer Python than some stacks do.
        let done = python::find(settings, None)
            .and_then(|newer| installer(settings, &newer, stop, events))
            .and_then(|uv| build(&builder, &uv, python, folder, &requirements));
        let _ = fs::remove_file(&requirements);
        done
    })?;
    Ok(VirtualEnvironment {
        minor: python.minor(),
        python: folder.join("bin/python"),
        fingerprint,
    })
}

/// Whether the environment for `lock` is there.
pub(crate) fn state(settings: &Settings, lock: &str, python: &Python) -> Availability {
    let (folder, _) = place(settings, lock, python);
    if folder.join(COMPLETE).is_file() {
        return Availability::Ready;
    }
    match fs::read_to_string(folder.with_extension(FAILED)) {
        Ok(reason) => {
            // Its last words, in one line.
            let last = reason.trim().lines().last().unwrap_or_default();
            Availability::InstallFailed(last.trim().chars().take(SHOWN_CHARACTERS).collect())
        }
        Err(_) => Availability::NotInstalled,
    }
}

/// An environment's folder and fingerprint.
fn place(settings: &Settings, lock: &str, python: &Python) -> (PathBuf, String) {
    let fingerprint = fingerprint(lock, python);
    let folder = settings.cache.join("environments").join(&fingerprint);
    (folder, fingerprint)
}

fn build(
    builder: &Builder<'_>,
    uv: &Path,
    python: &Python,
    folder: &Path,
    requirements: &Path,
) -> Result<(), LabError> {
    let uv = |arguments: &[&Path]| {
        let mut command = builder.command(uv);
        // Never a Python of uv's own choosing.
        command.arg("--no-python-downloads");
        // Where the system keeps certificates, its owner may have added some
        // that the registry's mirror needs.
        if SYSTEM_CERTIFICATES
            .iter()
            .any(|path| Path::new(path).exists())
        {
            command.arg("--system-certs");
        }
        command.args(arguments);
        builder.run(command)
    };
    let p = Path::new;
    uv(&[p("venv"), p("--python"), &python.executable, folder])?;
    let interpreter = folder.join("bin/python");
    let mut install = vec![p("pip"), p("sync"), p("--require-hashes")];
    if python.minor().is_some_and(|minor| minor >= OLDEST_COMPILED) {
        install.push(p("--compile-bytecode"));
    }
    install.extend([p("--python"), &interpreter, requirements]);
    uv(&install)
}

/// The installer's program, installed by pip at its locked version.
fn installer(
    settings: &Settings,
    python: &Python,
    stop: &Stop,
    events: &Sender<LabEvent>,
) -> Result<PathBuf, LabError> {
    let lock = Catalog::installer_lock()?;
    let folder = settings
        .cache
        .join("tools")
        .join(format!("uv-{}", fingerprint(lock, python)));
    let builder = Builder {
        settings,
        what: "the installer (uv)",
        stop,
        events,
    };
    builder.once(&folder, |folder| {
        let mut venv = builder.command(&python.executable);
        venv.args(["-I", "-m", "venv"]).arg(folder);
        builder.run(venv)?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, lock).map_err(LabError::io(&requirements))?;
        let mut pip = builder.command(&folder.join("bin/python"));
        pip.args(["-I", "-m", "pip", "install", "--no-input"]);
        pip.args(["--disable-pip-version-check", "--progress-bar", "off"]);
        pip.args(["--only-binary", ":all:", "--require-hashes", "-r"]);
        builder.run({
            pip.arg(&requirements);
            pip
        })
    })?;
    Ok(folder.join("bin/uv"))
}

fn fingerprint(lock: &str, python: &Python) -> String {
    let mut hash = Sha256::new();
    for part in [lock, &python.version, &python.executable.to_string_lossy()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    short_hex(&hash.finalize())
}
