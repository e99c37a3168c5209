//! What this client can do here at all: a short load against a responder of our
//! own that does nothing but answer, so that every result can say how near it
//! came to the client's own ceiling.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::epoll::EventData;

use crate::clock::Clock;
use crate::poll::Poll;
use crate::{LoadError, LoadPlan, Protocol, Stop, Target, run};

/// How long the client is watched.
const WINDOW: Duration = Duration::from_millis(250);

/// Time before that in which caches and branch predictors warm up.
const WARMUP: Duration = Duration::from_millis(50);

/// The most connections that are used: enough to keep one thread busy.
const MAX_CONNECTIONS: u32 = 64;

/// The answer: as short as answers of a real server are.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

/// Responses per second that this client can take in: what its threads reach at
/// their CPU time per response against a responder that does nothing. It takes a
/// third of a second.
///
/// `None` where the load is of a kind that the responder does not speak (TLS,
/// HTTP/2, gRPC).
pub fn calibrate(plan: &LoadPlan, stop: &Stop) -> Result<Option<f64>, LoadError> {
    if plan.target.tls_host.is_some() || !matches!(plan.protocol, Protocol::Http1) {
        return Ok(None);
    }
    let responder = Responder::start().map_err(|source| LoadError::System {
        action: "cannot start the responder that measures the client",
        source,
    })?;
    let target = Target {
        url: format!("http://{}/", responder.address),
        host_header: responder.address.to_string(),
        path: "/".to_owned(),
        address: responder.address.into(),
        tls_host: None,
    };
    let report = run(
        &LoadPlan {
            warmup: WARMUP,
            duration: Some(WINDOW),
            ..LoadPlan::new(target, plan.connections.min(MAX_CONNECTIONS))
        },
        stop,
        None,
    )?;
    let cost_us = report.generator.cpu_us_per_response;
    Ok(cost_us
        .filter(|us| *us > 0.0)
        .map(|us| f64::from(plan.threads) * 1e6 / us))
}

/// A server of one thread that answers whatever it reads; it ends with its guard.
struct Responder {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The listener's number among the events; connections are numbered from 0.
const LISTENER: u64 = u64::MAX - 1;

/// How often the responder looks whether it is still wanted, in nanoseconds.
const CHECK_NS: u64 = 50_000_000;

impl Responder {
    fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new().name("null-responder".to_owned());
        let thread = thread.spawn({
            let ended = Arc::clone(&ended);
            // Where it fails, the load against it fails and says so.
            move || drop(respond(&OwnedFd::from(listener), &ended))
        })?;
        Ok(Self {
            address,
            ended,
            thread: Some(thread),
        })
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It has nothing to say, and a panic in it is no reason for another.
            let _ = thread.join();
        }
    }
}

fn respond(listener: &OwnedFd, ended: &AtomicBool) -> Result<(), LoadError> {
    let mut poll = Poll::new()?;
    let clock = Clock::start();
    let mut events = Poll::events();
    let mut connections: Vec<Option<TcpStream>> = Vec::new();
    let failed = |source: io::Error| LoadError::System {
        action: "the responder cannot accept",
        source,
    };
    poll.add(listener, EventData::new_u64(LISTENER))
        .map_err(|error| failed(error.into()))?;
    while !ended.load(Ordering::Acquire) {
        let now = clock.now_ns();
        poll.wait(&mut events, now, now + CHECK_NS)?;
        for event in events.drain(..) {
            match event.data.u64() {
                LISTENER => accept_all(listener, &poll, &mut connections).map_err(failed)?,
                number => {
                    let connection = &mut connections[number as usize];
                    if connection.as_mut().is_some_and(|stream| !answer(stream)) {
                        *connection = None;
                    }
                }
            }
        }
    }
    Ok(())
}

fn accept_all(
    listener: &OwnedFd,
    poll: &Poll,
    connections: &mut Vec<Option<TcpStream>>,
) -> io::Result<()> {
    loop {
        let flags = rustix::net::SocketFlags::NONBLOCK | rustix::net::SocketFlags::CLOEXEC;
        match rustix::net::accept_with(listener, flags) {
            Ok(socket) => {
                poll.add(&socket, EventData::new_u64(connections.len() as u64))?;
                let stream = TcpStream::from(socket);
                stream.set_nodelay(true)?;
                connections.push(Some(stream));
            }
            Err(rustix::io::Errno::AGAIN) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Answers what has come; `false` when the peer is gone. One read is one request:
/// the client sends no other before it has its answer.
fn answer(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer) {
        Ok(0) => false,
        Ok(_) => stream.write_all(ANSWER).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_has_a_ceiling() {
        let mut plan = LoadPlan::for_tests();
        plan.connections = 4;
        let one = calibrate(&plan, &Stop::new()).unwrap().unwrap();
        assert!(one.is_finite() && one > 100.0, "{one}");
        plan.target.tls_host = Some("h".to_owned());
        assert_eq!(calibrate(&plan, &Stop::new()).unwrap(), None);
    }

    #[test]
    fn the_responder_ends_with_its_guard() {
        let responder = Responder::start().unwrap();
        let address = responder.address;
        assert!(TcpStream::connect(address).is_ok());
        drop(responder);
        assert!(TcpStream::connect(address).is_err());
    }
}
