//! Questions over a real socket, to a board that a test fills in.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, SystemTime};

use rustix::event::{PollFd, Timespec, poll};

use super::*;
use crate::board::{Board, SlotId, Split, now_ms};
use crate::listen::{ListenOptions, Listeners};
use crate::supervisor::{Policy, Supervisor};

/// A server without processes.
struct World {
    facts: Facts,
    supervisor: Supervisor,
    board: Board,
    ends: Ends,
    listeners: Listeners,
}

impl World {
    fn new(workers: u32) -> Self {
        let policy = Policy {
            workers,
            ..Policy::default()
        };
        let facts = Facts {
            application: "shop:\"app\"".to_owned(),
            pid: 7,
            started: SystemTime::UNIX_EPOCH,
            started_ms: 1000,
        };
        Self {
            facts,
            supervisor: Supervisor::new(policy, 8, false),
            board: Board::new(8).unwrap(),
            ends: Ends::default(),
            listeners: Listeners::default(),
        }
    }

    /// A worker that has answered two requests, and is ready.
    fn worker(&self, slot: u16, now_ms: u64) {
        let id = SlotId::new(slot);
        self.board.prepare(id, 1, u64::from(slot) + 1, now_ms);
        self.board.slot(id).become_ready();
        let split = Split {
            queue_ns: 1_000_000,
            gil_ns: 500_000,
            application_ns: 20_000_000,
            write_ns: 250_000,
        };
        self.board.meters(id).count_served(200, &split, 100);
        self.board.meters(id).count_served(500, &split, 1);
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            facts: &self.facts,
            supervisor: &self.supervisor,
            board: self.board,
            ends: &self.ends,
            listeners: &self.listeners,
            logged: [0; 4],
        }
    }

    fn health(&self, now_ms: u64) -> &'static str {
        Health::of(self.scene(), now_ms).name()
    }
}

/// What a server says to these bytes.
fn ask(world: &World, bytes: &[u8]) -> String {
    let mut server = StatusServer::new("127.0.0.1:0".parse().unwrap(), ListenOptions::default());
    let name = server.open(now_ms()).unwrap().unwrap();
    let mut client = TcpStream::connect(name.strip_prefix("http://").unwrap()).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    client.set_nonblocking(true).unwrap();
    let (mut sent, mut answer, mut room) = (0, Vec::new(), [0; 4096]);
    loop {
        if sent < bytes.len() {
            // Byte by byte, as slow clients do.
            sent += client.write(&bytes[sent..=sent]).unwrap_or(0);
        }
        let mut sources = Vec::new();
        server.watch(&mut sources);
        let a_moment = Timespec {
            tv_sec: 0,
            tv_nsec: 1_000_000,
        };
        poll(&mut sources, Some(&a_moment)).unwrap();
        drop::<Vec<PollFd<'_>>>(sources);
        server.serve(world.scene(), now_ms());
        match client.read(&mut room) {
            Ok(0) => break,
            Ok(bytes) => answer.extend_from_slice(&room[..bytes]),
            Err(_) => {}
        }
    }
    client.shutdown(Shutdown::Both).unwrap_or_default();
    String::from_utf8(answer).unwrap()
}

fn get(world: &World, path: &str) -> String {
    ask(
        world,
        format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(),
    )
}

