//! The engine against scripted peers on loopback: every framing, every failure.

#![expect(
    clippy::unwrap_used,
    reason = "scripted peers are test code, though not all of it stands in tests"
)]

mod detectors;
mod failures;
mod framing;
mod grpc;
mod hostile;
mod http2;
mod http2_tls;
mod open_loop;
mod peers;
mod scripted;
mod tls;
mod tls_peer;
mod truth;
mod unix_ipv6;
mod window;
