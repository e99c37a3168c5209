//! What a client has not taken yet: sent on when its socket has room, so that no
//! thread waits for a slow reader. In memory up to a bound, then in a file.

mod part;
mod pull;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

pub use self::part::Held;
use self::part::{Part, is_file};
use super::spool::Spool;
use super::wire::Wire;
use crate::outbox::Ticket;

/// Bytes of a tail that stay in memory.
const MEMORY_BYTES: usize = 1 << 20;

/// From this length on a spool is followed by another one: only a whole file can be given
/// back, since the socket may still hold pages of what it took (sendfile(2)).
const SPOOL_BYTES: u64 = 16 << 20;

/// Bytes that are kept for a client altogether; whoever writes more has to wait.
const MOST_BYTES: u64 = 1 << 30;

/// Steps after which other connections have their turn.
const FILE_STEPS: usize = 4;

/// Whether everything has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    All,
    /// The socket is full.
    Blocked,
    /// The socket would take more, but others have their turn.
    Yielded,
}

/// The tail of what a connection has to send.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    parts: VecDeque<Part>,
    memory_bytes: usize,
    /// What others have of the memory that they share with this one.
    others_bytes: usize,
    /// The response waits for others, and the socket may not have been asked to take it.
    held_back: Option<Ticket>,
    folder: Option<Arc<Path>>,
    /// There is no room in the folder, until all was sent.
    is_folder_full: bool,
    /// Why, until somebody is told.
    trouble: Option<io::Error>,
    /// The wire has taken something that has not gone to the socket.
    is_stuck: bool,
    /// Bytes that the wire took since this was made.
    sent_bytes: u64,
}

impl Outgoing {
    /// `folder`: where a tail goes that is too long for memory.
    pub(crate) fn new(folder: Arc<Path>) -> Self {
        Self {
            folder: Some(folder),
            ..Self::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.held_back.is_none() && !self.is_stuck
    }

    /// Bytes that wait for the client. What is stuck in the wire, whose length nobody knows,
    /// counts as one: so that it is seen that something waits.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.parts.iter().map(Part::left).sum::<u64>() + u64::from(self.is_stuck)
    }

    /// Whether a writer should wait until the client has taken some.
    pub(crate) fn is_full(&self) -> bool {
        let most_bytes = if self.is_folder_full {
            MEMORY_BYTES as u64
        } else {
            MOST_BYTES
        };
        !self.parts.is_empty() && self.waiting_bytes() >= most_bytes
    }

