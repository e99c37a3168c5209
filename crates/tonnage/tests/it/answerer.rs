//! A small server for tests that need no real stack: it answers every request
//! with the same text.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Starts it; its threads end with the test's process.
pub(crate) fn answer_with(response: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || converse(stream.unwrap(), response));
        }
    });
    address
}

fn converse(mut stream: TcpStream, response: &str) {
    while receive(&mut stream) && stream.write_all(response.as_bytes()).is_ok() {}
}

/// Reads a request without a body; `false` where no more come.
pub(crate) fn receive(stream: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => request.extend_from_slice(&buffer[..length]),
            _ => return false,
        }
    }
    true
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
