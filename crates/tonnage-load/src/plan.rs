//! What is to be sent, by how many users, for how long.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tonnage_model::{Assertion, Stages, ThinkTime};

use crate::profile::Profile;
use crate::{
    ArrivalLaw, Checks, LoadError, Protocol, RequestParts, SourcePlan, Target, TlsSettings,
};

/// The most connections of one load: as many as there are ports to connect from.
pub const MAX_CONNECTIONS: u32 = 100_000;

/// How long load is sent where nobody says.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(10);

/// The most requests of one load that may be under way at once.
pub const MAX_USERS: u32 = 1_000_000;

/// A load, completely specified.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// Where to.
    pub target: Target,
    /// What is spoken there.
    pub protocol: Protocol,
    /// What is sent.
    pub source: SourcePlan,
    /// How TLS is spoken, where the target wants it.
    pub tls: TlsSettings,
    /// Connections, at least 1: each carries as many requests at a time as the
    /// protocol has streams. A closed loop has a user for every stream, an open
    /// loop at most so many requests under way.
    pub connections: u32,
    /// What determines when requests are sent.
    pub model: LoadModel,
    /// Time in which the users, or the rate, grow evenly from nothing. It lies
    /// before the warm-up and is not counted.
    pub ramp: Duration,
    /// Users, or arrivals per second, over time, in place of a constant level;
    /// the warm-up is the first part of them. They end the window.
    pub stages: Option<Stages>,
    /// Seed of everything drawn at random.
    pub seed: u64,
    /// Threads that send load; at least 1, at most `connections`.
    pub threads: u32,
    /// Whether a connection serves more than one request.
    pub keepalive: bool,
    /// Requests after which a connection is replaced by a new one; `None` where
    /// only the target decides. At least 1. Over HTTP/2, the new one comes when the
    /// last of them has ended; whoever wants to send meanwhile waits.
    pub requests_per_connection: Option<u32>,
    /// Time before the window whose requests are not counted.
    pub warmup: Duration,
    /// Length of the window; `None` where only `requests` ends it.
    pub duration: Option<Duration>,
    /// Requests after which the window ends; `None` where only `duration` does.
    pub requests: Option<u64>,
    /// What a response must be to count as success.
    pub checks: Checks,
    /// How long each phase of a request may take.
    pub timeouts: Timeouts,
    /// What is demanded of the result.
    pub assertions: Vec<Assertion>,
    /// What [`calibrate`](crate::calibrate) said, where it was asked.
    pub ceiling_rps: Option<f64>,
    /// Where the server says how it fares (`tonnage serve --status-bind`), if it is to be
    /// asked for its side of the window.
    pub server_status: Option<SocketAddr>,
}

/// What determines when requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LoadModel {
    /// Users who wait for their answer before they ask again.
    Closed {
        /// The pause in between.
        think: ThinkTime,
    },
    /// Arrivals that come whatever the target does.
    Open {
        /// Arrivals per second over all threads; more than 0. Not looked at where
        /// there are stages.
        rate_rps: f64,
        /// How they are spaced.
        law: ArrivalLaw,
        /// What becomes of an arrival that finds every connection busy.
        overload: Overload,
    },
}

/// What becomes of an arrival that finds every connection busy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overload {
    /// It waits; the time is part of its response time.
    #[default]
    Queue,
    /// It is given up and counted.
    Drop,
}

impl std::str::FromStr for Overload {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "queue" => Ok(Self::Queue),
            "drop" => Ok(Self::Drop),
            _ => Err(format!("`{text}` is no policy (expected queue or drop)")),
        }
    }
}

