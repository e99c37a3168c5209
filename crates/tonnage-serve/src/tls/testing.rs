//! An authority of a test's own, servers that have its certificates, and clients that trust
//! it.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use super::TlsServer;
use crate::dispatch::testing::PATIENCE;
use crate::settings::{ClientCertificates, TlsSettings};

/// The name that most servers' certificates are for.
pub(crate) const HOST: &str = "tonnage.test";

pub(crate) type Client = StreamOwned<ClientConnection, TcpStream>;

/// Certificates signed by somebody whom only this test knows, in files.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Test authority");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self {
            folder,
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Files of a certificate for a name, and of its key.
    pub(crate) fn issue(&self, name: &str) -> (PathBuf, Option<PathBuf>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
            .distinguished_name
            .push(DnType::OrganizationName, "A, B & Co.");
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = name.replace('*', "any");
        let chain = self.folder().join(format!("{file}.pem"));
        let secret = self.folder().join(format!("{file}.key"));
        std::fs::write(&chain, certificate.pem()).unwrap();
        std::fs::write(&secret, key.serialize_pem()).unwrap();
        (chain, Some(secret))
    }

    /// What a server with certificates for these names is told.
    pub(crate) fn settings(&self, names: &[&str]) -> TlsSettings {
        TlsSettings {
            identities: names.iter().map(|name| self.issue(name)).collect(),
            authorities: Some(self.folder().join("ca.pem")),
            client_certificates: ClientCertificates::Unasked,
            ciphers: None,
        }
    }

    pub(crate) fn server(&self) -> Arc<TlsServer> {
        let settings = self.settings(&[HOST]);
        Arc::new(TlsServer::new(&settings, &[b"http/1.1"]).unwrap())
    }

    /// What a client that trusts it says; `own`: its certificate and key.
    pub(crate) fn client_config(&self, own: Option<(PathBuf, Option<PathBuf>)>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        match own {
            Some((chain, Some(key))) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_file(chain).unwrap()],
                    PrivateKeyDer::from_pem_file(key).unwrap(),
                )
                .unwrap(),
            _ => builder.with_no_client_auth(),
        }
    }

    /// A client that has said nothing yet.
    pub(crate) fn client(&self, address: SocketAddr) -> Client {
        connect(address, self.client_config(None), HOST)
    }
}

/// A client that asks for a name and has said nothing yet.
pub(crate) fn connect(address: SocketAddr, config: ClientConfig, name: &str) -> Client {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(session, socket)
}
