//! Invented trials with planted truths, for tests here and in other crates. Nothing
//! here is measured.

mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tonnage_model::{
    AssertionResult, Cause, Cell, Counts, CpuSet, Detector, FailureCount, Generator, Histogram,
    LOAD_SCHEMA, LatencySummary, Level, LoadReport, Phase, ProcessUsage, Reason, RequestSummary,
    ThroughputSummary, TimeWait, TrialKind, TrialOutcome, TrialRecord, Usage, UsagePoint, Verdict,
    WarmUp,
};

pub use run::{Noise, blocks, cell, quota, run, study};

/// The run that the trials belong to.
const RUN_ID: &str = "20261121-020000-planted";

/// When it began, microseconds since 1970.
const STARTED_UNIX_US: u64 = 1_795_226_400_000_000;

/// A trial in a few numbers; everything else follows.
#[derive(Debug, Clone)]
pub struct Sketch {
    /// What is measured.
    pub cell: Cell,
    /// What for.
    pub kind: TrialKind,
    /// Its block.
    pub block: u32,
    /// Its place in the run.
    pub position: u32,
    /// Successes per second.
    pub rps: f64,
    /// Failures in the window.
    pub failed: u64,
    /// Length of the window in seconds.
    pub window_s: u64,
    /// Mean service time in milliseconds; by default what Little's law leaves of the
    /// cell's clients.
    pub mean_ms: Option<f64>,
    /// CPUs that the server used on average.
    pub cpus_used: f64,
    /// Share of that CPU time for each worker; a master that used nothing is added.
    pub worker_shares: Vec<f64>,
    /// Threads of each worker.
    pub threads: u32,
    /// Share of the quota's periods that were throttled; `None` without a quota.
    pub throttled_share: Option<f64>,
    /// Processes killed for want of memory.
    pub oom_kills: u64,
    /// Processes that were replaced.
    pub respawned: u64,
    /// Share of the window in which threads waited for memory.
    pub memory_pressure: f64,
    /// Share of the window in which threads waited for a CPU, but for the quota.
    pub cpu_pressure: f64,
    /// Calls that the service behind counted; `None` where there is none.
    pub upstream_calls: Option<u64>,
    /// Requests that had not ended when the window did; the clients by default.
    pub unfinished: Option<u64>,
    /// What the study's demands came to.
    pub assertions: Vec<AssertionResult>,
    /// CPUs that the generator had for itself.
    pub generator_cpus: Option<CpuSet>,
    /// Share of CPU time stolen by the hypervisor.
    pub steal_share: f64,
    /// Whether the generator had too little CPU.
    pub generator_bound: bool,
    /// Mean connect time in milliseconds.
    pub connect_ms: f64,
    /// Connections opened in the window, as a share of the requests.
    pub connections_per_request: f64,
    /// Whether the warm-up became steady.
    pub steady: bool,
    /// Whether distributions are stored; simulations of many runs are quicker without.
    pub histograms: bool,
}

impl Default for Sketch {
    fn default() -> Self {
        Self::new()
    }
}

impl Sketch {
    /// Four clients of four gunicorn sync workers, 100 requests/s for ten seconds, with
    /// nothing the matter.
    pub fn new() -> Self {
        Self {
            cell: cell("gunicorn-sync", 4),
            kind: TrialKind::Measure,
            block: 0,
            position: 0,
            rps: 100.0,
            failed: 0,
            window_s: 10,
            mean_ms: None,
            cpus_used: 0.9,
            worker_shares: vec![0.25; 4],
            threads: 1,
            throttled_share: Some(0.0),
            oom_kills: 0,
            respawned: 0,
            memory_pressure: 0.0,
            cpu_pressure: 0.0,
            upstream_calls: Some(12),
            unfinished: None,
            assertions: vec![],
            generator_cpus: None,
            steal_share: 0.0,
            generator_bound: false,
            connect_ms: 0.06,
            connections_per_request: 0.0,
            steady: true,
            histograms: true,
        }
    }

