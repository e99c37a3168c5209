//! HTTP/2 over TLS: what is agreed on, and what is no agreement.

use std::fs;
use std::sync::Arc;

use tempfile::TempDir;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tonnage_load::{LoadPlan, TlsSettings};

use crate::peers::{Call, Peer, Setup, serve_with};
use crate::scripted::{failures, run};

/// A server with a certificate of its own making, and a plan that trusts it. The
/// folder holds the certificate.
fn serve_tls(protocols: &[&[u8]]) -> (Peer, LoadPlan, TempDir) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let setup = Setup {
        tls: Some(Arc::new(config)),
        ..Setup::default()
    };
    let peer = serve_with(setup, |mut call: Call| async move {
        let mut length = 0;
        while let Some(Ok(data)) = call.request.body_mut().data().await {
            length += data.len();
        }
        assert_eq!(call.request.uri().scheme_str(), Some("https"));
        call.answer(if length == 0 { 200 } else { 400 }, "ok");
    });
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    fs::write(&authority, made.cert.pem()).unwrap();
    let mut plan = peer.plan(40, 4);
    plan.target.tls_host = Some("localhost".to_owned());
    plan.tls.authorities = Some(authority);
    (peer, plan, folder)
}

#[test]
fn a_peer_that_agrees_on_h2_is_served() {
    let (peer, plan, _folder) = serve_tls(&[b"http/1.1", b"h2"]);
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 40, "{:?}", failures(&report));
    assert_eq!(peer.connections(), 1);
    assert_eq!(report.request.protocol, "HTTP/2 over TLS");
    assert_eq!((report.connect_time.count, report.tls_time.count), (1, 1));
}

#[test]
fn a_peer_that_does_not_is_no_http2() {
    let (_peer, mut plan, _folder) = serve_tls(&[]);
    plan.requests = Some(4);
    assert_eq!(failures(&run(&plan)), ["tls × protocol: 4"]);
    let (_peer, mut plan, _folder) = serve_tls(&[b"http/1.1"]);
    plan.requests = Some(4);
    assert_eq!(failures(&run(&plan)), ["tls × alert: 4"]);
}

#[test]
fn a_stranger_is_not_trusted_unless_everybody_is() {
    let (_peer, mut plan, _folder) = serve_tls(&[b"h2"]);
    plan.requests = Some(4);
    plan.target.tls_host = Some("elsewhere".to_owned());
    assert_eq!(failures(&run(&plan)), ["tls × certificate: 4"]);
    plan.tls = TlsSettings {
        insecure: true,
        ..TlsSettings::default()
    };
    assert_eq!(run(&plan).counts.succeeded, 4);
}