/// The longest time that each phase of a request may take. Over HTTP/2, `write` is
/// the time until the peer allows another stream, and `wait` begins when the
/// request is handed over. A timeout is noticed
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
    /// The plainest load: `connections` users who GET the target's path again and
    /// again for ten seconds, on one thread, with 30 s for each phase. Callers
    /// change what they want different.
    pub fn new(target: Target, connections: u32) -> Self {
        Self {
            source: SourcePlan::constant(&target.path, RequestParts::default()),
            target,
            protocol: Protocol::default(),
            tls: TlsSettings::default(),
            connections,
            model: LoadModel::Closed {
                think: ThinkTime::None,
            },
            ramp: Duration::ZERO,
            stages: None,
            seed: 0,
            threads: 1,
            keepalive: true,
            requests_per_connection: None,
            warmup: Duration::ZERO,
            duration: Some(DEFAULT_DURATION),
            requests: None,
            checks: Checks::default(),
            timeouts: Timeouts::all(Duration::from_secs(30)),
            assertions: Vec::new(),
            ceiling_rps: None,
            server_status: None,
        }
    }

    /// Users of a closed loop, or the most requests of an open loop that are under
    /// way at once: a stream for each.
    pub fn users(&self) -> u32 {
        self.connections.saturating_mul(self.protocol.streams())
    }

    /// The level of the load over time: users, or arrivals per second.
    pub(crate) fn profile(&self) -> Arc<Profile> {
        let constant = match self.model {
            LoadModel::Closed { .. } => f64::from(self.users()),
            LoadModel::Open { rate_rps, .. } => rate_rps,
        };
        Arc::new(match &self.stages {
            Some(stages) => Profile::staged(stages),
            None => Profile::constant(constant, self.ramp),
        })
    }

    /// Time from the beginning to the measured window.
    pub fn lead_in(&self) -> Duration {
        self.ramp + self.warmup
    }

    /// Length of the window, where time ends it.
    pub fn window(&self) -> Option<Duration> {
        match &self.stages {
            Some(stages) => Some(stages.length().saturating_sub(self.warmup)),
            None => self.duration,
        }
    }

    /// What determines when requests are sent, in words.
    pub fn describe_model(&self) -> String {
        let level = |constant: String| {
            self.stages
                .as_ref()
                .map_or(constant, |stages| format!("stages {stages}"))
        };
        match self.model {
            LoadModel::Closed { think } => {
                let users = level(match self.users() {
                    1 => "1 user".to_owned(),
                    users => format!("{users} users"),
                });
                match think {
                    ThinkTime::None => format!("closed loop, {users}"),
                    think => format!("closed loop, {users}, think time {think}"),
                }
            }
            LoadModel::Open {
                rate_rps,
                law,
                overload,
            } => {
                let rate = level(format!("{rate_rps} requests/s"));
                let drops = match overload {
                    Overload::Queue => "",
                    Overload::Drop => ", dropped when every connection is busy",
                };
                format!("open loop, {rate}, {} arrivals{drops}", law.name())
            }
        }
    }

    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let problem = self
            .problem_with_model()
            .or_else(|| self.problem_with_end());
        match problem {
            Some(problem) => Err(LoadError::Plan(problem.to_owned())),
            None => Ok(()),
        }
    }

    fn problem_with_model(&self) -> Option<&'static str> {
        let open = matches!(self.model, LoadModel::Open { .. });
        if self.connections == 0 {
            return Some("a load needs at least one connection");
        }
        if self.threads == 0 || self.threads > self.connections {
            return Some("a load needs at least one thread, and at most as many as connections");
        }
        if self.target.is_grpc() && self.protocol.method().is_none() {
            return Some(
                "a gRPC URL needs a method that is known (from a .proto file, or asked of the server)",
            );
        }
        if self.protocol.streams() == 0 {
            return Some("a connection needs at least one stream");
        }
        if self.users() > MAX_USERS {
            return Some("connections times streams must be at most 1 million");
        }
        if !self.keepalive && self.protocol.streams() > 1 {
            return Some("connections that serve one request each have no use for several streams");
        }
        if self.requests_per_connection == Some(0) {
            return Some("a connection serves at least one request");
        }
        if let LoadModel::Open { rate_rps, .. } = self.model
            && self.stages.is_none()
            && !(rate_rps > 0.0 && rate_rps <= MAX_RATE_RPS)
        {
            return Some("the rate must be more than 0 and at most 10 million per second");
        }
        let stages = self.stages.as_ref()?;
        if stages.per_second != open {
            return Some(if open {
                "the stages of an open loop are rates, such as 50..500/s@30s"
            } else {
                "the stages of a closed loop are users, such as 0..100@30s; rates (/s) need an open loop"
            });
        }
        if open && stages.peak() > MAX_RATE_RPS {
            return Some("the rate must be at most 10 million per second");
        }
        if !open && stages.peak() > f64::from(self.users()) {
            return Some("the stages want more users than there are connections (and streams)");
        }
        if !self.ramp.is_zero() {
            return Some("stages and a ramp exclude each other: the ramp is a stage");
        }
        (self.warmup >= stages.length()).then_some("the warm-up is as long as the stages")
    }

    fn problem_with_end(&self) -> Option<&'static str> {
        if self.timeouts.shortest().is_zero() {
            return Some("a timeout must be longer than 0s");
        }
        // Every user of a closed loop asks; a pool may be larger than it has to be.
        let least = match self.model {
            LoadModel::Closed { .. } => self.connections,
            LoadModel::Open { .. } => self.threads,
        };
        match (self.window(), self.requests) {
            (None, None) => Some("a load needs a duration or a number of requests"),
            (Some(window), _) if window.is_zero() => Some("the duration must be longer than 0s"),
            (_, Some(requests)) if requests < u64::from(least) => Some(
                "there must be at least one request for each connection (of an open loop: for each thread)",
            ),
            _ => None,
        }
    }
}

