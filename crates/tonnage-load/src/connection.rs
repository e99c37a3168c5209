//! One user's connection: its socket, the phase its request is in, and what the
//! operating system's errors mean there.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt};
use tonnage_model::{Cause, Phase};

use crate::response::ResponseScanner;

/// The first pause after a failed connect, in nanoseconds; it doubles up to
/// [`MAX_BACKOFF_NS`], so that a dead target is not hammered.
const MIN_BACKOFF_NS: u64 = 1_000_000;

/// The longest pause after a failed connect, in nanoseconds.
const MAX_BACKOFF_NS: u64 = 100_000_000;

/// What a user is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing, and nothing more is wanted of it.
    Idle,
    /// Pausing after a failed connect, until the deadline.
    Paused,
    Connecting,
    Writing,
    Waiting,
    Reading,
}

impl Stage {
    /// The phase in which a request fails that fails now.
    pub(crate) fn phase(self) -> Phase {
        match self {
            Self::Idle | Self::Paused | Self::Connecting => Phase::Connect,
            Self::Writing => Phase::Write,
            Self::Waiting => Phase::Wait,
            Self::Reading => Phase::Read,
        }
    }
}

/// One user of the closed loop and its connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: Option<OwnedFd>,
    /// Grows with each socket, so that an event of a closed one is recognised.
    pub(crate) generation: u32,
    pub(crate) stage: Stage,
    pub(crate) scanner: ResponseScanner,
    /// Bytes of the request that are with the kernel.
    pub(crate) written: usize,
    /// When the user wanted to ask: end of the answer before, or of a pause.
    pub(crate) due_ns: u64,
    /// When the first byte was written.
    pub(crate) sent_ns: u64,
    /// When the stage has lasted too long, or the pause ends.
    pub(crate) deadline_ns: u64,
    backoff_ns: u64,
}

impl Connection {
    pub(crate) fn new(to_head_request: bool) -> Self {
        Self {
            socket: None,
            generation: 0,
            stage: Stage::Idle,
            scanner: ResponseScanner::new(to_head_request),
            written: 0,
            due_ns: 0,
            sent_ns: 0,
            deadline_ns: u64::MAX,
            backoff_ns: MIN_BACKOFF_NS,
        }
    }

    /// Opens a socket and begins to connect it. It can be written once epoll
    /// says so.
    pub(crate) fn open(&mut self, address: &SocketAddr) -> Result<&OwnedFd, Errno> {
        let family = if address.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket =
            rustix::net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
        // A request leaves at once, even where it takes two writes.
        sockopt::set_tcp_nodelay(&socket, true)?;
        match rustix::net::connect(&socket, address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error),
        }
        self.generation = self.generation.wrapping_add(1);
        self.scanner.reset();
        Ok(self.socket.insert(socket))
    }

    /// Closes the socket, if there is one; epoll forgets it by itself.
    pub(crate) fn close(&mut self) {
        self.socket = None;
    }

    /// The next pause after a failed connect, in nanoseconds.
    pub(crate) fn next_backoff_ns(&mut self) -> u64 {
        let backoff = self.backoff_ns;
        self.backoff_ns = (backoff * 2).min(MAX_BACKOFF_NS);
        backoff
    }

    /// A connect succeeded: the next failure pauses briefly again.
    pub(crate) fn reset_backoff(&mut self) {
        self.backoff_ns = MIN_BACKOFF_NS;
    }
}

/// What an error of the operating system says about the request.
pub(crate) fn cause_of(error: Errno) -> Cause {
    match error {
        Errno::CONNREFUSED => Cause::Refused,
        Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED => Cause::Reset,
        Errno::TIMEDOUT => Cause::Timeout,
        Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::HOSTDOWN | Errno::NETDOWN => {
            Cause::Unreachable
        }
        Errno::ADDRNOTAVAIL => Cause::Ports,
        _ => Cause::System,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_start_again() {
        let mut connection = Connection::new(false);
        let pauses: Vec<u64> = (0..10)
            .map(|_| connection.next_backoff_ns() / 1_000_000)
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 100, 100, 100]);
        connection.reset_backoff();
        assert_eq!(connection.next_backoff_ns(), MIN_BACKOFF_NS);
    }
}
