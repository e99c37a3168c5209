//! What keeps a server from speaking TLS.

use std::path::PathBuf;

/// Why TLS cannot be spoken as the settings ask.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file that cannot be used.
    #[error("cannot read {what} from {}: {problem}", path.display())]
    File {
        /// What was wanted of it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        problem: String,
    },
    /// Clients are to show certificates, and nobody is named who may have signed them.
    #[error("`cert_reqs` asks for certificates of clients: `ca_certs` has to name who signs them")]
    NoAuthorities,
    /// Something that the library refuses.
    #[error("{0}")]
    Refused(String),
}

impl TlsError {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is what `map_err` calls it with"
    )]
    pub(super) fn refused(error: rustls::Error) -> Self {
        Self::Refused(error.to_string())
    }
}
