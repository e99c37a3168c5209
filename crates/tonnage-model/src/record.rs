//! What the store keeps of a run: the run itself, its cells and each trial.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Capacity, CpuSet, HumanBytes, HumanDuration, Isolation, LadderPoint, Limits, LoadReport, Noise,
    Usage,
};

/// The machine that a run was made on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// CPU model as the kernel names it.
    pub cpu_model: String,
    /// CPUs that this process may really use: affinity and quota, not sockets.
    pub usable_cpus: usize,
    /// CPUs online in the machine.
    pub online_cpus: usize,
    /// Total memory in KiB.
    pub memory_kib: u64,
    /// Kernel release.
    pub kernel: String,
    /// The kernel's clock source.
    pub clock_source: String,
}

/// One execution of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Unique name, also that of the run's folder.
    pub run_id: String,
    /// The study's name.
    pub study: String,
    /// The study's file as it was executed, so that a report needs nothing else.
    pub study_toml: String,
    /// The `--set` options, in order.
    pub sets: Vec<String>,
    /// Version of Tonnage that made the run.
    pub tool_version: String,
    /// The command line.
    pub argv: Vec<String>,
    /// The server that somebody else started, where one was given.
    pub target: Option<String>,
    /// Whether the study's quick form was run.
    pub quick: bool,
    /// The machine.
    pub host: Host,
    /// The run's folder.
    pub folder: PathBuf,
    /// Start, microseconds since 1970.
    pub started_unix_us: u64,
    /// End, microseconds since 1970; `None` while it runs.
    pub ended_unix_us: Option<u64>,
    /// How it stands or ended.
    pub status: RunStatus,
    /// Why it ended so, in words; empty while it runs or where all went well.
    pub reason: String,
    /// How it measures.
    pub conditions: Conditions,
}

/// How a run measures: chosen as it begins, and the same to its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Seed of every order and draw.
    pub seed: u64,
    /// How limits are set and counters read.
    pub isolation: Isolation,
    /// The same in words, with its places.
    pub isolation_text: String,
    /// CPUs of the generator; `None` where it shares those of the server.
    pub generator_cpus: Option<CpuSet>,
    /// CPUs of servers that are not limited to others; `None` where they share
    /// those of the generator.
    pub server_cpus: Option<CpuSet>,
    /// Time that the run may take, in microseconds; `None` where its blocks end it.
    pub budget_us: Option<u64>,
    /// How noisy the machine is; `None` where nobody looked.
    pub noise: Option<Noise>,
    /// Stacks that cannot run here, each with the reason; their cells are left out.
    pub unavailable: BTreeMap<String, String>,
    /// How many requests each of the other stacks works on at once.
    pub capacities: BTreeMap<String, Capacity>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Its process is at work.
    Running,
    /// Every cell was measured.
    Done,
    /// It could not go on; the trials done are kept.
    Failed,
    /// Somebody asked it to stop; the trials done are kept.
    Interrupted,
    /// Its process vanished without a word (`kill -9`, power); found later.
    Abandoned,
}

impl RunStatus {
    /// The name used in text and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Abandoned => "abandoned",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Running,
            Self::Done,
            Self::Failed,
            Self::Interrupted,
            Self::Abandoned,
        ]
        .into_iter()
        .find(|status| status.name() == name)
    }
}

/// One combination of factors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The name of its configuration; empty where the study has none.
    #[serde(default)]
    pub configuration: String,
    /// How the app is served; `external` for a server that somebody else started.
    pub stack: String,
    /// What a request does.
    pub workload: String,
    /// Worker processes; `None` where unknown (`--target`).
    pub workers: Option<u32>,
    /// The rule that gave `workers`, such as `2n+1`.
    pub worker_rule: String,
    /// Threads of each worker; `None` where the stack has none to choose, where
    /// unknown (`--target`), and in records of before there were any.
    #[serde(default)]
    pub threads: Option<u32>,
    /// Requests in flight that workers and threads were chosen for; `None` where
    /// they were not.
    #[serde(default)]
    pub in_flight: Option<u32>,
    /// Users of the closed loop, or the most connections of an open one.
    pub clients: u32,
    /// What a user does between an answer and the next request, such as `exp:1s`;
    /// `none` or empty for nothing.
    #[serde(default)]
    pub think: String,
    /// Arrivals per second of an open loop; `None` in a closed one.
    #[serde(default)]
    pub rate_rps: Option<f64>,
    /// What the server may use, as asked for.
    #[serde(default)]
    pub limits: Limits,
    /// Whether the client keeps connections open.
    pub keepalive: bool,
    /// Requests after which the window ends; `None` where only time ends it.
    #[serde(default)]
    pub requests: Option<u32>,
    /// Length of the window, microseconds, as planned.
    pub duration_us: u64,
    /// Length of the warm-up, microseconds, as planned.
    pub warmup_us: u64,
    /// The study's own parameters, such as `iterations`.
    pub parameters: BTreeMap<String, String>,
    /// Variables that vary the app.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Fingerprint of the locked environment; empty with `--target`.
    pub lock: String,
}

impl Cell {
    /// The factors by name, in the order in which tables list them.
    pub const FACTORS: [&'static str; 18] = [
        "configuration",
        "stack",
        "workload",
        "workers",
        "worker_rule",
        "threads",
        "in_flight",
        "clients",
        "think",
        "rate",
        "cpus",
        "cpu_period",
        "cpuset",
        "memory",
        "keepalive",
        "requests",
        "duration",
        "warmup",
    ];