    /// The trial.
    pub fn trial(&self) -> TrialRecord {
        TrialRecord {
            run_id: RUN_ID.to_owned(),
            position: self.position,
            block: self.block,
            kind: self.kind,
            cell_number: Some(0),
            cell: self.cell.clone(),
            started_unix_us: STARTED_UNIX_US + u64::from(self.position) * 15_000_000,
            took_us: (self.window_s + 4) * 1_000_000,
            boot_ms: Some(412),
            processes: Some(self.worker_shares.len() as u32 + 1),
            time_wait: TimeWait::default(),
            memory_clamped_bytes: None,
            warm_up: Some(WarmUp {
                lasted_us: 2_000_000,
                steady: self.steady,
            }),
            generator_cpus: self.generator_cpus.clone(),
            usage: Some(self.usage()),
            upstream_calls: self.upstream_calls,
            outcome: TrialOutcome::Measured,
            log: Some(PathBuf::from(format!("logs/{}.log", self.position))),
            load: Some(self.load()),
        }
    }

    fn succeeded(&self) -> u64 {
        (self.rps * self.window_s as f64).round() as u64
    }

    fn mean_ns(&self) -> f64 {
        let by_law = f64::from(self.cell.clients) / self.rps.max(1e-9) * 1e3;
        self.mean_ms.unwrap_or(by_law) * 1e6
    }

    fn load(&self) -> LoadReport {
        let succeeded = self.succeeded();
        let service = self.times(self.mean_ns(), succeeded);
        let opened = (succeeded as f64 * self.connections_per_request).round() as u64;
        let connects = opened.max(u64::from(self.cell.clients));
        LoadReport {
            schema: LOAD_SCHEMA.to_owned(),
            request: RequestSummary {
                url: "http://127.0.0.1:8000/".to_owned(),
                method: "GET".to_owned(),
                request_bytes: 97,
                connections: self.cell.clients,
                keepalive: self.cell.keepalive,
                load_model: format!("closed loop, {} users", self.cell.clients),
                protocol: "HTTP/1.1".to_owned(),
                seed: 0,
            },
            started_unix_us: STARTED_UNIX_US + u64::from(self.position) * 15_000_000 + 3_000_000,
            warmup_us: 2_000_000,
            window_us: self.window_s * 1_000_000,
            counts: Counts {
                in_flight_at_start: u64::from(self.cell.clients),
                started: succeeded + self.failed,
                succeeded,
                failed: self.failed,
                unfinished: self.unfinished.unwrap_or(self.cell.clients.into()),
                connections_opened: opened,
                bytes_sent: succeeded * 97,
                bytes_received: succeeded * 164,
            },
            throughput: ThroughputSummary {
                goodput_rps: self.rps,
                answered_rps: self.rps,
                failed_rps: self.failed as f64 / self.window_s as f64,
            },
            failures: self.failures(),
            statuses: BTreeMap::from([(200, succeeded)]),
            service_time: service,
            response_time: self.times(self.mean_ns() + 90_000.0, succeeded),
            connect_time: self.times(self.connect_ms * 1e6, connects),
            assertions: self.assertions.clone(),
            verdict: self.verdict(),
            generator: self.generator(),
            ..LoadReport::default()
        }
    }

    fn times(&self, mean_ns: f64, count: u64) -> LatencySummary {
        if self.histograms {
            return LatencySummary::of(&spread(mean_ns, count));
        }
        LatencySummary {
            count,
            mean_us: Some(mean_ns / 1e3),
            ..LatencySummary::default()
        }
    }

    fn failures(&self) -> Vec<FailureCount> {
        let failure = FailureCount {
            phase: Phase::Wait,
            cause: Cause::Closed,
            count: self.failed,
        };
        if self.failed > 0 {
            vec![failure]
        } else {
            vec![]
        }
    }

