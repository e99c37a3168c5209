//! The same service seen by another generator: what wrk counts, the service
//! counts, and so do we. How fast is a matter for `cargo xtask bench agreement`.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code, though not all of it stands in tests"
)]

#[path = "../common/mod.rs"]
mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use common::{Home, text};

/// Whether the service has a connection that it has not closed yet: a generator leaves
/// some behind, whose requests are still to be counted.
fn is_in_use(port: u16) -> bool {
    const ESTABLISHED: &str = "01";
    const CLOSE_WAIT: &str = "08";
    let local = format!(":{port:04X}");
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    sockets.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1].ends_with(&local) && [ESTABLISHED, CLOSE_WAIT].contains(&fields[3])
    })
}

/// Requests that the service itself has counted, over all its workers.
fn served(port: u16) -> u64 {
    common::wait_until("all connections are closed", || !is_in_use(port));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let line = answer
        .lines()
        .find(|line| line.starts_with("flask_http_request_total{method=\"GET\",status=\"200\"}"));
    line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .unwrap_or(0.0) as u64
}

#[test]
fn both_generators_agree_with_the_services_own_count() {
    let home = Home::new();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut up = home.start(&["up", "gunicorn-sync", "loop", "--port", &port.to_string()]);
    up.wait_for_line("serves loop");
    let url = format!("http://127.0.0.1:{port}/?it1=2000&it2=1");

    let before = served(port);
    let wrk = Command::new("wrk")
        .args(["-t1", "-c4", "-d2s", &url])
        .output()
        .unwrap();
    let counted = text(&wrk.stdout);
    let requests: u64 = counted
        .lines()
        .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())
        .unwrap();
    let between = served(port);
    // A generator ends with at most one unfinished request for each user.
    assert!(
        (requests..=requests + 4 + 1).contains(&(between - before)),
        "wrk {requests}, service {}",
        between - before
    );

    let load = home.tonnage(&["load", "-c", "4", "-d", "2s", "--json", "-", &url]);
    let report: serde_json::Value = serde_json::from_slice(&load.stdout).unwrap();
    let succeeded = report["counts"]["succeeded"].as_u64().unwrap();
    let after = served(port);
    assert!(
        (succeeded..=succeeded + 4 + 1).contains(&(after - between)),
        "ours {succeeded}, service {}",
        after - between
    );
}
