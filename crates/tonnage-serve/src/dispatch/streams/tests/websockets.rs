//! Requests that become websockets.

use super::*;
use crate::dispatch::Heard;
use crate::websocket::{Closed, Message, Options, WebSocket};

const ASK: &str = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const OPTIONS: Options = Options {
    most_bytes: 1 << 20,
};

/// A frame with a mask of zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        long => {
            bytes.push(0xff);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

fn read(client: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    client.read_exact(&mut read).unwrap();
    read
}

/// Accepts the websocket that a client asked for, and has it read the answer.
fn accept(worker: &mut Worker, client: &mut TcpStream, token: Token) -> WebSocket {
    let exchange = worker.begun.get_mut(&token).unwrap();
    let upgrade = exchange.websocket().unwrap().unwrap();
    let fields: [(&[u8], &[u8]); 1] = [(b"Date", b"x")];
    let websocket = exchange.accept(&upgrade, fields, OPTIONS).unwrap();
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nDate: x\r\nServer: tonnage\r\n\r\n";
    assert_eq!(read(client, answer.len()), answer.as_bytes());
    websocket
}

/// What is heard until there is a message, or the end.
fn hear(worker: &mut Worker, token: Token, websocket: &mut WebSocket) -> Vec<String> {
    worker.until(|worker| {
        let exchange = worker.begun.get_mut(&token).unwrap();
        let mut messages = Vec::new();
        let mut sink = |message: Message<'_>| {
            messages.push(match message {
                Message::Text(text) => text.to_owned(),
                Message::Binary(data) => format!("{} bytes", data.len()),
            });
        };
        let heard = worker.streams.hear(exchange, websocket, &mut sink);
        let is_over = websocket.ended().is_some();
        assert!(!is_over || heard == Heard::Something { more: false });
        (is_over || !messages.is_empty()).then_some(messages)
    })
}

fn end(worker: &mut Worker, token: Token) {
    let mut exchange = worker.begun.remove(&token).unwrap();
    exchange.end_websocket();
    worker.streams.end(token, exchange);
}

#[test]
fn messages_go_both_ways_and_the_client_closes() {
    let mut worker = Worker::new(settings());
    let (mut client, token) = worker.asked(ASK);
    let mut websocket = accept(&mut worker, &mut client, token);
    client.write_all(&masked(0x81, b"hello")).unwrap();
    assert_eq!(hear(&mut worker, token, &mut websocket), ["hello"]);
    client.write_all(&masked(0x82, &vec![7; 300_000])).unwrap();
    assert_eq!(hear(&mut worker, token, &mut websocket), ["300000 bytes"]);
    for (text, frame) in [("hi", &b"\x81\x02hi"[..]), ("", b"\x81\x00")] {
        let exchange = worker.begun.get_mut(&token).unwrap();
        assert!(
            worker
                .streams
                .say(exchange, &websocket, Message::Text(text))
        );
        assert_eq!(read(&mut client, frame.len()), frame);
    }
    client.write_all(&masked(0x88, b"\x03\xe8")).unwrap();
    assert!(hear(&mut worker, token, &mut websocket).is_empty());
    assert_eq!(websocket.ended(), Some(&Closed::new(1000, "")));
    assert_eq!(read(&mut client, 4), b"\x88\x02\x03\xe8");
    end(&mut worker, token);
    // The server is the first to close (RFC 6455, section 7.1.1).
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    drop(client);
    worker.until(|worker| (worker.streams.io.connections() == 0).then_some(()));
}

#[test]
fn what_is_sent_with_the_handshake_is_heard() {
    let mut worker = Worker::new(settings());
    let early = [ASK.as_bytes(), &masked(0x81, b"early")].concat();
    let mut client = worker.client();
    client.write_all(&early).unwrap();
    let token = worker.begin();
    let mut websocket = accept(&mut worker, &mut client, token);
    assert_eq!(hear(&mut worker, token, &mut websocket), ["early"]);
}

#[test]
fn a_client_that_vanishes_and_one_that_is_too_slow_to_say_goodbye() {
    let mut worker = Worker::new(settings());
    let (mut client, token) = worker.asked(ASK);
    let mut websocket = accept(&mut worker, &mut client, token);
    drop(client);
    assert!(hear(&mut worker, token, &mut websocket).is_empty());
    assert_eq!(websocket.ended().unwrap().code, 1006);
    end(&mut worker, token);
    worker.until(|worker| (worker.streams.io.connections() == 0).then_some(()));

    let (mut client, token) = worker.asked(ASK);
    let mut websocket = accept(&mut worker, &mut client, token);
    let close = websocket.close(1001, "").unwrap();
    worker.begun.get_mut(&token).unwrap().send_raw(&[&close]);
    end(&mut worker, token);
    // What it sends meanwhile is no reason for a reset, which could overtake the goodbye.
    client.write_all(&masked(0x81, b"late")).unwrap();
    assert_eq!(read(&mut client, 4), b"\x88\x02\x03\xe9");
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn another_version_is_refused_with_ours() {
    let mut worker = Worker::new(settings());
    let (mut client, token) = worker.asked(&ASK.replace("n: 13", "n: 8"));
    let mut exchange = worker.begun.remove(&token).unwrap();
    let refusal = exchange.websocket().unwrap().unwrap_err();
    worker.streams.refuse_websocket(&mut exchange, refusal);
    worker.streams.end(token, exchange);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    assert!(
        answer.contains("\r\nSec-WebSocket-Version: 13\r\n"),
        "{answer}"
    );
    assert_eq!(worker.streams.counts().refused, 1);
}
