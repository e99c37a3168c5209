//! What an environ says of TLS: the variables of Apache's `mod_ssl`, which no field of a
//! request can pass for.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tonnage_serve::tls::TlsInfo;

/// Puts into an environ what protects its connection, and who is at the other end.
pub(super) fn describe(environ: &Bound<'_, PyDict>, info: &TlsInfo) -> PyResult<()> {
    let py = environ.py();
    environ.set_item(intern!(py, "HTTPS"), intern!(py, "on"))?;
    let version = PyString::intern(py, info.version_name());
    environ.set_item(intern!(py, "SSL_PROTOCOL"), version)?;
    let suite = PyString::intern(py, info.suite_name());
    environ.set_item(intern!(py, "SSL_CIPHER"), suite)?;
    if let Some(name) = &info.server_name {
        environ.set_item(intern!(py, "SSL_TLS_SNI"), name)?;
    }
    let verified = if info.has_client() {
        intern!(py, "SUCCESS")
    } else {
        intern!(py, "NONE")
    };
    environ.set_item(intern!(py, "SSL_CLIENT_VERIFY"), verified)?;
    let mut chain = info.client_chain();
    if let Some(own) = chain.next() {
        environ.set_item(intern!(py, "SSL_CLIENT_CERT"), own)?;
        environ.set_item(intern!(py, "SSL_CLIENT_S_DN"), info.client_subject())?;
        environ.set_item(intern!(py, "SSL_CLIENT_I_DN"), info.client_issuer())?;
    }
    for (number, signer) in chain.enumerate() {
        environ.set_item(format!("SSL_CLIENT_CERT_CHAIN_{number}"), signer)?;
    }
    Ok(())
}
