//! The bytes between a connection and its socket. Nothing here waits, and nothing knows of
//! requests.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::SendFlags;

/// Bytes that one call of sendfile(2) is asked to move: the kernel's own bound is
/// higher, other connections want their turn.
const FILE_STEP_BYTES: usize = 1 << 20;

/// What a reading gave. Where there was nothing, it is an error, `EAGAIN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// Bytes came.
    Bytes {
        /// So many.
        count: usize,
        /// That was all, so that the next event will tell when there is more.
        drained: bool,
    },
    /// The peer will send nothing any more.
    End,
}

impl Incoming {
    /// Of a read(2) that was asked for so many.
    fn of(count: usize, asked: usize) -> Self {
        match count {
            0 => Self::End,
            count => Self::Bytes {
                count,
                drained: count < asked,
            },
        }
    }
}

/// A connection's way to its socket.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Whoever sends the response that waits for others has it, too.
    socket: Arc<OwnedFd>,
}

impl Wire {
    /// Bytes go to the socket as they are.
    pub(crate) fn plain(socket: OwnedFd) -> Self {
        Self {
            socket: Arc::new(socket),
        }
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The socket, for whoever sends bytes past this: `None` where they are not sent as they
    /// are.
    pub(crate) fn bare(&self) -> Option<&Arc<OwnedFd>> {
        Some(&self.socket)
    }

    /// Reads what is there into the room that a buffer has, once.
    #[inline]
    pub(crate) fn read_into(&mut self, buffer: &mut Vec<u8>) -> Result<Incoming, Errno> {
        let asked = buffer.capacity() - buffer.len();
        let count = rustix::io::read(&self.socket, spare_capacity(buffer))?;
        Ok(Incoming::of(count, asked))
    }

    /// Reads what is there into a room that is not empty, once.
    #[inline]
    pub(crate) fn read(&mut self, room: &mut [u8]) -> Result<Incoming, Errno> {
        let asked = room.len();
        let count = rustix::io::read(&self.socket, room)?;
        Ok(Incoming::of(count, asked))
    }

    /// Writes as much as the socket takes, and says how much: nothing where it is full. Less
    /// than there was means that it is full now. Whoever embeds this ignores SIGPIPE, as
    /// Rust's and Python's runtimes do.
    #[inline]
    pub(crate) fn write(&mut self, slices: &[&[u8]]) -> io::Result<usize> {
        write_slices(self.socket.as_fd(), slices)
    }

    /// Moves some bytes of a file to the socket, and says how many: nothing where it is full.
    pub(crate) fn copy(
        &mut self,
        file: BorrowedFd<'_>,
        offset: u64,
        left: u64,
    ) -> io::Result<usize> {
        let mut at = offset;
        let bytes = left.min(FILE_STEP_BYTES as u64) as usize;
        match rustix::fs::sendfile(&self.socket, file, Some(&mut at), bytes) {
            // The file became shorter than was promised: the client must not wait for more.
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => Ok(bytes),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends on what was taken by [`Wire::write`] or [`Wire::copy`] and has not gone to the
    /// socket; whether all of it has gone now.
    #[inline]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "of bytes that are sent as they are nothing stays behind"
    )]
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    /// Whether something was taken that has not gone to the socket.
    #[inline]
    #[expect(
        clippy::unused_self,
        reason = "of bytes that are sent as they are nothing stays behind"
    )]
    pub(crate) fn is_stuck(&self) -> bool {
        false
    }

    /// Says that nothing more will be sent.
    pub(crate) fn shut_down(&self) {
        // A connection that is broken already needs no goodbye.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write);
    }
}

fn write_slices(socket: BorrowedFd<'_>, slices: &[&[u8]]) -> io::Result<usize> {
    let result = match slices {
        [one] | [one, []] => rustix::net::send(socket, one, SendFlags::NOSIGNAL),
        [one, two] => rustix::io::writev(socket, &[IoSlice::new(one), IoSlice::new(two)]),
        more => {
            let list: Vec<IoSlice<'_>> = more.iter().map(|slice| IoSlice::new(slice)).collect();
            rustix::io::writev(socket, &list)
        }
    };
    match result {
        Ok(bytes) => Ok(bytes),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// A copy of a descriptor as a file of its own.
pub(crate) fn duplicate(file: BorrowedFd<'_>) -> io::Result<File> {
    let copy: OwnedFd = file.try_clone_to_owned()?;
    Ok(File::from(copy))
}
