//! What an error of the `h2` crate says about a request.

use tonnage_model::Cause;

use super::wire::Wire;

/// Why a request failed on `wire`.
pub(crate) fn cause_of(error: &::h2::Error, wire: &Wire) -> Cause {
    if error.is_io() {
        // The crate says only that the pipe broke; the wire knows how.
        return wire.end().unwrap_or(Cause::Closed);
    }
    match (error.is_remote(), error.is_go_away(), error.is_reset()) {
        (true, true, _) => Cause::GoAway,
        (true, _, true) => Cause::Stream,
        // Found by the library: a frame that makes no sense, or too many.
        _ => Cause::Protocol,
    }
}

/// Whether a request was refused because of its connection, so that another
/// connection may take it.
pub(crate) fn is_of_connection(error: &::h2::Error) -> bool {
    error.is_go_away() || error.is_io()
}
