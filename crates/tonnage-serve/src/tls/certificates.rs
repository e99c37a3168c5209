//! The server's certificates and keys, read from PEM files, and which of them a client is
//! shown.

use std::path::Path;
use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, SignatureScheme};

use super::TlsError;
use crate::settings::TlsSettings;

/// All of them, in the order of the settings.
#[derive(Debug)]
pub(super) struct Certificates(Vec<Arc<CertifiedKey>>);

impl Certificates {
    /// Reads them; each key has to be that of its certificate.
    pub(super) fn read(
        settings: &TlsSettings,
        provider: &CryptoProvider,
    ) -> Result<Self, TlsError> {
        let pairs = settings.identities.iter();
        let keys = pairs.map(|(chain, key)| {
            // As with OpenSSL, a file may have both.
            read(chain, key.as_deref().unwrap_or(chain), provider).map(Arc::new)
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// What a client is shown: the first that has the name it asks for, else the first, of
    /// those whose signatures it understands.
    pub(super) fn choose(
        &self,
        name: Option<&str>,
        schemes: &[SignatureScheme],
    ) -> Option<&Arc<CertifiedKey>> {
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        // With one there is nothing to look for.
        let name = name.filter(|_| self.0.len() > 1);
        let name = name.and_then(|name| ServerName::try_from(name).ok());
        let named = name.and_then(|name| {
            let mut with_name = self.0.iter().filter(|key| has_name(key, &name));
            with_name.find(fits)
        });
        named.or_else(|| self.0.iter().find(fits))
    }

    /// The certificate that every client is shown, where there is only one.
    pub(super) fn only(&self) -> Option<&CertificateDer<'static>> {
        match self.0.as_slice() {
            [only] => only.cert.first(),
            _ => None,
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes())
            .cloned()
    }
}

fn has_name(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let parsed = key.end_entity_cert().and_then(ParsedCertificate::try_from);
    parsed.is_ok_and(|certificate| verify_server_name(&certificate, name).is_ok())
}

fn read(chain: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let certificates = certificates("a certificate", chain)?;
    let fail = |problem: String| TlsError::File {
        what: "a private key",
        path: key.to_owned(),
        problem,
    };
    let der = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        use rustls::pki_types::pem::Error;
        fail(match error {
            Error::NoItemsFound => "it has none in PEM form that is not encrypted".to_owned(),
            other => other.to_string(),
        })
    })?;
    let signing = provider.key_provider.load_private_key(der);
    let signing = signing.map_err(|error| fail(error.to_string()))?;
    let certified = CertifiedKey::new(certificates, signing);
    match certified.keys_match() {
        // Of a kind of key that does not say so.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(certified)
        }
        Err(rustls::Error::InconsistentKeys(_)) => Err(fail(format!(
            "it is not the key of the certificate in {}",
            chain.display()
        ))),
        Err(error) => Err(TlsError::File {
            what: "a certificate",
            path: chain.to_owned(),
            problem: error.to_string(),
        }),
    }
}

/// Who may have signed the certificates of clients.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates("authorities", path)? {
        store.add(certificate).map_err(|error| TlsError::File {
            what: "authorities",
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
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
