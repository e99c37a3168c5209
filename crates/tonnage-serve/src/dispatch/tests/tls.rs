//! Requests through TLS: the same worker, the same answers.

use rustls::HandshakeKind::{Full, Resumed};

use super::*;
use crate::tls::testing::{Authority, Client as TlsClient, HOST, connect};

fn worker(authority: &Authority) -> Worker {
    let settings = IoSettings {
        tls: Some(authority.server()),
        ..settings()
    };
    Worker::start(settings, 1)
}

/// Reads a head, and a body of the length that it promises.
fn answer(client: &mut TlsClient) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    client.read_exact(&mut body).unwrap();
    (head, body)
}

#[test]
fn requests_are_answered_one_after_the_other_and_several_in_one_record() {
    let authority = Authority::new();
    let worker = worker(&authority);
    let mut client = authority.client(worker.address);
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    for path in ["/one", "/two"] {
        client.write_all(request(path).as_bytes()).unwrap();
        assert_eq!(answer(&mut client).1, format!("{path} 0").into_bytes());
    }
    let many = ["/three", "/four", "/five"];
    let pipelined: String = many.iter().map(|path| request(path)).collect();
    client.write_all(pipelined.as_bytes()).unwrap();
    for path in many {
        assert_eq!(answer(&mut client).1, format!("{path} 0").into_bytes());
    }
}

#[test]
fn long_bodies_go_through_both_ways() {
    let authority = Authority::new();
    let worker = worker(&authority);
    let mut client = authority.client(worker.address);
    let body = long_body();
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&body).unwrap();
    assert!(answer(&mut client).1 == body);
    client
        .write_all(b"GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        .unwrap();
    let (head, body) = answer(&mut client);
    assert!(head.contains("Connection: close") && body.len() == 8 << 20);
    // In good order: whoever cuts it off in the middle does not say so.
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn an_answer_that_breaks_off_does_not_end_in_good_order() {
    let authority = Authority::new();
    let worker = worker(&authority);
    let mut client = authority.client(worker.address);
    client
        .write_all(b"GET /fail HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    assert!(client.read(&mut [0; 1]).is_err());
}

#[test]
fn who_does_not_speak_tls_is_told_so() {
    let authority = Authority::new();
    let worker = worker(&authority);
    let mut client = TcpStream::connect(worker.address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
    assert!(
        text.ends_with("TLS is spoken here: ask with https://\n"),
        "{text}"
    );
}

#[test]
fn a_handshake_has_the_time_of_a_head_however_it_drips() {
    let authority = Authority::new();
    let settings = IoSettings {
        tls: Some(authority.server()),
        header_timeout_ms: 600,
        ..settings()
    };
    let worker = Worker::start(settings, 1);
    let mut client = TcpStream::connect(worker.address).unwrap();
    client.set_nonblocking(true).unwrap();
    let since = std::time::Instant::now();
    // The beginning of a message that says it is longer.
    let mut bytes = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".iter();
    until(|| {
        if let Some(byte) = bytes.next() {
            client.write_all(&[*byte]).unwrap();
        }
        let ended = client.read_exact(&mut [0]).unwrap_err();
        (ended.kind() != std::io::ErrorKind::WouldBlock).then_some(())
    });
    assert!(since.elapsed() > Duration::from_millis(400));
    // Others are served all the while.
    let mut other = authority.client(worker.address);
    other
        .write_all(b"GET /other HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    assert_eq!(answer(&mut other).1, b"/other 0");
}

#[test]
fn a_session_is_resumed() {
    let authority = Authority::new();
    let worker = worker(&authority);
    let config = authority.client_config(None);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut client = connect(worker.address, config.clone(), HOST);
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            .unwrap();
        answer(&mut client);
        kinds.push(client.conn.handshake_kind());
    }
    assert_eq!(kinds, [Some(Full), Some(Resumed)]);
}
