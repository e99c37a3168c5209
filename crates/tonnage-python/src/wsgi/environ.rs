//! The environ of a request (PEP 3333): a copy of a dictionary that has everything that is
//! the same for all requests, with what is the request's own put over it.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tonnage_serve::dispatch::Exchange;
use tonnage_serve::http::{self, Framing, Known, Version};
use tonnage_serve::listen::Peer;
use tonnage_serve::proxies::Proxies;
use tonnage_serve::proxy_protocol::Introduced;

use super::strings::Strings;
use super::tls;
use crate::refused::Unfit;
use crate::text::{latin1, method};

/// The field by which a proxy says where the application is mounted.
const SCRIPT_NAME: &[u8] = b"SCRIPT_NAME";

/// What all environs have, and how a request's own part is made.
#[derive(Debug, Clone)]
pub(crate) struct EnvironSettings {
    /// `SCRIPT_NAME`: where the application is mounted.
    pub(crate) script_name: String,
    /// Name and port of each listener; no port where it is a Unix socket.
    pub(crate) servers: Vec<(String, String)>,
    pub(crate) proxies: Arc<Proxies>,
}

/// Makes environs for one thread.
#[derive(Debug)]
pub(crate) struct Environs {
    settings: EnvironSettings,
    /// One for each listener.
    templates: Vec<Py<PyDict>>,
    strings: Strings,
}

impl Environs {
    /// `constants`: what the Python side puts into every environ.
    pub(crate) fn new(
        py: Python<'_>,
        settings: EnvironSettings,
        constants: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let servers = settings.servers.iter();
        let templates = servers.map(|server| template(constants, server, &settings.script_name));
        Ok(Self {
            templates: templates.collect::<PyResult<_>>()?,
            strings: Strings::new(py),
            settings,
        })
    }

