//! A websocket that was accepted: messages in and out, pings answered, the close handshake
//! kept. Bytes come from somebody else and go to somebody else.

use super::close::{self, Closed};
use super::decode::{Decoder, Event};
use super::deflate::{Agreed, Codec};
use super::frame::{Head, Opcode};
use super::handshake::Upgrade;

/// Bytes that are read at once where no more are known to come: few enough that messages of
/// a few bytes are not too many.
const READ_BYTES: usize = 16 << 10;

/// What websockets obey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bytes of the longest message, unpacked.
    pub most_bytes: usize,
}

/// A message of either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

/// A frame as it is sent: its head, and its payload.
#[derive(Debug, Clone, Copy)]
pub struct Framed<'a> {
    head: Head,
    payload: &'a [u8],
}

impl Framed<'_> {
    /// What is to be sent, in this order.
    pub fn slices(&self) -> [&[u8]; 2] {
        [self.head.as_bytes(), self.payload]
    }
}

/// A websocket after its handshake.
#[derive(Debug)]
pub struct WebSocket {
    decoder: Decoder,
    deflate: Option<Agreed>,
    /// Our Close frame was sent: nothing may follow.
    has_closed: bool,
    /// The client is not heard any more, for this reason.
    ended: Option<Closed>,
}

impl WebSocket {
    pub(crate) fn new(upgrade: &Upgrade, options: Options) -> Self {
        Self {
            decoder: Decoder::new(options.most_bytes, upgrade.deflate().is_some()),
            deflate: upgrade.deflate(),
            has_closed: false,
            ended: None,
        }
    }

    /// One whose handshake nobody has seen.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn for_fuzzing(most_bytes: usize, deflate: bool) -> Self {
        let deflate = Agreed::of("permessage-deflate").filter(|_| deflate);
        Self {
            decoder: Decoder::new(most_bytes, deflate.is_some()),
            deflate,
            has_closed: false,
            ended: None,
        }
    }

    /// How many bytes are to be read next, of at most so many.
    pub(crate) fn wanted_bytes(&self, most: usize) -> usize {
        self.decoder.wanted_bytes().max(READ_BYTES).min(most)
    }

    /// Takes what was read, which it changes, and gives the messages to `sink`. What is to
    /// be answered to it is added to `replies`.
    pub fn take(
        &mut self,
        input: &mut [u8],
        codec: &mut Codec,
        replies: &mut Vec<u8>,
        sink: &mut dyn FnMut(Message<'_>),
    ) {
        if self.ended.is_some() {
            return;
        }
        let (has_closed, ended) = (self.has_closed, &mut self.ended);
        let read = self.decoder.decode(input, codec, &mut |event| match event {
            Event::Text(text) => sink(Message::Text(text)),
            Event::Binary(data) => sink(Message::Binary(data)),
            // After a Close frame nothing is sent (section 5.5.1).
            Event::Ping(data) if !has_closed => push(replies, Opcode::Pong, data),
            Event::Ping(_) | Event::Pong => {}
            Event::Close(closed) => *ended = Some(closed),
        });
        if let Err(failure) = read {
            self.ended = Some(Closed::new(failure.code, failure.reason));
        }
        if let Some(Closed { code, reason }) = self.ended.clone() {
            // The client's own reason is nothing to repeat.
            let reason = if read.is_err() { &*reason } else { "" };
            replies.extend(self.close(code, reason).unwrap_or_default());
        }
    }

    /// The client's connection has ended.
    pub fn lose(&mut self) {
        self.ended
            .get_or_insert_with(|| Closed::new(close::code::ABNORMAL, ""));
    }

    /// How the client's side ended, where it has.
    pub fn ended(&self) -> Option<&Closed> {
        self.ended.as_ref()
    }

    /// Whether our Close frame was sent.
    pub fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// A message as it is sent; `None` after a Close frame.
    pub fn frame<'a>(&self, message: Message<'a>, codec: &'a mut Codec) -> Option<Framed<'a>> {
        if self.has_closed {
            return None;
        }
        let (opcode, payload) = match message {
            Message::Text(text) => (Opcode::Text, text.as_bytes()),
            Message::Binary(data) => (Opcode::Binary, data),
        };
        let suits = self
            .deflate
            .is_some_and(|deflate| deflate.suits(payload.len()));
        let packed = if suits { codec.pack(payload) } else { None };
        let sent = packed.unwrap_or(payload);
        Some(Framed {
            head: Head::new(opcode, packed.is_some(), sent.len()),
            payload: sent,
        })
    }

    /// A ping; `None` after a Close frame.
    pub fn ping(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        push(&mut bytes, Opcode::Ping, &[]);
        (!self.has_closed).then_some(bytes)
    }

    /// A Close frame, once.
    pub fn close(&mut self, code: u16, reason: &str) -> Option<Vec<u8>> {
        let first = !std::mem::replace(&mut self.has_closed, true);
        first.then(|| {
            let mut bytes = Vec::new();
            push(&mut bytes, Opcode::Close, &close::payload(code, reason));
            bytes
        })
    }
}

