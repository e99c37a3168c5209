//! Compressed messages (RFC 7692): what is agreed on, and packing and unpacking.
//!
//! Neither side keeps its window from one message to the next (`no_context_takeover`), so
//! that all websockets of a worker share one of each and an idle one costs nothing; with a
//! window of its own each would hold some 300 KiB. Who wants to receive with a smaller
//! window than the usual one gets longer messages as they are: within one that is no longer
//! than the window nothing can refer beyond it.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::close::Failure;

/// What ends each message, and is left out (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The window that every receiver has who asks for no other, as a power of two.
const USUAL_BITS: u8 = 15;

/// Shorter messages gain nothing without what came before them.
const LEAST_BYTES: usize = 128;

/// Memory for one message that is kept for the next one.
const KEPT_BYTES: usize = 1 << 20;

/// Room that is made for what comes out, at first.
const ROOM_BYTES: usize = 4096;

/// What was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreed {
    /// The window that the client receives with, as a power of two.
    window_bits: u8,
    /// It asked for that.
    is_asked: bool,
}

impl Agreed {
    /// The first of the client's offers that can be accepted, of a
    /// Sec-WebSocket-Extensions field.
    pub(super) fn of(value: &str) -> Option<Self> {
        value.split(',').find_map(Self::of_offer)
    }

    /// Whatever is unknown, invalid or comes twice makes an offer void (section 7.1).
    fn of_offer(offer: &str) -> Option<Self> {
        let mut parts = offer.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case("permessage-deflate") {
            return None;
        }
        let (mut seen, mut agreed) = (
            [false; 4],
            Self {
                window_bits: USUAL_BITS,
                is_asked: false,
            },
        );
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (part, None),
            };
            let number = match (name, value) {
                ("server_no_context_takeover", None) => 0,
                ("client_no_context_takeover", None) => 1,
                ("server_max_window_bits", Some(bits)) => {
                    agreed.window_bits = window_bits(bits)?;
                    agreed.is_asked = true;
                    2
                }
                ("client_max_window_bits", None) => 3,
                ("client_max_window_bits", Some(bits)) => {
                    window_bits(bits)?;
                    3
                }
                _ => return None,
            };
            if std::mem::replace(&mut seen[number], true) {
                return None;
            }
        }
        Some(agreed)
    }

    /// The answer to the offer.
    pub(super) fn answer(self) -> String {
        let bits = if self.is_asked {
            format!("; server_max_window_bits={}", self.window_bits)
        } else {
            String::new()
        };
        let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        format!("{plain}{bits}")
    }

    /// Whether a message is to be sent packed.
    pub(super) fn suits(self, bytes: usize) -> bool {
        bytes >= LEAST_BYTES && (self.window_bits == USUAL_BITS || bytes <= 1 << self.window_bits)
    }
}

fn window_bits(text: &str) -> Option<u8> {
    let digits = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let bits = text.parse().ok().filter(|_| digits)?;
    (8..=15).contains(&bits).then_some(bits)
}

/// Packs and unpacks the messages of a worker, one after the other. It takes no memory
/// before the first of either.
#[derive(Debug, Default)]
pub struct Codec {
    packer: Option<Compress>,
    unpacker: Option<Decompress>,
    packed: Vec<u8>,
    unpacked: Vec<u8>,
}

impl Codec {
    /// Unpacks a message of at most so many bytes.
    pub(super) fn unpack(&mut self, message: &[u8], most_bytes: usize) -> Result<&[u8], Failure> {
        let unpacker = self.unpacker.get_or_insert_with(|| Decompress::new(false));
        unpacker.reset(false);
        let out = &mut self.unpacked;
        empty(out);
        for part in [message, &TAIL] {
            if unpack_part(unpacker, part, out, most_bytes)? == Status::StreamEnd {
                break;
            }
        }
        Ok(out)
    }

    /// Packs a message; `None` where that does not make it shorter.
    pub(super) fn pack(&mut self, message: &[u8]) -> Option<&[u8]> {
        let packer = self
            .packer
            .get_or_insert_with(|| Compress::new(Compression::fast(), false));
        packer.reset();
        let out = &mut self.packed;
        empty(out);
        let mut rest = message;
        loop {
            if out.len() == out.capacity() {
                out.reserve(ROOM_BYTES.max(out.len()));
            }
            let before = packer.total_in();
            packer.compress_vec(rest, out, FlushCompress::Sync).ok()?;
            rest = &rest[(packer.total_in() - before) as usize..];
            if out.len() >= message.len() + TAIL.len() {
                return None;
            }
            if rest.is_empty() && out.len() < out.capacity() {
                return out.strip_suffix(&TAIL);
            }
        }
    }
}

