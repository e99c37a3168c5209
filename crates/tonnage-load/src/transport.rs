//! The bytes between a connection and its socket: plain, or through TLS. Nothing
//! here knows of requests.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use rustls::ClientConnection;
use tonnage_model::Cause;

use crate::tls::{TlsClient, cause_of_tls};

/// How a connection speaks to its socket.
#[derive(Debug)]
pub(crate) enum Transport {
    Plain,
    Tls(Box<ClientConnection>),
}

/// What a read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// So many bytes are in the buffer, and there may be more.
    Data(usize),
    /// So many bytes are in the buffer, and the socket is empty.
    LastData(usize),
    /// Nothing is there yet.
    Nothing,
    /// The peer closed in good order.
    End,
}

/// How a write went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// So many bytes were taken.
    Taken(usize),
    /// The socket takes no more for now.
    Full,
}

impl Transport {
    /// A transport for a socket that is connected.
    pub(crate) fn new(tls: Option<&TlsClient>) -> Result<Self, Cause> {
        match tls {
            None => Ok(Self::Plain),
            Some(tls) => {
                let session =
                    ClientConnection::new(Arc::clone(&tls.config), tls.server_name.clone());
                session
                    .map(|session| Self::Tls(Box::new(session)))
                    .map_err(|error| cause_of_tls(&error))
            }
        }
    }

    /// Goes on with the handshake; `true` when it is done.
    pub(crate) fn shake_hands(&mut self, socket: &OwnedFd) -> Result<bool, Cause> {
        let Self::Tls(session) = self else {
            return Ok(true);
        };
        while session.is_handshaking() {
            if session.wants_write() {
                if flush(session, socket)? == Outgoing::Full {
                    return Ok(false);
                }
                continue;
            }
            match fill(session, socket)? {
                Incoming::Nothing => return Ok(false),
                Incoming::End => return Err(Cause::Closed),
                Incoming::Data(_) | Incoming::LastData(_) => {}
            }
        }
        flush(session, socket)?;
        Ok(true)
    }

    /// Reads what is there, up to the buffer's size.
    #[inline]
    pub(crate) fn read(&mut self, socket: &OwnedFd, buffer: &mut [u8]) -> Result<Incoming, Cause> {
        match self {
            Self::Plain => loop {
                match rustix::net::recv(socket, &mut *buffer, RecvFlags::empty()) {
                    Ok((0, _)) => return Ok(Incoming::End),
                    Ok((length, _)) if length < buffer.len() => {
                        return Ok(Incoming::LastData(length));
                    }
                    Ok((length, _)) => return Ok(Incoming::Data(length)),
                    Err(Errno::AGAIN) => return Ok(Incoming::Nothing),
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(cause_of(error)),
                }
            },
            Self::Tls(session) => loop {
                match session.reader().read(buffer) {
                    Ok(0) => return Ok(Incoming::End),
                    Ok(length) => return Ok(Incoming::Data(length)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // Closed without a good-bye: what came so far may be cut off,
                    // by anybody on the way (RFC 8446, section 6.1).
                    Err(_) => return Err(Cause::Closed),
                }
                // The session itself knows in what order the peer closed.
                if fill(session, socket)? == Incoming::Nothing {
                    return Ok(Incoming::Nothing);
                }
            },
        }
    }

    /// Hands bytes to the kernel; with TLS all of them are taken at once, and
    /// [`flush`](Self::flush) says when they are out.
    #[inline]
    pub(crate) fn write(&mut self, socket: &OwnedFd, bytes: &[u8]) -> Result<Outgoing, Cause> {
        match self {
            Self::Plain => loop {
                match rustix::net::send(socket, bytes, SendFlags::NOSIGNAL) {
                    Ok(sent) => return Ok(Outgoing::Taken(sent)),
                    Err(Errno::AGAIN) => return Ok(Outgoing::Full),
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(cause_of(error)),
                }
            },
            Self::Tls(session) => {
                // The request is in memory anyway, so that its copy is bounded.
                session.set_buffer_limit(None);
                session
                    .writer()
                    .write_all(bytes)
                    .map_err(|_| Cause::System)?;
                Ok(Outgoing::Taken(bytes.len()))
            }
        }
    }

    /// The same for several buffers at once, of which TLS takes only the first.
    pub(crate) fn write_vectored(
        &mut self,
        socket: &OwnedFd,
        buffers: &[IoSlice<'_>],
    ) -> Result<Outgoing, Cause> {
        if self.is_tls() || buffers.len() == 1 {
            let first = buffers.iter().find(|buffer| !buffer.is_empty());
            return first.map_or(Ok(Outgoing::Taken(0)), |first| self.write(socket, first));
        }
        let mut nothing = SendAncillaryBuffer::default();
        loop {
            match rustix::net::sendmsg(socket, buffers, &mut nothing, SendFlags::NOSIGNAL) {
                Ok(sent) => return Ok(Outgoing::Taken(sent)),
                Err(Errno::AGAIN) => return Ok(Outgoing::Full),
                Err(Errno::INTR) => {}
                Err(error) => return Err(cause_of(error)),
            }
        }
    }

    /// The protocol that the handshake agreed on by ALPN, if any.
    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        match self {
            Self::Plain => None,
            Self::Tls(session) => session.alpn_protocol(),
        }
    }

    /// Brings out what TLS still holds.
    #[inline]
    pub(crate) fn flush(&mut self, socket: &OwnedFd) -> Result<Outgoing, Cause> {
        match self {
            Self::Plain => Ok(Outgoing::Taken(0)),
            Self::Tls(session) => flush(session, socket),
        }
    }

    /// Whether TLS holds plain text that no event will tell of.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

fn flush(session: &mut ClientConnection, socket: &OwnedFd) -> Result<Outgoing, Cause> {
    while session.wants_write() {
        match session.write_tls(&mut Socket(socket)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Outgoing::Full),
            Err(error) => return Err(cause_of_io(&error)),
        }
    }
    Ok(Outgoing::Taken(0))
}

/// Reads records and deciphers them.
fn fill(session: &mut ClientConnection, socket: &OwnedFd) -> Result<Incoming, Cause> {
    match session.read_tls(&mut Socket(socket)) {
        Ok(0) => Ok(Incoming::End),
        Ok(length) => match session.process_new_packets() {
            Ok(_) => Ok(Incoming::Data(length)),
            Err(error) => {
                // Tells the peer why, as far as it still listens.
                let _ = flush(session, socket);
                Err(cause_of_tls(&error))
            }
        },
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Incoming::Nothing),
        Err(error) => Err(cause_of_io(&error)),
    }
}

/// What an error of the operating system says about the request.
pub(crate) fn cause_of(error: Errno) -> Cause {
    match error {
        Errno::CONNREFUSED | Errno::NOENT => Cause::Refused,
        Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED => Cause::Reset,
        Errno::TIMEDOUT => Cause::Timeout,
        Errno::AGAIN => Cause::Backlog,
        Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::HOSTDOWN | Errno::NETDOWN => {
            Cause::Unreachable
        }
        Errno::ADDRNOTAVAIL => Cause::Ports,
        _ => Cause::System,
    }
}

fn cause_of_io(error: &io::Error) -> Cause {
    Errno::from_io_error(error).map_or(Cause::System, cause_of)
}

/// A socket as TLS wants to see it.
struct Socket<'a>(&'a OwnedFd);

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::net::recv(self.0, &mut *buffer, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                result => return Ok(result?.0),
            }
        }
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::net::send(self.0, bytes, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                result => return Ok(result?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
