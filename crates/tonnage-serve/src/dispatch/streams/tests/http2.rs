//! HTTP/2 and an event loop.

use super::*;
use crate::h2::testing::{Client, DATA, END_STREAM, HEADERS, RST_STREAM, frame};

/// A client that has sent this, and the request of its first stream.
fn asked(worker: &mut Worker, ask: impl FnOnce(&mut Client)) -> (Client, Token) {
    let mut client = Client::connect(worker.address);
    ask(&mut client);
    let token = worker.begin();
    (client, token)
}

fn answer(worker: &mut Worker, token: Token, body: &[u8]) {
    let mut exchange = worker.begun.remove(&token).unwrap();
    let none: [(&[u8], &[u8]); 0] = [];
    exchange.start(200, b"OK", none).unwrap();
    exchange.send(body, true).unwrap();
    exchange.finish().unwrap();
    worker.streams.end(token, exchange);
    worker.streams.let_go();
}

/// What a client reads while the worker turns.
fn meanwhile<T: Send>(worker: &mut Worker, read: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let reading = scope.spawn(read);
        worker.until(|_| reading.is_finished().then_some(()));
        reading.join().unwrap()
    })
}

#[test]
fn streams_are_answered_in_any_order() {
    let mut worker = Worker::new(settings());
    let (mut client, first) = asked(&mut worker, |client| {
        client.get(1, "/first");
        client.get(3, "/second");
    });
    let second = worker.begin();
    assert_eq!(worker.exchange(second).path(), b"/second");
    assert_eq!(worker.exchange(second).version().name(), "HTTP/2.0");
    answer(&mut worker, second, b"2");
    let read = meanwhile(&mut worker, || client.response());
    assert_eq!(read, (3, b"2".to_vec()));
    answer(&mut worker, first, b"1");
    let read = meanwhile(&mut worker, || client.response());
    assert_eq!(read, (1, b"1".to_vec()));
    assert_eq!(worker.streams.in_flight(), 0);
}

#[test]
fn a_body_is_read_as_it_comes_and_holds_its_client_back() {
    let mut worker = Worker::new(settings());
    let (mut client, token) = asked(&mut worker, |client| {
        client.post(1, "/", &[]);
        client.data(1, b"first", 0);
    });
    let part = worker.until(|worker| match worker.receive(token) {
        (Received::Nothing, _) => None,
        other => Some(other),
    });
    assert_eq!(part, (Received::Part { last: false }, b"first".to_vec()));
    assert_eq!(worker.receive(token).0, Received::Nothing);
    // As much as the window has room for: then it has to wait for whoever reads.
    let block = vec![b'b'; 16_000];
    for _ in 0..4 {
        client.data(1, &block, 0);
    }
    meanwhile(&mut worker, || client.data(1, b"last", END_STREAM));
    let rest = worker.body(token).unwrap();
    assert_eq!(rest.len(), 4 * block.len() + 4);
    answer(&mut worker, token, b"ok");
    assert_eq!(meanwhile(&mut worker, || client.response()).0, 1);
}

#[test]
fn a_client_that_takes_nothing_holds_the_application_back_and_then_lets_it_go_on() {
    let mut worker = Worker::new(settings());
    let (mut client, token) = asked(&mut worker, |client| client.get(1, "/"));
    let none: [(&[u8], &[u8]); 0] = [];
    let exchange = worker.exchange(token);
    exchange.start(200, b"OK", none).unwrap();
    let block = vec![b'x'; 64 << 10];
    let mut sent = 0;
    while exchange.tail_bytes() == 0 {
        exchange.send(&block, false).unwrap();
        sent += block.len();
    }
    assert!(sent <= 4 * block.len());
    for _ in 0..20 {
        worker.turn();
        assert!(worker.exchange(token).tail_bytes() > 0);
    }
    client.give_room(0, 1 << 20);
    client.give_room(1, 1 << 20);
    worker.until(|worker| (worker.exchange(token).tail_bytes() == 0).then_some(()));
    let mut exchange = worker.begun.remove(&token).unwrap();
    exchange.finish().unwrap();
    worker.streams.end(token, exchange);
    let (_, body) = meanwhile(&mut worker, || client.response());
    assert_eq!(body.len(), sent);
}

#[test]
fn a_client_that_takes_its_request_back_has_gone_and_its_connection_has_not() {
    let mut worker = Worker::new(settings());
    let (mut client, token) = asked(&mut worker, |client| client.post(1, "/", &[]));
    assert_eq!(worker.receive(token).0, Received::Nothing);
    assert!(!worker.exchange(token).is_hung_up());
    client.send(&frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes()));
    worker.until(|worker| worker.exchange(token).is_hung_up().then_some(()));
    assert_eq!(worker.receive(token).0, Received::Gone);
    let exchange = worker.begun.remove(&token).unwrap();
    worker.streams.end(token, exchange);
    client.get(3, "/");
    let next = worker.begin();
    answer(&mut worker, next, b"next");
    assert_eq!(meanwhile(&mut worker, || client.response()).0, 3);
    // With the connection all of its requests have gone.
    client.get(5, "/");
    let last = worker.begin();
    drop(client);
    worker.until(|worker| worker.exchange(last).is_hung_up().then_some(()));
    let exchange = worker.begun.remove(&last).unwrap();
    worker.streams.end(last, exchange);
    worker.until(|worker| (worker.streams.io.connections() == 0).then_some(()));
}

#[test]
fn what_is_sent_part_by_part_leaves_at_once() {
    let mut worker = Worker::new(settings());
    let (mut client, token) = asked(&mut worker, |client| client.get(1, "/"));
    let none: [(&[u8], &[u8]); 0] = [];
    worker.exchange(token).start(200, b"OK", none).unwrap();
    worker.exchange(token).send(b"one", false).unwrap();
    let head = client.of_stream();
    assert_eq!((head.kind, head.ends_stream()), (HEADERS, false));
    let part = client.of_stream();
    assert_eq!((part.kind, part.payload.as_slice()), (DATA, &b"one"[..]));
    worker.exchange(token).finish().unwrap();
    assert!(client.of_stream().ends_stream());
}
