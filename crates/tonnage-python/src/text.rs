//! Bytes of a request as Python's strings: WSGI wants each byte as the character of the
//! same number (PEP 3333, "Unicode Issues").

use std::borrow::Cow;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Bytes as a string of Latin-1.
pub(crate) fn latin1<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    if bytes.is_ascii()
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return PyString::new(py, text);
    }
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    PyString::new(py, &text)
}

/// A string as bytes of Latin-1; `None` where it has characters beyond.
pub(crate) fn to_latin1(text: &str) -> Option<Cow<'_, [u8]>> {
    if text.is_ascii() {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    bytes.map(Cow::Owned)
}

/// A method's name: the usual ones are made once.
pub(crate) fn method<'py>(py: Python<'py>, method: &[u8]) -> Bound<'py, PyString> {
    match method {
        b"GET" => intern!(py, "GET").clone(),
        b"POST" => intern!(py, "POST").clone(),
        b"PUT" => intern!(py, "PUT").clone(),
        b"DELETE" => intern!(py, "DELETE").clone(),
        b"HEAD" => intern!(py, "HEAD").clone(),
        b"OPTIONS" => intern!(py, "OPTIONS").clone(),
        b"PATCH" => intern!(py, "PATCH").clone(),
        other => latin1(py, other),
    }
}

/// The variable of a field: `HTTP_` and the name in capitals, with underscores.
pub(crate) fn variable(name: &[u8]) -> String {
    let letters = name.iter().map(|byte| match byte {
        b'-' => '_',
        other => char::from(other.to_ascii_uppercase()),
    });
    "HTTP_".chars().chain(letters).collect()
}
