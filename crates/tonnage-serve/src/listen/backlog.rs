//! How many connections wait to be accepted, as the kernel knows it.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

/// Connections that wait in a listening TCP socket; `None` for any other socket.
#[expect(unsafe_code, reason = "this socket option has no safe name")]
pub(super) fn waiting(socket: &impl AsFd) -> Option<u32> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut bytes = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` is borrowed; the kernel writes at
    // most `bytes` bytes into memory that has so many.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    if result != 0 {
        return None;
    }
    // SAFETY: it consists of integers, of which zero is a value, and was zero before the
    // kernel wrote to it.
    let info = unsafe { info.assume_init() };
    // Of a listening socket this is its backlog (tcp_get_info() in the kernel).
    Some(info.tcpi_unacked)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn connections_that_wait_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(waiting(&listener), Some(0));
        let address = listener.local_addr().unwrap();
        let _clients = [(); 3].map(|()| TcpStream::connect(address).unwrap());
        assert_eq!(waiting(&listener), Some(3));
        let _taken = listener.accept().unwrap();
        assert_eq!(waiting(&listener), Some(2));
        assert_eq!(waiting(&UnixDatagram::unbound().unwrap()), None);
    }
}
