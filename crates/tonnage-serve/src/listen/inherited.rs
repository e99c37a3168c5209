//! Sockets that another process opened, and how their numbers become ours. Who announced
//! them, and how, is for others to know.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use super::socket::ListenError;

/// Which sockets this process was given. Where there are any, the configured addresses
/// do not count, as in gunicorn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Inherited {
    /// None.
    #[default]
    Nothing,
    /// By the server that this one is to replace.
    FromServer(Vec<RawFd>),
    /// By systemd.
    FromSystemd(Vec<RawFd>),
}

/// The numbers that were taken over, each of which may be so only once: after it was
/// closed it may belong to somebody else.
static TAKEN_OVER: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

/// Makes an inherited descriptor ours. It keeps its number.
#[expect(
    unsafe_code,
    reason = "inherited descriptors are numbers and nothing else"
)]
pub(super) fn take_over(descriptor: RawFd) -> Result<OwnedFd, ListenError> {
    // The link of an open socket can be read, although it leads nowhere.
    if descriptor < 0 || fs::read_link(format!("/proc/self/fd/{descriptor}")).is_err() {
        return Err(ListenError::NotOpen(descriptor));
    }
    let mut taken_over = TAKEN_OVER.lock().unwrap_or_else(PoisonError::into_inner);
    if !taken_over.insert(descriptor) {
        return Err(ListenError::TakenOver(descriptor));
    }
    // SAFETY: the descriptor is open, as was seen just now, and it is nobody else's: it
    // was inherited for us, and it has not been taken over before.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::IntoRawFd;

    use super::*;

    #[test]
    fn a_descriptor_is_taken_over_once_and_only_while_it_is_open() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Far away from the numbers that other tests' descriptors come and go with.
        let far = rustix::io::fcntl_dupfd_cloexec(&listener, 700).unwrap();
        let number = far.into_raw_fd();
        let ours = take_over(number).unwrap();
        assert!(matches!(take_over(number), Err(ListenError::TakenOver(it)) if it == number));
        drop(ours);
        assert!(matches!(take_over(number), Err(ListenError::NotOpen(_))));
        assert!(matches!(take_over(-1), Err(ListenError::NotOpen(-1))));
    }
}