    /// One of [`Cell::FACTORS`] or a parameter of the study as text; `None` where the cell has no such factor.
    pub fn factor(&self, name: &str) -> Option<String> {
        let duration = |us: u64| HumanDuration(Duration::from_micros(us)).to_string();
        let limits = &self.limits;
        let none = || "none".to_owned();
        match name {
            "configuration" => Some(self.configuration.clone()).filter(|name| !name.is_empty()),
            "stack" => Some(self.stack.clone()),
            "workload" => Some(self.workload.clone()),
            "workers" => self.workers.map(|workers| workers.to_string()),
            "worker_rule" => Some(self.worker_rule.clone()).filter(|rule| !rule.is_empty()),
            "threads" => self.threads.map(|threads| threads.to_string()),
            "in_flight" => self.in_flight.map(|in_flight| in_flight.to_string()),
            "clients" => Some(self.clients.to_string()),
            "think" => Some(self.think.clone()).filter(|think| !think.is_empty()),
            "rate" => self.rate_rps.map(|rate| rate.to_string()),
            "cpus" => Some(limits.cpus.map_or_else(none, |cpus| cpus.to_string())),
            "cpu_period" => limits.cpu_period_us.map(duration),
            "cpuset" => Some(
                limits
                    .cpuset
                    .as_ref()
                    .map_or_else(none, ToString::to_string),
            ),
            "memory" => Some(
                limits
                    .memory_bytes
                    .map_or_else(none, |bytes| HumanBytes(bytes).to_string()),
            ),
            "keepalive" => Some(self.keepalive.to_string()),
            "requests" => self.requests.map(|requests| requests.to_string()),
            "duration" => Some(duration(self.duration_us)),
            "warmup" => Some(duration(self.warmup_us)),
            _ => self.parameters.get(name).cloned(),
        }
    }

    /// Whether every one of these factors has the value that is asked for.
    pub fn matches(&self, only: &BTreeMap<String, String>) -> bool {
        only.iter()
            .all(|(name, value)| self.factor(name).as_ref() == Some(value))
    }
}

/// One fresh server process (or an external server), measured once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// The run it belongs to.
    pub run_id: String,
    /// Position in the run, from 0.
    pub position: u32,
    /// The block that it belongs to, from 0.
    #[serde(default)]
    pub block: u32,
    /// What it was made for.
    #[serde(default)]
    pub kind: TrialKind,
    /// The number of its cell among those of the study, from 0; `None` for a
    /// reference, and in records of before there were any.
    #[serde(default)]
    pub cell_number: Option<u32>,
    /// What was measured.
    pub cell: Cell,
    /// Start, microseconds since 1970.
    pub started_unix_us: u64,
    /// How long it took in all, in microseconds: boot, warm-up and stop included.
    #[serde(default)]
    pub took_us: u64,
    /// From the start of the process until it answered, in milliseconds; `None`
    /// with `--target` or where it never did.
    pub boot_ms: Option<u64>,
    /// The server's processes at the end of the window; `None` with `--target` or
    /// where it did not come to that.
    pub processes: Option<u32>,
    /// TIME_WAIT sockets before the trial.
    pub time_wait: TimeWait,
    /// The memory limit that was set where the machine has less than was asked
    /// for, in bytes.
    #[serde(default)]
    pub memory_clamped_bytes: Option<u64>,
    /// How the server was warmed up; `None` where it was not.
    #[serde(default)]
    pub warm_up: Option<WarmUp>,
    /// CPUs that the generator had for itself; `None` where it shared the server's.
    #[serde(default)]
    pub generator_cpus: Option<CpuSet>,
    /// What the server's processes used; `None` with `--target`.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// Calls that the workload's upstream got in warm-up and window together;
    /// `None` where it has none, or does not count.
    #[serde(default)]
    pub upstream_calls: Option<u64>,
    /// How it ended.
    pub outcome: TrialOutcome,
    /// The server's log, relative to the run's folder; `None` with `--target`.
    pub log: Option<PathBuf>,
    /// What was measured; `None` where it did not come to that.
    pub load: Option<LoadReport>,
}

/// What a trial was made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrialKind {
    /// To measure a cell.
    #[default]
    Measure,
    /// To see how fast the machine is: the native service, always the same load.
    Reference,
    /// To see how far two equal cells differ.
    Duplicate,
    /// To look for an edge.
    Search,
}

impl TrialKind {
    /// The name used in text and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measure => "measure",
            Self::Reference => "reference",
            Self::Duplicate => "duplicate",
            Self::Search => "search",
        }
    }
}

/// How a server was warmed up before its window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmUp {
    /// Time that load was sent and not counted, in microseconds.
    pub lasted_us: u64,
    /// Whether two neighbouring stretches of it agreed in the end.
    pub steady: bool,
}

/// How many sockets were in TIME_WAIT when a trial began, and how long it had
/// waited for them to become fewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeWait {
    /// Sockets in TIME_WAIT in this network namespace.
    pub sockets: u64,
    /// Time waited, in milliseconds.
    pub waited_ms: u64,
}

/// How a trial ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "reason")]
pub enum TrialOutcome {
    /// Its window was measured to the end.
    #[default]
    Measured,
    /// It could not be measured, for this reason.
    Failed(String),
    /// Somebody asked to stop in the middle.
    Interrupted,
}

impl TrialRecord {
    /// The trial as a step of a ladder; `None` where it was not measured to its end.
    pub fn ladder_point(&self) -> Option<LadderPoint> {
        let load = self.measured()?;
        Some(LadderPoint {
            clients: self.cell.clients,
            goodput_rps: load.throughput.goodput_rps,
            failed: load.counts.failed,
        })
    }

    /// The load report of a window that was measured to its end.
    pub fn measured(&self) -> Option<&LoadReport> {
        self.load
            .as_ref()
            .filter(|_| self.outcome == TrialOutcome::Measured)
    }
}
