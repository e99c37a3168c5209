//! Peers that mean no good: what has no end is given up, what contradicts itself
//! is refused, and nobody is kept from their turn meanwhile.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tonnage_load::{
    ArrivalLaw, Checks, LoadModel, LoadPlan, MAX_CHECKED_BYTES, Overload, Target, Timeouts,
};
use tonnage_model::LoadReport;

use crate::scripted::{OK, Then, answer, failures, plan, run, serve};

/// Far beyond anything that a test takes, so that a hang is a failure.
const HANG: Duration = Duration::from_mins(1);

/// Runs a plan that might never end.
#[track_caller]
fn run_to_its_end(plan: LoadPlan) -> LoadReport {
    let (sender, report) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(run(&plan));
    });
    report
        .recv_timeout(HANG)
        .expect("the load ends, and its counts add up")
}

/// A script that sends `beginning`, then `more` again and again for as long as
/// anybody listens.
fn endless(
    beginning: &'static str,
    more: &'static str,
) -> impl Fn(&mut TcpStream, u64) -> Then + Send + Sync {
    let block = more.repeat(100_000_usize.div_ceil(more.len()));
    move |stream, _| {
        let mut sent = stream.write_all(beginning.as_bytes());
        while sent.is_ok() {
            sent = stream.write_all(block.as_bytes());
        }
        Then::Close
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn what_has_no_end_in_the_head_or_between_chunks_is_refused() {
    for (name, beginning, more) in [
        ("header line", "HTTP/1.1 200 OK\r\nX: ", "aaaaaaaa"),
        ("header name", HEAD, "aaaaaaaa"),
        ("headers", HEAD, "X: y\r\n"),
        ("reason", "HTTP/1.1 200 ", "aaaaaaaa"),
        (
            "chunk extension",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;",
            "aaaaaaaa",
        ),
        (
            "trailers",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            "X: y\r\n",
        ),
    ] {
        let report = run_to_its_end(plan(&serve(endless(beginning, more)), 3));
        assert_eq!(failures(&report), ["read × protocol: 3"], "{name}");
        // What was read is what could have been kept.
        let received = report.counts.bytes_received;
        assert!(received < 3 * 256 * 1024, "{name}: {received} bytes");
    }
}

#[test]
fn more_headers_than_anybody_sends_are_refused() {
    let server = serve(|stream, _| {
        let text = format!("{HEAD}{}\r\n", "X: y\r\n".repeat(129));
        let _ = stream.write_all(text.as_bytes());
        Then::KeepOpen
    });
    assert_eq!(failures(&run(&plan(&server, 3))), ["read × protocol: 3"]);
}

#[test]
fn a_body_without_end_is_given_up_in_time() {
    for (beginning, more) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "until the end of time"),
        (CHUNKED, "5\r\nagain\r\n"),
        (CHUNKED, "1;extension=yes\r\nx\r\n"),
    ] {
        let mut plan = plan(&serve(endless(beginning, more)), 2);
        plan.timeouts.read = Duration::from_millis(100);
        let report = run_to_its_end(plan);
        assert_eq!(failures(&report), ["read × timeout: 2"], "{more}");
    }
}

#[test]
fn interim_responses_without_end_are_given_up_in_time() {
    let server = serve(endless(
        "",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    ));
    let mut plan = plan(&server, 2);
    plan.timeouts.wait = Duration::from_millis(100);
    plan.timeouts.read = Duration::from_millis(100);
    let report = run_to_its_end(plan);
    assert_eq!(report.counts.failed, 2, "{report:?}");
    // One that is cut by the end of a read looks like the beginning of an answer.
    let seen = failures(&report);
    let known =
        |line: &String| line.starts_with("wait × timeout") || line.starts_with("read × timeout");
    assert!(seen.iter().all(known), "{seen:?}");
}

#[test]
fn a_body_without_end_keeps_nobody_from_their_turn() {
    // Through a Unix socket, whose buffer is always full where the writer is
    // faster than the reader.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        // The first one is the look-up's.
        for (number, stream) in listener.incoming().skip(1).enumerate() {
            thread::spawn(move || converse(stream.unwrap(), number == 0));
        }
    });
    let mut plan = LoadPlan {
        duration: Some(Duration::from_millis(500)),
        ..LoadPlan::new(Target::resolve_unix("http://app.test/", &path).unwrap(), 3)
    };
    plan.timeouts = Timeouts::all(HANG);
    let report = run_to_its_end(plan);
    // The window ends in spite of it, and the others were served meanwhile.
    assert_eq!(report.counts.failed, 0, "{:?}", report.failures);
    assert!(report.counts.unfinished >= 1);
    assert!(report.counts.succeeded > 10, "{:?}", report.counts);
}

