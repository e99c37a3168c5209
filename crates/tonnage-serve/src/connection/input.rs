//! What was read of a connection and belongs to nothing yet: the bytes, and the head of
//! the request that begins with them, as far as it has come.

use crate::http::{Fields, Limits, Meaning, Method, Refusal, RequestLine};

/// Room for a head: more than nearly all need, and little enough for a cache.
pub(super) const INPUT_BYTES: usize = 8 << 10;

/// A buffer that grew beyond this is given back to the allocator.
const KEPT_BYTES: usize = 64 << 10;

/// A request's head as it was parsed, in offsets into the connection's input.
#[derive(Debug, Default)]
pub struct Head {
    /// Method, target, version.
    pub line: RequestLine,
    /// The fields; their offsets count from `section`.
    pub fields: Fields,
    /// Where the fields begin.
    pub section: usize,
    /// Where the head ends.
    pub end: usize,
    /// What the fields mean for the connection.
    pub meaning: Meaning,
}

/// What only a connection with something to read needs; idle ones have none.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Bytes that were read; those before `start` are used up.
    pub(super) input: Vec<u8>,
    pub(super) start: usize,
    /// The head that has come in part, or the memory of the one before.
    draft: Option<Box<Head>>,
}

impl Head {
    /// Reads on in a head of which more has come, at the line where it broke off, so that
    /// a client that drips costs little; whether all of it is there.
    fn read(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool, Refusal> {
        if self.section == 0 {
            let Some(line) = RequestLine::parse(bytes, limits)? else {
                return Ok(false);
            };
            self.section = line.bytes;
            self.line = line;
        }
        if !self.fields.advance(&bytes[self.section..], limits)? {
            return Ok(false);
        }
        self.meaning = self.fields.check(self.line.version)?;
        // What follows is a tunnel's, whatever the answer (RFC 9112, section 3.2.3).
        self.meaning.keep_alive &= self.line.kind != Method::Connect;
        self.end = self.section + self.fields.bytes();
        Ok(true)
    }

    /// Forgets everything but the memory that it needed.
    fn clear(&mut self) {
        self.fields.clear();
        self.section = 0;
        self.end = 0;
    }
}

impl Buffers {
    /// Bytes that belong to nothing yet.
    pub(super) fn unread(&self) -> &[u8] {
        &self.input[self.start..]
    }

    /// The head that begins with them, where it is complete.
    pub(super) fn head(&mut self, limits: &Limits) -> Result<Option<Box<Head>>, Refusal> {
        let mut head = self.draft.take().unwrap_or_default();
        if head.read(self.unread(), limits)? {
            return Ok(Some(head));
        }
        self.draft = Some(head);
        Ok(None)
    }

    /// Where a head is written that came in another form.
    pub(crate) fn room(&mut self) -> &mut Vec<u8> {
        &mut self.input
    }

    /// The bytes of this head were used, and its memory is for the next one.
    pub(super) fn use_up(&mut self, head: Option<Box<Head>>) {
        if let Some(mut head) = head {
            self.start += head.end;
            head.clear();
            self.draft = Some(head);
        }
    }

    pub(super) fn make_room(&mut self, bytes: usize) {
        if self.start > 0 {
            self.input.drain(..self.start);
            self.start = 0;
        }
        if self.input.capacity() - self.input.len() < bytes {
            self.input.reserve(bytes.max(self.input.len()));
        }
    }
}

/// Buffers that nobody uses now; the last one used is given first, since it is still in
/// the cache.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    #[expect(
        clippy::vec_box,
        reason = "connections have them as boxes, which come and go"
    )]
    buffers: Vec<Box<Buffers>>,
}

/// Buffers that are kept for later.
const POOLED: usize = 64;

impl Pool {
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "they go back and forth between the pool and connections as they are"
    )]
    pub(crate) fn take(&mut self) -> Box<Buffers> {
        self.buffers.pop().unwrap_or_else(|| {
            Box::new(Buffers {
                input: Vec::with_capacity(INPUT_BYTES),
                start: 0,
                draft: None,
            })
        })
    }

    pub(crate) fn give_back(&mut self, mut buffers: Box<Buffers>) {
        if self.buffers.len() < POOLED && buffers.input.capacity() <= KEPT_BYTES {
            buffers.input.clear();
            buffers.start = 0;
            // Part of a head must never begin that of another client.
            if let Some(draft) = &mut buffers.draft {
                draft.clear();
            }
            self.buffers.push(buffers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_drips_is_read_on_and_its_memory_used_again() {
        let limits = Limits::default();
        let mut buffers = *Pool::default().take();
        let requests =
            b"GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\n";
        let mut heads = Vec::new();
        for byte in requests {
            buffers.input.push(*byte);
            if let Some(head) = buffers.head(&limits).unwrap() {
                let bytes = buffers.unread();
                let path = head.line.path.of(bytes).to_vec();
                heads.push((path, head.fields.len(), head.end == bytes.len()));
                buffers.use_up(Some(head));
            }
        }
        assert_eq!(
            heads,
            [(b"/a".to_vec(), 2, true), (b"/b".to_vec(), 1, true)]
        );
        assert!(buffers.unread().is_empty());
    }

    #[test]
    fn part_of_a_head_is_gone_with_its_connection() {
        let limits = Limits::default();
        let mut pool = Pool::default();
        let mut buffers = pool.take();
        buffers
            .input
            .extend_from_slice(b"GET /secret HTTP/1.1\r\nHost: a\r\nCookie: c\r\n");
        assert!(buffers.head(&limits).unwrap().is_none());
        pool.give_back(buffers);
        let mut buffers = pool.take();
        let other = b"GET /c HTTP/1.1\r\nHost: c\r\n\r\n";
        buffers.input.extend_from_slice(other);
        let head = buffers.head(&limits).unwrap().unwrap();
        assert_eq!(head.line.path.of(other), b"/c");
        assert_eq!((head.fields.len(), head.end), (1, other.len()));
    }
}
