//! HTTP/2 and applications that run in threads.

use super::*;
use crate::h2::testing::{
    CALM, CONTINUATION, Client as Peer, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING,
    RST_STREAM, SETTINGS, frame, head,
};
use crate::h2::{Http2Settings, PREFACE};

fn peer(worker: &Worker) -> Peer {
    Peer::connect(worker.address)
}

#[test]
fn whoever_begins_with_http_2_is_served_it_however_the_beginning_comes() {
    let worker = Worker::start(settings(), 1);
    let mut client = Peer::silent(worker.address);
    for &byte in PREFACE {
        client.send(&[byte]);
        std::thread::yield_now();
    }
    client.send(&frame(SETTINGS, 0, 0, &[]));
    client.get(1, "/a");
    assert_eq!(client.response(), (1, b"/a 0".to_vec()));
    client.get(3, "/b");
    assert_eq!(client.response(), (3, b"/b 0".to_vec()));
    // And the others as before.
    let mut other = worker.client();
    other.get("/c");
    assert_eq!(other.body(), "/c 0");
}

#[test]
fn where_it_is_off_the_preface_is_refused() {
    let worker = Worker::start(
        IoSettings {
            http2: None,
            ..settings()
        },
        1,
    );
    let mut client = worker.client();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(client.response().0.starts_with("HTTP/1.1 400"));
}

#[test]
fn a_request_that_takes_long_holds_up_no_other_of_its_connection() {
    let worker = Worker::start(settings(), 2);
    let mut client = peer(&worker);
    client.get(1, "/wait");
    worker.wait_for("/wait");
    for stream in (3..43).step_by(2) {
        client.get(stream, "/quick");
    }
    let answered = client.responses(20);
    assert!(
        (3..43)
            .step_by(2)
            .all(|stream| answered[&stream] == b"/quick 0")
    );
    worker.open.send(()).unwrap();
    assert_eq!(client.response(), (1, b"waited".to_vec()));
}

#[test]
fn bodies_come_with_and_without_a_length_and_go_back() {
    let worker = Worker::start(settings(), 1);
    let mut client = peer(&worker);
    client.post(1, "/echo", &[("content-length", "5")]);
    client.post(3, "/echo", &[]);
    client.data(3, b"oth", 0);
    client.data(1, b"hello", END_STREAM);
    assert_eq!(client.response(), (1, b"hello".to_vec()));
    client.data(3, b"er", 0);
    client.data(3, b"", END_STREAM);
    assert_eq!(client.response(), (3, b"other".to_vec()));
    client.post(5, "/echo", &[("expect", "100-continue")]);
    let interim = client.of_stream();
    assert_eq!((interim.kind, interim.ends_stream()), (HEADERS, false));
    client.data(5, b"ok", END_STREAM);
    assert_eq!(client.response(), (5, b"ok".to_vec()));
}

#[test]
fn long_bodies_go_through_files_and_hold_no_thread() {
    let worker = Worker::start(settings(), 1);
    let mut client = peer(&worker);
    client.get(1, "/big");
    // It has been answered, although its client takes no more than the first window.
    client.get(3, "/after");
    worker.wait_for("/after");
    let answered = client.responses(2);
    assert!(answered[&1] == vec![b'x'; 8 << 20]);
    assert_eq!(answered[&3], b"/after 0");
}

#[test]
fn a_body_that_is_not_taken_is_given_up_and_the_connection_is_not() {
    let worker = Worker::start(
        IoSettings {
            send_timeout_ms: 100,
            ..settings()
        },
        1,
    );
    let mut client = peer(&worker);
    client.get(1, "/big");
    let reset = loop {
        let frame = client.of_stream();
        if frame.kind != HEADERS && frame.kind != DATA {
            break frame;
        }
    };
    assert_eq!((reset.kind, reset.stream), (RST_STREAM, 1));
    client.give_room(0, 1 << 20);
    client.get(3, "/after");
    assert_eq!(client.response(), (3, b"/after 0".to_vec()));
}

