//! Strings that requests have again and again: the names of their fields as an environ has
//! them, and the values that came last.

use std::collections::HashMap;
use std::net::IpAddr;

use pyo3::prelude::*;
use pyo3::types::PyString;
use tonnage_serve::http::Known;

use crate::text::{latin1, variable};

/// Names beyond the well-known ones whose keys are kept; what a client makes up must not
/// fill the memory.
const KEPT_NAMES: usize = 256;

/// A value up to this length is kept, since the next request often has the same.
const KEPT_VALUE_BYTES: usize = 256;

/// The last value of a name.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    text: Py<PyString>,
}

/// The strings of one thread's environs.
#[derive(Debug)]
pub(super) struct Strings {
    /// The key of each well-known name.
    keys: Vec<Py<PyString>>,
    other_keys: HashMap<Vec<u8>, Py<PyString>>,
    /// The last value of each well-known name.
    values: Vec<Option<Kept>>,
    peer: Option<(IpAddr, Py<PyString>)>,
}

impl Strings {
    pub(super) fn new(py: Python<'_>) -> Self {
        let keys = Known::ALL.iter();
        let keys = keys.map(|known| PyString::intern(py, known.variable()).unbind());
        Self {
            keys: keys.collect(),
            other_keys: HashMap::new(),
            values: std::iter::repeat_with(|| None)
                .take(Known::ALL.len())
                .collect(),
            peer: None,
        }
    }

    /// The key of a field.
    pub(super) fn key<'py>(
        &mut self,
        py: Python<'py>,
        known: Known,
        name: &[u8],
    ) -> Bound<'py, PyString> {
        if let Some(key) = self.keys.get(known as usize) {
            return key.bind(py).clone();
        }
        if let Some(key) = self.other_keys.get(name) {
            return key.bind(py).clone();
        }
        let key = PyString::new(py, &variable(name));
        if self.other_keys.len() < KEPT_NAMES {
            self.other_keys.insert(name.to_vec(), key.clone().unbind());
        }
        key
    }

    /// The value of a field: the last one of its name, where it is the same.
    pub(super) fn value<'py>(
        &mut self,
        py: Python<'py>,
        known: Known,
        value: &[u8],
    ) -> Bound<'py, PyString> {
        let Some(kept) = self.values.get_mut(known as usize) else {
            return latin1(py, value);
        };
        if let Some(kept) = kept
            && kept.bytes == value
        {
            return kept.text.bind(py).clone();
        }
        let text = latin1(py, value);
        if value.len() <= KEPT_VALUE_BYTES {
            *kept = Some(Kept {
                bytes: value.to_vec(),
                text: text.clone().unbind(),
            });
        }
        text
    }

    /// A client's address: the last one, where it is the same.
    pub(super) fn address<'py>(&mut self, py: Python<'py>, ip: IpAddr) -> Bound<'py, PyString> {
        if let Some((known, text)) = &self.peer
            && *known == ip
        {
            return text.bind(py).clone();
        }
        let text = PyString::new(py, &ip.to_string());
        self.peer = Some((ip, text.clone().unbind()));
        text
    }
}
