//! Clients that are too slow, and more of them than there is time for.

use super::*;

#[test]
fn a_client_that_does_not_read_holds_nobody_up() {
    let worker = Worker::start(settings(), 1);
    let mut slow = worker.client();
    slow.get("/big");
    worker.wait_for("/big");
    let mut quick = worker.client();
    quick.get("/quick");
    assert_eq!(quick.body(), "/quick 0");
    let (head, body) = slow.response();
    assert_eq!(
        (body.len(), body.iter().position(|byte| *byte != b'x')),
        (8 << 20, None),
        "{head}"
    );
    slow.get("/next");
    assert_eq!(slow.body(), "/next 0");
}

#[test]
fn slow_heads_and_bodies_end_in_time_and_idle_connections_silently() {
    let settings = IoSettings {
        header_timeout_ms: 300,
        body_timeout_ms: 300,
        keep_alive_ms: 300,
        ..settings()
    };
    let worker = Worker::start(settings, 1);
    let mut head = worker.client();
    head.send("GET / HT");
    let mut body = worker.client();
    body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    for client in [&mut head, &mut body] {
        let (head, _) = client.response();
        assert!(head.starts_with("HTTP/1.1 408"), "{head}");
        assert!(client.is_closed());
    }
    let mut idle = worker.client();
    idle.get("/");
    idle.body();
    let mut rest = Vec::new();
    idle.0.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

#[test]
fn too_many_waiting_requests_are_turned_away_while_the_application_is_stuck() {
    for threads in [1, 2] {
        let settings = IoSettings {
            max_queue: 2,
            ..settings()
        };
        let worker = Worker::start(settings, threads);
        // As many as there are threads are in hand …
        let mut kept: Vec<Client> = (0..threads).map(|_| worker.client()).collect();
        for client in &mut kept {
            client.get("/wait");
            worker.wait_for("/wait");
        }
        // … two wait, and the next is told at once.
        let mut waiting: Vec<Client> = (0..2).map(|_| worker.client()).collect();
        for client in &mut waiting {
            client.get("/later");
        }
        until(|| (worker.dispatcher.io().waiting() == 2).then_some(()));
        let mut late = worker.client();
        late.get("/late");
        let (head, _) = late.response();
        assert!(head.starts_with("HTTP/1.1 503"), "{head}");
        assert!(head.contains("Retry-After: "), "{head}");
        for _ in 0..threads {
            worker.open.send(()).unwrap();
        }
        for client in &mut kept {
            assert_eq!(client.body(), "waited");
        }
        for client in &mut waiting {
            assert_eq!(client.body(), "/later 0");
        }
        late.get("/again");
        assert_eq!(late.body(), "/again 0");
        assert_eq!(worker.dispatcher.counts().turned_away, 1);
    }
}

#[test]
fn requests_that_waited_too_long_are_turned_away_before_anybody_has_time() {
    let settings = IoSettings {
        queue_timeout_ms: 200,
        ..settings()
    };
    let worker = Worker::start(settings, 1);
    let mut kept = worker.client();
    kept.get("/wait");
    worker.wait_for("/wait");
    let mut late = worker.client();
    late.get("/late");
    let (head, _) = late.response();
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    worker.open.send(()).unwrap();
    assert_eq!(kept.body(), "waited");
}

#[test]
fn a_response_waits_for_no_request_that_takes_long() {
    let worker = Worker::start(settings(), 1);
    let [mut quick, mut slow] = [worker.client(), worker.client()];
    for _ in 0..20 {
        // Responses wait for each other only while requests are short.
        for _ in 0..50 {
            quick.get("/quick");
            assert_eq!(quick.body(), "/quick 0");
        }
        // Mostly seen at one look, so that the first may wait for the second.
        slow.get("/first");
        quick.get("/quick");
        assert_eq!(slow.body(), "/first 0");
        slow.get("/wait");
        assert_eq!(quick.body(), "/quick 0");
        worker.open.send(()).unwrap();
        assert_eq!(slow.body(), "waited");
    }
}

#[test]
fn requests_that_somebody_could_take_at_once_do_not_count_as_waiting() {
    let settings = IoSettings {
        max_queue: 1,
        ..settings()
    };
    let (io, address) = sockets(settings);
    // Nobody runs yet, so that all are there before the first is taken.
    let dispatcher = Dispatcher::start(io, 2, None).unwrap();
    let mut clients = [0; 4].map(|_| Client::connect(address));
    for client in &mut clients {
        client.get("/");
    }
    until(|| (dispatcher.counts().turned_away == 1).then_some(()));
    assert_eq!(dispatcher.io().waiting(), 3);
    dispatcher.end(Ending::AtOnce);
}