    /// The environ of a request, whose body has so many bytes and is read from `input`.
    pub(crate) fn build<'py>(
        &mut self,
        py: Python<'py>,
        exchange: &Exchange,
        input: &Bound<'py, PyAny>,
        body_bytes: u64,
    ) -> Result<Bound<'py, PyDict>, Unfit> {
        let environ = self.template(py, exchange).copy()?;
        environ.set_item(
            intern!(py, "REQUEST_METHOD"),
            method(py, &exchange.method()),
        )?;
        environ.set_item(intern!(py, "RAW_URI"), latin1(py, exchange.target()))?;
        if !exchange.query().is_empty() {
            environ.set_item(intern!(py, "QUERY_STRING"), latin1(py, exchange.query()))?;
        }
        let protocol = match exchange.version() {
            Version::Http11 => None,
            Version::Http10 => Some(intern!(py, "HTTP/1.0")),
            Version::Http2 => Some(intern!(py, "HTTP/2.0")),
        };
        if let Some(protocol) = protocol {
            environ.set_item(intern!(py, "SERVER_PROTOCOL"), protocol)?;
        }
        environ.set_item(intern!(py, "wsgi.input"), input)?;
        self.set_peer(py, &environ, exchange.peer())?;
        if let Some(introduced) = exchange.introduced() {
            set_introduced(&environ, introduced)?;
        }
        if let Some(info) = exchange.tls() {
            tls::describe(&environ, info)?;
        }
        let script_name = self.set_fields(py, &environ, exchange)?;
        self.set_path(&environ, exchange.path(), script_name.as_deref())?;
        if is_chunked(exchange) {
            // All of it is here, so that its length is known (RFC 9112, section 7.1.3).
            let length = PyString::new(py, &body_bytes.to_string());
            environ.set_item(intern!(py, "CONTENT_LENGTH"), length)?;
        }
        Ok(environ)
    }

    fn template<'py>(&self, py: Python<'py>, exchange: &Exchange) -> Bound<'py, PyDict> {
        let template = self.templates.get(exchange.listener());
        match template.or(self.templates.first()) {
            Some(template) => template.bind(py).clone(),
            None => PyDict::new(py),
        }
    }

    /// `script_name`: where a proxy says that the application is mounted.
    fn set_path(
        &self,
        environ: &Bound<'_, PyDict>,
        path: &[u8],
        script_name: Option<&[u8]>,
    ) -> PyResult<()> {
        let py = environ.py();
        let mounted = script_name.unwrap_or(self.settings.script_name.as_bytes());
        // `/app` is no part of `/application`.
        let inner = path
            .strip_prefix(mounted)
            .filter(|rest| matches!(rest, [] | [b'/', ..]));
        if let Some(script_name) = script_name {
            if inner.is_none() {
                let [path, name] = [path, script_name].map(String::from_utf8_lossy);
                return Err(PyRuntimeError::new_err(format!(
                    "the path {path:?} does not begin with the proxy's SCRIPT_NAME {name:?}"
                )));
            }
            environ.set_item(intern!(py, "SCRIPT_NAME"), latin1(py, script_name))?;
        }
        let path = http::unquote(inner.unwrap_or(path));
        environ.set_item(intern!(py, "PATH_INFO"), latin1(py, &path))
    }

    fn set_peer(
        &mut self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        peer: Peer,
    ) -> PyResult<()> {
        let Peer::Tcp(address) = peer else {
            return Ok(());
        };
        let text = self.strings.address(py, address.ip());
        environ.set_item(intern!(py, "REMOTE_ADDR"), text)?;
        let mut digits = [0; 5];
        let port = decimal(address.port(), &mut digits);
        environ.set_item(intern!(py, "REMOTE_PORT"), latin1(py, port))
    }

    /// Sets what the fields say; gives a proxy's `SCRIPT_NAME`.
    fn set_fields(
        &mut self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        exchange: &Exchange,
    ) -> Result<Option<Vec<u8>>, Unfit> {
        let Some(request) = exchange.request() else {
            return Ok(None);
        };
        let mut hearing = self.settings.proxies.hear(exchange.neighbour());
        let mut script_name = None;
        // What a whole URI says of the host counts instead.
        let mut host = request.authority().map(Cow::Borrowed);
        // Which well-known names there were: what comes twice is joined.
        let mut seen: u64 = 0;
        for (known, name, value) in request.fields() {
            if !hearing.admits(known, name, &value)? {
                continue;
            }
            match known {
                Known::Host => {
                    host.get_or_insert(value);
                    continue;
                }
                // It was taken off the body.
                Known::TransferEncoding => continue,
                Known::Other if name.eq_ignore_ascii_case(SCRIPT_NAME) => {
                    script_name = hearing.is_forwarded(name).then(|| value.to_vec());
                }
                _ => {}
            }
            let key = self.strings.key(py, known, name);
            let text = self.strings.value(py, known, &value);
            let bit = 1 << known as u32;
            let is_there = match known {
                // Names of their own may become the same variable.
                Known::Other => environ.contains(&key)?,
                _ => seen & bit != 0,
            };
            seen |= bit;
            if is_there {
                join(environ, &key, &text, known == Known::Cookie)?;
            } else {
                environ.set_item(key, text)?;
            }
        }
        let https = hearing.says_https().unwrap_or(exchange.tls().is_some());
        if https {
            environ.set_item(intern!(py, "wsgi.url_scheme"), intern!(py, "https"))?;
        }
        self.set_host(environ, host.as_deref())?;
        let listener = exchange.listener();
        self.set_server(environ, listener, host.as_deref(), https)?;
        Ok(script_name)
    }

    fn set_host(&mut self, environ: &Bound<'_, PyDict>, host: Option<&[u8]>) -> PyResult<()> {
        let py = environ.py();
        match host {
            Some(host) => {
                let text = self.strings.value(py, Known::Host, host);
                environ.set_item(intern!(py, "HTTP_HOST"), text)
            }
            // The placeholder is nothing that the client said.
            None => environ.del_item(intern!(py, "HTTP_HOST")),
        }
    }

    /// Behind a Unix socket the server is what the client takes it for, as with gunicorn.
    fn set_server(
        &self,
        environ: &Bound<'_, PyDict>,
        listener: usize,
        host: Option<&[u8]>,
        https: bool,
    ) -> PyResult<()> {
        let server = self.settings.servers.get(listener);
        if server.is_some_and(|(_, port)| !port.is_empty()) {
            return Ok(());
        }
        let py = environ.py();
        let (name, port) = host.map_or((&b""[..], None), split_port);
        let port = port.unwrap_or(if https { b"443" } else { b"80" });
        if !name.is_empty() {
            environ.set_item(intern!(py, "SERVER_NAME"), latin1(py, name))?;
        }
        environ.set_item(intern!(py, "SERVER_PORT"), latin1(py, port))
    }
}

