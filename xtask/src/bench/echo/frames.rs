//! Frames of websockets (RFC 6455, section 5.2), as far as an echo needs them.

use anyhow::{Context, bail, ensure};

/// Opcodes.
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// Messages of up to so many bytes are text, longer ones are not, as is usual.
const MAX_TEXT_BYTES: usize = 1024;

/// A message that is sent, and what must come back.
pub(super) struct Message {
    opcode: u8,
    pub(super) payload: Vec<u8>,
    /// The payload, masked and with its head.
    pub(super) frame: Vec<u8>,
}

impl Message {
    /// Another one for each number, with a mask of its own.
    pub(super) fn new(number: usize, bytes: usize) -> Self {
        // Letters and digits: valid as either kind.
        let payload: Vec<u8> = (0..bytes)
            .map(|index| b"0123456789abcdefghijklmnopqrstuvwxyz"[(index * 7 + number) % 36])
            .collect();
        let opcode = if bytes <= MAX_TEXT_BYTES {
            TEXT
        } else {
            BINARY
        };
        // An odd factor: no two are equal, and none is zero.
        let mask = (number as u32 + 1).wrapping_mul(0x9e37_79b1);
        Self {
            opcode,
            frame: masked(opcode, &payload, mask),
            payload,
        }
    }

    /// How much has come back with a frame of which `before` bytes had.
    pub(super) fn compare(
        &self,
        frame: &Frame,
        payload: &[u8],
        before: usize,
    ) -> anyhow::Result<usize> {
        let due = if before == 0 {
            self.opcode
        } else {
            CONTINUATION
        };
        ensure!(frame.opcode == due, "opcode {} comes back", frame.opcode);
        let after = before + payload.len();
        let equal = self.payload.get(before..after) == Some(payload);
        ensure!(equal, "what comes back is not what was sent");
        Ok(after)
    }
}

/// A frame of a client, whole and the last of its message.
pub(super) fn masked(opcode: u8, payload: &[u8], mask: u32) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    // With the bit of the mask: the length itself, or 126 or 127 and the length.
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..65_536 => {
            frame.push(0xfe);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    let mask = mask.to_be_bytes();
    frame.extend(mask);
    let pairs = payload.iter().zip(mask.iter().cycle());
    frame.extend(pairs.map(|(byte, mask)| byte ^ mask));
    frame
}

/// The head of a server's frame.
#[derive(Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    /// Whether it ends its message.
    pub(super) is_last: bool,
    pub(super) head_bytes: usize,
    payload_bytes: usize,
}

impl Frame {
    /// The one that `input` begins with, if it is there whole.
    pub(super) fn first(input: &[u8]) -> anyhow::Result<Option<Self>> {
        let [first, second, rest @ ..] = input else {
            return Ok(None);
        };
        ensure!(first & 0x70 == 0, "an extension that nobody offered");
        ensure!(second & 0x80 == 0, "a server masks nothing");
        let (more, short) = match second {
            126 => (2, 0),
            127 => (8, 0),
            short => (0, u64::from(*short)),
        };
        let Some(long) = rest.get(..more) else {
            return Ok(None);
        };
        let length = long
            .iter()
            .fold(short, |length, byte| length << 8 | u64::from(*byte));
        let frame = Self {
            opcode: first & 0x0f,
            is_last: first & 0x80 != 0,
            head_bytes: 2 + more,
            payload_bytes: usize::try_from(length).context("no such length")?,
        };
        match frame.opcode {
            CONTINUATION | TEXT | BINARY | PING => {}
            opcode => bail!("a frame of opcode {opcode} comes"),
        }
        let is_whole = rest.len() - more >= frame.payload_bytes;
        Ok(is_whole.then_some(frame))
    }

    /// Of head and payload.
    pub(super) fn bytes(&self) -> usize {
        self.head_bytes + self.payload_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_a_client_is_that_of_the_standard() {
        // RFC 6455, section 5.7: a masked "Hello".
        let expected = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(masked(TEXT, b"Hello", 0x37fa_213d), expected);
        assert_eq!(masked(BINARY, &[0; 126], 0)[..4], [0x82, 0xfe, 0, 126]);
        let long = masked(BINARY, &vec![0; 65_536], 0);
        assert_eq!(long[..10], [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_frame_of_a_server_is_read_when_it_is_whole() {
        let whole = [0x81, 2, b'h', b'i', 0x81];
        assert_eq!(Frame::first(&whole[..3]).unwrap(), None);
        let frame = Frame::first(&whole).unwrap().unwrap();
        assert_eq!(
            (frame.opcode, frame.is_last, frame.bytes()),
            (TEXT, true, 4)
        );
        assert_eq!(Frame::first(&[0x02, 126, 1]).unwrap(), None);
        let mut longer = vec![0x02, 126, 1, 0];
        longer.extend([0; 256]);
        let frame = Frame::first(&longer).unwrap().unwrap();
        assert_eq!((frame.is_last, frame.bytes()), (false, 260));
        // Compressed, masked, a close.
        assert!(Frame::first(&[0xc1, 0]).is_err());
        assert!(Frame::first(&[0x81, 0x80]).is_err());
        assert!(Frame::first(&[0x88, 0]).is_err());
    }

    #[test]
    fn only_what_was_sent_may_come_back() {
        let message = Message::new(3, 40);
        let mut echo = vec![0x81, 40];
        echo.extend(&message.payload);
        let frame = Frame::first(&echo).unwrap().unwrap();
        assert_eq!(message.compare(&frame, &echo[2..], 0).unwrap(), 40);
        echo[41] ^= 1;
        assert!(message.compare(&frame, &echo[2..], 0).is_err());
        // A second message where a part of the first is due.
        assert!(message.compare(&frame, &message.payload[1..], 1).is_err());
    }

    #[test]
    fn messages_differ_and_so_do_their_masks() {
        let (one, other) = (Message::new(0, 2000), Message::new(1, 2000));
        assert_ne!(one.payload, other.payload);
        assert_ne!(one.frame[4..8], other.frame[4..8]);
        assert_eq!((one.frame[0], Message::new(0, 9).frame[0]), (0x82, 0x81));
    }
}
