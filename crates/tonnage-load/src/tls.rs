//! What a client needs to speak TLS: whom it trusts, who it is, and what a
//! failure of the library means for a request.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tonnage_model::Cause;

/// What TLS is to look like.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Trust whatever certificate the target shows.
    pub insecure: bool,
    /// A PEM file of authorities to trust in place of the system's.
    pub authorities: Option<PathBuf>,
    /// PEM files of this client's certificate chain and key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether later handshakes may resume an earlier session.
    pub resume: bool,
}

/// TLS settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file that cannot be read.
    #[error("cannot read {what} from {}: {problem}", path.display())]
    File {
        /// What was wanted of it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        problem: String,
    },
    /// This machine has no authorities.
    #[error(
        "this machine has no certificate authorities ({0}); name some with --cacert, or trust everybody with --insecure"
    )]
    NoAuthorities(String),
    /// A certificate or key that the library refuses.
    #[error("{0}")]
    Refused(String),
    /// A host that no certificate can be for.
    #[error("`{0}` is no name that a certificate can be for")]
    ServerName(String),
}

/// TLS of one target, ready for use by every connection.
#[derive(Debug, Clone)]
pub(crate) struct TlsClient {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) server_name: ServerName<'static>,
}

impl TlsClient {
    /// `protocols` are offered by ALPN, the preferred one first.
    pub(crate) fn new(
        settings: &TlsSettings,
        host: &str,
        protocols: &[&[u8]],
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let refused = |error: rustls::Error| TlsError::Refused(error.to_string());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(refused)?;
        let builder = if settings.insecure {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(TrustAnybody(provider)))
        } else {
            builder.with_root_certificates(authorities(settings.authorities.as_deref())?)
        };
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(certificates("a certificate", chain)?, private_key(key)?)
                .map_err(refused)?,
        };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        if !settings.resume {
            config.resumption = Resumption::disabled();
        }
        let server_name = ServerName::try_from(host.to_owned())
            .map_err(|_| TlsError::ServerName(host.to_owned()))?;
        Ok(Self {
            config: Arc::new(config),
            server_name,
        })
    }
}

fn authorities(path: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    if let Some(path) = path {
        for certificate in certificates("authorities", path)? {
            store.add(certificate).map_err(|error| TlsError::File {
                what: "authorities",
                path: path.to_owned(),
                problem: error.to_string(),
            })?;
        }
        return Ok(store);
    }
    let found = rustls_native_certs::load_native_certs();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let problems: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(TlsError::NoAuthorities(if problems.is_empty() {
            "none found".to_owned()
        } else {
            problems.join("; ")
        }));
    }
    Ok(store)
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fail = |problem: String| TlsError::File {
        what,
        path: path.to_owned(),
        problem,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| fail(error.to_string()))?;
    if certificates.is_empty() {
        return Err(fail("it has no certificate in PEM form".to_owned()));
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsError::File {
        what: "a private key",
        path: path.to_owned(),
        problem: error.to_string(),
    })
}

/// What an error of the library says about the request.
pub(crate) fn cause_of_tls(error: &rustls::Error) -> Cause {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Cause::Certificate
        }
        rustls::Error::AlertReceived(_) => Cause::Alert,
        _ => Cause::Protocol,
    }
}

/// Takes any certificate; signatures are checked all the same, so that at least
/// the handshake costs what it should.
#[derive(Debug)]
struct TrustAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
