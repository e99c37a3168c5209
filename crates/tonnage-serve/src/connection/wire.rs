//! The bytes between a connection and its socket: as they are, or through TLS. Nothing here
//! waits, and nothing knows of requests.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::tls::{Session, SharedSession, TlsInfo, TlsServer};

/// Bytes that one call of sendfile(2) is asked to move: the kernel's own bound is
/// higher, other connections want their turn.
const FILE_STEP_BYTES: usize = 1 << 20;

/// Bytes of a file that are read at once, where the kernel cannot move them by itself.
const READ_STEP_BYTES: usize = 64 << 10;

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

/// How a handshake goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// It is done, or there is none.
    Done,
    /// The client has its turn, or its socket is full.
    Waiting,
    /// The client does not speak TLS, but something like HTTP: bytes are sent as they are.
    NotTls,
}

/// What lies between the bytes and the socket.
#[derive(Debug)]
enum Layer {
    Plain,
    /// TLS, of which nothing has come yet.
    Expected(Arc<TlsServer>),
    Tls(SharedSession, Option<Arc<TlsInfo>>),
    /// Bytes go through another wire; what was agreed on there.
    Aside(Option<Arc<TlsInfo>>),
}

/// A connection's way to its socket.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Whoever sends the response that waits for others has it, too.
    socket: Arc<OwnedFd>,
    layer: Layer,
}

impl Wire {
    /// Bytes go to the socket as they are.
    pub(crate) fn plain(socket: OwnedFd) -> Self {
        Self {
            socket: Arc::new(socket),
            layer: Layer::Plain,
        }
    }

    /// From now on TLS is spoken: [`Wire::shake_hands`] is to be called before anything else.
    pub(crate) fn expect_tls(&mut self, server: &Arc<TlsServer>) {
        self.layer = Layer::Expected(Arc::clone(server));
    }

