//! Responses framed in every way, whole and in pieces.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;

use crate::scripted::{OK, Then, answer, plan, run, serve};

#[track_caller]
fn all_succeed(text: &'static str, then: fn() -> Then) -> (u64, u64) {
    let server = serve(move |stream, number| {
        answer(text)(stream, number);
        then()
    });
    let report = run(&plan(&server, 10));
    assert_eq!(report.counts.succeeded, 10, "{:?}", report.failures);
    (
        report.counts.connections_opened,
        server.requests.load(Ordering::Relaxed),
    )
}

#[test]
fn one_connection_serves_every_delimited_response() {
    for text in [
        OK,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        assert_eq!(all_succeed(text, || Then::KeepOpen), (1, 10), "{text}");
    }
}

#[test]
fn a_close_delimits_what_nothing_else_does() {
    let text = "HTTP/1.1 200 OK\r\n\r\neverything until the end";
    assert_eq!(all_succeed(text, || Then::Close), (10, 10));
}

#[test]
fn an_announced_close_is_obeyed() {
    let text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(all_succeed(text, || Then::Close), (10, 10));
}

#[test]
fn a_close_after_a_whole_response_is_no_failure() {
    // Not announced, but in good order: the next request gets a new connection.
    // The peer's close may come so late that the next request is already out;
    // that one then fails, as it would for any client.
    let server = serve(|stream, number| {
        answer(OK)(stream, number);
        Then::Close
    });
    let report = run(&plan(&server, 10));
    assert!(report.counts.succeeded >= 5, "{:?}", report.failures);
}

#[test]
fn chunks_may_be_split_at_every_byte() {
    const TEXT: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: t\r\n\r\n";
    let server = serve(|stream, number| {
        let cut = number as usize % TEXT.len();
        stream.write_all(&TEXT[..cut]).unwrap();
        stream.flush().unwrap();
        // TCP_NODELAY sends each write at once; giving way lets the engine read
        // the first half alone, most of the time. The scanner's own tests cut at
        // every byte for certain.
        std::thread::yield_now();
        let _ = stream.write_all(&TEXT[cut..]);
        Then::KeepOpen
    });
    let report = run(&plan(&server, TEXT.len() as u64));
    assert_eq!(
        report.counts.succeeded,
        TEXT.len() as u64,
        "{:?}",
        report.failures
    );
    assert_eq!(report.counts.connections_opened, 1);
    assert_eq!(
        report.counts.bytes_received,
        (TEXT.len() * TEXT.len()) as u64
    );
}

#[test]
fn a_response_may_come_byte_by_byte() {
    let server = serve(|stream, _| {
        for byte in OK.as_bytes() {
            stream.write_all(std::slice::from_ref(byte)).unwrap();
        }
        Then::KeepOpen
    });
    assert_eq!(run(&plan(&server, 5)).counts.succeeded, 5);
}

#[test]
fn a_large_body_is_read_to_its_end() {
    let server = serve(|stream, _| {
        let body = vec![b'x'; 1_000_000];
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        Then::KeepOpen
    });
    let report = run(&plan(&server, 5));
    assert_eq!(
        (report.counts.succeeded, report.counts.connections_opened),
        (5, 1)
    );
    assert!(report.counts.bytes_received > 5_000_000);
}

#[test]
fn a_response_to_head_has_no_body() {
    let server = serve(answer("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"));
    let mut plan = plan(&server, 10);
    plan.source.request.method = "HEAD".to_owned();
    let report = run(&plan);
    assert_eq!(
        (report.counts.succeeded, report.counts.connections_opened),
        (10, 1)
    );
}

#[test]
fn a_body_is_sent_whole_even_where_it_fills_every_buffer() {
    const BODY_BYTES: usize = 8 * 1024 * 1024;
    let server = serve(|stream, _| {
        let mut body = vec![0; BODY_BYTES];
        stream.read_exact(&mut body).unwrap();
        assert!(body.iter().all(|&b| b == b'y'));
        stream.write_all(OK.as_bytes()).unwrap();
        Then::KeepOpen
    });
    let mut plan = plan(&server, 3);
    plan.source.request.method = "POST".to_owned();
    plan.source.request.body = vec![b'y'; BODY_BYTES];
    let report = run(&plan);
    assert_eq!(
        (report.counts.succeeded, report.counts.connections_opened),
        (3, 1)
    );
    assert!(report.counts.bytes_sent > 3 * BODY_BYTES as u64);
}

#[test]
fn without_keepalive_each_request_has_its_connection() {
    let server = serve(answer(OK));
    let mut plan = plan(&server, 10);
    plan.keepalive = false;
    let report = run(&plan);
    assert_eq!(
        (report.counts.succeeded, report.counts.connections_opened),
        (10, 10)
    );
    assert_eq!(report.connect_time.count, 10);
    let (service, response) = (&report.service_time, &report.response_time);
    assert!(
        response.mean_us > service.mean_us,
        "the connect is part of the response time"
    );
}

#[test]
fn an_answer_that_comes_with_the_connection_is_read() {
    const CLOSING: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    // Answers and closes its side at accept, before any request, so that the
    // engine learns of connect, data and close in one event.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(CLOSING.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            std::thread::spawn(move || while stream.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {});
        }
    });
    let mut plan = crate::scripted::plan_for(address, 500);
    plan.connections = 50;
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 500, "{:?}", report.failures);
}

#[test]
fn an_interim_response_does_not_end_a_long_write() {
    const BODY_BYTES: usize = 8 * 1024 * 1024;
    for early in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
    ] {
        let rest = if early.contains("100") {
            OK
        } else {
            "ngth: 2\r\n\r\nok"
        };
        let server = serve(move |stream, _| {
            stream.write_all(early.as_bytes()).unwrap();
            let mut body = vec![0; BODY_BYTES];
            stream.read_exact(&mut body).unwrap();
            stream.write_all(rest.as_bytes()).unwrap();
            Then::KeepOpen
        });
        let mut plan = plan(&server, 3);
        plan.source.request.body = vec![b'y'; BODY_BYTES];
        let report = run(&plan);
        assert_eq!(report.counts.succeeded, 3, "{early}: {:?}", report.failures);
    }
}
