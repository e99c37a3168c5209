//! One connection's TLS: records between it and a socket that never waits.

use std::io::{self, BufRead as _, IoSlice, Read, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::SendFlags;
use rustls::ServerConnection;

use super::{TlsInfo, TlsServer};
use crate::connection::Incoming;

/// Readings of a socket in one turn: an honest peer's longest record takes five.
const FILLS: usize = 20;

/// A connection that speaks TLS.
#[derive(Debug)]
pub(crate) struct Session {
    tls: ServerConnection,
    /// Bytes that went to the socket.
    pushed_bytes: u64,
    /// The client has said that it sends nothing more.
    input_ended: bool,
    /// What broke the protocol.
    problem: Option<rustls::Error>,
    certificates: Arc<super::Certificates>,
}

impl Session {
    pub(crate) fn new(server: &TlsServer) -> Result<Self, Errno> {
        let tls = ServerConnection::new(Arc::clone(&server.config)).map_err(|_| Errno::PROTO)?;
        Ok(Self {
            tls,
            pushed_bytes: 0,
            input_ended: false,
            problem: None,
            certificates: Arc::clone(&server.certificates),
        })
    }

    /// Goes on with the handshake; what was agreed on, when it is done. An error of the
    /// protocol is `EPROTO`; the client has been told of it, where it still listens.
    pub(crate) fn shake_hands(&mut self, socket: BorrowedFd<'_>) -> Result<Option<TlsInfo>, Errno> {
        for _ in 0..FILLS {
            if !self.push(socket)? {
                return Ok(None);
            }
            if !self.tls.is_handshaking() {
                return Ok(Some(self.describe()));
            }
            match self.fill(socket) {
                Ok(Filled { bytes: 0, .. }) => return Err(Errno::CONNRESET),
                Ok(_) => {}
                Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        // No handshake needs so many.
        Err(Errno::PROTO)
    }

    /// What broke the protocol, where an error was `EPROTO`.
    pub(crate) fn problem(&self) -> Option<&rustls::Error> {
        self.problem.as_ref()
    }

    fn describe(&self) -> TlsInfo {
        let client = self.tls.peer_certificates().unwrap_or_default();
        TlsInfo {
            version: self.tls.protocol_version(),
            suite: self
                .tls
                .negotiated_cipher_suite()
                .map(|suite| suite.suite()),
            server_name: self.tls.server_name().map(str::to_owned),
            protocol: self.tls.alpn_protocol().map(<[u8]>::to_vec),
            server: self.certificates.only().cloned(),
            client: client
                .iter()
                .map(|certificate| certificate.clone().into_owned())
                .collect(),
            ..TlsInfo::default()
        }
    }

    /// Takes what is there, at most so many bytes, and hands it on. A peer that ends without
    /// notice has ended: messages say by themselves how long they are.
    pub(crate) fn read(
        &mut self,
        socket: BorrowedFd<'_>,
        most: usize,
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<Incoming, Errno> {
        // What was left of an earlier reading says nothing of the socket: more may have come to
        // it meanwhile, whose event was this one.
        let mut is_empty = false;
        for _ in 0..FILLS {
            match self.take(most, sink) {
                Some(0) => return Ok(Incoming::End),
                Some(count) => {
                    // After a full measure there may be more of the same record, and of an end
                    // that came with it the socket tells nothing.
                    let drained = is_empty && count < most && !self.input_ended;
                    return Ok(Incoming::Bytes { count, drained });
                }
                None => {}
            }
            is_empty = self.fill(socket)?.emptied;
        }
        // Records without content: others have their turn.
        Ok(Incoming::Bytes {
            count: 0,
            drained: false,
        })
    }

    /// Takes what has been deciphered: nothing at the end, `None` where there is none yet.
    fn take(&mut self, most: usize, sink: &mut impl FnMut(&[u8])) -> Option<usize> {
        let mut reader = self.tls.reader();
        let mut count = 0;
        while count < most {
            match reader.fill_buf() {
                Ok([]) => break,
                Ok(part) => {
                    let bytes = part.len().min(most - count);
                    sink(&part[..bytes]);
                    reader.consume(bytes);
                    count += bytes;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return (count > 0).then_some(count);
                }
                Err(_) => break,
            }
        }
        Some(count)
    }

    /// Reads records and deciphers them.
    fn fill(&mut self, socket: BorrowedFd<'_>) -> Result<Filled, Errno> {
        let mut reading = Reading {
            socket,
            asked: usize::MAX,
        };
        let bytes = self.tls.read_tls(&mut reading).map_err(errno)?;
        let emptied = bytes < reading.asked;
        let processed = self.tls.process_new_packets();
        // Answers to what was read, or what was wrong with it.
        let pushed = if self.tls.wants_write() {
            self.push(socket)
        } else {
            Ok(true)
        };
        let state = processed.map_err(|problem| {
            self.problem = Some(problem);
            Errno::PROTO
        })?;
        self.input_ended = state.peer_has_closed();
        pushed?;
        Ok(Filled { bytes, emptied })
    }

    /// Enciphers and sends, as much as the socket takes; what was taken beyond that is bounded
    /// by one buffer and goes by [`Session::push`].
    pub(crate) fn write(&mut self, socket: BorrowedFd<'_>, slices: &[&[u8]]) -> io::Result<usize> {
        let mut list: Vec<IoSlice<'_>> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
        let mut left = list.as_mut_slice();
        let mut taken = 0;
        while self.push(socket)? {
            let count = self.tls.writer().write_vectored(left)?;
            if count == 0 {
                break;
            }
            taken += count;
            IoSlice::advance_slices(&mut left, count);
        }
        Ok(taken)
    }

    /// Sends the records that wait; whether all of them have gone.
    pub(crate) fn push(&mut self, socket: BorrowedFd<'_>) -> Result<bool, Errno> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Writing(socket)) {
                Ok(count) => self.pushed_bytes += count as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(errno(error)),
            }
        }
        Ok(true)
    }

    /// Whether records wait for the socket.
    pub(crate) fn is_stuck(&self) -> bool {
        self.tls.wants_write()
    }

    /// Bytes that went to the socket.
    pub(crate) fn pushed_bytes(&self) -> u64 {
        self.pushed_bytes
    }

    /// Says that all was sent (RFC 8446, section 6.1). Once; where the socket is full or the
    /// client gone, nobody hears it.
    pub(crate) fn close(&mut self, socket: BorrowedFd<'_>) {
        if !self.tls.is_handshaking() {
            self.tls.send_close_notify();
            let _ = self.push(socket);
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` calls it with"
)]
fn errno(error: io::Error) -> Errno {
    // What is no error of the system is one of the library: records that cannot be.
    Errno::from_io_error(&error).unwrap_or(Errno::PROTO)
}

/// What a reading of the socket gave.
struct Filled {
    /// So many bytes came, none at the end.
    bytes: usize,
    /// They were fewer than were asked for: the socket is empty, and an event tells of more.
    emptied: bool,
}

/// A socket that is read, and how much was asked of it.
struct Reading<'a> {
    socket: BorrowedFd<'a>,
    asked: usize,
}

impl Read for Reading<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.asked = room.len();
        Ok(rustix::io::read(self.socket, room)?)
    }
}

/// A socket that is written to.
struct Writing<'a>(BorrowedFd<'a>);

impl Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(self.0, bytes, SendFlags::NOSIGNAL)?)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [one] => self.write(one),
            several => Ok(rustix::io::writev(self.0, several)?),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
