//! The heads of frames (RFC 6455, section 5.2), and the mask over what clients send.

use super::close::Failure;

/// The longest head: two bytes, eight of a length, four of a mask.
pub(super) const MOST_HEAD_BYTES: usize = 14;

/// Bytes of the longest payload of a control frame (section 5.5).
pub(super) const MOST_CONTROL_BYTES: usize = 125;

const FINAL: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn of(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    pub(super) fn is_control(self) -> bool {
        self as u8 >= Self::Close as u8
    }
}

/// A frame whose head was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    pub(super) is_final: bool,
    pub(super) is_compressed: bool,
    /// Bytes of its payload that are missing.
    pub(super) left: u64,
    /// The mask of the next byte comes first.
    mask: [u8; 4],
}

impl Frame {
    /// Reads a head; `None` where it is not complete. Otherwise its length, too.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Failure> {
        let &[first, second, ref rest @ ..] = bytes else {
            return Ok(None);
        };
        if first & RESERVED != 0 {
            return Err(Failure::protocol("reserved bits are set"));
        }
        let opcode = Opcode::of(first & 0x0f).ok_or(Failure::protocol("unknown opcode"))?;
        if second & MASKED == 0 {
            return Err(Failure::protocol("frame without a mask"));
        }
        let is_final = first & FINAL != 0;
        let short = second & !MASKED;
        if opcode.is_control() && !(is_final && usize::from(short) <= MOST_CONTROL_BYTES) {
            return Err(Failure::protocol("control frame too long or in parts"));
        }
        let Some((left, length_bytes)) = length(short, rest)? else {
            return Ok(None);
        };
        let Some(mask) = rest[length_bytes..].first_chunk::<4>() else {
            return Ok(None);
        };
        let frame = Self {
            opcode,
            is_final,
            is_compressed: first & COMPRESSED != 0,
            left,
            mask: *mask,
        };
        Ok(Some((frame, 2 + length_bytes + 4)))
    }

    /// Takes the mask from the next bytes of the payload.
    pub(super) fn unmask(&mut self, payload: &mut [u8]) {
        let [a, b, c, d] = self.mask;
        let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (eights, rest) = payload.as_chunks_mut::<8>();
        for eight in eights {
            *eight = (u64::from_ne_bytes(*eight) ^ twice).to_ne_bytes();
        }
        for (byte, mask) in rest.iter_mut().zip(self.mask.into_iter().cycle()) {
            *byte ^= mask;
        }
        self.mask.rotate_left(payload.len() % 4);
        self.left -= payload.len() as u64;
    }
}

/// The length of a payload, and how many bytes said it beyond the first; `None` where they
/// are missing. It has to be said in as few as possible.
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, usize)>, Failure> {
    let (length, bytes, least) = match short {
        126 => match rest.first_chunk() {
            Some(long) => (u64::from(u16::from_be_bytes(*long)), 2, 126),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(long) => (u64::from_be_bytes(*long), 8, 1 << 16),
            None => return Ok(None),
        },
        short => (u64::from(short), 0, 0),
    };
    if length < least || length > i64::MAX as u64 {
        return Err(Failure::protocol("invalid length of a frame"));
    }
    Ok(Some((length, bytes)))
}

/// The head of a frame of ours, which has no mask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    bytes: [u8; 10],
    length: usize,
}

impl Head {
    pub(super) fn new(opcode: Opcode, is_compressed: bool, payload_bytes: usize) -> Self {
        let mut bytes = [0; 10];
        bytes[0] = FINAL | opcode as u8 | if is_compressed { COMPRESSED } else { 0 };
        let length = match payload_bytes {
            0..=125 => {
                bytes[1] = payload_bytes as u8;
                2
            }
            126..=0xffff => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&(payload_bytes as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
                10
            }
        };
        Self { bytes, length }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(bytes: &[u8]) -> bool {
        Frame::parse(bytes).is_err()
    }

    #[test]
    fn heads_that_break_the_rules_are_refused_by_their_first_bytes() {
        assert!(refused(b"\xb1\x80"), "a reserved bit");
        assert!(refused(b"\x83\x80"), "an opcode that is not used");
        assert!(refused(b"\x81\x05"), "no mask");
        assert!(refused(b"\x89\xfe"), "a ping that is too long");
        assert!(refused(b"\x09\x80"), "a ping in parts");
        assert!(refused(b"\x82\xfe\x00\x7d"), "two bytes where one would do");
        assert!(refused(b"\x82\xff\0\0\0\0\0\0\xff\xff"), "eight for two");
        assert!(refused(b"\x82\xff\xff\0\0\0\0\0\0\0"), "a negative length");
    }

    proptest! {
        #[test]
        fn a_head_is_read_as_soon_as_it_is_complete(length in prop_oneof![
            0..300_usize, 65_000..66_000_usize, any::<u32>().prop_map(|long| long as usize),
        ], mask: [u8; 4]) {
            let mut bytes = Head::new(Opcode::Binary, false, length).as_bytes().to_vec();
            bytes[1] |= MASKED;
            bytes.extend_from_slice(&mask);
            for end in 0..bytes.len() {
                prop_assert_eq!(Frame::parse(&bytes[..end]), Ok(None));
            }
            let (frame, head_bytes) = Frame::parse(&bytes).unwrap().unwrap();
            prop_assert_eq!((frame.left, head_bytes), (length as u64, bytes.len()));
            prop_assert!(head_bytes <= MOST_HEAD_BYTES && frame.is_final);
        }

        #[test]
        fn the_mask_goes_on_where_it_broke_off(
            payload: Vec<u8>, mask: [u8; 4], cut: prop::sample::Index,
        ) {
            let mut masked = payload.clone();
            for (at, byte) in masked.iter_mut().enumerate() {
                *byte ^= mask[at % 4];
            }
            let left = payload.len() as u64;
            let opcode = Opcode::Text;
            let mut frame = Frame { opcode, is_final: true, is_compressed: false, left, mask };
            let (first, second) = masked.split_at_mut(cut.index(payload.len() + 1));
            frame.unmask(first);
            frame.unmask(second);
            prop_assert_eq!(masked, payload);
            prop_assert_eq!(frame.left, 0);
        }
    }
}