    /// The same socket for somebody else, with what is known of it and no bytes.
    pub(crate) fn beside(&self) -> Self {
        Self {
            socket: Arc::clone(&self.socket),
            layer: Layer::Aside(self.tls().cloned()),
        }
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The socket, for whoever sends bytes past this: `None` where they are not sent as they
    /// are.
    #[inline]
    pub(crate) fn bare(&self) -> Option<&Arc<OwnedFd>> {
        matches!(self.layer, Layer::Plain).then_some(&self.socket)
    }

    /// Whether nobody but the socket knows how things stand, so that another process can go
    /// on with it.
    pub(crate) fn can_move(&self) -> bool {
        !matches!(self.layer, Layer::Tls(..) | Layer::Aside(_))
    }

    /// What was agreed on, where TLS is spoken.
    pub(crate) fn tls(&self) -> Option<&Arc<TlsInfo>> {
        match &self.layer {
            Layer::Tls(_, info) | Layer::Aside(info) => info.as_ref(),
            _ => None,
        }
    }

    /// The same TLS, for whoever may have to answer in the place of who has this.
    pub(crate) fn session(&self) -> Option<&SharedSession> {
        match &self.layer {
            Layer::Tls(session, _) => Some(session),
            _ => None,
        }
    }

    /// Goes on with the handshake.
    pub(crate) fn shake_hands(&mut self) -> Result<Handshake, Errno> {
        if let Layer::Expected(server) = &self.layer {
            let mut first = [0];
            match rustix::net::recv(&self.socket, &mut first, RecvFlags::PEEK) {
                Ok((0, _)) => return Err(Errno::CONNRESET),
                // A method; a record of TLS begins with a number of its kind.
                Ok(_) if first[0].is_ascii_uppercase() => {
                    self.layer = Layer::Plain;
                    return Ok(Handshake::NotTls);
                }
                Ok(_) => {
                    let session = SharedSession::new(Session::new(server)?);
                    self.layer = Layer::Tls(session, None);
                }
                Err(Errno::AGAIN | Errno::INTR) => return Ok(Handshake::Waiting),
                Err(error) => return Err(error),
            }
        }
        let Layer::Tls(session, info) = &mut self.layer else {
            return Ok(Handshake::Done);
        };
        let agreed = session.lock().shake_hands(self.socket.as_fd())?;
        Ok(match agreed {
            Some(agreed) => {
                *info = Some(Arc::new(agreed));
                Handshake::Done
            }
            None => Handshake::Waiting,
        })
    }

    /// Reads what is there into the room that a buffer has, once.
    #[inline]
    pub(crate) fn read_into(&mut self, buffer: &mut Vec<u8>) -> Result<Incoming, Errno> {
        let asked = buffer.capacity() - buffer.len();
        match &mut self.layer {
            Layer::Plain => {
                let count = rustix::io::read(&self.socket, spare_capacity(buffer))?;
                Ok(Incoming::of(count, asked))
            }
            Layer::Tls(session, _) => {
                let mut session = session.lock();
                session.read(self.socket.as_fd(), asked, &mut |part| {
                    buffer.extend_from_slice(part);
                })
            }
            Layer::Expected(_) | Layer::Aside(_) => Err(Errno::AGAIN),
        }
    }

    /// Reads what is there into a room that is not empty, once.
    #[inline]
    pub(crate) fn read(&mut self, room: &mut [u8]) -> Result<Incoming, Errno> {
        let asked = room.len();
        match &mut self.layer {
            Layer::Plain => {
                let count = rustix::io::read(&self.socket, room)?;
                Ok(Incoming::of(count, asked))
            }
            Layer::Tls(session, _) => {
                let mut at = 0;
                session
                    .lock()
                    .read(self.socket.as_fd(), asked, &mut |part| {
                        room[at..at + part.len()].copy_from_slice(part);
                        at += part.len();
                    })
            }
            Layer::Expected(_) | Layer::Aside(_) => Err(Errno::AGAIN),
        }
    }

    /// Writes as much as the socket takes, and says how much: nothing where it is full. Less
    /// than there was means that it is full now. Whoever embeds this ignores SIGPIPE, as
    /// Rust's and Python's runtimes do.
    #[inline]
    pub(crate) fn write(&mut self, slices: &[&[u8]]) -> io::Result<usize> {
        match &mut self.layer {
            Layer::Tls(session, _) => session.lock().write(self.socket.as_fd(), slices),
            // Whoever answers before the handshake refuses even that.
            Layer::Plain | Layer::Expected(_) => write_slices(self.socket.as_fd(), slices),
            Layer::Aside(_) => Ok(0),
        }
    }

    /// Moves some bytes of a file to the socket, and says how many: nothing where it is full.
    pub(crate) fn copy(
        &mut self,
        file: BorrowedFd<'_>,
        offset: u64,
        left: u64,
    ) -> io::Result<usize> {
        if !matches!(self.layer, Layer::Plain) {
            return self.read_and_write(file, offset, left);
        }
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

    /// The same where the kernel has no part in it.
    fn read_and_write(
        &mut self,
        file: BorrowedFd<'_>,
        offset: u64,
        left: u64,
    ) -> io::Result<usize> {
        if !self.flush()? {
            return Ok(0);
        }
        let mut block = Vec::with_capacity(left.min(READ_STEP_BYTES as u64) as usize);
        match rustix::io::pread(file, spare_capacity(&mut block), offset)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => self.write(&[&block]),
        }
    }

    /// Sends on what was taken by [`Wire::write`] or [`Wire::copy`] and has not gone to the
    /// socket; whether all of it has gone now.
    #[inline]
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        match &mut self.layer {
            Layer::Tls(session, _) => Ok(session.lock().push(self.socket.as_fd())?),
            _ => Ok(true),
        }
    }

    /// Whether something was taken that has not gone to the socket.
    #[inline]
    pub(crate) fn is_stuck(&self) -> bool {
        match &self.layer {
            Layer::Tls(session, _) => session.lock().is_stuck(),
            _ => false,
        }
    }

    /// Bytes that went to the socket, where they are not those that were written: so that it is
    /// seen whether the client takes them.
    pub(crate) fn pushed_bytes(&self) -> u64 {
        match &self.layer {
            Layer::Tls(session, _) => session.lock().pushed_bytes(),
            _ => 0,
        }
    }

    /// Says that all was sent, where there are words for it.
    pub(crate) fn close(&mut self) {
        if let Layer::Tls(session, _) = &self.layer {
            session.lock().close(self.socket.as_fd());
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn shut_down(&mut self) {
        self.close();
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
