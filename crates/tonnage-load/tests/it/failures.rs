//! Every way in which a peer can fail is counted as what it is.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::net::{AddressFamily, SocketType};
use tonnage_load::{LoadError, Stop, Target};

use crate::scripted::{OK, Then, answer, failures, plan, plan_for, run, serve};

/// The failures of five requests, each treated by `script`.
fn five(script: impl Fn(&mut TcpStream, u64) -> Then + Send + Sync + 'static) -> Vec<String> {
    failures(&run(&plan(&serve(script), 5)))
}

#[test]
fn a_close_before_the_response() {
    assert_eq!(five(|_, _| Then::Close), ["wait × closed: 5"]);
}

#[test]
fn a_close_within_the_response() {
    let truncated = |stream: &mut TcpStream, _| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            .unwrap();
        Then::Close
    };
    assert_eq!(five(truncated), ["read × closed: 5"]);
    let chunked = |stream: &mut TcpStream, _| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")
            .unwrap();
        Then::Close
    };
    assert_eq!(five(chunked), ["read × closed: 5"]);
}

#[test]
fn a_reset_before_the_response() {
    assert_eq!(five(|_, _| Then::Reset), ["wait × reset: 5"]);
}

#[test]
fn a_reset_within_the_response() {
    let server = serve(|stream, _| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            .unwrap();
        // A reset may overtake data that the peer has not read yet, so wait for
        // the engine to have it: nothing is left in our send buffer.
        while unsent_bytes(stream) > 0 {
            std::thread::yield_now();
        }
        Then::Reset
    });
    let seen = failures(&run(&plan(&server, 5)));
    let total: u64 = seen
        .iter()
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(total, 5, "{seen:?}");
    assert!(seen.iter().all(|line| line.contains("× reset")), "{seen:?}");
}

/// What the peer's kernel has not acknowledged yet, from the kernel's table of
/// connections (local, remote, state, queues, …), which may miss a row now and
/// then while others come and go.
fn unsent_bytes(stream: &TcpStream) -> u64 {
    let local = format!(":{:04X}", stream.local_addr().unwrap().port());
    let remote = format!(":{:04X}", stream.peer_addr().unwrap().port());
    loop {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let row = table
            .lines()
            .map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>())
            .find(|row| row.len() > 3 && row[0].ends_with(&local) && row[1].ends_with(&remote));
        if let Some(row) = row {
            let (unsent, _) = row[3].split_once(':').unwrap();
            return u64::from_str_radix(unsent, 16).unwrap();
        }
    }
}

#[test]
fn garbage() {
    assert_eq!(
        five(answer("220 smtp.test ESMTP\r\n")),
        ["read × protocol: 5"]
    );
    assert_eq!(
        five(answer(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more"
        )),
        ["read × protocol: 5"]
    );
}

#[test]
fn an_unexpected_status_is_answered_but_no_success() {
    let server = serve(answer("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"));
    let report = run(&plan(&server, 5));
    assert_eq!(failures(&report), ["check × status: 5"]);
    assert_eq!(report.statuses[&503], 5);
    assert_eq!(report.counts.succeeded, 0);
    assert!(report.throughput.answered_rps > 0.0);
    assert_eq!(report.failed_service_time.count, 5);
    assert_eq!(
        report.counts.connections_opened, 1,
        "the connection is as good as before"
    );
}

#[test]
fn only_the_expected_statuses_count() {
    let server = serve(answer(OK));
    let mut plan = plan(&server, 5);
    plan.checks.statuses = "404".parse().unwrap();
    assert_eq!(failures(&run(&plan)), ["check × status: 5"]);
}

#[test]
fn nobody_listens() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert_eq!(
        failures(&run(&plan_for(address, 5))),
        ["connect × refused: 5"]
    );
    let resolved = Target::resolve(&format!("http://{address}/"), Duration::from_secs(5));
    assert!(
        matches!(resolved, Err(LoadError::Connect { .. })),
        "{resolved:?}"
    );
}

#[test]
fn a_connect_that_nobody_takes_times_out() {
    // A backlog of none, filled: the kernel drops further SYNs.
    let listener = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&listener, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = rustix::net::getsockname(&listener).unwrap();
    let address = std::net::SocketAddr::try_from(address).unwrap();
    let _fills_the_backlog = TcpStream::connect(address).unwrap();

    let mut plan = plan_for(address, 2);
    plan.timeouts.connect = Duration::from_millis(50);
    assert_eq!(failures(&run(&plan)), ["connect × timeout: 2"]);
}

#[test]
fn a_peer_that_never_reads_times_out_the_write() {
    let server = serve(|stream, _| hold_unread(stream));
    let mut plan = plan(&server, 2);
    plan.source.request.body = vec![0; 32 * 1024 * 1024];
    plan.timeouts.write = Duration::from_millis(100);
    assert_eq!(failures(&run(&plan)), ["write × timeout: 2"]);
}

/// Leaves the request's body unread until the engine closes its end.
fn hold_unread(stream: &mut TcpStream) -> Then {
    let mut closed = [PollFd::new(stream, PollFlags::RDHUP)];
    rustix::event::poll(&mut closed, None).unwrap();
    Then::Close
}

/// Blocks until the peer closes.
fn hold(stream: &mut TcpStream) -> Then {
    let _ = stream.read(&mut [0]);
    Then::Close
}

#[test]
fn a_peer_that_never_answers_times_out_the_wait() {
    let server = serve(|stream, _| hold(stream));
    let mut plan = plan(&server, 3);
    plan.timeouts.wait = Duration::from_millis(50);
    assert_eq!(failures(&run(&plan)), ["wait × timeout: 3"]);
}

#[test]
fn a_peer_that_stalls_in_the_body_times_out_the_read() {
    let server = serve(|stream, _| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            .unwrap();
        hold(stream)
    });
    let mut plan = plan(&server, 3);
    plan.timeouts.read = Duration::from_millis(50);
    assert_eq!(failures(&run(&plan)), ["read × timeout: 3"]);
}

#[test]
fn an_answer_before_the_whole_request_is_an_answer() {
    let server = serve(|stream, _| {
        stream
            .write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        hold_unread(stream)
    });
    let mut plan = plan(&server, 2);
    plan.source.request.body = vec![0; 32 * 1024 * 1024];
    let report = run(&plan);
    assert_eq!(report.statuses.get(&413), Some(&2), "{:?}", report.failures);
    assert_eq!(
        report.counts.connections_opened, 2,
        "a half-sent request spoils its connection"
    );
}

#[test]
fn a_reset_behind_an_early_answer_does_not_hide_it() {
    let server = serve(|stream, _| {
        stream
            .write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        // Leaving with the body unread makes the kernel send a reset.
        Then::Close
    });
    let mut plan = plan(&server, 20);
    plan.source.request.body = vec![0; 32 * 1024 * 1024];
    let report = run(&plan);
    assert_eq!(
        report.statuses.get(&413),
        Some(&20),
        "{:?}",
        report.failures
    );
}

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    let server = serve(answer(OK));
    let mut plan = plan(&server, 5);
    plan.requests = None;
    let refused = tonnage_load::run(&plan, &Stop::new(), None);
    assert!(matches!(refused, Err(LoadError::Plan(_))), "{refused:?}");
}
