//! Bodies, read when they are asked for, or not at all.

use super::*;
use crate::dispatch::testing::long_body;

#[test]
fn a_request_is_begun_before_its_body_has_come() {
    let mut worker = Worker::new(settings());
    let (mut client, token) =
        worker.asked("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(worker.exchange(token).path(), b"/a");
    assert_eq!(
        worker.receive(token),
        (Received::Part { last: false }, b"hello".to_vec())
    );
    assert_eq!(worker.receive(token).0, Received::Nothing);
    // Told of at once, though it is not all.
    client.write_all(b"wor").unwrap();
    let come = worker.until(|worker| {
        let (received, content) = worker.receive(token);
        (received != Received::Nothing).then_some((received, content))
    });
    assert_eq!(come, (Received::Part { last: false }, b"wor".to_vec()));
    client
        .write_all(b"ldGET /b HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    assert_eq!(worker.body(token), Ok(b"ld".to_vec()));
    worker.answer(token, b"one");
    assert!(read(&mut client, "one").starts_with("HTTP/1.1 200 OK\r\n"));
    let token = worker.begin();
    assert_eq!(worker.exchange(token).path(), b"/b");
    worker.answer(token, b"two");
    read(&mut client, "two");
    assert_eq!(
        (worker.streams.served(), worker.streams.in_flight()),
        (2, 0)
    );
}

#[test]
fn long_bodies_come_in_parts_whatever_their_framing() {
    let sent = long_body();
    let mut worker = Worker::new(settings());
    for chunked in [false, true] {
        let (address, sent_too) = (worker.address, sent.clone());
        let sender = std::thread::spawn(move || {
            let mut client = TcpStream::connect(address).unwrap();
            if chunked {
                let head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
                client.write_all(head).unwrap();
                for part in sent_too.chunks(70_001) {
                    client
                        .write_all(format!("{:x}\r\n", part.len()).as_bytes())
                        .unwrap();
                    client.write_all(part).unwrap();
                    client.write_all(b"\r\n").unwrap();
                }
                client.write_all(b"0\r\n\r\n").unwrap();
            } else {
                let head = format!(
                    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
                    sent_too.len()
                );
                client.write_all(head.as_bytes()).unwrap();
                client.write_all(&sent_too).unwrap();
            }
            client
        });
        let token = worker.begin();
        assert!(worker.body(token).unwrap() == sent);
        let mut client = sender.join().unwrap();
        worker.answer(token, b"done");
        read(&mut client, "done");
    }
}

#[test]
fn leave_to_send_is_given_when_the_body_is_asked_for() {
    let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    let mut worker = Worker::new(settings());
    let (mut client, token) = worker.asked(head);
    assert_eq!(worker.receive(token).0, Received::Nothing);
    read(&mut client, "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"abc").unwrap();
    assert_eq!(worker.body(token), Ok(b"abc".to_vec()));
    worker.answer(token, b"one");
    let answer = read(&mut client, "one");
    assert!(!answer.contains("close"), "{answer}");
    // Not asked for: the client may send it or not, so that the connection ends.
    let token = worker.asked_again(&mut client, head);
    worker.answer(token, b"two");
    let answer = rest(&mut worker, &mut client);
    assert!(
        answer.contains("Connection: close\r\n") && answer.ends_with("two"),
        "{answer}"
    );
}

#[test]
fn a_body_that_nobody_wanted_is_in_nobodys_way() {
    let mut worker = Worker::new(settings());
    let (mut client, token) =
        worker.asked("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
    worker.answer(token, b"one");
    read(&mut client, "one");
    client.write_all(&vec![b'x'; 100_000]).unwrap();
    let token = worker.asked_again(&mut client, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(worker.exchange(token).path(), b"/b");
    worker.answer(token, b"two");
    read(&mut client, "two");
    // One that is too long to be worth it ends the connection, and says so.
    let token = worker.asked_again(
        &mut client,
        "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n",
    );
    worker.answer(token, b"three");
    let answer = rest(&mut worker, &mut client);
    assert!(
        answer.contains("Connection: close\r\n") && answer.ends_with("three"),
        "{answer}"
    );
}

#[test]
fn a_body_that_breaks_the_rules_is_answered_and_nothing_after_it_is_a_request() {
    let mut worker = Worker::new(settings());
    let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (mut client, token) = worker.asked(&format!("{head}x\r\n{GET}"));
    assert_eq!(worker.body(token), Err(Received::Refused));
    let exchange = worker.begun.remove(&token).unwrap();
    worker.streams.end(token, exchange);
    let answer = rest(&mut worker, &mut client);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(worker.streams.next().is_none());
}
