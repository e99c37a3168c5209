//! What is to be sent, by how many users, for how long.

use std::time::Duration;

use tonnage_model::StatusSet;

use crate::{LoadError, RequestParts, Target};

/// A load, completely specified.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// Where to.
    pub target: Target,
    /// What is sent.
    pub request: RequestParts,
    /// Users of the closed loop: each waits for its answer before it asks again.
    /// At least 1.
    pub connections: u32,
    /// Threads that send load; at least 1, at most `connections`.
    pub threads: u32,
    /// Whether a connection serves more than one request.
    pub keepalive: bool,
    /// Time before the window whose requests are not counted.
    pub warmup: Duration,
    /// Length of the window; `None` where only `requests` ends it.
    pub duration: Option<Duration>,
    /// Requests after which the window ends; `None` where only `duration` does.
    pub requests: Option<u64>,
    /// The statuses that count as success.
    pub expected_statuses: StatusSet,
    /// How long each phase of a request may take.
    pub timeouts: Timeouts,
}

/// The longest time that each phase of a request may take. A timeout is noticed
/// at most a tenth of the shortest of them (and at most 100 ms) late.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From the call of `connect` until the socket can be written.
    pub connect: Duration,
    /// Until the last byte of the request is with the kernel.
    pub write: Duration,
    /// From there until the first byte of the response.
    pub wait: Duration,
    /// From there until the end of the response.
    pub read: Duration,
}

impl Timeouts {
    /// The same limit for every phase.
    pub fn all(limit: Duration) -> Self {
        Self {
            connect: limit,
            write: limit,
            wait: limit,
            read: limit,
        }
    }

    fn shortest(&self) -> Duration {
        self.connect.min(self.write).min(self.wait).min(self.read)
    }

    /// How often deadlines are looked at, in nanoseconds.
    pub(crate) fn check_interval_ns(&self) -> u64 {
        let tenth = self.shortest().as_nanos() / 10;
        tenth.clamp(1_000_000, 100_000_000) as u64
    }
}

/// The number of threads for `connections` where nobody asks for another: one
/// for each 64 connections, and at most half of the usable CPUs, because on one
/// machine every core that the generator takes is one that the server lacks.
pub fn default_threads(connections: u32, usable_cpus: usize) -> u32 {
    let half = u32::try_from(usable_cpus / 2).unwrap_or(u32::MAX).max(1);
    connections.div_ceil(64).clamp(1, half)
}

impl LoadPlan {
    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let fail = |message: &str| Err(LoadError::Plan(message.to_owned()));
        if self.connections == 0 {
            return fail("a load needs at least one connection");
        }
        if self.threads == 0 || self.threads > self.connections {
            return fail("a load needs at least one thread, and at most as many as connections");
        }
        match (self.duration, self.requests) {
            (None, None) => return fail("a load needs a duration or a number of requests"),
            (Some(duration), _) if duration.is_zero() => {
                return fail("the duration must be longer than 0s");
            }
            (_, Some(requests)) if requests < u64::from(self.connections) => {
                return fail("there must be at least one request for each connection");
            }
            _ => {}
        }
        if self.timeouts.shortest().is_zero() {
            return fail("a timeout must be longer than 0s");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_leave_the_server_its_cores() {
        for (connections, cpus, threads) in [
            (1, 2, 1),
            (64, 8, 1),
            (65, 8, 2),
            (1000, 8, 4),
            (1000, 2, 1),
            (5, 0, 1),
        ] {
            assert_eq!(
                default_threads(connections, cpus),
                threads,
                "{connections} on {cpus}"
            );
        }
    }
}
