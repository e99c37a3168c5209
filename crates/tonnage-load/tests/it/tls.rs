//! TLS: whom the engine trusts, who it is, what it resumes, and every way in which
//! a handshake or an encrypted response can fail.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use tonnage_model::LoadReport;

use crate::scripted::{OK, failures, run};
use crate::tls_peer::{After, Authority, Secured, TlsPeer, accept_each, serve_tls, tls_plan};

/// A script that answers and keeps the connection.
fn answer(stream: &mut Secured) -> After {
    // The engine may have gone, at the end of its window.
    let _ = stream.write_all(OK.as_bytes());
    After::KeepOpen
}

fn ordinary(authority: &Authority) -> TlsPeer {
    serve_tls(authority.server(&[&TLS13, &TLS12], false), answer)
}

#[test]
fn requests_go_through_tls_of_either_version() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let server = serve_tls(authority.server(&[version], false), answer);
        let report = run(&tls_plan(server.address, &authority, 50));
        assert_eq!(report.counts.succeeded, 50, "{:?}", report.failures);
        assert_eq!(report.counts.connections_opened, 1);
        assert_eq!(report.tls_time.count, 1, "one handshake, one sample");
        assert!(report.tls_time.min_us.unwrap() > 1.0, "{report:?}");
        assert_eq!(report.request.protocol, "HTTP/1.1 over TLS");
    }
}

#[test]
fn an_unknown_authority_is_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = ordinary(&authority);
    let report = run(&tls_plan(server.address, &stranger, 3));
    assert_eq!(failures(&report), ["tls × certificate: 3"]);
    assert_eq!(
        report.connect_time.count, 3,
        "the connects as such succeeded"
    );
    assert_eq!(report.tls_time.count, 0);
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();
    let server = ordinary(&authority);
    let mut plan = tls_plan(server.address, &authority, 3);
    plan.target.tls_host = Some("elsewhere.test".to_owned());
    assert_eq!(failures(&run(&plan)), ["tls × certificate: 3"]);
}

#[test]
fn who_trusts_anybody_trusts_a_stranger_of_another_name() {
    let authority = Authority::new();
    let server = ordinary(&authority);
    let mut plan = tls_plan(server.address, &authority, 3);
    plan.target.tls_host = Some("elsewhere.test".to_owned());
    plan.tls.authorities = None;
    plan.tls.insecure = true;
    assert_eq!(run(&plan).counts.succeeded, 3);
}

#[test]
fn a_client_shows_its_certificate_where_it_is_demanded() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let server = serve_tls(authority.server(&[version], true), answer);
        let mut plan = tls_plan(server.address, &authority, 3);
        // In TLS 1.3 the refusal comes after the client's end of the handshake.
        assert_eq!(failures(&run(&plan)), ["tls × alert: 3"], "{version:?}");
        plan.tls.identity = Some(authority.client_files());
        let report = run(&plan);
        assert_eq!(report.counts.succeeded, 3, "{:?}", report.failures);
    }
}

#[test]
fn sessions_are_resumed_only_where_that_is_wanted() {
    const CONNECTIONS: usize = 6;
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        for resume in [false, true] {
            let server = serve_tls(authority.server(&[version], false), answer);
            let mut plan = tls_plan(server.address, &authority, CONNECTIONS as u64);
            plan.requests_per_connection = Some(1);
            plan.tls.resume = resume;
            let report = run(&plan);
            assert_eq!(report.counts.succeeded, CONNECTIONS as u64);
            assert_eq!(report.tls_time.count, CONNECTIONS as u64);
            let later = if resume {
                HandshakeKind::Resumed
            } else {
                HandshakeKind::Full
            };
            let mut expected = vec![later; CONNECTIONS];
            expected[0] = HandshakeKind::Full;
            let seen = server.greetings.lock().unwrap();
            assert_eq!(*seen, expected, "{version:?}, resume: {resume}");
        }
    }
}

