//! Responses that are compressed for clients that take it.

use super::*;
use crate::codings::Coding;
use crate::compress::{Compression, decoded};

const TAKES_GZIP: &str = "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n";

type Fields<'a> = &'a [(&'a str, &'a str)];

fn worker() -> Worker {
    Worker::new(IoSettings {
        compression: Some(Arc::new(Compression::new(["text/*"], 100))),
        ..settings()
    })
}

/// A response's head, and its body without chunks.
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    fn plain(&self) -> String {
        let plain = match self.field("Content-Encoding") {
            Some("gzip") => decoded(Coding::Gzip, &self.body),
            Some("zstd") => decoded(Coding::Zstd, &self.body),
            other => {
                assert_eq!(other, None);
                self.body.clone()
            }
        };
        String::from_utf8(plain).unwrap()
    }
}

/// What a client gets that asks so, and whether the connection went on.
fn answered(request: &str, fields: Fields<'_>, parts: &[&str], whole: bool) -> (Answer, bool) {
    let mut worker = worker();
    let (client, token) = worker.asked(request);
    let mut exchange = worker.begun.remove(&token).unwrap();
    let html = ("Content-Type", "text/html");
    let fields = [html].into_iter().chain(fields.iter().copied());
    let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    exchange.start(200, b"OK", fields).unwrap();
    for part in parts {
        exchange.send(part.as_bytes(), whole).unwrap();
    }
    exchange.finish().unwrap();
    worker.streams.end(token, exchange);
    worker.streams.let_go();
    let goes_on = worker.streams.io.connections() == 1;
    drop(worker);
    (read_all(client), goes_on)
}

/// Everything up to the end of the connection.
fn read_all(mut client: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = client.read_to_end(&mut bytes);
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let body = if head.contains("chunked") {
        unchunked(&bytes[end..])
    } else {
        bytes[end..].to_vec()
    };
    Answer { head, body }
}

/// The content of the chunks that are there.
fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = chunks.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&chunks[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        body.extend_from_slice(&chunks[line + 2..line + 2 + size]);
        chunks = &chunks[line + 2 + size + 2..];
    }
    body
}

#[test]
fn a_whole_body_has_its_new_length() {
    let text = "much the same ".repeat(100);
    let (answer, goes_on) = answered(TAKES_GZIP, &[("ETag", "\"a\"")], &[&text], true);
    assert!(goes_on);
    assert_eq!(answer.field("Content-Encoding"), Some("gzip"));
    let length = answer.body.len().to_string();
    assert_eq!(answer.field("Content-Length"), Some(length.as_str()));
    assert_eq!(answer.field("ETag"), Some("W/\"a\""));
    assert_eq!(answer.field("Vary"), Some("Accept-Encoding"));
    assert_eq!(answer.plain(), text);
    // In parts of a length that was promised, it is chunked.
    let promised = text.len().to_string();
    let promised: Fields<'_> = &[("Content-Length", &promised)];
    let half = text.len() / 2;
    let parts = [&text[..half], &text[half..]];
    let (answer, goes_on) = answered(TAKES_GZIP, promised, &parts, false);
    assert!(goes_on);
    assert!(answer.head.contains("chunked") && !answer.head.contains("Content-Length"));
    assert_eq!(answer.plain(), text);
    // What is too much of it is left out, as without.
    let parts = [text.as_str(), "and more"];
    assert_eq!(
        answered(TAKES_GZIP, promised, &parts, false).0.plain(),
        text
    );
}

#[test]
fn the_coding_is_the_clients_choice_and_none_is_one() {
    let text = "much the same ".repeat(100);
    for (accepted, coding) in [
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("gzip, zstd;q=0.5", Some("gzip")),
        ("br", None),
        ("gzip;q=0", None),
        ("identity", None),
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: {accepted}\r\n\r\n");
        let (answer, _) = answered(&request, &[], &[&text], true);
        assert_eq!(answer.field("Content-Encoding"), coding, "{accepted}");
        assert_eq!(answer.field("Vary"), Some("Accept-Encoding"), "{accepted}");
        assert_eq!(answer.plain(), text);
    }
    // Nor is there any for HTTP/1.0 in chunks.
    let old = "GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n";
    let (answer, goes_on) = answered(old, &[], &[&text, &text], false);
    assert!(!goes_on && !answer.head.contains("chunked"));
    assert_eq!(answer.plain(), text.repeat(2));
}

