//! How a websocket ends: the codes, and what a Close frame says (RFC 6455, sections 5.5.1
//! and 7.4).

use super::frame::MOST_CONTROL_BYTES;

/// Codes of section 7.4.1, and of the registry that it made.
pub mod code {
    /// All was said.
    pub const NORMAL: u16 = 1000;
    /// The server goes away, or the client leaves the page.
    pub const GOING_AWAY: u16 = 1001;
    /// What came is no websocket.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// The Close frame had no code; never sent.
    pub const NO_STATUS: u16 = 1005;
    /// There was no Close frame; never sent.
    pub const ABNORMAL: u16 = 1006;
    /// A text that is no UTF-8, or data that cannot be unpacked.
    pub const INVALID_DATA: u16 = 1007;
    /// A message that is too long.
    pub const TOO_BIG: u16 = 1009;
    /// The server failed.
    pub const INTERNAL_ERROR: u16 = 1011;
}

/// How a websocket ended, as the application is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The code; [`code::NO_STATUS`] and [`code::ABNORMAL`] where the peer sent none.
    pub code: u16,
    /// Why, for people.
    pub reason: String,
}

impl Closed {
    /// With this code and reason.
    pub fn new(code: u16, reason: &str) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
        }
    }
}

/// Why a websocket cannot go on: the code that the peer is told, and the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: u16,
    pub(super) reason: &'static str,
}

impl Failure {
    pub(super) const fn protocol(reason: &'static str) -> Self {
        Self {
            code: code::PROTOCOL_ERROR,
            reason,
        }
    }

    pub(super) const fn data(reason: &'static str) -> Self {
        Self {
            code: code::INVALID_DATA,
            reason,
        }
    }

    pub(super) const TOO_BIG: Self = Self {
        code: code::TOO_BIG,
        reason: "message too big",
    };
}

/// Whether a Close frame may have this code.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// What the payload of a Close frame says.
pub(super) fn parse(payload: &[u8]) -> Result<Closed, Failure> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return match payload {
            [] => Ok(Closed::new(code::NO_STATUS, "")),
            _ => Err(Failure::protocol("incomplete close code")),
        };
    };
    let code = u16::from_be_bytes(*code);
    if !may_be_sent(code) {
        return Err(Failure::protocol("invalid close code"));
    }
    let reason = std::str::from_utf8(reason);
    let reason = reason.map_err(|_| Failure::data("close reason is no UTF-8"))?;
    Ok(Closed::new(code, reason))
}

/// The payload of a Close frame. A code that must not be sent is left out, and a reason
/// that is too long is cut.
pub(super) fn payload(code: u16, reason: &str) -> Vec<u8> {
    if !may_be_sent(code) {
        return Vec::new();
    }
    let mut end = reason.len().min(MOST_CONTROL_BYTES - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_reasons_are_read_and_what_cannot_be_is_refused() {
        assert_eq!(parse(b""), Ok(Closed::new(1005, "")));
        assert_eq!(parse(b"\x03\xe8bye"), Ok(Closed::new(1000, "bye")));
        assert_eq!(parse(b"\x0f\xa0"), Ok(Closed::new(4000, "")));
        assert_eq!(parse(b"\x03").unwrap_err().code, 1002);
        for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            let payload = u16::to_be_bytes(code);
            assert_eq!(parse(&payload).unwrap_err().code, 1002, "{code}");
        }
        assert_eq!(parse(b"\x03\xe8\xff").unwrap_err().code, 1007);
    }

    #[test]
    fn what_is_sent_can_be_read() {
        assert_eq!(payload(1005, "never"), b"");
        assert_eq!(payload(1000, ""), b"\x03\xe8");
        let long = "é".repeat(100);
        let sent = payload(1000, &long);
        assert_eq!(sent.len(), 124, "a letter that has no room is left out");
        assert_eq!(parse(&sent).unwrap().reason, "é".repeat(61));
    }
}