    /// Why something had to stay in memory, once.
    pub(crate) fn take_trouble(&mut self) -> Option<io::Error> {
        self.trouble.take()
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// Sends these slices after what waits already; what the socket does not take is
    /// kept.
    pub(crate) fn send(&mut self, wire: &mut Wire, slices: &[&[u8]]) -> io::Result<()> {
        let mut sent = 0;
        if self.parts.is_empty() {
            sent = self.write(wire, slices)?;
        }
        for slice in slices {
            let skipped = sent.min(slice.len());
            sent -= skipped;
            self.push(&slice[skipped..]);
        }
        Ok(())
    }

    /// Sends a head, then bytes that somebody else holds; what the socket does not take
    /// of them is held and not copied, up to what a tail may take of the memory. Only so
    /// for the first of a tail: a stream of them would fill the memory.
    pub(crate) fn send_held(&mut self, wire: &mut Wire, head: &[u8], body: Held) -> io::Result<()> {
        let mut sent = 0;
        let length = body.as_ref().as_ref().len();
        if self.parts.is_empty() {
            sent = self.write(wire, &[head, body.as_ref().as_ref()])?;
        }
        let of_head = sent.min(head.len());
        self.push(&head[of_head..]);
        let sent = sent - of_head;
        if sent < length && length - sent <= MEMORY_BYTES && self.parts.is_empty() {
            self.parts.push_back(Part::Held { data: body, sent });
            return Ok(());
        }
        self.push(&body.as_ref().as_ref()[sent..]);
        Ok(())
    }

    /// Sends a stretch of a file after what waits already.
    pub(crate) fn send_file(
        &mut self,
        wire: &mut Wire,
        file: File,
        offset: u64,
        bytes: u64,
    ) -> io::Result<()> {
        self.parts.push_back(Part::File {
            file,
            offset,
            left: bytes,
        });
        self.flush(wire).map(|_| ())
    }

    /// The last of a response waits for others. Nothing is before it, and nothing is sent
    /// after it before it was flushed.
    pub(crate) fn hold_back(&mut self, ticket: Ticket) {
        self.held_back = Some(ticket);
    }

    /// Whether a response waits for others.
    pub(crate) fn is_held_back(&self) -> bool {
        self.held_back.is_some()
    }

    /// Takes back what waits for others, as far as it was not sent.
    fn take_back(&mut self) -> io::Result<()> {
        if let Some(ticket) = self.held_back.take() {
            let (data, sent) = ticket.redeem()?;
            self.sent_bytes += sent as u64;
            if sent < data.len() {
                self.memory_bytes += data.len();
                self.parts.push_back(Part::Bytes { data, sent });
            }
        }
        Ok(())
    }

    fn write(&mut self, wire: &mut Wire, slices: &[&[u8]]) -> io::Result<usize> {
        let taken = wire.write(slices)?;
        self.sent_bytes += taken as u64;
        self.is_stuck = wire.is_stuck();
        Ok(taken)
    }

    fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let spooling = matches!(self.parts.back(), Some(Part::Spooled { .. }));
        if spooling || self.memory_bytes + self.others_bytes + bytes.len() > MEMORY_BYTES {
            match self.spool(bytes) {
                Ok(()) => return,
                // It stays in memory: its writer has it there, and waits before the next.
                Err(error) => {
                    self.is_folder_full = true;
                    self.trouble.get_or_insert(error);
                }
            }
        }
        self.memory_bytes += bytes.len();
        if let Some(Part::Bytes { data, .. }) = self.parts.back_mut() {
            data.extend_from_slice(bytes);
        } else {
            let data = bytes.to_vec();
            self.parts.push_back(Part::Bytes { data, sent: 0 });
        }
    }

    fn spool(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(Part::Spooled { spool, .. }) = self.parts.back_mut()
            && spool.len() < SPOOL_BYTES
        {
            return spool.append(bytes);
        }
        let Some(folder) = &self.folder else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        let mut spool = Spool::new(folder)?;
        spool.append(bytes)?;
        self.parts.push_back(Part::Spooled { spool, sent: 0 });
        Ok(())
    }

    /// Sends what waits, as far as the socket takes it.
    pub(crate) fn flush(&mut self, wire: &mut Wire) -> io::Result<Flushed> {
        self.take_back()?;
        let mut steps = 0;
        while let Some(part) = self.parts.front_mut() {
            if steps == FILE_STEPS {
                return Ok(Flushed::Yielded);
            }
            let taken = match part {
                Part::Bytes { data, sent } => wire.write(&[&data[*sent..]])?,
                Part::Held { data, sent } => wire.write(&[&data.as_ref().as_ref()[*sent..]])?,
                Part::File { file, offset, left } => wire.copy(file.as_fd(), *offset, *left)?,
                Part::Spooled { spool, sent } => {
                    wire.copy(spool.file().as_fd(), *sent, spool.len() - *sent)?
                }
            };
            self.sent_bytes += taken as u64;
            let wanted = part.left();
            match part {
                Part::Bytes { sent, .. } | Part::Held { sent, .. } => *sent += taken,
                Part::Spooled { sent, .. } => *sent += taken as u64,
                Part::File { offset, left, .. } => {
                    *offset += taken as u64;
                    *left -= taken as u64;
                }
            }
            if part.left() == 0 {
                if let Some(Part::Bytes { data, .. }) = self.parts.pop_front() {
                    self.memory_bytes -= data.len();
                }
            } else if taken == 0 || ((taken as u64) < wanted && !is_file(self.parts.front())) {
                return Ok(Flushed::Blocked);
            } else {
                steps += 1;
            }
        }
        self.is_folder_full = false;
        self.is_stuck = !wire.flush()?;
        Ok(if self.is_stuck {
            Flushed::Blocked
        } else {
            Flushed::All
        })
    }
}