#[test]
fn what_is_wrong_with_one_request_is_its_own_affair() {
    let limits = crate::http::Limits {
        body_bytes: 10,
        ..settings().limits
    };
    let worker = Worker::start(
        IoSettings {
            limits,
            body_timeout_ms: 300,
            ..settings()
        },
        1,
    );
    let mut client = peer(&worker);
    let flags = END_HEADERS | END_STREAM;
    let status = |client: &mut Peer, stream| loop {
        let frame = client.of_stream();
        if frame.kind == HEADERS {
            assert_eq!(frame.stream, stream);
            // Of the table of HTTP/2, or in digits.
            break match frame.payload[0] {
                0x8c => 400,
                _ => std::str::from_utf8(&frame.payload[2..5])
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(0),
            };
        }
    };
    let two_hosts = head("GET", "/", &[("host", "other")]);
    client.send(&frame(HEADERS, flags, 1, &two_hosts));
    assert_eq!(status(&mut client, 1), 400);
    client.post(3, "/echo", &[("content-length", "11")]);
    assert_ne!(status(&mut client, 3), 200);
    client.post(5, "/echo", &[]);
    client.data(5, b"0123456789a", 0);
    assert_ne!(status(&mut client, 5), 200);
    client.post(7, "/echo", &[]);
    assert_ne!(status(&mut client, 7), 200);
    let refused: Vec<String> = (0..4)
        .map(|_| worker.refused.recv_timeout(PATIENCE).unwrap())
        .map(|refused| refused.refusal.to_string())
        .collect();
    assert_eq!(
        refused,
        [
            "repeated host field",
            "content too large",
            "content too large",
            "request body took too long",
        ]
    );
    client.get(9, "/after");
    loop {
        let frame = client.of_stream();
        if frame.stream == 9 && frame.ends_stream() {
            break;
        }
    }
}

#[test]
fn an_application_that_fails_resets_its_stream_alone() {
    let worker = Worker::start(settings(), 1);
    let mut client = peer(&worker);
    client.get(1, "/fail");
    let reset = client.of_stream();
    assert_eq!((reset.kind, reset.stream), (RST_STREAM, 1));
    client.get(3, "/after");
    assert_eq!(client.response(), (3, b"/after 0".to_vec()));
}

#[test]
fn one_more_stream_than_is_allowed_is_refused_and_costs_nothing() {
    let http2 = Http2Settings {
        streams: 2,
        ..Http2Settings::default()
    };
    let worker = Worker::start(
        IoSettings {
            http2: Some(http2),
            ..settings()
        },
        1,
    );
    let mut client = peer(&worker);
    client.get(1, "/wait");
    worker.wait_for("/wait");
    client.get(3, "/next");
    client.get(5, "/too-many");
    let refused = client.of_stream();
    assert_eq!((refused.kind, refused.stream), (RST_STREAM, 5));
    worker.open.send(()).unwrap();
    let answered = client.responses(2);
    assert_eq!(
        (answered[&1].as_slice(), answered[&3].as_slice()),
        (&b"waited"[..], &b"/next 0"[..])
    );
}

#[test]
fn a_request_that_was_taken_back_while_it_waited_is_not_run() {
    let worker = Worker::start(settings(), 1);
    let mut client = peer(&worker);
    client.get(1, "/wait");
    worker.wait_for("/wait");
    client.get(3, "/taken-back");
    client.send(&frame(RST_STREAM, 0, 3, &8_u32.to_be_bytes()));
    client.get(5, "/last");
    // The answer to it shows that what came before was seen.
    client.send(&frame(PING, 0, 0, b"12345678"));
    while client.frame().unwrap().kind != PING {}
    worker.open.send(()).unwrap();
    let answered = client.responses(2);
    assert_eq!(answered[&5], b"/last 0");
    assert!(!worker.seen.try_iter().any(|path| path == "/taken-back"));
}

