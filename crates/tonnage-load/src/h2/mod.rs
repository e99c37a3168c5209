//! HTTP/2, and gRPC on top of it: several requests at a time on each connection.
//!
//! Frames, header compression and flow control are the `h2` crate's. It is a
//! library of futures; here they are polled by the worker's own loop over epoll,
//! without a runtime: [`wire`] is the socket that it reads and writes, and
//! [`bells`] tells which of its futures have something new.

mod bells;
mod caller;
mod connecting;
mod conversation;
mod exchange;
mod failure;
mod link;
mod requests;
mod wire;
mod worker;

pub(crate) use caller::Caller;
pub(crate) use requests::check;
pub(crate) use worker::Worker;
