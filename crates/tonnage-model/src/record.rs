//! What the store keeps of a run: the run itself, its cells and each trial.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::LoadReport;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
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
    /// Users of the closed loop.
    pub clients: u32,
    /// Whether the client keeps connections open.
    pub keepalive: bool,
    /// Length of the window, microseconds, as planned.
    pub duration_us: u64,
    /// Length of the warm-up, microseconds, as planned.
    pub warmup_us: u64,
    /// The study's own parameters, such as `iterations`.
    pub parameters: BTreeMap<String, String>,
    /// Fingerprint of the locked environment; empty with `--target`.
    pub lock: String,
}

/// One fresh server process (or an external server), measured once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// The run it belongs to.
    pub run_id: String,
    /// Position in the run, from 0.
    pub position: u32,
    /// What was measured.
    pub cell: Cell,
    /// Start, microseconds since 1970.
    pub started_unix_us: u64,
    /// From the start of the process until it answered, in milliseconds; `None`
    /// with `--target` or where it never did.
    pub boot_ms: Option<u64>,
    /// The server's processes at the end of the window; `None` with `--target` or
    /// where it did not come to that.
    pub processes: Option<u32>,
    /// TIME_WAIT sockets before the trial.
    pub time_wait: TimeWait,
    /// How it ended.
    pub outcome: TrialOutcome,
    /// The server's log, relative to the run's folder; `None` with `--target`.
    pub log: Option<PathBuf>,
    /// What was measured; `None` where it did not come to that.
    pub load: Option<LoadReport>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "reason")]
pub enum TrialOutcome {
    /// Its window was measured to the end.
    Measured,
    /// It could not be measured, for this reason.
    Failed(String),
    /// Somebody asked to stop in the middle.
    Interrupted,
}

impl TrialRecord {
    /// The load report of a window that was measured to its end.
    pub fn measured(&self) -> Option<&LoadReport> {
        self.load
            .as_ref()
            .filter(|_| self.outcome == TrialOutcome::Measured)
    }
}
