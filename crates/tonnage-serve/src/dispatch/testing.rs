//! What the tests of both ways to serve have in common.

use std::time::{Duration, Instant};

use crate::h2::Http2Settings;
use crate::http::Limits;
use crate::io::IoSettings;
use crate::listen::{ListenOptions, Listener};

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
