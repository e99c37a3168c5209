//! A TLS server that tells afterwards how it was greeted, and the certificates
//! that it and its clients need.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    HandshakeKind, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    SupportedProtocolVersion,
};
use tempfile::TempDir;
use tonnage_load::LoadPlan;

use crate::scripted::plan_for;

/// The name that the servers' certificates are for.
pub(crate) const HOST: &str = "tonnage.test";

/// An authority of a test's own, with its files.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
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

    /// Its own certificate, as `--cacert` wants it.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Files of a client's certificate and key.
    pub(crate) fn client_files(&self) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (chain, secret) = (
            self.folder.path().join("client.pem"),
            self.folder.path().join("client.key"),
        );
        std::fs::write(&chain, certificate.pem()).unwrap();
        std::fs::write(&secret, key.serialize_pem()).unwrap();
        (chain, secret)
    }

    /// A server for [`HOST`]; `wants_client` demands a certificate of this
    /// authority from its clients.
    pub(crate) fn server(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        wants_client: bool,
    ) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .unwrap();
        let builder = if wants_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}

/// A connection as a script gets it.
pub(crate) type Secured = StreamOwned<ServerConnection, TcpStream>;

/// What a script leaves of the connection.
pub(crate) enum After {
    KeepOpen,
    /// Close with TLS's good-bye.
    Goodbye,
    /// Close without it, in good order for TCP.
    CutOff,
}

/// A TLS server; its threads end with the test's process.
pub(crate) struct TlsPeer {
    pub(crate) address: SocketAddr,
    /// How each connection that sent a request was greeted.
    pub(crate) greetings: Arc<Mutex<Vec<HandshakeKind>>>,
}

/// Serves each request with `script`.
pub(crate) fn serve_tls(
    config: ServerConfig,
    script: impl Fn(&mut Secured) -> After + Send + Sync + 'static,
) -> TlsPeer {
    let (config, script) = (Arc::new(config), Arc::new(script));
    let greetings = Arc::<Mutex<Vec<HandshakeKind>>>::default();
    let seen = Arc::clone(&greetings);
    let address = accept_each(move |stream| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        converse(&mut StreamOwned::new(session, stream), &*script, &seen);
    });
    TlsPeer { address, greetings }
}

fn converse(
    stream: &mut Secured,
    script: &dyn Fn(&mut Secured) -> After,
    greetings: &Mutex<Vec<HandshakeKind>>,
) {
    let mut is_first = true;
    while read_head(stream) {
        if std::mem::take(&mut is_first) {
            let kind = stream.conn.handshake_kind().unwrap();
            greetings.lock().unwrap().push(kind);
        }
        match script(stream) {
            After::KeepOpen => {}
            After::Goodbye => {
                stream.conn.send_close_notify();
                stream.flush().unwrap();
                return;
            }
            After::CutOff => return,
        }
    }
    // A close with data unread would be a reset, which may overtake an alert.
    while stream.sock.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
}

fn read_head(stream: &mut Secured) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// Gives each connection to `script`, on a thread of its own.
pub(crate) fn accept_each(script: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let script = Arc::new(script);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let script = Arc::clone(&script);
            let stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || script(stream));
        }
    });
    address
}

/// A plan of `requests` requests to [`HOST`] over TLS, trusting `authority`.
pub(crate) fn tls_plan(address: SocketAddr, authority: &Authority, requests: u64) -> LoadPlan {
    let mut plan = plan_for(address, requests);
    plan.target.tls_host = Some(HOST.to_owned());
    plan.target.url = format!("https://{HOST}/");
    plan.tls.authorities = Some(authority.file());
    plan
}
