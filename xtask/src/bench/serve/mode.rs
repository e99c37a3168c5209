//! How the servers of a row are run and asked, where that is not plain HTTP/1.1.
//!
//! What a server is told for it follows what it is told anyway, so that of an option given
//! twice the last one counts. Most need nothing: they find out what a client speaks.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context;
use tempfile::TempDir;

use super::rivals::{PORT, Server};
use crate::environments::run;

/// The files of a certificate.
const CHAIN: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// What is spoken, or what requests run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// HTTP/1.1.
    Plain,
    /// HTTP/1.1 through TLS.
    Https,
    /// HTTP/2 by prior knowledge.
    Http2,
    /// HTTP/2 through TLS, by ALPN.
    Http2Tls,
    /// Websockets; HTTP/1.1 is answered as well.
    Websockets,
    /// HTTP/1.1, and a greenlet for each request.
    Greenlets,
}

impl Mode {
    pub(super) fn has_tls(self) -> bool {
        matches!(self, Self::Https | Self::Http2Tls)
    }

    pub(super) fn url(self) -> String {
        let scheme = if self.has_tls() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{PORT}/")
    }

    /// Programs beside wrk that its rows need, each with Debian's package.
    pub(super) fn programs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Plain | Self::Websockets | Self::Greenlets => &[],
            Self::Https => &[("curl", "curl"), ("openssl", "openssl")],
            Self::Http2 => &[("h2load", "nghttp2-client"), ("curl", "curl")],
            Self::Http2Tls => &[
                ("h2load", "nghttp2-client"),
                ("curl", "curl"),
                ("openssl", "openssl"),
            ],
        }
    }

    /// What a server is told beside what it is told anyway.
    pub(super) fn arguments(
        self,
        server: Server,
        certificate: Option<&Certificate>,
    ) -> anyhow::Result<Vec<String>> {
        let mut words: Vec<String> = self.words(server).iter().map(ToString::to_string).collect();
        if self.has_tls() {
            let certificate = certificate.context("there is no certificate")?;
            words.extend(certificate.arguments(server)?);
        }
        Ok(words)
    }

    fn words(self, server: Server) -> &'static [&'static str] {
        match (self, server) {
            // Told to speak HTTP/1.1 alone otherwise, which is its faster way to speak that.
            (Self::Http2 | Self::Http2Tls, Server::GranianWsgi | Server::GranianAsgi) => {
                &["--http", "2"]
            }
            (Self::Websockets, Server::GranianAsgi) => &["--ws"],
            // gunicorn's worker is a server of its own here.
            (Self::Greenlets, Server::Tonnage) => &["--worker-class", "gevent"],
            _ => &[],
        }
    }
}

/// A key, and a certificate that it has signed itself, in a folder that ends with this.
pub(super) struct Certificate(TempDir);

impl Certificate {
    /// Makes them with OpenSSL: P-256, which everybody signs fastest with.
    pub(super) fn make() -> anyhow::Result<Self> {
        let made = Self(tempfile::tempdir()?);
        let mut openssl = Command::new("openssl");
        openssl
            .args(["req", "-x509", "-batch", "-newkey", "ec", "-noenc"])
            .args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext"])
            .arg("subjectAltName=DNS:localhost,IP:127.0.0.1")
            .arg("-out")
            .arg(made.path(CHAIN))
            .arg("-keyout")
            .arg(made.path(KEY));
        // It draws its progress.
        run(openssl.stderr(Stdio::null()))?;
        Ok(made)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Both files, as a server is told of them.
    fn arguments(&self, server: Server) -> anyhow::Result<Vec<String>> {
        let certfile = match server {
            Server::GranianWsgi | Server::GranianAsgi => "--ssl-certificate",
            _ => "--certfile",
        };
        let keyfile = match server {
            Server::GranianWsgi | Server::GranianAsgi => "--ssl-keyfile",
            _ => "--keyfile",
        };
        let mut words = Vec::new();
        for (option, name) in [(certfile, CHAIN), (keyfile, KEY)] {
            let path = self.path(name).into_os_string().into_string();
            let path = path.ok().context("a path that is no text")?;
            words.extend([option.to_owned(), path]);
        }
        Ok(words)
    }
}
