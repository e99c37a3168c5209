//! Every service as its clients see it: over loopback sockets, in this process.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code, though not all of it stands in tests"
)]

mod bounds;
mod client;
mod evaluate;
mod grpc;
mod relay;
mod restaurants;
mod upstreams;
mod workloads;