/// Sends frames until the server has had enough of them, while it serves somebody else; the
/// code with which it goes.
fn flood(worker: &Worker, client: &mut Peer, mut next: impl FnMut(u32) -> Vec<u8>) -> u32 {
    let mut sender = client.socket.try_clone().unwrap();
    sender.set_write_timeout(Some(PATIENCE)).unwrap();
    // What both sides' sockets may hold is most of it.
    let most: u32 = 20_000_000;
    let frames: Vec<u8> = (0..2000).flat_map(&mut next).collect();
    let rest: Vec<Vec<u8>> = (2..60)
        .map(|part| {
            (part * 1000..(part + 1) * 1000)
                .flat_map(&mut next)
                .collect()
        })
        .collect();
    let sending = std::thread::spawn(move || {
        let mut sent = 0;
        for part in std::iter::once(&frames).chain(&rest).cycle() {
            if sender.write_all(part).is_err() || sent > most {
                return sent;
            }
            sent += part.len() as u32;
        }
        sent
    });
    let mut other = worker.client();
    let asking = std::thread::spawn(move || {
        for _ in 0..20 {
            other.get("/other");
            assert_eq!(other.body(), "/other 0");
        }
    });
    // Read from the beginning: for whoever does not, the last word does not wait for long.
    let code = client.goaway();
    asking.join().unwrap();
    // It closes, too, although the client goes on: nobody reads for it for long.
    assert!(sending.join().unwrap() < most);
    code
}

#[test]
fn floods_end_with_their_connection_and_others_are_served() {
    let worker = Worker::start(settings(), 1);
    let rapid_reset = |number: u32| {
        let stream = 2 * number + 1;
        let flags = END_HEADERS | END_STREAM;
        let asked = frame(HEADERS, flags, stream, &head("GET", "/", &[]));
        let taken_back = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        [asked, taken_back].concat()
    };
    assert_eq!(flood(&worker, &mut peer(&worker), rapid_reset), CALM);
    let ping = |_| frame(PING, 0, 0, b"12345678");
    assert_eq!(flood(&worker, &mut peer(&worker), ping), CALM);
    let settings = |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]);
    assert_eq!(flood(&worker, &mut peer(&worker), settings), CALM);
    let mut client = peer(&worker);
    client.send(&frame(HEADERS, END_STREAM, 1, &head("GET", "/", &[])));
    let continuation = |_| frame(CONTINUATION, 0, 1, b"\x00\x01a\x01b");
    assert_ne!(flood(&worker, &mut client, continuation), 0);
    until(|| (worker.dispatcher.io().connections() == 0).then_some(()));
}

#[test]
fn a_slow_rapid_reset_ends_its_connection_too() {
    let worker = Worker::start(settings(), 1);
    let mut client = peer(&worker);
    client.get(1, "/wait");
    worker.wait_for("/wait");
    // Each is seen by itself: the answer to a ping comes after it.
    let mut pings = 0;
    let code = 'flood: loop {
        let stream = 2 * pings + 3;
        client.get(stream, "/");
        client.send(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        client.send(&frame(PING, 0, 0, b"12345678"));
        loop {
            match client.frame() {
                Some(frame) if frame.kind == GOAWAY => break 'flood frame.code(),
                Some(frame) if frame.kind == PING => break,
                Some(_) => {}
                None => panic!("closed without a word"),
            }
        }
        pings += 1;
        assert!(pings < 1000);
    };
    assert_eq!(code, CALM);
    worker.open.send(()).unwrap();
}

#[test]
fn a_worker_that_drains_says_so_and_answers_what_was_begun() {
    let worker = Worker::start(settings(), 1);
    let mut client = peer(&worker);
    let mut idle = peer(&worker);
    idle.get(1, "/idle");
    assert_eq!(idle.response(), (1, b"/idle 0".to_vec()));
    client.get(1, "/wait");
    worker.wait_for("/wait");
    worker.dispatcher.end(Ending::Gracefully {
        empty_backlog: false,
    });
    assert_eq!(client.goaway(), 0);
    worker.open.send(()).unwrap();
    assert_eq!(client.response(), (1, b"waited".to_vec()));
    assert_eq!(idle.goaway(), 0);
    worker.await_end();
}

#[test]
fn an_idle_connection_ends_with_a_word() {
    let worker = Worker::start(
        IoSettings {
            keep_alive_ms: 100,
            ..settings()
        },
        1,
    );
    let mut client = peer(&worker);
    client.get(1, "/a");
    assert_eq!(client.response(), (1, b"/a 0".to_vec()));
    assert_eq!(client.goaway(), 0);
    // It does not answer the ping that comes with it, and is closed all the same.
    while client.frame().is_some() {}
    until(|| (worker.dispatcher.io().connections() == 0).then_some(()));
}
