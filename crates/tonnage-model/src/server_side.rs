//! What a server says of itself for the time in which it was loaded: where both ends are
//! Tonnage, its own split of the service time stands beside the client's latency.

use serde::{Deserialize, Serialize};

/// A server's counters at a moment; times are sums over all requests, in microseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerTotals {
    /// Which server it is: its process, and when that was started. Another one has counted
    /// other requests.
    pub whose: String,
    /// Responses, whoever made them.
    pub responses: u64,
    /// Requests that the application answered.
    pub requests: u64,
    /// Requests that there was no time for.
    pub turned_away: u64,
    /// From a complete request to the end of the application's work on it.
    pub service_us: f64,
    /// Waiting for a thread.
    pub queue_wait_us: f64,
    /// Waiting for the interpreter's lock.
    pub gil_wait_us: f64,
    /// In the application's hands.
    pub application_us: f64,
    /// Handing responses to the kernel, and waiting for clients to take them.
    pub write_us: f64,
}

/// The server's side of a measured window. Times are means over its requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ServerSide {
    /// Responses in the window, whoever made them; of all clients.
    pub responses: u64,
    /// Requests that the application answered.
    pub requests: u64,
    /// Requests that there was no time for.
    pub turned_away: u64,
    /// From a complete request to the end of the application's work on it; `None`
    /// where there was no request, here and below.
    pub service_us: Option<f64>,
    /// Waiting for a thread.
    pub queue_wait_us: Option<f64>,
    /// Waiting for the interpreter's lock before the application ran.
    pub gil_wait_us: Option<f64>,
    /// In the application's hands, writing left out.
    pub application_us: Option<f64>,
    /// Handing responses to the kernel, and waiting for clients to take them.
    pub write_us: Option<f64>,
}

impl ServerSide {
    /// What lies between two looks at the same server.
    pub fn between(first: &ServerTotals, last: &ServerTotals) -> Self {
        let requests = last.requests.saturating_sub(first.requests);
        let mean = |read: fn(&ServerTotals) -> f64| {
            (requests > 0).then(|| (read(last) - read(first)).max(0.0) / requests as f64)
        };
        Self {
            responses: last.responses.saturating_sub(first.responses),
            requests,
            turned_away: last.turned_away.saturating_sub(first.turned_away),
            service_us: mean(|totals| totals.service_us),
            queue_wait_us: mean(|totals| totals.queue_wait_us),
            gil_wait_us: mean(|totals| totals.gil_wait_us),
            application_us: mean(|totals| totals.application_us),
            write_us: mean(|totals| totals.write_us),
        }
    }

    /// The parts of the service time, by name, in the order in which a request meets them.
    pub fn parts(&self) -> [(&'static str, Option<f64>); 4] {
        [
            ("queue wait", self.queue_wait_us),
            ("GIL wait", self.gil_wait_us),
            ("application", self.application_us),
            ("write", self.write_us),
        ]
    }
}
