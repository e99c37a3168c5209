//! The engine against scripted peers on loopback: every framing, every failure.

#![expect(
    clippy::unwrap_used,
    reason = "scripted peers are test code, though not all of it stands in tests"
)]

mod failures;
mod framing;
mod grpc;
mod http2;
mod http2_tls;
mod peers;
mod scripted;
mod window;
