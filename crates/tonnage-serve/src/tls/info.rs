//! What an application may want to know of a connection's TLS.

use std::fmt::Write as _;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, ProtocolVersion};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// Characters of a line in PEM (RFC 7468, section 2).
const LINE_CHARACTERS: usize = 64;

/// How a connection is protected, and who is at its other end.
#[derive(Debug, Default)]
pub struct TlsInfo {
    pub(super) version: Option<ProtocolVersion>,
    pub(super) suite: Option<CipherSuite>,
    /// The name that the client asked for (RFC 6066, section 3).
    pub server_name: Option<String>,
    /// The protocol that was agreed on by ALPN (RFC 7301), if any.
    pub protocol: Option<Vec<u8>>,
    pub(super) server: Option<CertificateDer<'static>>,
    /// The client's own certificate, then those that signed it; verified.
    pub(super) client: Vec<CertificateDer<'static>>,
    pub(super) name: OnceLock<Option<[String; 2]>>,
}

impl TlsInfo {
    /// The version as it is on the wire: 0x0304 is TLS 1.3.
    pub fn version(&self) -> u16 {
        self.version.map_or(0, u16::from)
    }

    /// The version as OpenSSL writes it.
    pub fn version_name(&self) -> &'static str {
        match self.version {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "",
        }
    }

    /// The cipher suite's number (IANA's registry of TLS cipher suites).
    pub fn suite(&self) -> u16 {
        self.suite.map_or(0, u16::from)
    }

    /// The cipher suite's name in IANA's registry.
    pub fn suite_name(&self) -> &'static str {
        self.suite
            .and_then(|suite| suite.as_str())
            .map_or("", |name| match name {
                // The library's names of those of TLS 1.3 say so.
                "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
                "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
                "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
                other => other,
            })
    }

    /// The server's certificate in PEM, where it shows the same to everybody.
    pub fn server_certificate(&self) -> Option<String> {
        self.server.as_ref().map(|certificate| pem(certificate))
    }

    /// Whether the client has shown a certificate, which was verified.
    pub fn has_client(&self) -> bool {
        !self.client.is_empty()
    }

    /// The client's certificate in PEM, then those that signed it as far as it sent them.
    pub fn client_chain(&self) -> impl Iterator<Item = String> {
        self.client.iter().map(|certificate| pem(certificate))
    }

    /// The distinguished name of the client (RFC 4514).
    pub fn client_subject(&self) -> Option<&str> {
        self.names().map(|[subject, _]| subject.as_str())
    }

    /// The distinguished name of who signed the client's certificate (RFC 4514).
    pub fn client_issuer(&self) -> Option<&str> {
        self.names().map(|[_, issuer]| issuer.as_str())
    }

    /// Read when somebody asks, once.
    fn names(&self) -> Option<&[String; 2]> {
        let names = self.name.get_or_init(|| {
            let certificate = Certificate::from_der(self.client.first()?).ok()?;
            let content = certificate.tbs_certificate();
            Some([content.subject(), content.issuer()].map(ToString::to_string))
        });
        names.as_ref()
    }
}

/// A certificate in PEM.
fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(LINE_CHARACTERS) {
        // Into a string nothing fails, and base64 is ASCII.
        let _ = writeln!(pem, "{}", String::from_utf8_lossy(line));
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
