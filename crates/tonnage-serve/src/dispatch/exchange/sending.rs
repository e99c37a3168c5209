//! A response's body on its way to the client, whoever holds the bytes: a slice, a part that
//! may be held, a file. How it is framed says the `Reply`; what the socket does not take
//! waits in the connection.

use std::io;
use std::os::fd::BorrowedFd;

use super::{COPIED_BYTES, Exchange};
use crate::connection::{Held, duplicate};
use crate::dispatch::now_ns;
use crate::outbox;
use crate::reply::ReplyError;

impl Exchange {
    /// Sends a part of the body, and the head before the first one. `whole`: it is all of
    /// the body. Bytes beyond a length that was promised are left out. A client that has
    /// gone is no error: the response is then for nobody.
    pub fn send(&mut self, part: &[u8], whole: bool) -> Result<(), ReplyError> {
        if self.goes_compressed(whole.then_some(part.len() as u64))? {
            return self.send_compressed(part, whole);
        }
        self.send_plain(part, whole)
    }

    /// The same for bytes that go out as they are.
    pub(super) fn send_plain(&mut self, part: &[u8], whole: bool) -> Result<(), ReplyError> {
        self.say_whether_it_ends();
        if let Some(framed) = self.reply.frame(part.len(), whole)? {
            self.write(&part[..framed.bytes], framed.after);
        }
        Ok(())
    }

    /// The same for bytes that somebody else holds, and that may be held until the client
    /// has taken them.
    pub fn send_held(&mut self, part: Held, whole: bool) -> Result<(), ReplyError> {
        let length = part.as_ref().as_ref().len();
        if self.goes_compressed(whole.then_some(length as u64))? {
            return self.send_compressed(part.as_ref().as_ref(), whole);
        }
        self.say_whether_it_ends();
        let Some(framed) = self.reply.frame(length, whole)? else {
            return Ok(());
        };
        if framed.bytes < length {
            self.write(&part.as_ref().as_ref()[..framed.bytes], framed.after);
            return Ok(());
        }
        let head = self.reply.take_head();
        let sent = self.hand_on(|exchange| {
            exchange.connection.send_held(&head, part)?;
            match framed.after {
                [] => Ok(()),
                after => exchange.connection.send(&[after]),
            }
        });
        self.reply.give_back(head);
        self.note_sent(&sent);
        Ok(())
    }

    /// Writes what comes before a part, the part, and what comes after it.
    pub(super) fn write(&mut self, part: &[u8], after: &[u8]) {
        let mut head = self.reply.take_head();
        let sent = if part.len() <= COPIED_BYTES {
            head.extend_from_slice(part);
            head.extend_from_slice(after);
            self.hand_on(|exchange| exchange.send_or_hold(&head))
        } else if after.is_empty() {
            self.hand_on(|exchange| exchange.connection.send(&[&head, part]))
        } else {
            self.hand_on(|exchange| exchange.connection.send(&[&head, part, after]))
        };
        self.reply.give_back(head);
        self.note_sent(&sent);
    }

    /// Sends the end of a short response, or lets it wait for others.
    fn send_or_hold(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(outbox) = &self.outbox
            // A part of a response is never late for the sake of others (PEP 3333).
            && self.reply.has_all()
            && self.connection.outgoing.is_empty()
        {
            let now_ns = now_ns();
            if now_ns.saturating_sub(self.began_ns) < outbox::LONGEST_NS
                && self.connection.hold_back(outbox, bytes, now_ns)
            {
                return Ok(());
            }
        }
        self.connection.send(&[bytes])
    }

    /// Sends a stretch of a file as the whole body, from the kernel's memory.
    pub fn send_file(
        &mut self,
        file: BorrowedFd<'_>,
        offset: u64,
        bytes: u64,
    ) -> Result<(), ReplyError> {
        // The kernel compresses nothing.
        self.compressing = None;
        self.say_whether_it_ends();
        let Some(framed) = self.reply.frame_whole(bytes)? else {
            return Ok(());
        };
        let head = self.reply.take_head();
        let sent = self.hand_on(|exchange| {
            exchange.connection.send(&[&head])?;
            if framed == 0 {
                return Ok(());
            }
            let file = duplicate(file)?;
            exchange.connection.send_file(file, offset, framed)
        });
        self.reply.give_back(head);
        self.note_sent(&sent);
        Ok(())
    }
}
