//! The body of a request on its way in: counted, unchunked, and kept in memory or, where
//! it is long, in a file, until it is complete.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::memory::Memory;
use super::spool::Spool;
use super::wire::{Incoming, Wire};
use crate::http::{ChunkedDecoder, Framing, Limits, Refusal};

/// Bytes of a body that stay in memory.
const MEMORY_BYTES: u64 = 1 << 20;

/// What is made room for before bytes have come; when they have, the room is for all
/// that were promised. A promise alone costs nothing.
const FIRST_ROOM_BYTES: usize = 64 << 10;

/// A complete body.
#[derive(Debug, Default)]
pub enum Body {
    /// The request has none.
    #[default]
    Empty,
    /// In memory.
    Memory(Memory),
    /// In a file, from its beginning, with its length in bytes.
    File(File, u64),
}

impl Body {
    /// Bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, bytes) => *bytes,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a body could not be taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("cannot keep the body of a request: {0}")]
    Io(#[from] io::Error),
}

#[derive(Debug)]
enum Length {
    Left(u64),
    Chunked(Box<ChunkedDecoder>),
    /// Until [`Intake::end`].
    UntilEnd,
}

/// A body that is being read.
#[derive(Debug)]
pub(crate) struct Intake {
    length: Length,
    memory: Memory,
    spool: Option<Spool>,
    taken_bytes: u64,
    most_bytes: u64,
}

impl Intake {
    /// For a body framed like this; `None` where there is none.
    pub(crate) fn new(framing: Framing, limits: &Limits) -> Result<Option<Self>, Refusal> {
        let most_bytes = match limits.body_bytes {
            0 => u64::MAX,
            bytes => bytes,
        };
        let length = match framing {
            Framing::None | Framing::Length(0) => return Ok(None),
            Framing::Length(bytes) if bytes > most_bytes => return Err(Refusal::ContentTooLarge),
            Framing::Length(bytes) => Length::Left(bytes),
            Framing::Chunked => Length::Chunked(Box::new(ChunkedDecoder::new(limits))),
        };
        Ok(Some(Self::of(length, most_bytes)))
    }

    /// For a body that ends when that is said, and not by what is in it.
    pub(crate) fn until_end(limits: &Limits) -> Self {
        let most_bytes = match limits.body_bytes {
            0 => u64::MAX,
            bytes => bytes,
        };
        Self::of(Length::UntilEnd, most_bytes)
    }

    fn of(length: Length, most_bytes: u64) -> Self {
        Self {
            length,
            memory: Memory::default(),
            spool: None,
            taken_bytes: 0,
            most_bytes,
        }
    }

    /// It has ended.
    pub(crate) fn end(&mut self) {
        self.length = Length::Left(0);
    }

    /// Takes bytes in that belong to the body; gives how many of these did, and whether
    /// it is complete.
    pub(crate) fn take(&mut self, input: &[u8], folder: &Path) -> Result<(usize, bool), BodyError> {
        match &mut self.length {
            Length::Left(left) => {
                let taken = (*left).min(input.len() as u64) as usize;
                *left -= taken as u64;
                let done = *left == 0;
                self.keep(&input[..taken], folder)?;
                Ok((taken, done))
            }
            Length::Chunked(decoder) => {
                let mut plain = Vec::new();
                let progress =
                    decoder.decode(input, &mut |bytes| plain.extend_from_slice(bytes))?;
                self.keep(&plain, folder)?;
                Ok((progress.consumed, progress.done))
            }
            Length::UntilEnd => {
                self.keep(input, folder)?;
                Ok((input.len(), false))
            }
        }
    }

