//! From bytes to messages: frames may come in pieces, messages in frames, and control
//! frames between these (RFC 6455, section 5.4). All that comes is used up at once; what is
//! kept is the message that is not complete.

use super::close::{self, Closed, Failure};
use super::deflate::Codec;
use super::frame::{Frame, MOST_HEAD_BYTES, Opcode};

/// Memory for one message that is kept for the next one.
const KEPT_BYTES: usize = 4096;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    Close(Closed),
}

/// A message whose first frame has begun.
#[derive(Debug, Clone, Copy)]
struct Begun {
    is_text: bool,
    is_compressed: bool,
}

/// Reads what a client sends.
#[derive(Debug)]
pub(super) struct Decoder {
    /// Bytes of the longest message.
    most_bytes: usize,
    may_compress: bool,
    /// A frame's head that has come in part.
    head: [u8; MOST_HEAD_BYTES],
    head_bytes: usize,
    frame: Option<Frame>,
    message: Option<Begun>,
    /// What has come of the message.
    data: Vec<u8>,
    /// What has come of a control frame.
    control: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(most_bytes: usize, may_compress: bool) -> Self {
        Self {
            most_bytes,
            may_compress,
            head: [0; MOST_HEAD_BYTES],
            head_bytes: 0,
            frame: None,
            message: None,
            data: Vec::new(),
            control: Vec::new(),
        }
    }