/// The highest rate of arrivals that is accepted, per second: beyond what one
/// machine can send.
const MAX_RATE_RPS: f64 = 1e7;

#[cfg(test)]
impl LoadPlan {
    /// One user for one second, for unit tests.
    pub(crate) fn for_tests() -> Self {
        Self {
            threads: 1,
            duration: Some(Duration::from_secs(1)),
            ..Self::new(Target::for_tests(), 1)
        }
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
    /// A way to spoil a plan, and what is said of it.
    type Spoiled = (&'static str, fn(&mut LoadPlan));

    #[test]
    fn what_makes_no_sense_is_refused() {
        let open = LoadModel::Open {
            rate_rps: 10.0,
            law: ArrivalLaw::Constant,
            overload: Overload::Queue,
        };
        let stages = |text: &str| Some(text.parse().unwrap());
        let cases: [Spoiled; 8] = [
            ("at least one connection", |plan| plan.connections = 0),
            ("at least one request", |plan| {
                plan.requests_per_connection = Some(0);
            }),
            ("a duration or a number", |plan| plan.duration = None),
            ("a timeout must be", |plan| {
                plan.timeouts.read = Duration::ZERO;
            }),
            ("at least one stream", |plan| {
                plan.protocol = Protocol::Http2 { streams: 0 };
            }),
            ("at most 1 million", |plan| {
                plan.connections = 1000;
                plan.protocol = Protocol::Http2 { streams: 1001 };
            }),
            ("no use for several streams", |plan| {
                plan.protocol = Protocol::Http2 { streams: 2 };
                plan.keepalive = false;
            }),
            ("needs a method", |plan| {
                plan.target.url = "grpc://h:1/p.S/M".to_owned();
            }),
        ];
        for (problem, spoil) in cases {
            let mut plan = LoadPlan::for_tests();
            spoil(&mut plan);
            let error = plan.check().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
        for (model, text, problem) in [
            (open, "1@1s", "are rates"),
            (LoadPlan::for_tests().model, "1/s@1s", "are users"),
            (LoadPlan::for_tests().model, "2@1s", "more users than"),
        ] {
            let mut plan = LoadPlan::for_tests();
            (plan.model, plan.stages) = (model, stages(text));
            let error = plan.check().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn stages_set_the_length_of_the_window() {
        let mut plan = LoadPlan::for_tests();
        plan.stages = Some("1@10s,0..1@20s".parse().unwrap());
        plan.warmup = Duration::from_secs(5);
        assert!(plan.check().is_ok());
        assert_eq!(plan.window(), Some(Duration::from_secs(25)));
        assert_eq!(plan.describe_model(), "closed loop, stages 1@10s,0..1@20s");
    }
}