    /// Hands bytes on that belong to the body, instead of keeping them, all at once.
    pub(crate) fn pass(
        &mut self,
        input: &[u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<Passed, Refusal> {
        let mut plain = Vec::new();
        let (consumed, content, done) = match &mut self.length {
            Length::Left(left) => {
                let taken = (*left).min(input.len() as u64) as usize;
                *left -= taken as u64;
                (taken, &input[..taken], *left == 0)
            }
            Length::Chunked(decoder) => {
                let progress =
                    decoder.decode(input, &mut |bytes| plain.extend_from_slice(bytes))?;
                (progress.consumed, plain.as_slice(), progress.done)
            }
            Length::UntilEnd => (input.len(), input, false),
        };
        self.taken_bytes += content.len() as u64;
        if self.taken_bytes > self.most_bytes {
            return Err(Refusal::ContentTooLarge);
        }
        if !content.is_empty() {
            sink(content);
        }
        Ok(Passed {
            consumed,
            content: content.len(),
            done,
        })
    }

    /// How many bytes to read at most, of these: what follows the body is not its own.
    pub(crate) fn wanted_bytes(&self, most: usize) -> usize {
        match &self.length {
            Length::Left(left) => most.min(usize::try_from(*left).unwrap_or(usize::MAX)),
            Length::Chunked(_) | Length::UntilEnd => most,
        }
    }

    /// Bytes that are to be there before they are read on, where nobody sees less than all
    /// of the body: 1 where it says nothing of its length.
    pub(crate) fn worth_reading_bytes(&self) -> u32 {
        match &self.length {
            Length::Left(left) => (*left).clamp(1, MEMORY_BYTES) as u32,
            Length::Chunked(_) | Length::UntilEnd => 1,
        }
    }

    /// Bounds what is still to come; `false` where it is known to be more.
    pub(crate) fn bound_rest(&mut self, bytes: u64) -> bool {
        if self.lacks_more_than(bytes) {
            return false;
        }
        self.most_bytes = self.most_bytes.min(self.taken_bytes.saturating_add(bytes));
        true
    }

    /// Whether more than so many bytes are known to be missing.
    pub(crate) fn lacks_more_than(&self, bytes: u64) -> bool {
        matches!(&self.length, Length::Left(left) if *left > bytes)
    }

    fn keep(&mut self, bytes: &[u8], folder: &Path) -> Result<(), BodyError> {
        self.taken_bytes += bytes.len() as u64;
        if self.taken_bytes > self.most_bytes {
            return Err(Refusal::ContentTooLarge.into());
        }
        if self.spool.is_none() && self.taken_bytes <= MEMORY_BYTES {
            if self.memory.is_empty()
                && let Length::Left(left) = self.length
            {
                self.memory = Memory::with_room(bytes.len() + left as usize);
            }
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        if self.spool.is_none() {
            let mut spool = Spool::new(folder)?;
            spool.append(&std::mem::take(&mut self.memory))?;
            self.spool = Some(spool);
        }
        if let Some(spool) = &mut self.spool {
            spool.append(bytes)?;
        }
        Ok(())
    }

    /// Reads from the wire into the body's own memory, where nothing has to be
    /// unchunked and it stays in memory: what was read beyond its end goes to `beyond`.
    /// `None` where that is not how it is read.
    pub(crate) fn read_directly(
        &mut self,
        wire: &mut Wire,
        beyond: &mut Vec<u8>,
    ) -> Option<Result<Incoming, Errno>> {
        let Length::Left(left) = &mut self.length else {
            return None;
        };
        if self.spool.is_some() || self.taken_bytes + *left > MEMORY_BYTES {
            return None;
        }
        if self.memory.is_empty() {
            self.memory = Memory::with_room(*left as usize);
        }
        let room = if self.memory.len() < FIRST_ROOM_BYTES {
            FIRST_ROOM_BYTES.min(*left as usize)
        } else {
            *left as usize
        };
        self.memory.reserve_exact(room);
        let read = wire.read_into(&mut self.memory);
        let Ok(Incoming::Bytes { count, .. }) = read else {
            return Some(read);
        };
        let excess = (count as u64).saturating_sub(*left) as usize;
        let own = count - excess;
        if excess > 0 {
            let end = self.memory.len() - excess;
            beyond.extend_from_slice(&self.memory[end..]);
            self.memory.truncate(end);
        }
        *left -= own as u64;
        self.taken_bytes += own as u64;
        Some(read)
    }

    /// Whether all of it has come.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.length, Length::Left(0))
    }

    /// The complete body.
    pub(crate) fn finish(self) -> Body {
        match self.spool {
            Some(spool) => {
                let bytes = spool.len();
                Body::File(spool.into_file(), bytes)
            }
            None => Body::Memory(self.memory),
        }
    }
}

/// What became of bytes that were handed on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed {
    /// So many of them belong to the body.
    pub(crate) consumed: usize,
    /// So many bytes of content were among them.
    pub(crate) content: usize,
    /// The body is complete.
    pub(crate) done: bool,
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn intake(framing: Framing, body_bytes: u64) -> Intake {
        let limits = Limits {
            body_bytes,
            ..Limits::default()
        };
        Intake::new(framing, &limits).unwrap().unwrap()
    }

    #[test]
    fn a_body_ends_where_its_length_says() {
        let mut intake = intake(Framing::Length(5), 0);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(intake.take(b"hel", folder.path()).unwrap(), (3, false));
        assert_eq!(intake.take(b"loGET /", folder.path()).unwrap(), (2, true));
        assert!(matches!(intake.finish(), Body::Memory(bytes) if **bytes == *b"hello"));
    }

    #[test]
    fn a_chunked_body_is_unchunked() {
        let mut intake = intake(Framing::Chunked, 0);
        let folder = tempfile::tempdir().unwrap();
        let input = b"5\r\nhello\r\n0\r\n\r\nGET /";
        let (taken, done) = intake.take(input, folder.path()).unwrap();
        assert_eq!((taken, done), (input.len() - 5, true));
        assert!(matches!(intake.finish(), Body::Memory(bytes) if **bytes == *b"hello"));
    }

    #[test]
    fn a_long_body_goes_to_a_file_and_its_beginning_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let length = 3 * MEMORY_BYTES + 7;
        let mut intake = intake(Framing::Length(length), 0);
        let sent: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        for part in sent.chunks(100_000) {
            intake.take(part, folder.path()).unwrap();
        }
        let Body::File(mut file, bytes) = intake.finish() else {
            panic!("in memory")
        };
        assert_eq!(bytes, length);
        let mut read = Vec::new();
        std::io::Seek::rewind(&mut file).unwrap();
        file.read_to_end(&mut read).unwrap();
        assert!(read == sent);
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused_by_its_promise_or_when_it_comes() {
        let limits = Limits {
            body_bytes: 10,
            ..Limits::default()
        };
        assert!(Intake::new(Framing::Length(11), &limits).is_err());
        let folder = tempfile::tempdir().unwrap();
        let mut chunked = intake(Framing::Chunked, 10);
        assert!(
            chunked
                .take(b"b\r\n0123456789a\r\n", folder.path())
                .is_err()
        );
    }

    #[test]
    fn a_direct_read_leaves_the_next_request_alone() {
        use std::io::Write;
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        theirs.write_all(b"helloGET / HTTP/1.1").unwrap();
        let mut intake = intake(Framing::Length(5), 0);
        let mut beyond = Vec::new();
        let mut wire = Wire::plain(ours.into());
        let read = intake.read_directly(&mut wire, &mut beyond).unwrap();
        assert!(matches!(read, Ok(Incoming::Bytes { count: 5.., .. })));
        assert!(intake.is_complete());
        let Body::Memory(body) = intake.finish() else {
            panic!("in a file")
        };
        assert_eq!(**body, *b"hello");
        // As much as was read beyond; the rest is still in the socket.
        assert!(b"GET / HTTP/1.1".starts_with(&beyond));
    }
}
