//! The scope of a request (ASGI's HTTP specification, "HTTP Connection Scope"): a copy of a
//! dictionary that has everything that is the same for all requests, with what is the
//! request's own put over it.

use std::net::SocketAddr;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use tonnage_serve::dispatch::Exchange;
use tonnage_serve::http::{self, Known, Version};
use tonnage_serve::listen::Peer;
use tonnage_serve::proxies::Proxies;
use tonnage_serve::request::Request;
use tonnage_serve::settings::Settings;

use super::memo::{Memo, Spot};
use super::pairs::Pairs;
use super::tls::Descriptions;
use crate::refused::Unfit;
use crate::text::method;

/// The versions of ASGI and of its HTTP specification: from 2.4 on `send` raises where the
/// client has gone, so that frameworks need no second task to find out.
const VERSIONS: [(&str, &str); 2] = [("version", "3.0"), ("spec_version", "2.4")];

/// What is spoken beyond that (ASGI's page "Extensions").
const EXTENSIONS: [&str; 3] = [
    "http.response.pathsend",
    "http.response.early_hint",
    "http.response.trailers",
];

/// A field section up to this length is kept as a whole.
const KEPT_SECTION_BYTES: usize = 1024;

/// A path up to this length is kept.
const KEPT_PATH_BYTES: usize = 256;

/// Clients whose address is kept.
const KEPT_CLIENTS: usize = 256;

/// The fields of a request, as a section that comes again has them.
#[derive(Debug)]
struct Section {
    headers: Py<PyList>,
    /// They are a trusted proxy's, who may say more than others.
    is_trusted: bool,
    says_https: Option<bool>,
}

#[derive(Debug)]
struct Path {
    text: Py<PyString>,
    raw: Py<PyBytes>,
}

/// Makes scopes.
#[derive(Debug)]
pub(super) struct Scopes {
    /// One for each listener.
    templates: Vec<Py<PyDict>>,
    /// What the lifespan left for requests.
    state: Py<PyDict>,
    extensions: Py<PyDict>,
    tls: Descriptions,
    proxies: Proxies,
    sections: Memo<Section>,
    paths: Memo<Path>,
    pairs: Pairs,
    /// By the lowest bits of the port.
    clients: Vec<Option<(SocketAddr, Py<PyTuple>)>>,
}

impl Scopes {
    /// `servers`: name and port of each listener.
    pub(super) fn new(
        py: Python<'_>,
        settings: &Settings,
        servers: &[(String, String)],
        state: Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let root_path = settings.application.root_path.as_str();
        let templates = servers.iter().map(|server| template(py, server, root_path));
        let extensions = PyDict::new(py);
        for name in EXTENSIONS {
            extensions.set_item(name, PyDict::new(py))?;
        }
        Ok(Self {
            templates: templates.collect::<PyResult<_>>()?,
            state: state.unbind(),
            extensions: extensions.unbind(),
            tls: Descriptions::default(),
            proxies: Proxies::new(&settings.proxies),
            sections: Memo::new(KEPT_SECTION_BYTES),
            paths: Memo::new(KEPT_PATH_BYTES),
            pairs: Pairs::new(py),
            clients: std::iter::repeat_with(|| None).take(KEPT_CLIENTS).collect(),
        })
    }