fn push(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.extend_from_slice(Head::new(opcode, false, payload.len()).as_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn websocket(deflate: bool) -> WebSocket {
        let agreed = deflate.then(|| Agreed::of("permessage-deflate")).flatten();
        WebSocket {
            decoder: Decoder::new(1 << 20, deflate),
            deflate: agreed,
            has_closed: false,
            ended: None,
        }
    }

    /// A frame with a mask of zeros.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
        bytes.extend_from_slice(payload);
        bytes
    }

    /// What is answered, and the messages.
    fn take(websocket: &mut WebSocket, mut input: Vec<u8>) -> (Vec<u8>, Vec<String>) {
        let (mut replies, mut messages) = (Vec::new(), Vec::new());
        websocket.take(
            &mut input,
            &mut Codec::default(),
            &mut replies,
            &mut |message| messages.push(format!("{message:?}")),
        );
        (replies, messages)
    }

    #[test]
    fn a_ping_is_answered_with_what_it_says() {
        let mut websocket = websocket(false);
        let input = [masked(0x89, b"x"), masked(0x81, b"hi")].concat();
        let (replies, messages) = take(&mut websocket, input);
        assert_eq!(replies, b"\x8a\x01x");
        assert_eq!(messages, ["Text(\"hi\")"]);
        assert_eq!(websocket.ping().unwrap(), b"\x89\x00");
    }

    #[test]
    fn a_client_that_closes_is_answered_once() {
        let mut websocket = websocket(false);
        let (replies, _) = take(&mut websocket, masked(0x88, b"\x0f\xa0why"));
        assert_eq!(replies, b"\x88\x02\x0f\xa0");
        assert_eq!(websocket.ended(), Some(&Closed::new(4000, "why")));
        let codec = &mut Codec::default();
        assert!(websocket.frame(Message::Text("late"), codec).is_none());
        assert!(websocket.close(1000, "").is_none() && websocket.ping().is_none());
    }

    #[test]
    fn a_close_without_a_code_is_answered_without_one() {
        let mut websocket = websocket(false);
        let (replies, _) = take(&mut websocket, masked(0x88, b""));
        assert_eq!(replies, b"\x88\x00");
        assert_eq!(websocket.ended().unwrap().code, 1005);
    }

    #[test]
    fn after_our_close_the_clients_is_awaited_and_not_answered() {
        let mut websocket = websocket(false);
        assert_eq!(websocket.close(1001, "").unwrap(), b"\x88\x02\x03\xe9");
        let input = [masked(0x89, b""), masked(0x88, b"\x03\xe9")].concat();
        let (replies, _) = take(&mut websocket, input);
        assert_eq!(replies, b"");
        assert_eq!(websocket.ended().unwrap().code, 1001);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_reason() {
        let mut websocket = websocket(false);
        let (replies, _) = take(&mut websocket, masked(0x81, b"\xff"));
        assert_eq!(replies, b"\x88\x12\x03\xeftext is no UTF-8");
        assert_eq!(websocket.ended().unwrap().code, 1007);
        let (replies, messages) = take(&mut websocket, masked(0x81, b"ignored"));
        assert!(replies.is_empty() && messages.is_empty());
    }

    #[test]
    fn messages_are_packed_where_that_was_agreed_on_and_helps() {
        let mut codec = Codec::default();
        let text = "to be or not to be ".repeat(20);
        let packed = websocket(true);
        let frame = packed.frame(Message::Text(&text), &mut codec).unwrap();
        let [head, payload] = frame.slices();
        assert!(head[0] == 0xc1 && payload.len() < text.len() / 4);
        for (websocket, text) in [(&packed, "short"), (&self::websocket(false), &*text)] {
            let frame = websocket.frame(Message::Text(text), &mut codec).unwrap();
            assert_eq!(
                (frame.slices()[0][0], frame.slices()[1]),
                (0x81, text.as_bytes())
            );
        }
    }
}
