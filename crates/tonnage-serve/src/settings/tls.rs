//! The settings of TLS as the server uses them, and what is wrong with them together.

use std::path::PathBuf;

use super::resolved::Resolved;
use super::values::Settings;

/// What TLS is spoken with. Paths are those of PEM files, relative to where the server
/// runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// Files with a certificate and those that signed it, and files with its key, where
    /// that is not in the same file. The first is shown to whoever asks for no other name;
    /// there is at least one.
    pub identities: Vec<(PathBuf, Option<PathBuf>)>,
    /// Who may have signed certificates of clients.
    pub authorities: Option<PathBuf>,
    /// Whether clients are asked for certificates.
    pub client_certificates: ClientCertificates,
    /// Ciphers by OpenSSL's names, with colons between them.
    pub ciphers: Option<String>,
}

/// Whether clients are asked for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not.
    Unasked,
    /// Whoever shows one shows a good one.
    Optional,
    /// Nobody is served without.
    Required,
}

impl TlsSettings {
    /// `None` where no certificate is named: then TLS is not spoken.
    pub(super) fn new(resolved: &Resolved) -> Option<Self> {
        let path = |name| resolved.text(name).map(PathBuf::from);
        let first = (path("certfile")?, path("keyfile"));
        let others = resolved.texts("sni_certfile");
        let others = others.iter().map(|text| match text.split_once(',') {
            Some((chain, key)) => (chain.into(), Some(key.into())),
            None => (text.into(), None),
        });
        Some(Self {
            identities: std::iter::once(first).chain(others).collect(),
            authorities: path("ca_certs"),
            client_certificates: match resolved.whole("cert_reqs") {
                0 => ClientCertificates::Unasked,
                1 => ClientCertificates::Optional,
                _ => ClientCertificates::Required,
            },
            ciphers: resolved.text("ciphers"),
        })
    }
}

impl Settings {
    /// The protocols that clients may choose from by ALPN, the preferred one first.
    pub fn alpn_protocols(&self) -> Vec<&'static [u8]> {
        let listed = self.http.http2.filter(|http2| http2.alpn);
        match listed {
            Some(http2) if http2.is_preferred => vec![b"h2", b"http/1.1"],
            Some(_) => vec![b"http/1.1", b"h2"],
            None => vec![b"http/1.1"],
        }
    }
}

/// What is missing beside a setting that was given: the setting, and what it has to be.
pub(super) fn check(resolved: &Resolved) -> Vec<(&'static str, &'static str)> {
    let mut missing = Vec::new();
    if resolved.text("certfile").is_none() {
        if resolved.text("keyfile").is_some() {
            missing.push(("keyfile", "the key of a certificate that `certfile` names"));
        }
        if !resolved.texts("sni_certfile").is_empty() {
            missing.push((
                "sni_certfile",
                "given beside `certfile`, which is for all other names",
            ));
        }
    } else if resolved.whole("cert_reqs") > 0 && resolved.text("ca_certs").is_none() {
        missing.push((
            "cert_reqs",
            "0, or given beside `ca_certs`, which names who signs them",
        ));
    }
    missing
}