    /// The scope of a request.
    pub(super) fn build<'py>(
        &mut self,
        py: Python<'py>,
        exchange: &Exchange,
    ) -> Result<Bound<'py, PyDict>, Unfit> {
        let template = self
            .templates
            .get(exchange.listener())
            .or(self.templates.first());
        let scope = match template {
            Some(template) => template.bind(py).copy()?,
            None => PyDict::new(py),
        };
        let version = match exchange.version() {
            Version::Http11 => None,
            Version::Http10 => Some(intern!(py, "1.0")),
            Version::Http2 => Some(intern!(py, "2")),
        };
        if let Some(version) = version {
            scope.set_item(intern!(py, "http_version"), version)?;
        }
        let verb = exchange.method();
        if *verb != *b"GET" {
            let verb = verb.to_ascii_uppercase();
            scope.set_item(intern!(py, "method"), method(py, &verb))?;
        }
        self.set_path(py, &scope, exchange.path())?;
        if !exchange.query().is_empty() {
            scope.set_item(
                intern!(py, "query_string"),
                PyBytes::new(py, exchange.query()),
            )?;
        }
        let (headers, says_https) = self.headers(py, exchange)?;
        scope.set_item(intern!(py, "headers"), headers)?;
        let tls = exchange.tls();
        if says_https.unwrap_or(tls.is_some()) {
            scope.set_item(intern!(py, "scheme"), intern!(py, "https"))?;
        }
        if let Peer::Tcp(address) = exchange.peer() {
            scope.set_item(intern!(py, "client"), self.client(py, address)?)?;
        }
        scope.set_item(intern!(py, "state"), self.state.bind(py).copy()?)?;
        let extensions = self.extensions.bind(py).copy()?;
        if let Some(info) = tls {
            extensions.set_item(intern!(py, "tls"), self.tls.describe(py, info)?)?;
        }
        scope.set_item(intern!(py, "extensions"), extensions)?;
        Ok(scope)
    }

    fn set_path(&mut self, py: Python<'_>, scope: &Bound<'_, PyDict>, path: &[u8]) -> PyResult<()> {
        let spot = Spot::of(path);
        if let Some(Path { text, raw }) = self.paths.get(spot, path) {
            scope.set_item(intern!(py, "path"), text)?;
            return scope.set_item(intern!(py, "raw_path"), raw);
        }
        let plain = http::unquote(path);
        let text = PyString::new(py, &String::from_utf8_lossy(&plain));
        let raw = PyBytes::new(py, path);
        scope.set_item(intern!(py, "path"), &text)?;
        scope.set_item(intern!(py, "raw_path"), &raw)?;
        if self.paths.wants(spot, path) {
            let (text, raw) = (text.unbind(), raw.unbind());
            self.paths.keep(spot, path, Path { text, raw });
        }
        Ok(())
    }

    /// The fields, and whether a trusted proxy's say https or not.
    fn headers<'py>(
        &mut self,
        py: Python<'py>,
        exchange: &Exchange,
    ) -> Result<(Bound<'py, PyList>, Option<bool>), Unfit> {
        let section: &[u8] = match exchange.head() {
            Some(head) => &exchange.head_bytes()[head.section..head.end],
            None => &[],
        };
        let spot = Spot::of(section);
        let is_trusted = self.proxies.hear(exchange.neighbour()).is_trusted();
        // What a whole URI says of the host counts instead: it stands in no section.
        let authority = exchange.request().and_then(Request::authority);
        if let Some(known) = self.sections.get(spot, section)
            && known.is_trusted == is_trusted
            && authority.is_none()
        {
            let headers = known.headers.bind(py);
            // The application may change its list.
            return Ok((headers.get_slice(0, headers.len()), known.says_https));
        }
        let (headers, says_https) = self.read_headers(py, exchange, authority)?;
        if authority.is_none() && self.sections.wants(spot, section) {
            let kept = Section {
                headers: headers.get_slice(0, headers.len()).unbind(),
                is_trusted,
                says_https,
            };
            self.sections.keep(spot, section, kept);
        }
        Ok((headers, says_https))
    }

    fn read_headers<'py>(
        &mut self,
        py: Python<'py>,
        exchange: &Exchange,
        authority: Option<&[u8]>,
    ) -> Result<(Bound<'py, PyList>, Option<bool>), Unfit> {
        let headers = PyList::empty(py);
        if let Some(authority) = authority {
            headers.append(self.pairs.pair(py, Known::Host, b"host", authority)?)?;
        }
        let mut hearing = self.proxies.hear(exchange.neighbour());
        for (known, name, value) in exchange.fields() {
            let is_given = hearing.admits(known, name, &value)?;
            if is_given && !(known == Known::Host && authority.is_some()) {
                headers.append(self.pairs.pair(py, known, name, &value)?)?;
            }
        }
        Ok((headers, hearing.says_https()))
    }

    fn client<'py>(
        &mut self,
        py: Python<'py>,
        address: SocketAddr,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let kept = &mut self.clients[usize::from(address.port()) % KEPT_CLIENTS];
        if let Some((known, client)) = kept
            && *known == address
        {
            return Ok(client.bind(py).clone());
        }
        let client = (address.ip().to_string(), address.port()).into_pyobject(py)?;
        *kept = Some((address, client.clone().unbind()));
        Ok(client)
    }
}

/// What all scopes of a listener have. Keys that requests set are there, too: setting them
/// does not make the table grow.
fn template(
    py: Python<'_>,
    (name, port): &(String, String),
    root_path: &str,
) -> PyResult<Py<PyDict>> {
    let scope = PyDict::new(py);
    let versions = PyDict::new(py);
    for (key, version) in VERSIONS {
        versions.set_item(key, version)?;
    }
    let server = match port.parse::<u16>() {
        Ok(port) => (name, port).into_pyobject(py)?.into_any(),
        Err(_) if name.is_empty() => py.None().into_bound(py),
        // A Unix socket's path.
        Err(_) => (name, py.None()).into_pyobject(py)?.into_any(),
    };
    scope.set_item(intern!(py, "type"), intern!(py, "http"))?;
    scope.set_item(intern!(py, "asgi"), versions)?;
    scope.set_item(intern!(py, "http_version"), intern!(py, "1.1"))?;
    scope.set_item(intern!(py, "server"), server)?;
    scope.set_item(intern!(py, "client"), py.None())?;
    scope.set_item(intern!(py, "scheme"), intern!(py, "http"))?;
    scope.set_item(intern!(py, "method"), intern!(py, "GET"))?;
    scope.set_item(intern!(py, "root_path"), root_path)?;
    scope.set_item(intern!(py, "path"), intern!(py, "/"))?;
    scope.set_item(intern!(py, "raw_path"), PyBytes::new(py, b"/"))?;
    scope.set_item(intern!(py, "query_string"), PyBytes::new(py, b""))?;
    scope.set_item(intern!(py, "headers"), py.None())?;
    scope.set_item(intern!(py, "state"), py.None())?;
    scope.set_item(intern!(py, "extensions"), py.None())?;
    Ok(scope.unbind())
}
