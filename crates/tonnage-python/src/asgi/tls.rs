//! ASGI's TLS extension (version 0.2): what protects a connection, and who is at its other
//! end.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tonnage_serve::tls::TlsInfo;

/// Connections without a certificate of the client, as they were described: there are as
/// many kinds as there are versions and ciphers.
#[derive(Debug, Default)]
pub(super) struct Descriptions {
    kept: Vec<(u16, u16, Py<PyDict>)>,
}

impl Descriptions {
    /// What a scope's extensions have under `tls`.
    pub(super) fn describe<'py>(
        &mut self,
        py: Python<'py>,
        info: &TlsInfo,
    ) -> PyResult<Bound<'py, PyDict>> {
        if info.has_client() {
            return describe(py, info);
        }
        let (version, suite) = (info.version(), info.suite());
        let mut kept = self.kept.iter();
        if let Some((_, _, known)) = kept.find(|kept| (kept.0, kept.1) == (version, suite)) {
            // The application may change its own.
            let own = known.bind(py).copy()?;
            own.set_item(intern!(py, "client_cert_chain"), PyList::empty(py))?;
            return Ok(own);
        }
        let described = describe(py, info)?;
        let copy = described.copy()?.unbind();
        self.kept.push((version, suite, copy));
        Ok(described)
    }
}

fn describe<'py>(py: Python<'py>, info: &TlsInfo) -> PyResult<Bound<'py, PyDict>> {
    let chain: Vec<String> = info.client_chain().collect();
    let described = PyDict::new(py);
    described.set_item(intern!(py, "server_cert"), info.server_certificate())?;
    described.set_item(intern!(py, "client_cert_chain"), PyList::new(py, chain)?)?;
    described.set_item(intern!(py, "client_cert_name"), info.client_subject())?;
    // A certificate that is not good ends the handshake.
    described.set_item(intern!(py, "client_cert_error"), py.None())?;
    described.set_item(intern!(py, "tls_version"), info.version())?;
    described.set_item(intern!(py, "cipher_suite"), info.suite())?;
    Ok(described)
}