#[test]
fn short_and_foreign_bodies_are_left_as_they_are() {
    let text = "much the same ".repeat(100);
    for (fields, body) in [
        (&[][..], "short"),
        (&[("Content-Length", "5")], "short"),
        (&[("Content-Encoding", "br")], text.as_str()),
        (&[("Cache-Control", "no-transform")], &text),
    ] {
        let (answer, goes_on) = answered(TAKES_GZIP, fields, &[body], true);
        assert!(goes_on);
        assert_ne!(answer.field("Content-Encoding"), Some("gzip"), "{fields:?}");
        assert_eq!(answer.body, body.as_bytes(), "{fields:?}");
    }
}

#[test]
fn head_says_what_get_would_say() {
    let request = TAKES_GZIP.replace("GET", "HEAD");
    for (fields, parts) in [
        (&[("Content-Length", "1400")][..], &[][..]),
        (&[], &[]),
        (&[], &["the body of GET"]),
    ] {
        let (answer, goes_on) = answered(&request, fields, parts, true);
        assert!(goes_on && answer.body.is_empty());
        assert_eq!(answer.field("Content-Encoding"), Some("gzip"));
        assert_eq!(answer.field("Content-Length"), None);
        assert!(!answer.head.contains("chunked"));
    }
    let (answer, _) = answered(&request, &[("Content-Length", "5")], &[], true);
    assert_eq!(answer.field("Content-Encoding"), None);
    assert_eq!(answer.field("Content-Length"), Some("5"));
}

#[test]
fn each_part_can_be_read_before_the_next_one_and_a_short_body_does_not_end() {
    let mut worker = worker();
    let (mut client, token) = worker.asked(TAKES_GZIP);
    let fields: [(&[u8], &[u8]); 2] = [
        (b"Content-Type", b"text/plain"),
        (b"Content-Length", b"1000"),
    ];
    let exchange = worker.exchange(token);
    exchange.start(200, b"OK", fields).unwrap();
    let (mut bytes, mut sent) = (Vec::new(), String::new());
    for part in ["one ", "two ", "three"] {
        exchange.send(part.as_bytes(), false).unwrap();
        sent.push_str(part);
        // The head and a chunk at first, and then a chunk.
        loop {
            let mut room = [0; 4096];
            let count = client.read(&mut room).unwrap();
            bytes.extend_from_slice(&room[..count]);
            if bytes.ends_with(b"\r\n") {
                break;
            }
        }
        assert_eq!(plain_so_far(&bytes), sent);
    }
    let mut exchange = worker.begun.remove(&token).unwrap();
    exchange.finish().unwrap();
    assert!(!exchange.reply().is_complete());
    worker.streams.end(token, exchange);
    assert_eq!(client.read(&mut [0; 10]).unwrap(), 0);
}

/// What a client has read of a body in chunks that is not over.
fn plain_so_far(bytes: &[u8]) -> String {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    let body = unchunked(&bytes[end..]);
    String::from_utf8(decoded(Coding::Gzip, &body)).unwrap()
}

#[test]
fn a_tag_that_a_client_knows_as_weak_stays_so() {
    for (knows, tag, told) in [
        ("W/\"a\"", "\"a\"", "W/\"a\""),
        ("\"b\", W/\"a\"", "\"a\"", "W/\"a\""),
        ("W/\"a\"", "W/\"a\"", "W/\"a\""),
        ("\"a\"", "\"a\"", "\"a\""),
    ] {
        let mut worker = worker();
        let request = format!(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nIf-None-Match: {knows}\r\n\r\n"
        );
        let (client, token) = worker.asked(&request);
        let mut exchange = worker.begun.remove(&token).unwrap();
        let fields = [(&b"ETag"[..], tag.as_bytes())];
        exchange.start(304, b"Not Modified", fields).unwrap();
        exchange.finish().unwrap();
        worker.streams.end(token, exchange);
        worker.streams.let_go();
        drop(worker);
        let answer = read_all(client);
        assert_eq!(answer.field("ETag"), Some(told), "{knows} {tag}");
        assert_eq!(answer.field("Vary"), Some("Accept-Encoding"));
    }
}
