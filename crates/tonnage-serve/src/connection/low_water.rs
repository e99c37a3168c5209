//! How many bytes a socket must have before the kernel says that it can be read
//! (`SO_RCVLOWAT`, socket(7)), which rustix does not know.

use std::os::fd::{AsRawFd, BorrowedFd};

use super::{Connection, Stage};

impl Connection {
    /// Has the kernel tell of a body when there is enough of it, and of all else at once.
    /// Each waking costs the client, too, where it is on this machine: uploads of 1 MiB
    /// took it a quarter more time.
    pub(crate) fn set_low_water(&mut self) {
        // The socket is that of other requests, too.
        if self.is_stream() {
            return;
        }
        let bytes = match &self.stage {
            // Of what is enciphered nobody knows how much it takes, nor how much was read.
            Stage::Body(intake) if self.wire.bare().is_some() => intake.worth_reading_bytes(),
            _ => 1,
        };
        if bytes != self.low_water {
            set(self.wire.socket(), bytes);
            self.low_water = bytes;
        }
    }
}

/// Sets it, in bytes. A peer that closes is told of all the same; a kernel that does not
/// take the value tells of every byte, as it did before.
#[expect(
    unsafe_code,
    reason = "setsockopt with a value that rustix has no function for"
)]
fn set(socket: BorrowedFd<'_>, bytes: u32) {
    let value = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    // SAFETY: `value` is a `c_int`, which this option takes, lives until the call returns
    // and is only read, as many bytes of it as are told; the descriptor is borrowed, so open.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    /// Whether it can be read, at the latest after so long.
    fn is_readable(socket: &TcpStream, most_ms: i64) -> bool {
        let mut sockets = [PollFd::new(socket, PollFlags::IN)];
        let most = Timespec {
            tv_sec: most_ms / 1000,
            tv_nsec: most_ms % 1000 * 1_000_000,
        };
        poll(&mut sockets, Some(&most)).unwrap() == 1
    }

    /// All that was sent has come: it went over the loopback before `write` returned.
    #[test]
    fn what_is_less_than_asked_for_is_not_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        set(server.as_fd(), 1000);
        client.write_all(&[0; 999]).unwrap();
        assert!(!is_readable(&server, 0));
        set(server.as_fd(), 999);
        assert!(is_readable(&server, 0));
        set(server.as_fd(), 1000);
        assert!(!is_readable(&server, 0));
        client.write_all(&[0]).unwrap();
        assert!(is_readable(&server, 10_000));
        set(server.as_fd(), 5000);
        assert!(!is_readable(&server, 0));
        drop(client);
        assert!(is_readable(&server, 10_000));
    }
}
