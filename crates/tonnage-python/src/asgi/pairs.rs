//! Fields as a scope has them, name and value as bytes: the names, and the pairs that came
//! last, are made once.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use tonnage_serve::http::Known;

/// Names beyond the well-known ones that are kept; what a client makes up must not fill
/// the memory.
const KEPT_NAMES: usize = 256;

/// A value up to this length is kept, since the next request often has the same.
const KEPT_VALUE_BYTES: usize = 256;

/// The fields that came last.
#[derive(Debug)]
pub(super) struct Pairs {
    /// The well-known names.
    names: Vec<Py<PyBytes>>,
    other_names: HashMap<Vec<u8>, Py<PyBytes>>,
    /// The last value of each well-known name, with the name.
    pairs: Vec<Option<(Vec<u8>, Py<PyTuple>)>>,
}

impl Pairs {
    pub(super) fn new(py: Python<'_>) -> Self {
        let names = Known::ALL.iter();
        let names = names.map(|known| PyBytes::new(py, known.name().as_bytes()).unbind());
        Self {
            names: names.collect(),
            other_names: HashMap::new(),
            pairs: std::iter::repeat_with(|| None)
                .take(Known::ALL.len())
                .collect(),
        }
    }

    /// A field's name in small letters, and its value: the last pair, where it is the same.
    pub(super) fn pair<'py>(
        &mut self,
        py: Python<'py>,
        known: Known,
        name: &[u8],
        value: &[u8],
    ) -> PyResult<Bound<'py, PyTuple>> {
        if known == Known::Other {
            let name = self.other_name(py, name);
            return PyTuple::new(py, [name, PyBytes::new(py, value)]);
        }
        let kept = &mut self.pairs[known as usize];
        if let Some((bytes, pair)) = kept
            && bytes.as_slice() == value
        {
            return Ok(pair.bind(py).clone());
        }
        let name = self.names[known as usize].bind(py).clone();
        let pair = PyTuple::new(py, [name, PyBytes::new(py, value)])?;
        if value.len() <= KEPT_VALUE_BYTES {
            *kept = Some((value.to_vec(), pair.clone().unbind()));
        }
        Ok(pair)
    }

    fn other_name<'py>(&mut self, py: Python<'py>, name: &[u8]) -> Bound<'py, PyBytes> {
        if let Some(known) = self.other_names.get(name) {
            return known.bind(py).clone();
        }
        let small = PyBytes::new(py, &name.to_ascii_lowercase());
        if self.other_names.len() < KEPT_NAMES {
            self.other_names
                .insert(name.to_vec(), small.clone().unbind());
        }
        small
    }
}
