//! What comes after a request that asked for another protocol: bytes as they are.

use rustix::io::Errno;

use super::wire::Incoming;
use super::{Connection, Stage};

/// What one reading gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw {
    /// So many bytes; none where others have their turn before there is content.
    Bytes(usize),
    /// There are none.
    Nothing,
    /// The peer sends nothing any more.
    Gone,
}

impl Connection {
    /// From now on it speaks another protocol, until it ends. The head stays for those who
    /// tell of the request, and room for more does not.
    pub(crate) fn become_raw(&mut self) {
        self.stage = Stage::Request;
        self.closing = true;
        if let Some(buffers) = &mut self.buffers {
            buffers.input.shrink_to_fit();
        }
    }

    /// Reads once, as far as there is room. A socket that is known to be empty is not asked.
    pub(crate) fn read_raw(&mut self, room: &mut [u8]) -> Raw {
        let head_end = self.head.as_ref().map_or(0, |head| head.end);
        if let Some(buffers) = &mut self.buffers {
            // A client may send on before it has the answer.
            let from = buffers.start + head_end;
            let bytes = room.len().min(buffers.input.len().saturating_sub(from));
            if bytes > 0 {
                room[..bytes].copy_from_slice(&buffers.input[from..from + bytes]);
                buffers.input.drain(from..from + bytes);
                return Raw::Bytes(bytes);
            }
        }
        while self.more_to_read {
            match self.wire.read(room) {
                Ok(Incoming::Bytes { count, drained }) => {
                    // Where the peer has closed, only the end of its bytes says so.
                    self.more_to_read = !drained || self.hung_up;
                    return Raw::Bytes(count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.more_to_read = false,
                Ok(Incoming::End) | Err(_) => {
                    self.input_ended = true;
                    return Raw::Gone;
                }
            }
        }
        Raw::Nothing
    }
}
