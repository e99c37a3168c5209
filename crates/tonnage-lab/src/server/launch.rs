//! From a stack's templates to processes that can be started: command lines,
//! environment, folders and files. Starting and watching them is `server`'s.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tonnage_limits::SharedPaths;
use tonnage_model::{Template, TemplateError};

use super::{Output, address};
use crate::catalog::hex;
use crate::lease::Lease;
use crate::tree::MARK_VARIABLE;
use crate::{Catalog, FoundStack, LabError, Settings, package, programs};

/// A Unix socket's address holds no longer path than this, in bytes.
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// The variable in which apps find their upstream.
const UPSTREAM_VARIABLE: &str = "UPSTREAM_URL";

/// The variable with the folder that lasts as long as the server.
const SCRATCH_VARIABLE: &str = "TONNAGE_SCRATCH";

/// What a stack is started with.
pub(super) struct Launch<'a> {
    pub(super) settings: &'a Settings,
    pub(super) found: &'a FoundStack,
    pub(super) workload: &'a str,
    pub(super) target: &'a str,
    /// The interpreter, where the stack needs one.
    pub(super) python: Option<&'a Path>,
    /// The folder of the package `tonnage`, where the stack is served by it.
    pub(super) package: Option<&'a Path>,
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// Where the server says how it fares, where it does.
    pub(super) status: Option<SocketAddr>,
    pub(super) workers: Option<u32>,
    pub(super) threads: Option<u32>,
    /// Where the upstream is, where the workload has one.
    pub(super) upstream: Option<&'a str>,
    /// Variables that vary the app.
    pub(super) environment: &'a BTreeMap<String, String>,
    pub(super) lease: &'a Lease,
    pub(super) output: &'a Output,
}

/// What the placeholders stand for.
type Values = BTreeMap<&'static str, String>;

impl Launch<'_> {
    /// Makes the folders and files that the server expects, and gives its command
    /// line and that of its front.
    pub(super) fn prepare(&self) -> Result<(Command, Option<Command>), LabError> {
        let stack = &self.found.stack;
        let values = self.values()?;
        for directory in &stack.directories {
            let path = PathBuf::from(fill(directory, &values)?);
            fs::create_dir_all(&path).map_err(LabError::io(&path))?;
        }
        for (place, file) in &stack.files {
            self.write_file(&fill(place, &values)?, file, &values)?;
        }
        let apps = Catalog::unpack_apps(&self.settings.cache)?;
        let app = apps.join(&stack.app);
        let mut server = self.command(&stack.command, &values, self.output)?;
        let mut folders = vec![app.clone(), apps.join("common")];
        if let Some(folder) = self.package {
            let scratch = self.lease.scratch();
            folders.push(package::alone(folder, scratch).map_err(LabError::io(scratch))?);
        }
        server
            .current_dir(&app)
            .env("PYTHONPATH", python_path(&folders));
        for (name, value) in self.app_environment()? {
            server.env(name, value);
        }
        for (name, value) in &stack.environment {
            server.env(name, fill(value, &values)?);
        }
        server.envs(self.environment);
        let front = stack.front.as_ref().map(|front| {
            let output = self.output.beside("front.log");
            let mut command = self.command(&front.command, &values, &output)?;
            command.current_dir(self.lease.scratch());
            Ok::<_, LabError>(command)
        });
        Ok((server, front.transpose()?))
    }

    /// What the server finds in a container where it is outside.
    pub(super) fn shared_paths(&self) -> Result<SharedPaths, LabError> {
        let program = self.settings.tonnage.parent().map(Path::to_owned);
        // The interpreter of a virtual environment is a link to another's.
        let python = self.python.and_then(|python| fs::canonicalize(python).ok());
        let prefix = python.and_then(|python| Some(python.parent()?.parent()?.to_owned()));
        let package = self.package.map(Path::to_owned);
        let mut read_only: Vec<PathBuf> =
            [Some(self.settings.cache.clone()), program, prefix, package]
                .into_iter()
                .flatten()
                .chain([self.found.folder()?])
                .filter_map(|path| fs::canonicalize(path).ok())
                .filter(|path| path.parent().is_some())
                .collect();
        // The path by which it is named may be a link, too.
        read_only.push(self.settings.cache.clone());
        read_only.sort();
        read_only.dedup();
        Ok(SharedPaths {
            read_only,
            writable: vec![self.lease.scratch().to_owned()],
        })
    }

    fn values(&self) -> Result<Values, LabError> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        // An import path in two halves; whatever else a target is has only one.
        let (module, object) = self.target.split_once(':').unwrap_or((self.target, ""));
        let backend = self.lease.scratch().join("backend");
        let stack = &self.found.stack;
        if stack.front.is_some() && backend.as_os_str().len() > MAX_SOCKET_PATH_BYTES {
            return Err(LabError::Usage(format!(
                "the path {} is longer than a Unix socket's may be ({MAX_SOCKET_PATH_BYTES} bytes); \
                 choose a shorter $TONNAGE_HOME",
                backend.display()
            )));
        }
        let known = [
            ("tonnage", Some(text(&self.settings.tonnage))),
            ("python", self.python.map(text)),
            ("address", Some(address(self.host, self.port))),
            ("host", Some(self.host.to_owned())),
            ("port", Some(self.port.to_string())),
            ("status", self.status.map(|status| status.to_string())),
            ("workers", self.workers.map(|number| number.to_string())),
            ("threads", self.threads.map(|number| number.to_string())),
            ("target", Some(self.target.to_owned())),
            ("module", Some(module.to_owned())),
            ("object", Some(object.to_owned())),
            ("workload", Some(self.workload.to_owned())),
            ("scratch", Some(text(self.lease.scratch()))),
            ("backend", Some(text(&backend))),
            ("stack", Some(text(&self.found.folder()?))),
            (
                "upstream",
                Some(self.upstream.unwrap_or_default().to_owned()),
            ),
        ];
        let known = known.into_iter();
        Ok(known
            .filter_map(|(name, value)| Some((name, value?)))
            .collect())
    }

    fn write_file(&self, place: &str, file: &str, values: &Values) -> Result<(), LabError> {
        let place = PathBuf::from(place);
        // Whatever a stack writes must go with it.
        if !place.starts_with(self.lease.scratch()) {
            return Err(LabError::Usage(format!(
                "the stack `{}` writes to {}, which is not in {{scratch}}",
                self.found.name,
                place.display()
            )));
        }
        let text = self.found.text(file)?;
        let wrong =
            |error: TemplateError| LabError::Usage(format!("{}/{file}: {error}", self.found.name));
        let filled = Template::parse(&text)
            .and_then(|template| template.fill(|name| values.get(name).cloned()))
            .map_err(wrong)?;
        let folder = place.parent().unwrap_or(self.lease.scratch());
        fs::create_dir_all(folder).map_err(LabError::io(folder))?;
        fs::write(&place, filled).map_err(LabError::io(&place))
    }

    /// A command line with nothing in its environment but what any program needs.
    fn command(
        &self,
        templates: &[Template],
        values: &Values,
        output: &Output,
    ) -> Result<Command, LabError> {
        let words = templates.iter().map(|template| fill(template, values));
        let words: Vec<String> = words.collect::<Result<_, _>>()?;
        let (program, arguments) = words
            .split_first()
            .ok_or_else(|| LabError::Usage("the stack's command is empty".to_owned()))?;
        let mut command = bare(
            self.settings,
            &programs::resolve(self.settings, program),
            self.lease,
        );
        command.args(arguments);
        if let Some(url) = self.upstream {
            command.env(UPSTREAM_VARIABLE, url);
        }
        output.connect(&mut command)?;
        Ok(command)
    }

    fn app_environment(&self) -> Result<Vec<(String, String)>, LabError> {
        let secret = secret()?;
        let known = |placeholder: &str| (placeholder == "secret").then(|| secret.clone());
        let app = Catalog.app(&self.found.stack.app)?;
        let variables = app.environment.iter();
        variables
            .map(|(name, value)| Ok((name.clone(), value.fill(known).map_err(usage)?)))
            .collect()
    }
}

