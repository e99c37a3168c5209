//! Requests that are refused or turned away instead of being given to the application: what
//! is said of them, as gunicorn says it of those that it refuses.

use pyo3::prelude::*;
use tonnage_serve::dispatch::Exchange;
use tonnage_serve::http::{Known, Refusal};
use tonnage_serve::io::Refusals;
use tonnage_serve::listen::Peer;

use crate::life::Life;
use crate::observe::Observer;

/// Why an application is not given a request.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// The client is at fault.
    Refused(Refusal),
    /// Python raised this.
    Raised(PyErr),
}

impl From<Refusal> for Unfit {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<PyErr> for Unfit {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

/// Tells, once, that a client asks for a protocol that is not spoken: the application answers
/// as if it had asked for none (RFC 9110, 7.8), which looks like a mistake of its own.
pub(crate) fn warn_of_upgrade(py: Python<'_>, life: &Life, exchange: &Exchange) {
    let asks = exchange.head().is_some_and(|head| head.meaning.upgrade);
    if asks && life.tells_of_upgrade() {
        let mut fields = exchange.fields();
        let field = fields.find(|(known, ..)| *known == Known::Upgrade);
        let value = field.map(|(_, _, value)| value.into_owned());
        let protocol = String::from_utf8_lossy(&value.unwrap_or_default()).into_owned();
        let text = format!(
            "A client asked for {protocol:?}, which this version does not speak; \
             others are not told of. ({})",
            exchange.name()
        );
        life.log(py, "warning", &text);
    }
}

/// Tells of what the sockets refused.
pub(crate) fn tell(py: Python<'_>, life: &Life, observer: &Observer, refusals: &Refusals) {
    for refused in &refusals.kept {
        // Of who did nothing wrong the access log says enough.
        if refused.refusal.is_clients_fault() {
            warn(py, life, refused.peer, refused.refusal);
        }
        if let Err(error) = observer.log_refused(py, refused) {
            life.set_aside(py, error);
        }
    }
    if let Some(trouble) = &refusals.trouble {
        life.log(py, "error", trouble);
    }
    for failed in &refusals.handshakes {
        let (from, why) = (failed.peer.host(), &failed.why);
        life.log(
            py,
            "info",
            &format!("TLS handshake with ip={from} failed: {why}"),
        );
    }
    if refusals.more_handshakes > 0 {
        let text = format!(
            "TLS handshakes that failed beside these: {}",
            refusals.more_handshakes
        );
        life.log(py, "info", &text);
    }
    for (what, count) in [
        ("Invalid requests beside these", refusals.more),
        (
            "Requests turned away without a line in the access log",
            refusals.more_turned_away,
        ),
    ] {
        if count > 0 {
            life.log(py, "warning", &format!("{what}: {count}"));
        }
    }
}

/// Warns of a request that was refused.
pub(crate) fn warn(py: Python<'_>, life: &Life, peer: Peer, refusal: Refusal) {
    let text = format!("Invalid request from ip={}: {refusal}", peer.host());
    life.log(py, "warning", &text);
}
