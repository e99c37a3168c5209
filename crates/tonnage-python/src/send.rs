//! Bytes of Python's on their way into a response.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use tonnage_serve::dispatch::Exchange;
use tonnage_serve::reply::ReplyError;

/// Bytes from which on it pays to hold an object of Python's instead of copying what the
/// socket does not take.
const HELD_BYTES: usize = 64 << 10;

/// Bytes whose compression takes longer than it takes to give the interpreter away and to
/// have it back.
const COMPRESSED_BYTES: usize = 1024;

/// Sends a part of a body; `whole`: it is all of it.
pub(crate) fn send_part(
    exchange: &mut Exchange,
    part: &Bound<'_, PyBytes>,
    whole: bool,
) -> Result<(), ReplyError> {
    let bytes = part.as_bytes();
    if bytes.len() >= COMPRESSED_BYTES && exchange.compresses() {
        return part.py().detach(|| exchange.send(bytes, whole));
    }
    // What a subclass does when it goes must not run at any moment, such as when somebody
    // has the sockets in hand.
    if bytes.len() >= HELD_BYTES && part.is_exact_instance_of::<PyBytes>() {
        let held = Box::new(PyBackedBytes::from(part.clone()));
        exchange.send_held(held, whole)
    } else {
        exchange.send(bytes, whole)
    }
}
