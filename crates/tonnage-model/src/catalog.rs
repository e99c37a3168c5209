//! The data files that describe what can be run: stacks (`stacks/*/stack.toml`),
//! apps (`apps/*/app.toml`) and workloads (`apps/workloads.toml`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{HumanDuration, Template, WorkerRule};

/// Environment variables of a process, as templates.
pub type Environment = BTreeMap<String, Template>;

/// One way to serve an app: a server in one mode, with a framework.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// What a reader of a report sees.
    pub title: String,
    /// The folder in `apps/` whose apps it serves.
    pub app: String,
    /// Requirements with hashes, relative to the stack's folder.
    pub lock: String,
    /// The command line, each argument a template. Known: `python`, `address`
    /// (host and port as in a URL), `host`, `port`, `workers`, `target` (the app's import path), `scratch`.
    pub command: Vec<Template>,
    /// Extra environment variables; the same placeholders.
    #[serde(default)]
    pub environment: Environment,
    /// Folders that the server expects, made before it starts and removed after
    /// it ends; the same placeholders.
    #[serde(default)]
    pub directories: Vec<Template>,
    /// Workers where neither study nor user says otherwise.
    pub workers: WorkerRule,
    /// The signal that asks the server to stop at once.
    pub stop_signal: StopSignal,
    /// How long it may take to stop before it is killed.
    pub stop_timeout: HumanDuration,
    /// How long it may take until it answers.
    pub ready_timeout: HumanDuration,
}

/// A signal that asks a server to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    /// SIGTERM.
    Term,
    /// SIGINT.
    Int,
    /// SIGQUIT.
    Quit,
}

impl Stack {
    /// The placeholders that `command`, `environment` and `directories` may use.
    pub const PLACEHOLDERS: [&'static str; 7] = [
        "address", "python", "host", "port", "workers", "target", "scratch",
    ];
}

/// A framework's apps: one module for each workload that it implements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// What a reader of a report sees.
    pub title: String,
    /// Workload → import path of the application object (`module:object`).
    pub targets: BTreeMap<String, String>,
    /// Environment variables that the apps need. Known: `secret`, a fresh random
    /// text for each process.
    #[serde(default)]
    pub environment: Environment,
}

impl App {
    /// The placeholders that `environment` may use.
    pub const PLACEHOLDERS: [&'static str; 1] = ["secret"];
}

/// All workloads by name.
pub type Workloads = BTreeMap<String, Workload>;

/// What a request does, and how to see that an app does just that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// What a reader of a report sees.
    pub title: String,
    /// A cheap request path, answered with 2xx as soon as the app is up.
    pub ready_path: String,
    /// Requests whose answers must be right before any load is sent.
    pub verify: Vec<Verification>,
}

/// One request and what its answer must look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// The request path.
    pub path: String,
    /// The status it must have.
    pub status: u16,
    /// A regular expression that the body must match.
    pub body: String,
    /// Named groups of `body` that must be numbers above zero.
    #[serde(default)]
    pub positive: Vec<String>,
}