/// The failures of three requests where each connection is treated by `script`,
/// once the engine's greeting is there.
fn three(script: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Vec<String> {
    let address = accept_each(move |mut stream| {
        let _ = stream.read(&mut [0; 16 * 1024]);
        script(&mut stream);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        while stream.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
    });
    let authority = Authority::new();
    let mut plan = tls_plan(address, &authority, 3);
    plan.timeouts.connect = Duration::from_millis(200);
    failures(&run(&plan))
}

#[test]
fn garbage_in_place_of_a_greeting() {
    let garbage = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    };
    assert_eq!(three(garbage), ["tls × protocol: 3"]);
}

#[test]
fn a_close_within_the_handshake() {
    assert_eq!(three(|_| ()), ["tls × closed: 3"]);
    // In the middle of a record, whose header announces 80 bytes.
    let half = |stream: &mut TcpStream| {
        let _ = stream.write_all(&[0x16, 3, 3, 0, 80, 2, 0, 0]);
    };
    assert_eq!(three(half), ["tls × closed: 3"]);
}

#[test]
fn a_handshake_that_is_never_answered_times_out() {
    let hold = |stream: &mut TcpStream| {
        let _ = stream.read(&mut [0]);
    };
    assert_eq!(three(hold), ["tls × timeout: 3"]);
}

#[test]
fn failed_handshakes_pause_longer_and_longer() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = ordinary(&authority);
    let plan = tls_plan(server.address, &stranger, 10);
    let began = Instant::now();
    assert_eq!(failures(&run(&plan)), ["tls × certificate: 10"]);
    // 1 + 2 + 4 + … + 64, then 100 and 100 ms, between ten attempts. A limit from
    // below: no machine is too slow for it.
    assert!(began.elapsed() >= Duration::from_millis(327));
}

#[test]
fn a_large_body_comes_whole_through_many_records() {
    const BODY_BYTES: usize = 1024 * 1024;
    let body: Vec<u8> = (0..BODY_BYTES).map(|i| (i % 251) as u8).collect();
    let expected_crc = crc32fast::hash(&body);
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let body = body.clone();
        let server = serve_tls(authority.server(&[version], false), move |stream| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
            After::KeepOpen
        });
        let report = run(&tls_plan(server.address, &authority, 5));
        assert_eq!(report.counts.succeeded, 5, "{:?}", report.failures);
        assert_eq!(report.counts.connections_opened, 1);
        let kinds = &report.bodies.kinds;
        assert_eq!(kinds.len(), 1, "{kinds:?}");
        assert_eq!(
            (kinds[0].bytes, kinds[0].crc32, kinds[0].count),
            (BODY_BYTES as u64, expected_crc, 5)
        );
    }
}

#[test]
fn a_large_request_goes_whole_through_tls() {
    const BODY_BYTES: usize = 4 * 1024 * 1024;
    let authority = Authority::new();
    let server = serve_tls(authority.server(&[&TLS13], false), |stream| {
        let mut body = vec![0; BODY_BYTES];
        stream.read_exact(&mut body).unwrap();
        assert!(body.iter().all(|&b| b == b'y'));
        answer(stream)
    });
    let mut plan = tls_plan(server.address, &authority, 3);
    plan.source.request.method = "POST".to_owned();
    plan.source.request.body = vec![b'y'; BODY_BYTES];
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 3, "{:?}", report.failures);
}

/// Three requests to a peer that sends `part` of a response and then closes, with
/// or without a good-bye.
fn closed_after(part: &'static str, goodbye: bool) -> LoadReport {
    let authority = Authority::new();
    let server = serve_tls(authority.server(&[&TLS13], false), move |stream| {
        stream.write_all(part.as_bytes()).unwrap();
        if goodbye {
            After::Goodbye
        } else {
            After::CutOff
        }
    });
    run(&tls_plan(server.address, &authority, 3))
}

/// Where only the close ends a body, it takes a good-bye to know that it is whole.
#[test]
fn a_body_that_the_close_ends_needs_a_good_bye() {
    let body = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole or half";
    assert_eq!(closed_after(body, true).counts.succeeded, 3);
    assert_eq!(failures(&closed_after(body, false)), ["read × closed: 3"]);
}

#[test]
fn an_end_within_the_body_is_none() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    for goodbye in [true, false] {
        assert_eq!(failures(&closed_after(half, goodbye)), ["read × closed: 3"]);
    }
}
