//! TLS under HTTP: what is read once for all connections ([`TlsServer`]), and one
//! connection's part of it ([`Session`]). Which connections speak it, and when, is
//! [`crate::io`]'s; the bytes go through [`crate::connection`]'s wire.

mod certificates;
mod ciphers;
mod error;
mod info;
mod session;
mod shared;

#[cfg(test)]
pub(crate) mod testing;

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::{TLS12, TLS13};

use self::certificates::Certificates;
pub use self::error::TlsError;
pub use self::info::TlsInfo;
pub(crate) use self::session::Session;
pub(crate) use self::shared::SharedSession;
use crate::settings::{ClientCertificates, TlsSettings};

/// What all connections share: certificates and keys, as they were read. Made before
/// workers are forked, so that a client may resume its session with another one.
#[derive(Debug)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
}

impl TlsServer {
    /// Reads what the settings name. `protocols` are what a client may choose from by ALPN,
    /// the preferred one first.
    pub fn new(settings: &TlsSettings, protocols: &[&[u8]]) -> Result<Self, TlsError> {
        let mut provider = ring::default_provider();
        if let Some(text) = &settings.ciphers {
            ciphers::restrict(&mut provider.cipher_suites, text);
        }
        let provider = Arc::new(provider);
        let certificates = Arc::new(Certificates::read(settings, &provider)?);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::refused)?;
        let mut config = builder
            .with_client_cert_verifier(verifier(settings, &provider)?)
            .with_cert_resolver(Arc::clone(&certificates) as _);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        // Without state of ours, so that every worker knows every client again.
        config.ticketer = ring::Ticketer::new().map_err(TlsError::refused)?;
        Ok(Self {
            config: Arc::new(config),
            certificates,
        })
    }
}

/// Who looks at the certificates of clients.
fn verifier(
    settings: &TlsSettings,
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let authorities = match (settings.client_certificates, &settings.authorities) {
        (ClientCertificates::Unasked, _) => return Ok(WebPkiClientVerifier::no_client_auth()),
        (_, Some(path)) => certificates::authorities(path)?,
        (_, None) => return Err(TlsError::NoAuthorities),
    };
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(provider));
    let builder = match settings.client_certificates {
        ClientCertificates::Optional => builder.allow_unauthenticated(),
        _ => builder,
    };
    builder.build().map_err(|error| TlsError::File {
        what: "authorities",
        path: settings
            .authorities
            .as_deref()
            .unwrap_or(Path::new(""))
            .to_owned(),
        problem: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
