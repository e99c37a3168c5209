//! The server's inside as `fuzz/` needs it; no part of the interface.

use std::net::SocketAddr;

use crate::listen::Peer;
use crate::proxy_protocol::{Beginning, ProxyProtocol, Said, Versions};
use crate::settings::TrustedPeers;
use crate::websocket::{Closed, Codec, Message, WebSocket};

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introduction {
    /// More has to come.
    Partial,
    /// A request, or nothing that is known.
    Other,
    /// A header of so many bytes.
    Header(usize, Said),
    /// A header that cannot be understood.
    Refused,
}

/// Reads the beginning of a connection from a proxy that may speak these versions.
pub fn read_introduction(data: &[u8], versions: Versions) -> Introduction {
    // Everybody is trusted, which no list can get wrong.
    let proxies = TrustedPeers::parse(&["*"]).unwrap_or_default();
    let proxy = Peer::Tcp(SocketAddr::from(([192, 0, 2, 1], 1)));
    match ProxyProtocol::new(versions, proxies).read(proxy, data) {
        Ok(Beginning::Partial) => Introduction::Partial,
        Ok(Beginning::Other) => Introduction::Other,
        Ok(Beginning::Header(bytes, said)) => Introduction::Header(bytes, said),
        Err(_) => Introduction::Refused,
    }
}

/// A message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// A websocket as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// What the client said.
    pub heard: Vec<Heard>,
    /// What it was answered: frames.
    pub replies: Vec<u8>,
    /// How it ended, where it has.
    pub ended: Option<Closed>,
}

/// Reads what a client sends after its handshake, in pieces that end at `cuts` (in order, those
/// out of range are left out). `deflate`: the client has offered permessage-deflate.
pub fn converse(data: &[u8], cuts: &[usize], most_bytes: usize, deflate: bool) -> Conversation {
    let mut websocket = WebSocket::for_fuzzing(most_bytes, deflate);
    let mut codec = Codec::default();
    let mut said = Conversation {
        heard: Vec::new(),
        replies: Vec::new(),
        ended: None,
    };
    let mut data = data.to_vec();
    let mut begin = 0;
    for &end in cuts.iter().chain([&data.len()]) {
        if end <= begin || end > data.len() {
            continue;
        }
        let Conversation { heard, replies, .. } = &mut said;
        websocket.take(&mut data[begin..end], &mut codec, replies, &mut |message| {
            heard.push(match message {
                Message::Text(text) => Heard::Text(text.to_owned()),
                Message::Binary(bytes) => Heard::Binary(bytes.to_vec()),
            });
        });
        begin = end;
    }
    said.ended = websocket.ended().cloned();
    said
}
