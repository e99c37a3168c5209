//! A client of HTTP/2 that sends exactly the frames it is told to.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::PREFACE;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// `ENHANCE_YOUR_CALM`
pub(crate) const CALM: u32 = 11;

/// A frame that came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// The code of an error.
    pub(crate) fn code(&self) -> u32 {
        let at = match self.kind {
            GOAWAY => 4,
            _ => 0,
        };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A request's head; nothing in it is compressed.
pub(crate) fn head(method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0x86];
    let mut text = |before: Option<u8>, text: &str| {
        block.extend(before);
        block.push(text.len() as u8);
        block.extend(text.bytes());
    };
    // By their names' places in the table that everybody has.
    text(Some(0x02), method);
    text(Some(0x04), path);
    text(Some(0x01), "test");
    for (name, value) in fields {
        text(Some(0x00), name);
        text(None, value);
    }
    block
}

/// A client.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    come: Vec<u8>,
}

impl Client {
    /// Says what comes first; what the server says of itself is skipped later.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut client = Self::silent(address);
        client.send(PREFACE);
        client.send(&frame(SETTINGS, 0, 0, &[]));
        client
    }

    /// Says nothing.
    pub(crate) fn silent(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self {
            socket,
            come: Vec::new(),
        }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    pub(crate) fn get(&mut self, stream: u32, path: &str) {
        let flags = END_HEADERS | END_STREAM;
        self.send(&frame(HEADERS, flags, stream, &head("GET", path, &[])));
    }

    /// The head of a request with a body.
    pub(crate) fn post(&mut self, stream: u32, path: &str, fields: &[(&str, &str)]) {
        let head = head("POST", path, fields);
        self.send(&frame(HEADERS, END_HEADERS, stream, &head));
    }

    pub(crate) fn data(&mut self, stream: u32, bytes: &[u8], flags: u8) {
        self.send(&frame(DATA, flags, stream, bytes));
    }

    /// More may be sent on a stream, or on the connection for 0.
    pub(crate) fn give_room(&mut self, stream: u32, bytes: u32) {
        self.send(&frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes()));
    }

    /// The next frame; `None` where the server has closed.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take() {
                if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                    // It may have closed meanwhile.
                    let _ = self.socket.write_all(&self::frame(SETTINGS, ACK, 0, &[]));
                }
                return Some(frame);
            }
            let mut room = [0; 1 << 13];
            match self.socket.read(&mut room) {
                Ok(0) => return None,
                Ok(bytes) => self.come.extend_from_slice(&room[..bytes]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let [a, b, c, kind, flags, s0, s1, s2, s3, ..] = *self.come.as_slice() else {
            return None;
        };
        let end = 9 + u32::from_be_bytes([0, a, b, c]) as usize;
        if self.come.len() < end {
            return None;
        }
        let payload = self.come[9..end].to_vec();
        self.come.drain(..end);
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
            payload,
        })
    }

    /// The next frame that is not about the connection.
    #[track_caller]
    pub(crate) fn of_stream(&mut self) -> Frame {
        loop {
            let frame = self.frame().expect("the server has closed");
            if frame.stream != 0 && frame.kind != WINDOW_UPDATE {
                return frame;
            }
        }
    }

    /// The next response that is complete, whose head says 200: its stream and its body.
    /// Other streams must be silent meanwhile.
    #[track_caller]
    pub(crate) fn response(&mut self) -> (u32, Vec<u8>) {
        let responses = self.responses(1);
        assert_eq!(responses.len(), 1, "{responses:?}");
        responses.into_iter().next().unwrap()
    }

    /// As many responses as that, whose heads say 200: the bodies by their streams.
    #[track_caller]
    pub(crate) fn responses(&mut self, count: usize) -> HashMap<u32, Vec<u8>> {
        let mut bodies: HashMap<u32, Vec<u8>> = HashMap::new();
        let mut ended = 0;
        while ended < count {
            let frame = self.of_stream();
            if frame.kind == HEADERS {
                assert_eq!(frame.payload[0], 0x88, "{frame:?}");
                assert!(bodies.insert(frame.stream, Vec::new()).is_none());
            } else {
                assert_eq!(frame.kind, DATA, "{frame:?}");
                let body = bodies.get_mut(&frame.stream).expect("no head");
                body.extend(&frame.payload);
            }
            if frame.kind == DATA && !frame.payload.is_empty() {
                self.give_room(0, frame.payload.len() as u32);
                if !frame.ends_stream() {
                    self.give_room(frame.stream, frame.payload.len() as u32);
                }
            }
            ended += usize::from(frame.ends_stream());
        }
        bodies
    }

    /// The code with which the server goes.
    #[track_caller]
    pub(crate) fn goaway(&mut self) -> u32 {
        loop {
            let frame = self.frame().expect("the server has closed without a word");
            if frame.kind == GOAWAY {
                return frame.code();
            }
        }
    }
}
