//! What the tests of both ways to serve have in common.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::h2::Http2Settings;
use crate::http::Limits;
use crate::io::{Io, IoSettings};
use crate::listen::{ListenOptions, Listener, Name};
use crate::overdue::{self, Register};

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Settings with which nothing happens by itself while a test runs.
pub(crate) fn settings() -> IoSettings {
    IoSettings {
        tls: None,
        http2: Some(Http2Settings::default()),
        limits: Limits::default(),
        folder: std::env::temp_dir().into(),
        keep_alive_ms: 10_000,
        header_timeout_ms: 10_000,
        body_timeout_ms: 10_000,
        send_timeout_ms: 10_000,
        connections: 1000,
        max_queue: 100,
        queue_timeout_ms: 0,
        metered: false,
        proxy_protocol: None,
        compression: None,
        static_files: None,
    }
}

/// A listener on loopback.
pub(crate) fn listener() -> Listener {
    Listener::open(&"127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap()
}

/// The sockets of a worker that listens on loopback, and where.
pub(crate) fn sockets(settings: IoSettings) -> (Io, SocketAddr) {
    let listener = listener();
    let Name::Tcp(address) = *listener.name() else {
        panic!("not TCP")
    };
    let io = Io::new(settings, vec![listener], None).unwrap();
    (io, address)
}

/// The same where requests may take so long, and who knows how long they have.
pub(super) fn sockets_with_limit(
    settings: IoSettings,
    timeout: Duration,
) -> (Io, SocketAddr, Arc<Register>) {
    let limits = overdue::Limits {
        timeout: Some(timeout),
        ..overdue::Limits::default()
    };
    let register = Register::new(limits, None);
    let (mut io, address) = sockets(settings);
    io.enter_in(Arc::clone(&register));
    (io, address, register)
}

/// A body that is too long for memory.
pub(super) fn long_body() -> Vec<u8> {
    (0..3_000_000_u32).map(|at| (at % 251) as u8).collect()
}

/// Waits until something is there.
#[track_caller]
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long");
        std::thread::yield_now();
    }
}
