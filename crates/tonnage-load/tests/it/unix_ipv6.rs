//! Targets that are not TCP over IPv4: Unix sockets and the loopback of IPv6.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tempfile::TempDir;
use tonnage_load::{Address, LoadError, LoadPlan, Target};
use tonnage_model::Detector;

use crate::scripted::{OK, failures, run};

fn socket_path() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    (folder, path)
}

/// Answers every request, and keeps the heads.
fn converse(mut stream: impl Read + Write, heads: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            let text = String::from_utf8(std::mem::take(&mut head)).unwrap();
            heads.lock().unwrap().push(text);
            if stream.write_all(OK.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn plan(target: Target, requests: u64) -> LoadPlan {
    LoadPlan {
        duration: None,
        requests: Some(requests),
        ..LoadPlan::new(target, 1)
    }
}

#[test]
fn a_unix_socket_is_a_target() {
    let (_folder, path) = socket_path();
    let listener = UnixListener::bind(&path).unwrap();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&heads);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let seen = Arc::clone(&seen);
            thread::spawn(move || converse(stream.unwrap(), &seen));
        }
    });
    let target = Target::resolve_unix("http://app.test/where?q", &path).unwrap();
    assert_eq!(target.address, Address::Unix(path));
    let mut plan = plan(target, 100);
    plan.connections = 4;
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 100, "{:?}", report.failures);
    assert_eq!(report.counts.connections_opened, 4);
    assert_eq!(report.connect_time.count, 4);
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 100);
    assert!(
        heads
            .iter()
            .all(|head| head.starts_with("GET /where?q HTTP/1.1\r\nHost: app.test\r\n")),
        "{}",
        heads[0]
    );
}

#[test]
fn a_unix_socket_that_is_not_there_refuses() {
    let (_folder, path) = socket_path();
    let resolved = Target::resolve_unix("http://app.test/", &path);
    assert!(
        matches!(resolved, Err(LoadError::Connect { .. })),
        "{resolved:?}"
    );
    assert_eq!(
        failures(&run(&plan(unix_target(&path), 3))),
        ["connect × refused: 3"]
    );
    // A file that its listener left behind.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    assert_eq!(
        failures(&run(&plan(unix_target(&path), 3))),
        ["connect × refused: 3"]
    );
}

#[test]
fn a_full_backlog_of_a_unix_socket_is_counted_as_such() {
    let (_folder, path) = socket_path();
    let (_listener, _waiting) = full_listener(&path);
    let report = run(&plan(unix_target(&path), 3));
    assert_eq!(failures(&report), ["connect × backlog: 3"]);
    let reason = report.verdict.reason(Detector::BacklogOverflow);
    assert!(reason.is_some(), "{:?}", report.verdict);
}

#[test]
fn looking_up_a_unix_socket_with_a_full_backlog_does_not_hang() {
    let (_folder, path) = socket_path();
    let (_listener, _waiting) = full_listener(&path);
    let (sender, resolved) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(Target::resolve_unix("http://app.test/", &path));
    });
    let resolved = resolved
        .recv_timeout(Duration::from_secs(20))
        .expect("the look-up hangs");
    assert!(
        matches!(resolved, Err(LoadError::Connect { .. })),
        "{resolved:?}"
    );
}

/// A listener that accepts nothing, and the connections that fill its backlog.
fn full_listener(path: &Path) -> (OwnedFd, Vec<OwnedFd>) {
    let address = SocketAddrUnix::new(path).unwrap();
    let listener = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&listener, &address).unwrap();
    rustix::net::listen(&listener, 1).unwrap();
    let mut waiting = Vec::new();
    loop {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let client =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
        if rustix::net::connect(&client, &address).is_err() {
            return (listener, waiting);
        }
        waiting.push(client);
        assert!(waiting.len() < 100, "the backlog has no bound");
    }
}

/// What a look-up would give, without a look-up.
fn unix_target(path: &Path) -> Target {
    Target {
        url: "http://app.test/".to_owned(),
        host_header: "app.test".to_owned(),
        path: "/".to_owned(),
        address: Address::Unix(path.to_owned()),
        tls_host: None,
    }
}

#[test]
fn the_loopback_of_ipv6_is_a_target() {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect(
        "this test needs the address ::1 (sysctl net.ipv6.conf.lo.disable_ipv6=0 brings it back)",
    );
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&heads);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let seen = Arc::clone(&seen);
            thread::spawn(move || converse(stream.unwrap(), &seen));
        }
    });
    let url = format!("http://[::1]:{port}/six");
    let target = Target::resolve(&url, Duration::from_secs(20)).unwrap();
    assert_eq!(
        target.address,
        Address::Tcp((Ipv6Addr::LOCALHOST, port).into())
    );
    let report = run(&plan(target, 50));
    assert_eq!(report.counts.succeeded, 50, "{:?}", report.failures);
    let expected = format!("GET /six HTTP/1.1\r\nHost: [::1]:{port}\r\n");
    assert!(heads.lock().unwrap()[0].starts_with(&expected));
}

#[test]
fn nobody_listens_on_ipv6() {
    let listener =
        TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("this test needs the address ::1");
    let address = listener.local_addr().unwrap();
    drop(listener);
    let report = run(&crate::scripted::plan_for(address, 3));
    assert_eq!(failures(&report), ["connect × refused: 3"]);
}
