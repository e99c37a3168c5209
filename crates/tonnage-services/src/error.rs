//! Why a service could not start, and whose fault that is.

use std::io;

use tonnage_model::ExitStatus;

/// A service that could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A name that is not among the known ones.
    #[error("there is no service `{name}`: {hint}")]
    Unknown {
        /// The name as given.
        name: String,
        /// A suggestion and the known names.
        hint: String,
    },
    /// A setting that makes no sense, or one that is missing.
    #[error("{0}")]
    Setting(String),
    /// The address is taken.
    #[error("port {port} on {host} is in use (choose another with --port)")]
    PortInUse {
        /// The address.
        host: String,
        /// The port.
        port: u16,
    },
    /// The address is none that this machine may listen on.
    #[error("cannot listen on {host}, port {port}: {source}")]
    Listen {
        /// The address.
        host: String,
        /// The port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// The machine refuses what every service needs: threads, timers.
    #[error("cannot start the service: {0}")]
    Machine(#[from] io::Error),
}

impl ServiceError {
    /// The exit code of a command that ends with this error.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Unknown { .. } | Self::Setting(_) | Self::Listen { .. } => ExitStatus::Usage,
            Self::PortInUse { .. } => ExitStatus::TargetFailed,
            Self::Machine(_) => ExitStatus::Internal,
        }
    }
}