/// Answers each request, or the first one for ever.
fn converse(mut stream: UnixStream, for_ever: bool) {
    let mut request = [0; 1024];
    while stream.read(&mut request).is_ok_and(|n| n > 0) {
        if for_ever {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            // Two writers, so that there is always something to read.
            thread::scope(|scope| {
                for _ in 0..2 {
                    let mut stream = stream.try_clone().unwrap();
                    let block = vec![b'x'; 32 * 1024];
                    scope.spawn(move || while stream.write_all(&block).is_ok() {});
                }
            });
        } else if stream.write_all(OK.as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn contradictory_or_senseless_lengths_are_refused() {
    for lengths in [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2, 3\r\n",
        "Content-Length: -2\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: 0x2\r\n",
        "Content-Length: 2 2\r\n",
        "Content-Length: \r\n",
        "Content-Length: 18446744073709551616\r\n",
    ] {
        let server = serve(move |stream, _| {
            let _ = stream.write_all(format!("{HEAD}{lengths}\r\nok").as_bytes());
            Then::KeepOpen
        });
        let report = run_to_its_end(plan(&server, 2));
        assert_eq!(failures(&report), ["read × protocol: 2"], "{lengths}");
    }
    // The same twice says nothing new; the coding outweighs any length.
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        assert_eq!(
            run(&plan(&serve(answer(text)), 2)).counts.succeeded,
            2,
            "{text}"
        );
    }
}

#[test]
fn a_length_that_never_comes_is_waited_for_in_vain() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nok";
    let mut plan = plan(&serve(answer(text)), 2);
    plan.timeouts.read = Duration::from_millis(50);
    assert_eq!(failures(&run_to_its_end(plan)), ["read × timeout: 2"]);
}

#[test]
fn a_body_that_is_longer_than_what_is_kept_fails_its_check() {
    let server = serve(|stream, _| {
        let body = vec![b'x'; MAX_CHECKED_BYTES + 1];
        let head = format!("{HEAD}Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        Then::KeepOpen
    });
    let mut plan = plan(&server, 2);
    plan.checks.body = Some(Checks::pattern("x").unwrap());
    assert_eq!(failures(&run_to_its_end(plan)), ["check × body: 2"]);
}

#[test]
fn a_peer_that_ends_its_side_before_the_answer() {
    let server = serve(|stream, _| {
        stream.shutdown(Shutdown::Write).unwrap();
        let _ = stream.read(&mut [0]);
        Then::Close
    });
    assert_eq!(failures(&run(&plan(&server, 3))), ["wait × closed: 3"]);
}

#[test]
fn a_peer_that_ends_its_side_behind_the_answer() {
    let server = serve(|stream, number| {
        answer(OK)(stream, number);
        stream.shutdown(Shutdown::Write).unwrap();
        // Keeps its ear open, as only a strange server would.
        while stream.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
        Then::Close
    });
    let report = run_to_its_end(plan(&server, 10));
    // The end may come when the next request is out already: that one fails.
    assert!(report.counts.succeeded >= 5, "{:?}", report.failures);
    let seen = failures(&report);
    assert!(
        seen.iter().all(|line| line.starts_with("wait × closed")),
        "{seen:?}"
    );
}

#[test]
fn a_peer_that_no_longer_listens() {
    let server = serve(|stream, number| {
        answer(OK)(stream, number);
        stream.shutdown(Shutdown::Read).unwrap();
        Then::KeepOpen
    });
    let report = run_to_its_end(plan(&server, 10));
    assert!(report.counts.succeeded >= 3, "{:?}", report.failures);
    // Whether the kernel still hands over the next request is its own affair; if
    // not, the peer's thread ends and the connection with it.
    let seen = failures(&report);
    let known = |line: &String| line.contains("× closed") || line.contains("× reset");
    assert!(seen.iter().all(known), "{seen:?}");
}

#[test]
fn a_second_response_at_once_spoils_the_first() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let report = run(&plan(&serve(answer(text)), 5));
    assert_eq!(failures(&report), ["read × protocol: 5"]);
    assert_eq!(report.counts.connections_opened, 5);
}

#[test]
fn a_second_response_into_an_idle_connection_ends_it() {
    let server = serve(|stream, number| {
        answer(OK)(stream, number);
        answer(OK)(stream, number)
    });
    let mut plan = plan(&server, 10);
    plan.model = LoadModel::Open {
        rate_rps: 50.0,
        law: ArrivalLaw::Constant,
        overload: Overload::Queue,
    };
    let report = run_to_its_end(plan);
    // Together with the first it is a protocol error; alone it answers nothing,
    // and what follows on that connection cannot be trusted.
    let spoilt = report.counts.failed;
    assert_eq!(report.counts.succeeded + spoilt, 10);
    let expected: &[String] = &[format!("read × protocol: {spoilt}")];
    assert_eq!(failures(&report), if spoilt > 0 { expected } else { &[] });
    assert!(report.counts.connections_opened > 1, "{:?}", report.counts);
}
