//! The outcome of a request as a code: in which phase it failed, and why.
//!
//! Codes are small and `Copy`, so that the hot path counts them in an array and
//! never builds a string.

use serde::{Deserialize, Serialize};

/// The part of a request's life in which it failed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// From the call of `connect` until the socket can be written.
    Connect,
    /// From there until the TLS handshake is done.
    Tls,
    /// From the first write until the last byte of the request is with the kernel.
    Write,
    /// From there until the first byte of the response.
    Wait,
    /// From there until the end of the response.
    Read,
    /// The response came whole, and is not what was expected.
    Check,
}

/// Why a request failed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Nobody listens there (`ECONNREFUSED`).
    Refused,
    /// The peer, or something between, aborted the connection (`ECONNRESET`, `EPIPE`).
    Reset,
    /// The phase took longer than its limit.
    Timeout,
    /// The peer closed in good order, but too early.
    Closed,
    /// What came is not the protocol that was spoken.
    Protocol,
    /// The status is not among the expected ones.
    Status,
    /// The body is not what was expected.
    Body,
    /// The peer's certificate is not trusted, or not for this host.
    Certificate,
    /// The peer ended the TLS handshake or connection with an alert.
    Alert,
    /// The peer reset the stream (HTTP/2 `RST_STREAM`).
    Stream,
    /// The peer is going away (HTTP/2 `GOAWAY`) and did not process the request.
    GoAway,
    /// The gRPC status is not OK.
    Grpc,
    /// The listener's backlog is full (`EAGAIN` of a Unix socket).
    Backlog,
    /// No route or no such address (`EHOSTUNREACH`, `ENETUNREACH`).
    Unreachable,
    /// This machine has no local port left for the target (`EADDRNOTAVAIL`).
    Ports,
    /// Any other error of the operating system.
    System,
}

impl Phase {
    /// All phases, in the order in which a request passes through them.
    pub const ALL: [Self; 6] = [
        Self::Connect,
        Self::Tls,
        Self::Write,
        Self::Wait,
        Self::Read,
        Self::Check,
    ];

    /// The name used in text, JSON and the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Write => "write",
            Self::Wait => "wait",
            Self::Read => "read",
            Self::Check => "check",
        }
    }
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 16] = [
        Self::Refused,
        Self::Reset,
        Self::Timeout,
        Self::Closed,
        Self::Protocol,
        Self::Status,
        Self::Body,
        Self::Certificate,
        Self::Alert,
        Self::Stream,
        Self::GoAway,
        Self::Grpc,
        Self::Backlog,
        Self::Unreachable,
        Self::Ports,
        Self::System,
    ];

    /// The name used in text, JSON and the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::Status => "status",
            Self::Body => "body",
            Self::Certificate => "certificate",
            Self::Alert => "alert",
            Self::Stream => "stream",
            Self::GoAway => "goaway",
            Self::Grpc => "grpc",
            Self::Backlog => "backlog",
            Self::Unreachable => "unreachable",
            Self::Ports => "ports",
            Self::System => "system",
        }
    }
}

/// How many requests failed in one phase for one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FailureCount {
    /// Where in its life the request failed.
    pub phase: Phase,
    /// Why it failed.
    pub cause: Cause,
    /// How many did, in the measured window.
    pub count: u64,
}

/// A set of HTTP status codes, 100 to 999, asked once for each response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet {
    bits: [u64; 16],
}

/// A list of status codes that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no list of status codes (expected numbers from 100 to 599 or ranges like 200-299, separated by commas)"
)]
pub struct StatusSetError(pub String);

impl StatusSet {
    /// 200 to 399: what curl, k6 and vegeta call a success.
    pub fn success() -> Self {
        let mut set = Self { bits: [0; 16] };
        (200..400).for_each(|status| set.insert(status));
        set
    }

    fn insert(&mut self, status: u16) {
        self.bits[usize::from(status) / 64] |= 1 << (status % 64);
    }

    /// Whether `status` counts as expected.
    #[inline]
    pub fn contains(&self, status: u16) -> bool {
        self.bits
            .get(usize::from(status) / 64)
            .is_some_and(|word| word >> (status % 64) & 1 == 1)
    }
}

impl std::str::FromStr for StatusSet {
    type Err = StatusSetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || StatusSetError(text.to_owned());
        let number = |part: &str| {
            let status: u16 = part.trim().parse().map_err(|_| fail())?;
            (100..600)
                .contains(&status)
                .then_some(status)
                .ok_or_else(fail)
        };
        let mut set = Self { bits: [0; 16] };
        for part in text.split(',') {
            let (low, high) = match part.split_once('-') {
                Some((low, high)) => (number(low)?, number(high)?),
                None => (number(part)?, number(part)?),
            };
            if low > high {
                return Err(fail());
            }
            (low..=high).for_each(|status| set.insert(status));
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_200_to_399() {
        let set = StatusSet::success();
        assert!(set.contains(200) && set.contains(304) && set.contains(399));
        assert!(!set.contains(199) && !set.contains(400) && !set.contains(999));
        assert!(!set.contains(u16::MAX));
    }

    #[test]
    fn lists_and_ranges_are_read() {
        let set: StatusSet = "200, 301-303,404".parse().unwrap();
        for status in [200, 301, 302, 303, 404] {
            assert!(set.contains(status), "{status}");
        }
        assert!(!set.contains(300) && !set.contains(304));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "ok", "99", "600", "300-200", "200,,201"] {
            assert!(text.parse::<StatusSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_match_what_serde_writes() {
        for phase in Phase::ALL {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
        }
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
    }
}