    /// Bytes that are missing of the frame that is being read, as far as is known.
    pub(super) fn wanted_bytes(&self) -> usize {
        let left = self.frame.map_or(0, |frame| frame.left);
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    /// Reads all of `input`, which it changes, and tells what came in its order. After a
    /// Close frame the rest is forgotten.
    pub(super) fn decode(
        &mut self,
        mut input: &mut [u8],
        codec: &mut Codec,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.begin_frame(input)? {
                    Some((frame, used)) => {
                        input = &mut input[used..];
                        frame
                    }
                    None => return Ok(()),
                },
            };
            let here = usize::try_from(frame.left).unwrap_or(usize::MAX);
            let (payload, rest) = input.split_at_mut(here.min(input.len()));
            input = rest;
            frame.unmask(payload);
            if frame.left > 0 {
                self.collected(frame).extend_from_slice(payload);
                self.frame = Some(frame);
                return Ok(());
            }
            if self.end_frame(frame, payload, codec, sink)? {
                return Ok(());
            }
        }
    }

    /// Reads a frame's head; how many bytes of it were in `input`. Where it is not complete,
    /// all of `input` belongs to it.
    fn begin_frame(&mut self, input: &[u8]) -> Result<Option<(Frame, usize)>, Failure> {
        let before = self.head_bytes;
        let taken = input.len().min(MOST_HEAD_BYTES - before);
        let parsed = if before == 0 {
            Frame::parse(&input[..taken])?
        } else {
            self.head[before..before + taken].copy_from_slice(&input[..taken]);
            Frame::parse(&self.head[..before + taken])?
        };
        let Some((frame, head_bytes)) = parsed else {
            if before == 0 {
                self.head[..taken].copy_from_slice(&input[..taken]);
            }
            self.head_bytes = before + taken;
            return Ok(None);
        };
        self.head_bytes = 0;
        self.check(frame)?;
        Ok(Some((frame, head_bytes - before)))
    }

    /// Whether a frame may come now, and is not too long.
    fn check(&mut self, frame: Frame) -> Result<(), Failure> {
        match frame.opcode {
            Opcode::Text | Opcode::Binary => {
                if self.message.is_some() {
                    return Err(Failure::protocol("a message within another one"));
                }
                if frame.is_compressed && !self.may_compress {
                    return Err(Failure::protocol("reserved bits are set"));
                }
                self.message = Some(Begun {
                    is_text: frame.opcode == Opcode::Text,
                    is_compressed: frame.is_compressed,
                });
            }
            // Only the first frame of a message says it (RFC 7692, section 6.1).
            _ if frame.is_compressed => {
                return Err(Failure::protocol("reserved bits are set"));
            }
            Opcode::Continuation => {
                if self.message.is_none() {
                    return Err(Failure::protocol("nothing to go on with"));
                }
            }
            Opcode::Close | Opcode::Ping | Opcode::Pong => return Ok(()),
        }
        let room = self.most_bytes - self.data.len().min(self.most_bytes);
        if frame.left > room as u64 {
            return Err(Failure::TOO_BIG);
        }
        Ok(())
    }

    fn collected(&mut self, frame: Frame) -> &mut Vec<u8> {
        if frame.opcode.is_control() {
            &mut self.control
        } else {
            &mut self.data
        }
    }

    /// A frame is complete with `payload`; `true` where nothing can follow.
    fn end_frame(
        &mut self,
        frame: Frame,
        payload: &[u8],
        codec: &mut Codec,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<bool, Failure> {
        let is_whole = self.collected(frame).is_empty();
        if !is_whole || !frame.is_final {
            self.collected(frame).extend_from_slice(payload);
        }
        if !frame.is_final {
            return Ok(false);
        }
        let collected = std::mem::take(self.collected(frame));
        let payload = if is_whole { payload } else { &collected[..] };
        match frame.opcode {
            Opcode::Close => {
                sink(Event::Close(close::parse(payload)?));
                return Ok(true);
            }
            Opcode::Ping => sink(Event::Ping(payload)),
            Opcode::Pong => sink(Event::Pong),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                self.end_message(payload, codec, sink)?;
            }
        }
        if collected.capacity() <= KEPT_BYTES {
            let room = self.collected(frame);
            *room = collected;
            room.clear();
        }
        Ok(false)
    }

    fn end_message(
        &mut self,
        data: &[u8],
        codec: &mut Codec,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let Some(begun) = self.message.take() else {
            return Ok(());
        };
        let data = if begun.is_compressed {
            codec.unpack(data, self.most_bytes)?
        } else {
            data
        };
        if begun.is_text {
            let text = std::str::from_utf8(data);
            sink(Event::Text(
                text.map_err(|_| Failure::data("text is no UTF-8"))?,
            ));
        } else {
            sink(Event::Binary(data));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A frame of a client.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let mut bytes = vec![first];
        match payload.len() {
            short @ 0..=125 => bytes.push(0x80 | short as u8),
            long @ 126..=0xffff => {
                bytes.push(0xfe);
                bytes.extend_from_slice(&(long as u16).to_be_bytes());
            }
            long => {
                bytes.push(0xff);
                bytes.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(&mask);
        let masked = payload.iter().zip(mask.iter().cycle());
        bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// What is read where the network cuts at these places, as text.
    fn read(bytes: &[u8], cuts: &[usize]) -> Result<Vec<String>, Failure> {
        let mut decoder = Decoder::new(1000, true);
        let mut codec = Codec::default();
        let mut events = Vec::new();
        let mut bytes = bytes.to_vec();
        let mut rest = &mut bytes[..];
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let (part, after) = rest.split_at_mut(cut.min(rest.len()));
            rest = after;
            decoder.decode(part, &mut codec, &mut |event| {
                events.push(match event {
                    Event::Text(text) => format!("text {text}"),
                    Event::Binary(data) => format!("binary {data:?}"),
                    Event::Ping(data) => format!("ping {data:?}"),
                    Event::Pong => "pong".to_owned(),
                    Event::Close(closed) => format!("close {} {}", closed.code, closed.reason),
                });
            })?;
        }
        Ok(events)
    }

    fn failure(frames: &[Vec<u8>]) -> u16 {
        read(&frames.concat(), &[]).unwrap_err().code
    }

    #[test]
    fn messages_in_parts_with_a_ping_between_them() {
        let bytes = [
            frame(0x01, b"Hel"),
            frame(0x89, b"?"),
            frame(0x00, b""),
            frame(0x80, b"lo"),
            frame(0x82, &[1, 2]),
            frame(0x8a, b"!"),
            // What the standard packs "Hello" to.
            frame(0xc1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
            frame(0x41, &[0xf2, 0x48, 0xcd]),
            frame(0x80, &[0xc9, 0xc9, 0x07, 0x00]),
            frame(0x88, b"\x03\xe8bye"),
            frame(0x81, b"after the end"),
        ]
        .concat();
        let events = [
            "ping [63]",
            "text Hello",
            "binary [1, 2]",
            "pong",
            "text Hello",
            "text Hello",
            "close 1000 bye",
        ];
        assert_eq!(read(&bytes, &[]).unwrap(), events);
    }

    #[test]
    fn what_breaks_the_rules_ends_it_with_the_right_code() {
        assert_eq!(failure(&[frame(0x80, b"")]), 1002, "nothing was begun");
        assert_eq!(failure(&[frame(0x01, b""), frame(0x81, b"")]), 1002);
        assert_eq!(failure(&[frame(0x01, b""), frame(0xc0, b"")]), 1002);
        assert_eq!(failure(&[frame(0xc9, b"")]), 1002);
        assert_eq!(failure(&[frame(0x88, b"\x03")]), 1002);
        assert_eq!(failure(&[frame(0x81, b"\xff")]), 1007);
        // A surrogate has no place in UTF-8.
        assert_eq!(failure(&[frame(0x81, b"\xed\xa0\x80")]), 1007);
        assert_eq!(failure(&[frame(0xc1, b"\xff\xff\xff")]), 1007);
        assert_eq!(failure(&[frame(0x82, &[0; 1001])]), 1009);
        let parts = [frame(0x02, &[0; 600]), frame(0x80, &[0; 401])];
        assert_eq!(failure(&parts), 1009);
        let mut plain = Decoder::new(1000, false);
        let mut packed = frame(0xc1, &[0]);
        let read = plain.decode(&mut packed, &mut Codec::default(), &mut |_| {});
        assert_eq!(read.unwrap_err().code, 1002);
    }

    #[test]
    fn a_length_that_is_announced_takes_no_memory() {
        let mut decoder = Decoder::new(usize::MAX, false);
        let mut head = b"\x82\xff\0\0\x01\0\0\0\0\0\0\0\0\0only this".to_vec();
        decoder
            .decode(&mut head, &mut Codec::default(), &mut |_| {})
            .unwrap();
        assert!(decoder.data.capacity() < 100 && decoder.wanted_bytes() > 1 << 39);
    }

    #[test]
    fn an_idle_websocket_keeps_no_long_message() {
        let mut decoder = Decoder::new(1 << 20, false);
        let mut bytes = [frame(0x02, &vec![0; 100_000]), frame(0x80, b"")].concat();
        decoder
            .decode(&mut bytes, &mut Codec::default(), &mut |_| {})
            .unwrap();
        assert!(decoder.data.capacity() <= KEPT_BYTES);
    }

    proptest! {
        #[test]
        fn how_the_network_cuts_changes_nothing(
            payloads in prop::collection::vec((0..6_u8, prop::collection::vec(any::<u8>(), 0..200)), 0..8),
            cuts in prop::collection::vec(0..40_usize, 0..30),
        ) {
            let firsts = [0x81, 0x82, 0x02, 0x80, 0x89, 0xc2];
            let frames = payloads.iter().map(|(kind, payload)| {
                frame(firsts[usize::from(*kind)], &payload[..payload.len().min(125)])
            });
            let bytes = frames.collect::<Vec<_>>().concat();
            // Whatever is wrong is refused at the same place.
            prop_assert_eq!(read(&bytes, &[]), read(&bytes, &cuts));
        }

        #[test]
        fn whatever_comes_is_read_or_refused(bytes: Vec<u8>) {
            let _ = read(&bytes, &[]);
        }
    }
}