/// A program in the environment that every server gets, and marked as one.
pub(super) fn bare(settings: &Settings, program: &Path, lease: &Lease) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(&settings.environment)
        .env("PYTHONUNBUFFERED", "1")
        .env(MARK_VARIABLE, &lease.tree().mark)
        .env(SCRATCH_VARIABLE, lease.scratch())
        .stdin(Stdio::null());
    command
}

impl Output {
    /// A file beside this one, for another process of the same server.
    pub(super) fn beside(&self, name: &str) -> Self {
        match self {
            Self::File(path) => Self::File(path.with_file_name(name)),
            Self::Inherit => Self::Inherit,
        }
    }

    /// Sends there what a process writes.
    pub(super) fn connect(&self, command: &mut Command) -> Result<(), LabError> {
        if let Self::File(path) = self {
            let log = File::create(path).map_err(LabError::io(path))?;
            let second = log.try_clone().map_err(LabError::io(path))?;
            command.stdout(log).stderr(second);
        }
        Ok(())
    }
}

fn fill(template: &Template, values: &Values) -> Result<String, LabError> {
    let filled = template.fill(|name| values.get(name).cloned());
    filled.map_err(usage)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands in `map_err`, which gives the error away"
)]
fn usage(error: TemplateError) -> LabError {
    LabError::Usage(error.to_string())
}

fn python_path(folders: &[PathBuf]) -> std::ffi::OsString {
    // Only a colon in the path could hinder that, and then Python, too.
    std::env::join_paths(folders).unwrap_or_default()
}

/// 32 random hexadecimal digits.
fn secret() -> Result<String, LabError> {
    let mut bytes = [0; 16];
    let mut source = File::open("/dev/urandom").map_err(LabError::io("/dev/urandom"))?;
    std::io::Read::read_exact(&mut source, &mut bytes).map_err(LabError::io("/dev/urandom"))?;
    Ok(hex(&bytes))
}
