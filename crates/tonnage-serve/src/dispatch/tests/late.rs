//! Requests that take so long that somebody else answers them.

use super::*;
use crate::overdue::Register;
use crate::tls::testing::Authority;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A worker with this many threads, and the requests in its hands.
fn start(threads: usize) -> (Worker, Arc<Register>) {
    start_with(settings(), threads)
}

fn start_with(settings: IoSettings, threads: usize) -> (Worker, Arc<Register>) {
    let (io, address, register) = sockets_with_limit(settings, TIMEOUT);
    (Worker::over(io, threads, address), register)
}

/// A moment at which all that is in hand now is late.
fn later_ns() -> u64 {
    now_ns() + TIMEOUT.as_nanos() as u64
}

#[test]
fn what_is_in_hand_is_known_with_its_name_until_it_is_answered() {
    let (worker, register) = start(1);
    let mut client = worker.client();
    client.get("/wait?x=%20");
    worker.wait_for("/wait");
    let in_hand = register.in_hand(now_ns());
    let names: Vec<_> = in_hand.iter().map(|request| &*request.name).collect();
    assert_eq!(names, ["GET /wait?x=%20"]);
    worker.open.send(()).unwrap();
    assert_eq!(client.body(), "waited");
    until(|| register.in_hand(now_ns()).is_empty().then_some(()));
    // The connection goes on, and its next request in the same place.
    client.get("/next");
    assert_eq!(client.body(), "/next 0");
}

#[test]
fn a_late_request_has_one_answer_and_its_thread_goes_on() {
    let (worker, register) = start(1);
    for request in [
        "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /wait HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut client = worker.client();
        client.send(request);
        worker.wait_for("/wait");
        assert_eq!(register.answer_late(later_ns(), Duration::ZERO), 1);
        let mut answer = String::new();
        client.0.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert!(head.contains("Connection: close"), "{head}");
        assert_eq!(body.is_empty(), request.starts_with("HEAD"), "{body}");
        worker.open.send(()).unwrap();
        let mut other = worker.client();
        other.get("/other");
        assert_eq!(other.body(), "/other 0");
    }
}

#[test]
fn it_is_answered_through_tls_as_well() {
    let authority = Authority::new();
    let tls = IoSettings {
        tls: Some(authority.server()),
        ..settings()
    };
    let (worker, register) = start_with(tls, 1);
    for (request, ends_with) in [
        ("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", "too long\n"),
        ("HEAD /wait HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n"),
    ] {
        let mut client = authority.client(worker.address);
        client.write_all(request.as_bytes()).unwrap();
        worker.wait_for("/wait");
        assert_eq!(register.answer_late(later_ns(), Duration::ZERO), 1);
        // Its end in good order is told, too: otherwise this would be an error.
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("Connection: close"), "{answer}");
        assert!(answer.ends_with(ends_with), "{answer}");
        worker.open.send(()).unwrap();
        let mut other = authority.client(worker.address);
        other
            .write_all(b"GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        other.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("/other 0"), "{answer}");
    }
}
