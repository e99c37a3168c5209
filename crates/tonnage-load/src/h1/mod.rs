//! HTTP/1.1: one request at a time on each connection.

mod chunked;
mod connection;
mod response;
mod worker;

pub(crate) use worker::Worker;
