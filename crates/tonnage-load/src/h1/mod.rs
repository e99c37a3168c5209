//! HTTP/1.1: one request at a time on each connection.

mod chunked;
mod connection;
mod response;
mod worker;

#[cfg(feature = "fuzzing")]
pub(crate) use response::{Response, ResponseScanner};
pub(crate) use worker::Worker;
