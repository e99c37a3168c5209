//! What a connection sends: through its own wire, or as the request of a stream through that.
//! What the client does not take yet waits in `outgoing.rs`.

use std::io;
use std::sync::Arc;

use super::{Connection, Flushed, Held};
use crate::board::Meters;
use crate::outbox::Outbox;

impl Connection {
    /// Counts how long a complete response took to be sent, once it is.
    pub(crate) fn tell_tail(&mut self, meters: &Meters, now_ns: u64) {
        match (self.outgoing.is_empty(), self.tail_since_ns) {
            (true, 0) => {}
            (true, since_ns) => {
                meters.count_tail(now_ns.saturating_sub(since_ns));
                self.tail_since_ns = 0;
            }
            (false, 0) => self.tail_since_ns = now_ns,
            (false, _) => {}
        }
    }

    /// Bytes that the client has taken, in a measure that grows with each of them.
    pub(crate) fn sent_bytes(&self) -> u64 {
        match &self.stream {
            Some(stream) => stream.sent_bytes(),
            None => self.outgoing.sent_bytes() + self.wire.pushed_bytes(),
        }
    }

    /// Sends what waits, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<Flushed> {
        if let Some(stream) = &self.stream {
            return Ok(stream.flush());
        }
        self.outgoing.flush(&mut self.wire)
    }

    /// Sends bytes, or keeps what the socket does not take.
    pub(crate) fn send(&mut self, slices: &[&[u8]]) -> io::Result<()> {
        if let Some(stream) = &self.stream {
            return stream.send(slices, true);
        }
        self.outgoing.send(&mut self.wire, slices)
    }

    /// Keeps a complete response from `since_ns` on, so that it goes with others; `false`
    /// where others could not send it.
    pub(crate) fn hold_back(&mut self, outbox: &Arc<Outbox>, bytes: &[u8], since_ns: u64) -> bool {
        if let Some(stream) = &self.stream {
            // Where its client has gone, nobody waits for it.
            let _ = stream.send(&[bytes], false);
            outbox.hold_session(stream.session(), since_ns);
            return true;
        }
        let Some(socket) = self.wire.bare() else {
            return false;
        };
        let ticket = outbox.hold(socket, bytes, since_ns);
        self.outgoing.hold_back(ticket);
        true
    }

    /// Sends a head, then bytes that somebody else holds.
    pub(crate) fn send_held(&mut self, head: &[u8], body: Held) -> io::Result<()> {
        if let Some(stream) = &self.stream {
            return stream.send(&[head, body.as_ref().as_ref()], true);
        }
        self.outgoing.send_held(&mut self.wire, head, body)
    }

    /// Sends a stretch of a file.
    pub(crate) fn send_file(
        &mut self,
        file: std::fs::File,
        offset: u64,
        bytes: u64,
    ) -> io::Result<()> {
        if let Some(stream) = &self.stream {
            return stream.send_file(file, offset, bytes);
        }
        self.outgoing.send_file(&mut self.wire, file, offset, bytes)
    }

    /// Bytes that the client has not taken yet.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        match &self.stream {
            Some(stream) => stream.waiting_bytes(),
            None => self.outgoing.waiting_bytes(),
        }
    }

    /// Whether so much waits for the client that a writer should wait, too.
    pub(crate) fn is_full(&self) -> bool {
        match &self.stream {
            Some(stream) => stream.is_full(),
            None => self.outgoing.is_full(),
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn shut_down(&mut self) {
        self.wire.shut_down();
    }

    /// Says that the client has all that it will get, where that is so.
    pub(crate) fn say_goodbye(&mut self) {
        if self.outgoing.is_empty() {
            self.wire.close();
        }
    }
}