#[test]
fn questions_are_answered_and_others_refused() {
    let world = World::new(1);
    world.worker(0, now_ms());
    let health = get(&world, "/health");
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n") && health.ends_with("\r\n\r\nok\n"));
    assert!(get(&world, "/?x=1").contains("<title>Tonnage"));
    assert!(
        get(&world, "/metrics").contains("tonnage_requests_total{worker=\"0\",status=\"200\"} 1")
    );
    assert!(get(&world, "/nothing").starts_with("HTTP/1.1 404 "));
    let head = ask(&world, b"HEAD /metrics HTTP/1.0\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"));
    assert!(ask(&world, b"POST / HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(ask(&world, b"hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

#[test]
fn an_address_that_somebody_has_is_told_of_once_and_had_later() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let mut server = StatusServer::new(address.parse().unwrap(), ListenOptions::default());
    assert!(server.open(0).unwrap().is_err());
    assert!(server.open(500).is_none());
    assert!(server.open(60_000).is_none());
    drop(other);
    assert!(server.open(600_000).unwrap().is_ok());
}

#[test]
fn who_has_asked_may_end_its_sending_side() {
    let world = World::new(1);
    let mut server = StatusServer::new("127.0.0.1:0".parse().unwrap(), ListenOptions::default());
    let name = server.open(now_ms()).unwrap().unwrap();
    for (bytes, begin) in [
        ("GET /health/live HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
        ("GET /health/live HTTP/1.0\r\n", ""),
    ] {
        let mut client = TcpStream::connect(name.strip_prefix("http://").unwrap()).unwrap();
        client.write_all(bytes.as_bytes()).unwrap();
        // Both are there when the server looks.
        client.shutdown(Shutdown::Write).unwrap();
        client
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        let (mut answer, mut room) = (Vec::new(), [0; 4096]);
        loop {
            server.serve(world.scene(), now_ms());
            match client.read(&mut room) {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(&room[..count]),
                Err(_) => {}
            }
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with(begin), "{answer}");
        assert_eq!(answer.is_empty(), begin.is_empty(), "{answer}");
    }
}

#[test]
fn status_is_one_document_and_its_parts_add_up() {
    let world = World::new(2);
    world.worker(0, now_ms());
    world.worker(1, now_ms());
    let answer = get(&world, "/status");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let status: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(status["schema"], SCHEMA);
    assert_eq!(status["server"]["application"], "shop:\"app\"");
    let totals = &status["totals"];
    assert_eq!(totals["responses"], 4);
    assert_eq!(totals["statuses"]["500"], 2);
    let sum_s = |name: &str| totals[name]["sum_s"].as_f64().unwrap();
    let parts_s: f64 = ["queue_wait", "gil_wait", "application", "write"]
        .map(sum_s)
        .iter()
        .sum();
    assert!((parts_s - sum_s("service")).abs() < 1e-9);
    assert_eq!(totals["service"]["p50_s"], 0.03);
    assert_eq!(status["workers"].as_array().unwrap().len(), 2);
}

#[test]
fn health_says_whether_anybody_would_answer() {
    let world = World::new(2);
    let now_ms = 1_000_000;
    assert_eq!(world.health(now_ms), "down");
    world.board.prepare(SlotId::new(0), 1, 1, now_ms);
    assert_eq!(world.health(now_ms), "starting");
    world.worker(0, now_ms);
    assert_eq!(world.health(now_ms), "degraded");
    world.worker(1, now_ms);
    assert_eq!(world.health(now_ms + 9000), "ok");
    assert_eq!(world.health(now_ms + 11_000), "stuck");
    world.board.slot(SlotId::new(1)).beat(now_ms + 11_000);
    assert_eq!(world.health(now_ms + 11_000), "degraded");
}

#[test]
fn metrics_are_well_formed_and_outlive_workers() {
    let mut world = World::new(1);
    world.worker(0, 5000);
    world.ends.count(Cause::Timeout);
    world.board.clear(SlotId::new(0));
    let view = View::new(world.scene(), 6000);
    let text = view.to_prometheus();
    assert!(text.contains("tonnage_requests_total{worker=\"0\",status=\"500\"} 1\n"));
    assert!(text.contains("tonnage_worker_ends_total{cause=\"timeout\"} 1\n"));
    assert!(text.contains("application=\"shop:\\\"app\\\"\""));
    let mut known = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            known.push(rest.split_once(' ').unwrap().0);
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let name = name.split('{').next().unwrap();
            assert!(known.iter().any(|known| name.starts_with(known)), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    let counts: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("tonnage_request_duration_seconds"))
        .filter(|line| {
            ["0.02\"", "0.05\"", "Inf\"", "_sum{", "_count{"]
                .iter()
                .any(|part| line.contains(part))
        })
        .collect();
    assert_eq!(
        counts,
        [
            "tonnage_request_duration_seconds_bucket{worker=\"0\",le=\"0.02\"} 0",
            "tonnage_request_duration_seconds_bucket{worker=\"0\",le=\"0.05\"} 2",
            "tonnage_request_duration_seconds_bucket{worker=\"0\",le=\"+Inf\"} 2",
            "tonnage_request_duration_seconds_sum{worker=\"0\"} 0.0435",
            "tonnage_request_duration_seconds_count{worker=\"0\"} 2",
        ]
    );
}
