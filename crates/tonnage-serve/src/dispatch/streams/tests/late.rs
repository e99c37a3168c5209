//! Requests that take so long that they are not left to the application.

use super::*;
use crate::overdue::Register;
use crate::tls::testing::Authority;

/// A worker whose requests may take so long.
fn start(timeout: Duration) -> (Worker, Arc<Register>) {
    start_with(settings(), timeout)
}

fn start_with(settings: IoSettings, timeout: Duration) -> (Worker, Arc<Register>) {
    let (io, address, register) = sockets_with_limit(settings, timeout);
    (Worker::over(io, address), register)
}

#[test]
fn what_a_client_takes_for_its_body_does_not_count() {
    let (mut worker, register) = start(Duration::from_secs(10));
    let post = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n";
    let (mut client, token) = worker.asked(post);
    let hours_later_ns = now_ns() + 10_000 * 1_000_000_000;
    let is_late = |register: &Register| !register.look(hours_later_ns).timed_out.is_empty();
    assert_eq!(worker.receive(token).0, Received::Nothing);
    assert!(!is_late(&register));
    client.write_all(b"ab").unwrap();
    assert_eq!(worker.body(token), Ok(b"ab".to_vec()));
    assert!(is_late(&register));
    worker.answer(token, b"one");
    read(&mut client, "one");
}

#[test]
fn one_that_has_had_its_time_is_answered_where_the_loop_still_runs() {
    let (mut worker, register) = start(Duration::from_nanos(1));
    let (mut client, token) = worker.asked(GET);
    assert!(worker.exchange(token).end_late());
    let mut exchange = worker.begun.remove(&token).unwrap();
    assert!(!exchange.end_late());
    worker.streams.end(token, exchange);
    let answer = read(&mut client, "too long\n");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(register.in_hand(now_ns()), []);
}

#[test]
fn one_whose_loop_hangs_is_answered_through_tls_while_its_body_still_comes() {
    let authority = Authority::new();
    let tls = IoSettings {
        tls: Some(authority.server()),
        ..settings()
    };
    let (mut worker, register) = start_with(tls, Duration::from_secs(10));
    let mut client = authority.client(worker.address);
    let asking = std::thread::spawn(move || {
        let post = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc";
        client.write_all(post).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        (client, answer)
    });
    let token = worker.begin();
    let hours_later_ns = now_ns() + 10_000 * 1_000_000_000;
    assert_eq!(register.answer_late(hours_later_ns, Duration::ZERO), 1);
    let (_client, answer) = asking.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("too long\n"), "{answer}");
    // The loop goes on, and finds that what it has is for nobody.
    let mut exchange = worker.begun.remove(&token).unwrap();
    let none: [(&[u8], &[u8]); 0] = [];
    exchange.start(200, b"OK", none).unwrap();
    exchange.send(b"late", true).unwrap();
    assert!(!exchange.is_intact());
    worker.streams.end(token, exchange);
}

#[test]
fn a_response_that_has_begun_goes_on() {
    let (mut worker, register) = start(Duration::from_nanos(1));
    let (mut client, token) = worker.asked(GET);
    let none: [(&[u8], &[u8]); 0] = [];
    let exchange = worker.exchange(token);
    exchange.start(200, b"OK", none).unwrap();
    exchange.send(b"one", false).unwrap();
    assert_eq!(register.answer_late(u64::MAX - 1, Duration::ZERO), 0);
    assert!(!worker.exchange(token).end_late());
    let mut exchange = worker.begun.remove(&token).unwrap();
    exchange.finish().unwrap();
    worker.streams.end(token, exchange);
    read(&mut client, "0\r\n\r\n");
}
