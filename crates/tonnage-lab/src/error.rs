//! Why the laboratory could not do its work, and whose fault that is.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus as ProcessExit;

use tonnage_limits::LimitsError;
use tonnage_load::LoadError;
use tonnage_model::{ExitStatus, FileError, StudyError};

use crate::StoreError;

/// A run, a server or a preparation that failed.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A name that is not among the known ones.
    #[error("there is no {kind} `{name}`: {hint}")]
    Unknown {
        /// What kind of thing was named.
        kind: &'static str,
        /// The name as given.
        name: String,
        /// A suggestion and the known names.
        hint: String,
    },
    /// A data file with a mistake.
    #[error(transparent)]
    File(#[from] FileError),
    /// A study that cannot be executed as asked.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// The app does not implement the workload.
    #[error("the stack `{stack}` serves no `{workload}`: {hint}")]
    NotServed {
        /// The stack.
        stack: String,
        /// The workload.
        workload: String,
        /// What it does serve.
        hint: String,
    },
    /// The stack needs what this machine does not have.
    #[error("the stack `{stack}` cannot run on this machine: {reason}")]
    Unavailable {
        /// The stack.
        stack: String,
        /// What is missing, and what would help.
        reason: String,
    },
    /// A target or option that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// There is no Python to build environments with.
    #[error("{0}")]
    Python(String),
    /// An environment could not be built.
    #[error("cannot install {what}: {reason}")]
    Environment {
        /// What it is for.
        what: String,
        /// The end of the installer's output.
        reason: String,
    },
    /// The address is taken.
    #[error("port {port} on {host} is in use{by} (choose another with --port)")]
    PortInUse {
        /// The address.
        host: String,
        /// The port.
        port: u16,
        /// Who holds it, where that is known: ` by NAME (pid N)`.
        by: String,
    },
    /// The server's process ended before or while it was needed.
    #[error("the {what} {when} ({status}); the end of its log:\n{log}")]
    ServerDied {
        /// Which process: the server, its front or its upstream.
        what: &'static str,
        /// In which part of the trial.
        when: &'static str,
        /// Exit code or signal.
        status: ProcessExit,
        /// Its last lines.
        log: String,
    },
    /// The server runs and does not answer.
    #[error("the server did not answer within {seconds} s ({last}); the end of its log:\n{log}")]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// What happened at the last try.
        last: String,
        /// Its last lines.
        log: String,
    },
    /// A server gives no answer at all.
    #[error("{url} gives no answer: {message}")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// What happened instead.
        message: String,
    },
    /// An answer is not what the workload promises.
    #[error("{url} answers wrongly: {message}")]
    WrongAnswer {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// A limit cannot be set.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// The kernel killed processes of the server for want of memory before it could
    /// be measured.
    #[error("the server was killed for want of memory ({kills} processes): {then}")]
    MemoryKilled {
        /// How many processes.
        kills: u64,
        /// What became of it.
        then: String,
    },
    /// The load could not be sent.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// No request of a trial succeeded.
    #[error("no request succeeded: {0}")]
    NothingSucceeded(String),
    /// What is measured on this machine now says little.
    #[error(
        "the machine is too noisy to measure on: {0} (see `tonnage doctor`; --force measures all the same)"
    )]
    TooNoisy(String),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A process could not be started.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// Which program.
        program: String,
        /// Why not.
        source: io::Error,
    },
}

impl LabError {
    /// An input/output error at `path`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// A file of the data that ships is not there.
    pub(crate) fn missing_data(path: &str) -> Self {
        Self::Usage(format!("the data file {path} is missing from this build"))
    }

    /// The exit code that this error calls for.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Unknown { .. }
            | Self::File(_)
            | Self::Study(_)
            | Self::NotServed { .. }
            | Self::Limits(_)
            | Self::Usage(_)
            | Self::Store(StoreError::NoSuchRun { .. } | StoreError::Folder { .. }) => {
                ExitStatus::Usage
            }
            Self::PortInUse { .. }
            | Self::Unavailable { .. }
            | Self::ServerDied { .. }
            | Self::NotReady { .. }
            | Self::NoAnswer { .. }
            | Self::WrongAnswer { .. }
            | Self::MemoryKilled { .. }
            | Self::NothingSucceeded(_) => ExitStatus::TargetFailed,
            Self::Load(error) => error.exit_status(),
            Self::TooNoisy(_) => ExitStatus::InvalidMeasurement,
            Self::Interrupted => ExitStatus::Interrupted,
            Self::Python(_)
            | Self::Environment { .. }
            | Self::Store(_)
            | Self::Io { .. }
            | Self::Spawn { .. } => ExitStatus::Internal,
        }
    }
}
