//! A server that does to each request just what a test tells it to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tonnage_load::{LoadPlan, Stop, Target};
use tonnage_model::LoadReport;

/// A listening server; its threads end with the test's process.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    /// Requests whose head was read.
    pub(crate) requests: Arc<AtomicU64>,
    /// Connections accepted; the target's probe is one of them.
    pub(crate) connections: Arc<AtomicU64>,
}

/// What a script leaves of the connection.
pub(crate) enum Then {
    KeepOpen,
    Close,
    /// Close with a reset instead of a good-bye.
    Reset,
}

/// Serves each request with `script`, which gets the connection and the number
/// of the request on it, from 0.
pub(crate) fn serve(
    script: impl Fn(&mut TcpStream, u64) -> Then + Send + Sync + 'static,
) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Scripted {
        address: listener.local_addr().unwrap(),
        requests: Arc::default(),
        connections: Arc::default(),
    };
    let (requests, connections) = (server.requests.clone(), server.connections.clone());
    let script = Arc::new(script);
    thread::spawn(move || {
        for stream in listener.incoming() {
            connections.fetch_add(1, Ordering::Relaxed);
            let (script, requests) = (script.clone(), requests.clone());
            thread::spawn(move || converse(stream.unwrap(), &*script, &requests));
        }
    });
    server
}

fn converse(
    mut stream: TcpStream,
    script: &dyn Fn(&mut TcpStream, u64) -> Then,
    requests: &AtomicU64,
) {
    stream.set_nodelay(true).unwrap();
    for number in 0.. {
        if !read_head(&mut stream) {
            return;
        }
        requests.fetch_add(1, Ordering::Relaxed);
        match script(&mut stream, number) {
            Then::KeepOpen => {}
            Then::Close => return,
            Then::Reset => {
                let at_once = Some(Duration::ZERO);
                rustix::net::sockopt::set_socket_linger(&stream, at_once).unwrap();
                return;
            }
        }
    }
}

/// Reads up to the empty line; bodies are left to the script.
fn read_head(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// A script that answers with `text` and keeps the connection.
pub(crate) fn answer(text: &'static str) -> impl Fn(&mut TcpStream, u64) -> Then + Send + Sync {
    move |stream, _| {
        // The engine may have gone, at the end of its window.
        let _ = stream.write_all(text.as_bytes());
        Then::KeepOpen
    }
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A plan of `requests` requests over one connection, with timeouts that no
/// healthy peer meets.
pub(crate) fn plan(server: &Scripted, requests: u64) -> LoadPlan {
    plan_for(server.address, requests)
}

pub(crate) fn plan_for(address: SocketAddr, requests: u64) -> LoadPlan {
    let url = format!("http://{address}/");
    let target = Target {
        host_header: address.to_string(),
        path: "/".to_owned(),
        address: address.into(),
        tls_host: None,
        url,
    };
    LoadPlan {
        duration: None,
        requests: Some(requests),
        ..LoadPlan::new(target, 1)
    }
}

/// Runs a plan and checks what must hold of every report.
pub(crate) fn run(plan: &LoadPlan) -> LoadReport {
    let report = tonnage_load::run(plan, &Stop::new(), None).unwrap();
    let counts = &report.counts;
    assert_eq!(
        counts.in_flight_at_start + counts.started,
        counts.succeeded + counts.failed + counts.unfinished,
        "a request was lost: {counts:?}"
    );
    let failures: u64 = report.failures.iter().map(|failure| failure.count).sum();
    assert_eq!(failures, counts.failed);
    assert_eq!(report.service_time.count, counts.succeeded);
    assert_eq!(report.response_time.count, counts.succeeded);
    report
}

/// The failures of a report in a short form, such as `wait × closed: 3`.
pub(crate) fn failures(report: &LoadReport) -> Vec<String> {
    report
        .failures
        .iter()
        .map(|f| format!("{} × {}: {}", f.phase.name(), f.cause.name(), f.count))
        .collect()
}