    fn verdict(&self) -> Verdict {
        let reason = Reason {
            detector: Detector::GeneratorCpu,
            level: Level::Invalid,
            text: "a generator thread used 99 % of a CPU".to_owned(),
        };
        Verdict::from_reasons(if self.generator_bound {
            vec![reason]
        } else {
            vec![]
        })
    }

    fn generator(&self) -> Generator {
        Generator {
            version: "0.1.0".to_owned(),
            engine: "epoll".to_owned(),
            threads: 1,
            cpu_us: (self.rps * 21.0) as u64 * self.window_s,
            busiest_thread_cpu_share: if self.generator_bound {
                0.99
            } else {
                self.rps * 21e-6
            },
            cpu_us_per_response: Some(21.0),
            little_residual: (self.failed == 0).then_some(0.004),
            mean_in_flight: Some(self.rps * self.mean_ns() / 1e9),
            most_connections: self.cell.clients,
            connections_used: self.cell.clients,
            ceiling_rps: Some(40_000.0),
            cpu_wait_share: Some(0.01),
            steal_share: Some(self.steal_share),
            throttled_periods: Some(0),
            listen_overflows: Some(0),
        }
    }

    fn usage(&self) -> Usage {
        let window_us = self.window_s * 1_000_000;
        let cpu_us = (self.cpus_used * window_us as f64) as u64;
        let periods = window_us / 100_000;
        let throttled = self
            .throttled_share
            .map(|share| (share * periods as f64) as u64);
        let workers = self
            .worker_shares
            .iter()
            .zip(101..)
            .map(|(share, pid)| ProcessUsage {
                pid,
                name: "gunicorn".to_owned(),
                cpu_us: (share * cpu_us as f64) as u64,
                threads: self.threads,
            });
        let master = ProcessUsage {
            pid: 100,
            name: "gunicorn".to_owned(),
            cpu_us: 0,
            threads: 1,
        };
        Usage {
            window_us,
            cpu_us,
            periods: throttled.map(|_| periods),
            throttled_periods: throttled,
            throttled_us: throttled.map(|periods| periods * 60_000),
            cpu_pressure_us: throttled
                .map(|periods| periods * 60_000 + (self.cpu_pressure * window_us as f64) as u64),
            memory_pressure_us: Some((self.memory_pressure * window_us as f64) as u64),
            memory_peak_bytes: Some(64 << 20),
            pss_peak_bytes: Some(48 << 20),
            oom_kills: Some(self.oom_kills),
            memory_limit_hits: Some(self.oom_kills * 100),
            respawned: self.respawned,
            voluntary_switches: Some(self.succeeded() * 2),
            involuntary_switches: Some(self.succeeded() / 10),
            steal_share: Some(self.steal_share),
            processes: std::iter::once(master).chain(workers).collect(),
            series: (0..self.window_s * 10)
                .map(|tenth| UsagePoint {
                    at_us: tenth * 100_000,
                    memory_bytes: Some((60 << 20) + (tenth << 12)),
                    pss_bytes: Some((44 << 20) + (tenth << 12)),
                    cpu_us: (self.cpus_used * tenth as f64 * 100_000.0) as u64,
                    throttled_us: self
                        .throttled_share
                        .map(|share| (share * tenth as f64 * 60_000.0) as u64),
                    processes: self.worker_shares.len() as u32 + 1,
                })
                .collect(),
        }
    }
}

/// A distribution with about this mean and a tail of twice the median.
fn spread(mean_ns: f64, count: u64) -> Histogram {
    let mut histogram = Histogram::new();
    let value = |rank: u64| {
        let factor = if rank >= 95 {
            2.0
        } else {
            0.79 + rank as f64 / 280.0
        };
        (mean_ns * factor) as u64
    };
    (0..100).for_each(|rank| histogram.record_n(value(rank), count / 100));
    // What does not divide by a hundred is spread over all ranks.
    (0..count % 100).for_each(|i| histogram.record(value(i * 37 % 100)));
    histogram
}