/// What a proxy has said of the connection, by gunicorn's names.
fn set_introduced(environ: &Bound<'_, PyDict>, introduced: &Introduced) -> PyResult<()> {
    let py = environ.py();
    let said = &introduced.said;
    environ.set_item(intern!(py, "PROXY_PROTOCOL"), said.protocol)?;
    if let Some((_, server)) = said.addresses {
        environ.set_item(intern!(py, "PROXY_ADDR"), server.ip().to_string())?;
        environ.set_item(intern!(py, "PROXY_PORT"), server.port().to_string())?;
    }
    Ok(())
}

/// What every environ of a listener has.
fn template(
    constants: &Bound<'_, PyDict>,
    (name, port): &(String, String),
    script_name: &str,
) -> PyResult<Py<PyDict>> {
    let py = constants.py();
    let template = constants.copy()?;
    // Placeholders too: setting a key that is there does not make the table grow.
    for key in [
        "REQUEST_METHOD",
        "PATH_INFO",
        "QUERY_STRING",
        "RAW_URI",
        "REMOTE_ADDR",
        "REMOTE_PORT",
        "HTTP_HOST",
    ] {
        template.set_item(PyString::intern(py, key), intern!(py, ""))?;
    }
    template.set_item(intern!(py, "SERVER_PROTOCOL"), intern!(py, "HTTP/1.1"))?;
    template.set_item(intern!(py, "wsgi.input"), py.None())?;
    template.set_item(intern!(py, "wsgi.url_scheme"), intern!(py, "http"))?;
    template.set_item(intern!(py, "SCRIPT_NAME"), script_name)?;
    template.set_item(intern!(py, "SERVER_NAME"), name)?;
    template.set_item(intern!(py, "SERVER_PORT"), port)?;
    Ok(template.unbind())
}

fn is_chunked(exchange: &Exchange) -> bool {
    let framing = exchange.head().map(|head| head.meaning.framing);
    framing == Some(Framing::Chunked)
}

/// A host, and the port behind it.
fn split_port(host: &[u8]) -> (&[u8], Option<&[u8]>) {
    let colon = host.iter().rposition(|byte| *byte == b':');
    match colon.map(|at| (&host[..at], &host[at + 1..])) {
        Some((name, port)) if !port.is_empty() && port.iter().all(u8::is_ascii_digit) => {
            (name, Some(port))
        }
        // An IPv6 address has colons, and an end of its own.
        Some((name, [])) => (name, None),
        _ => (host, None),
    }
}

/// A field that comes several times is one with several values (RFC 9110, 5.3); cookies
/// have a separator of their own (RFC 9113, 8.2.3).
fn join(
    environ: &Bound<'_, PyDict>,
    key: &Bound<'_, PyString>,
    more: &Bound<'_, PyString>,
    cookie: bool,
) -> PyResult<()> {
    let before = environ.get_item(key)?;
    let before = before.map(|before| before.to_string()).unwrap_or_default();
    let separator = if cookie { "; " } else { "," };
    environ.set_item(key, format!("{before}{separator}{more}"))
}

/// A port in digits.
fn decimal(mut number: u16, digits: &mut [u8; 5]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}
