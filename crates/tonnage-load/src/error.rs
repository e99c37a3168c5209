//! Why a load could not be sent at all. A single request's failure is no error
//! but a count in the report.

use std::io;

use tonnage_model::ExitStatus;

use crate::{Address, GrpcError, RequestError, SourceError, TlsError};

/// A load that could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The URL cannot be read.
    #[error("`{url}` is no URL: {message} (expected something like http://127.0.0.1:8000/path)")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// A scheme that this engine does not speak.
    #[error(
        "`{url}`: the scheme `{scheme}` is not supported (expected http, https, grpc or grpcs)"
    )]
    Scheme {
        /// As given.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// Method, headers or body that cannot be sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Templates or data that cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A gRPC method that cannot be called.
    #[error(transparent)]
    Grpc(#[from] GrpcError),
    /// TLS settings that cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A plan that makes no sense.
    #[error("{0}")]
    Plan(String),
    /// The host's name has no address.
    #[error("cannot find the host `{host}`: {source}")]
    Resolve {
        /// The host in the URL.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// No address of the target took a connection.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The address tried last.
        address: Address,
        /// Why it did not work.
        source: io::Error,
    },
    /// More connections than this process may have open.
    #[error(
        "{connections} connections need more open files than the limit of {limit} allows (raise it with `ulimit -n`, or use fewer connections)"
    )]
    FileLimit {
        /// Connections asked for.
        connections: u32,
        /// The hard limit of open files.
        limit: u64,
    },
    /// The operating system refused something that the engine needs.
    #[error("{action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why it did not work.
        source: io::Error,
    },
    /// A thread of the engine panicked: a bug.
    #[error("a load thread panicked: {0}")]
    Panicked(String),
}

impl LoadError {
    /// The exit code of a command that ends with this error.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Grpc(GrpcError::Reflection { .. } | GrpcError::Call { .. }) => {
                ExitStatus::TargetFailed
            }
            Self::Url { .. }
            | Self::Scheme { .. }
            | Self::Request(_)
            | Self::Source(_)
            | Self::Grpc(_)
            | Self::Tls(_)
            | Self::Plan(_)
            | Self::FileLimit { .. } => ExitStatus::Usage,
            Self::System { .. } | Self::Panicked(_) => ExitStatus::Internal,
        }
    }
}