/// Unpacks a part of a message into `out`.
fn unpack_part(
    unpacker: &mut Decompress,
    part: &[u8],
    out: &mut Vec<u8>,
    most_bytes: usize,
) -> Result<Status, Failure> {
    const INVALID: Failure = Failure::data("invalid compressed data");
    let mut rest = part;
    loop {
        if out.len() == out.capacity() {
            // One more than is allowed, so that what is too much is seen.
            let room = ROOM_BYTES
                .max(out.len())
                .min(most_bytes.saturating_add(1) - out.len());
            out.reserve_exact(room);
        }
        let (taken, given) = (unpacker.total_in(), out.len());
        let status = unpacker.decompress_vec(rest, out, FlushDecompress::Sync);
        let status = status.map_err(|_| INVALID)?;
        rest = &rest[(unpacker.total_in() - taken) as usize..];
        if out.len() > most_bytes {
            return Err(Failure::TOO_BIG);
        }
        let has_room = out.len() < out.capacity();
        if status == Status::StreamEnd || (rest.is_empty() && has_room) {
            return Ok(status);
        }
        if has_room && out.len() == given && unpacker.total_in() == taken {
            return Err(INVALID);
        }
    }
}

/// Empties a buffer, and keeps its memory where that is not much.
fn empty(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_BYTES {
        *buffer = Vec::new();
    }
    buffer.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(offers: &str) -> Option<String> {
        Agreed::of(offers).map(Agreed::answer)
    }

    #[test]
    fn the_first_offer_that_can_be_is_accepted() {
        let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        for offer in [
            "permessage-deflate",
            "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=10; server_no_context_takeover",
            "permessage-deflate; unknown, permessage-deflate",
        ] {
            assert_eq!(answer(offer).as_deref(), Some(plain), "{offer}");
        }
        let bits = format!("{plain}; server_max_window_bits=10");
        let offer = "permessage-deflate; server_max_window_bits=\"10\"";
        assert_eq!(answer(offer), Some(bits));
        for offer in [
            "",
            "permessage-bzip2",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
        ] {
            assert_eq!(answer(offer), None, "{offer}");
        }
    }

    #[test]
    fn what_is_longer_than_the_clients_window_is_not_packed() {
        let small = Agreed::of("permessage-deflate; server_max_window_bits=9").unwrap();
        assert!(!small.suits(10) && small.suits(512) && !small.suits(513));
        assert!(Agreed::of("permessage-deflate").unwrap().suits(1 << 20));
    }

    #[test]
    fn examples_of_the_standard_are_unpacked() {
        let mut codec = Codec::default();
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(codec.unpack(&hello, 5), Ok(&b"Hello"[..]));
        assert_eq!(codec.unpack(&hello, 4), Err(Failure::TOO_BIG));
        // In a block that says that it is the last, and in one without compression.
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(codec.unpack(&last, 5), Ok(&b"Hello"[..]));
        let stored = [
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ];
        assert_eq!(codec.unpack(&stored, 5), Ok(&b"Hello"[..]));
        assert_eq!(codec.unpack(&[0x00], 5), Ok(&b""[..]));
        let broken = codec.unpack(&[0xff; 20], 1000).unwrap_err();
        assert_eq!(broken.code, 1007);
    }

    #[test]
    fn a_bomb_costs_no_more_than_a_message_may() {
        let mut codec = Codec::default();
        let bomb = codec.pack(&vec![0; 64 << 20]).unwrap().to_vec();
        assert!(bomb.len() < 1 << 20);
        let mut victim = Codec::default();
        assert_eq!(victim.unpack(&bomb, 1 << 20), Err(Failure::TOO_BIG));
        assert!(victim.unpacked.capacity() <= (1 << 20) + 1);
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(
            words in prop::collection::vec("[a-d]{1,8}", 0..500), noise: Vec<u8>,
        ) {
            let mut codec = Codec::default();
            let message = [words.concat().into_bytes(), noise].concat();
            if let Some(packed) = codec.pack(&message).map(<[u8]>::to_vec) {
                prop_assert!(packed.len() < message.len());
                prop_assert_eq!(codec.unpack(&packed, message.len()), Ok(&message[..]));
            }
        }

        #[test]
        fn whatever_comes_is_unpacked_or_refused(bytes: Vec<u8>) {
            let _ = Codec::default().unpack(&bytes, 1000);
        }
    }
}
