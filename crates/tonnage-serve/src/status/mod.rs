//! The server explains itself: `/metrics`, `/health`, `/status` and a page for people, on an
//! address of their own. All of it is answered by the supervisor's loop from the board, without
//! a worker and without an interpreter's lock, so that it answers while every worker is stuck.
//!
//! [`View`] is what is known at a moment, gathered anew for each question; `json.rs`,
//! `prometheus.rs` and `health.rs` put it into words, `server.rs` hears the questions, and
//! `statsd.rs` tells a collector of what has come to pass since it was told last.

mod client;
mod ends;
mod health;
mod json;
mod process;
mod prometheus;
mod retry;
mod server;
mod statsd;
#[cfg(test)]
mod tests;
mod view;

pub use ends::{Cause, Ends};
pub use health::Health;
pub use json::SCHEMA;
pub use server::StatusServer;
pub use statsd::{Statsd, StatsdOptions};
pub use view::{Facts, Scene, View};
