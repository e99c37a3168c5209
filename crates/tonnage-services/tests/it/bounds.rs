//! What a service does not put up with, and how it starts and stops.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use tonnage_services::{Handle, Service, ServiceError, Settings, serve};

use crate::client::{get, post, start, start_with, wait_until};

fn connect(service: &Handle) -> TcpStream {
    let stream = TcpStream::connect(service.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(2)))
        .unwrap();
    stream
}

/// What is answered to `request`, up to the end of the connection.
fn ask(service: &Handle, request: &str) -> String {
    let mut stream = connect(service);
    // It may be closed before all of it is written.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn heads_and_bodies_have_a_bound() {
    let service = start("echo");
    let long = "x".repeat(20_000);
    let answer = ask(
        &service,
        &format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
    );
    assert!(
        answer.starts_with("HTTP/1.1 431 ") || answer.starts_with("HTTP/1.1 414 "),
        "{answer}"
    );
    let head = "POST /uploader HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let answer = ask(
        &service,
        &format!("{head}Content-Length: 99999999999\r\n\r\n"),
    );
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.contains(
            r#"{"error":{"code":413,"message":"the body is longer than 16777216 bytes"}}"#
        ),
        "{answer}"
    );
    let conditions = "POST /eval HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let answer = ask(
        &start("evaluate"),
        &format!("{conditions}Content-Length: 3000000\r\n\r\n"),
    );
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // One byte too many, of which nobody was told.
    let body = "[".repeat(16 * 1024 * 1024 + 1);
    let chunk = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let answer = ask(&service, &chunk);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 413 "),
        "{answer}"
    );
    // The largest that is taken, and small chunks.
    let most = format!("\"{}\"", "y".repeat(16 * 1024 * 1024 - 2));
    assert_eq!(
        post(&service, "/uploader", most.as_bytes()).body.len(),
        most.len() - 2
    );
    let answer = ask(
        &service,
        &format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n"),
    );
    assert!(answer.ends_with("[]"), "{answer}");
}

#[test]
fn nonsense_ends_the_connection_and_nothing_else() {
    let service = start("hello");
    for nonsense in [
        "\r\n\r\n\0",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01",
    ] {
        let mut stream = connect(&service);
        stream.write_all(nonsense.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{nonsense:?}");
    }
    assert_eq!(get(&service, "/").status, 200);
}

#[test]
fn more_connections_than_there_is_room_for_wait() {
    let settings = Settings {
        max_connections: 2,
        ..Settings::default()
    };
    let service = start_with("hello", &settings);
    let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&service);
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
        held.push(stream);
    }
    let mut third = connect(&service);
    third.write_all(request.as_bytes()).unwrap();
    third
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert!(
        third.read_exact(&mut [0; 12]).is_err(),
        "there was no room for it"
    );
    drop(held);
    third
        .set_read_timeout(Some(Duration::from_mins(2)))
        .unwrap();
    third.read_exact(&mut [0; 12]).unwrap();
}

#[test]
fn requests_in_flight_end_before_the_service_does() {
    let settings = Settings {
        grace: Duration::from_mins(2),
        ..Settings::default()
    };
    let service = start_with("slow", &settings);
    let address = service.address();
    let mut stream = connect(&service);
    stream
        .write_all(b"GET /?delay=0.5 HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    // Its own request is answered, so the first one has been read.
    assert_eq!(get(&service, "/?delay=0").body, "slow api");
    let idle = connect(&service);
    let stopped = thread::spawn(move || service.stop());
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("slow api"), "{answer:?}");
    stopped.join().unwrap();
    drop(idle);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn without_grace_it_ends_at_once() {
    let settings = Settings {
        grace: Duration::ZERO,
        ..Settings::default()
    };
    let service = start_with("slow", &settings);
    let address = service.address();
    let mut stream = connect(&service);
    stream
        .write_all(b"GET /?delay=60 HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    service.stop();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    wait_until("nobody listens", || TcpStream::connect(address).is_err());
}

#[test]
fn an_address_that_cannot_be_had_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let serve_at = |host: &str, port| {
        let settings = Settings {
            host: host.to_owned(),
            port,
            ..Settings::default()
        };
        serve(Service::Hello, &settings).unwrap_err()
    };
    let error = serve_at("127.0.0.1", port);
    assert!(matches!(error, ServiceError::PortInUse { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&format!("port {port} on 127.0.0.1 is in use"))
    );
    // An address for documentation, which no machine has.
    let error = serve_at("192.0.2.1", 0);
    assert!(matches!(error, ServiceError::Listen { .. }), "{error}");
}
