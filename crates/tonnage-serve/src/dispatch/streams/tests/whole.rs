//! Requests that are given with their bodies, and no more of them than a bound.

use super::*;
use crate::connection::Body;

/// A worker that is given whole requests, at most so many at once.
fn worker(settings: IoSettings, most: u32) -> Worker {
    let mut worker = Worker::new(settings.clone());
    let (io, address) = sockets(settings);
    worker.streams = Streams::whole(io, None, most);
    worker.address = address;
    worker
}

fn post(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn a_request_is_there_when_its_body_is() {
    let mut worker = worker(settings(), 10);
    let mut slow = worker.client();
    slow.write_all(post(6).as_bytes()).unwrap();
    slow.write_all(b"one").unwrap();
    // Another client is not kept waiting by it.
    let (mut quick, token) = worker.asked(GET);
    worker.answer(token, b"quick");
    read(&mut quick, "quick");
    assert!(worker.streams.next().is_none());

    slow.write_all(b"two").unwrap();
    let token = worker.begin();
    let body = worker.exchange(token).take_body();
    assert!(matches!(&body, Body::Memory(bytes) if bytes[..] == *b"onetwo"));
    worker.answer(token, b"slow");
    read(&mut slow, "slow");
}

#[test]
fn what_is_beyond_the_bound_waits_for_one_to_end() {
    let mut worker = worker(settings(), 2);
    let (_first, first) = worker.asked(GET);
    let (_second, second) = worker.asked(GET);
    assert!(!worker.streams.has_room());
    // It is not taken, since somebody else may have time for it.
    let mut third = worker.client();
    third.write_all(GET.as_bytes()).unwrap();
    worker.turn();
    assert!(worker.streams.next().is_none());
    assert!(!worker.streams.has_more(), "there is nothing to do");

    worker.answer(first, b"one");
    assert!(worker.streams.has_more(), "there is room again");
    let token = worker.begin();
    worker.answer(token, b"three");
    read(&mut third, "three");
    worker.answer(second, b"two");
}

#[test]
fn where_nobody_has_time_too_many_are_told_so() {
    let mut worker = worker(
        IoSettings {
            max_queue: 1,
            ..settings()
        },
        1,
    );
    let (_first, first) = worker.asked(GET);
    let mut clients = [worker.client(), worker.client(), worker.client()];
    for client in &mut clients {
        client.write_all(GET.as_bytes()).unwrap();
    }
    // One may wait; the others are turned away while the first is at work.
    worker.until(|worker| (worker.streams.counts().turned_away == 2).then_some(()));
    worker.answer(first, b"one");
    let token = worker.begin();
    worker.answer(token, b"waited");
    worker.streams.let_go();
    // Whoever was turned away is closed as well, and the worker ends what is left.
    worker.streams.drain(false);
    let answers = clients.map(|mut client| rest(&mut worker, &mut client));
    let waited = answers.iter().filter(|text| text.ends_with("waited"));
    let refused = answers.iter().filter(|text| text.contains(" 503 "));
    assert_eq!((waited.count(), refused.count()), (1, 2), "{answers:?}");
}

#[test]
fn a_request_that_is_lost_makes_room_and_ends_its_connection() {
    let mut worker = worker(settings(), 1);
    let (mut client, token) = worker.asked(GET);
    drop(worker.begun.remove(&token));
    worker.streams.lose(token);
    assert!(worker.streams.has_room());
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}
