//! Responses that wait for each other, and those that must not.

use std::io::ErrorKind;

use super::*;
use crate::outbox::LONGEST_NS;

impl Worker {
    /// Answers the next request before it is old.
    fn answer_soon(&mut self, text: &[u8]) {
        let token = self.begin();
        self.exchange(token).begun_at(u64::MAX);
        self.answer(token, text);
    }
}

/// Two clients whose requests are both there.
fn two(worker: &mut Worker) -> [TcpStream; 2] {
    let clients = [GET, GET].map(|text| {
        let mut client = worker.client();
        client.write_all(text.as_bytes()).unwrap();
        client
    });
    worker.until(|worker| (worker.streams.io.waiting() == 2).then_some(()));
    clients
}

/// What has come by now.
fn now(client: &mut TcpStream) -> String {
    client.set_nonblocking(true).unwrap();
    let mut room = [0; 4096];
    match client.read(&mut room) {
        Ok(count) => String::from_utf8_lossy(&room[..count]).into_owned(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            String::new()
        }
    }
}

/// Each gets one more answer, and nothing twice.
fn assert_serves_on(worker: &mut Worker, clients: &mut [TcpStream]) {
    for client in clients {
        let token = worker.asked_again(client, GET);
        worker.answer(token, b"more");
        let answer = worker.until(|_| Some(now(client)).filter(|answer| !answer.is_empty()));
        assert!(answer.ends_with("more") && answer.matches("200 OK").count() == 1);
    }
}

#[test]
fn short_responses_go_together_and_once_each() {
    let mut worker = Worker::new(settings());
    let mut clients = two(&mut worker);
    for text in [b"one", b"two"] {
        worker.answer_soon(text);
    }
    // The second has nobody to wait for. On loopback what was sent is there.
    assert!(now(&mut clients[1]).ends_with("two"));
    assert_eq!(now(&mut clients[0]), "");
    assert!(worker.streams.next().is_none());
    assert!(now(&mut clients[0]).ends_with("one"));
    assert_serves_on(&mut worker, &mut clients);
}

#[test]
fn no_response_waits_long_nor_for_more_than_a_few() {
    let mut worker = Worker::new(settings());
    let mut clients = two(&mut worker);
    let began_ns = now_ns();
    worker.answer_soon(b"one");
    worker.streams.io.let_go_in_time(began_ns);
    assert_eq!(now(&mut clients[0]), "");
    worker.streams.io.let_go_in_time(now_ns() + LONGEST_NS);
    assert!(now(&mut clients[0]).ends_with("one"));
}

#[test]
fn parts_and_late_answers_do_not_wait() {
    let mut worker = Worker::new(settings());
    let mut clients = two(&mut worker);
    let first = worker.begin();
    let length: [(&[u8], &[u8]); 1] = [(b"Content-Length", b"6")];
    let exchange = worker.exchange(first);
    exchange.start(200, b"OK", length).unwrap();
    exchange.send(b"one", false).unwrap();
    assert!(now(&mut clients[0]).ends_with("one"));

    let mut worker = Worker::new(settings());
    let mut clients = two(&mut worker);
    let late = worker.begin();
    worker.exchange(late).send_at_once();
    worker.answer(late, b"late");
    assert!(now(&mut clients[0]).ends_with("late"));
}

#[test]
fn what_is_late_is_sent_although_the_loop_is_busy() {
    let mut worker = Worker::new(settings());
    sender::start(worker.streams.io.outbox()).unwrap();
    let mut clients = two(&mut worker);
    for client in &mut clients {
        let token = worker.begin();
        worker.answer(token, b"on its way");
        // No turn of the loop is needed, nor does anybody let go.
        assert!(read(client, "on its way").starts_with("HTTP/1.1 200"));
    }
    worker.streams.let_go();
    assert_serves_on(&mut worker, &mut clients);
}
