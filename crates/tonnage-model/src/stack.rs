//! Stacks (`stacks/*/stack.toml`): one way to serve an app, as data. What its
//! command lines and files may refer to is checked here; starting it is the
//! laboratory's business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::source::{check_templates, locate};
use crate::{
    Capacity, Environment, FileError, HumanDuration, PythonVersion, Template, WorkerRule,
    parse_toml,
};

/// One way to serve an app: a server in one mode, with a framework.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// What a reader of a report sees.
    pub title: String,
    /// The folder in `apps/` whose apps it serves.
    pub app: String,
    /// Requirements with hashes: a file in the stack's folder or in `stacks/`.
    /// A stack without one needs no Python.
    pub lock: Option<String>,
    /// The one version of Python that it runs on; by default any supported one.
    pub python: Option<PythonVersion>,
    /// Whether its server is `tonnage serve`: the package then is that of the running
    /// Tonnage, which no lock can name.
    #[serde(default)]
    pub tonnage_package: bool,
    /// Programs that must be installed.
    #[serde(default)]
    pub requires: Vec<Requirement>,
    /// What it speaks.
    #[serde(default)]
    pub protocol: Protocol,
    /// Workers where neither study nor user says otherwise. A stack without them
    /// is one process and takes no other number.
    pub workers: Option<WorkerRule>,
    /// Threads (or greenlets) of each worker, likewise.
    pub threads: Option<u32>,
    /// How many requests it works on at once.
    pub capacity: Option<Capacity>,
    /// Whether it keeps a connection open between requests.
    pub keepalive: Option<bool>,
    /// The command line, each argument a template.
    pub command: Vec<Template>,
    /// Extra environment variables; the same placeholders.
    #[serde(default)]
    pub environment: Environment,
    /// Folders that the server expects, made before it starts and removed after
    /// it ends; the same placeholders.
    #[serde(default)]
    pub directories: Vec<Template>,
    /// Files that the server expects: where each is written, and the file in the
    /// stack's folder that it is made of; both with the same placeholders.
    #[serde(default)]
    pub files: BTreeMap<Template, String>,
    /// A second process that takes the requests and passes them on.
    pub front: Option<Front>,
    /// The signal that asks the server to stop at once.
    pub stop_signal: StopSignal,
    /// How long it may take to stop before it is killed.
    pub stop_timeout: HumanDuration,
    /// How long it may take until it answers.
    pub ready_timeout: HumanDuration,
}

/// A process that listens on `address`, in front of a server that listens on the
/// Unix socket `backend`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Front {
    /// The command line, each argument a template.
    pub command: Vec<Template>,
}

/// A program that a stack needs beside its Python packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its name on PATH.
    pub program: String,
    /// The Debian package that has it.
    pub package: Option<String>,
}

/// What a server speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http,
    /// Unary gRPC over HTTP/2 without TLS.
    Grpc,
}

impl Protocol {
    /// How its URLs begin.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
        }
    }
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

/// More threads than this in one process is a typing error.
pub const MAX_THREADS: u32 = 100_000;

/// What every stack may refer to.
const ALWAYS_KNOWN: [&str; 12] = [
    "address", "host", "port", "target", "module", "object", "workload", "scratch", "stack",
    "status", "tonnage", "upstream",
];

impl Stack {
    /// Reads and checks a stack; `file` is its name in error messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let stack: Self = parse_toml(file, text)?;
        stack.check(file, text)?;
        Ok(stack)
    }

    /// The placeholders that its templates may use: those of what it declares.
    pub fn placeholders(&self) -> Vec<&'static str> {
        let declared = self.declarations().into_iter();
        let declared = declared.filter_map(|(name, _, is_there)| is_there.then_some(name));
        ALWAYS_KNOWN.into_iter().chain(declared).collect()
    }

    /// The placeholders that mean something only with a key of their own: name,
    /// key, and whether it is there.
    fn declarations(&self) -> [(&'static str, &'static str, bool); 4] {
        [
            ("python", "lock", self.lock.is_some()),
            ("workers", "workers", self.workers.is_some()),
            ("threads", "threads", self.threads.is_some()),
            ("backend", "[front]", self.front.is_some()),
        ]
    }

    /// Whether its server says how it fares, at the address `{status}`.
    pub fn tells_status(&self) -> bool {
        self.templates()
            .any(|template| template.names().any(|name| name == "status"))
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let front = self.front.iter().flat_map(|front| &front.command);
        self.command
            .iter()
            .chain(front)
            .chain(&self.directories)
            .chain(self.files.keys())
            .chain(self.environment.values())
    }

    fn check(&self, file: &str, text: &str) -> Result<(), FileError> {
        for (name, key, is_there) in self.declarations() {
            let uses_it = |template: &&Template| template.names().any(|used| used == name);
            if let Some(template) = self.templates().find(uses_it).filter(|_| !is_there) {
                let message = format!("`{{{name}}}` needs `{key}`, which is not there");
                return Err(locate(file, text, &template.to_string(), message));
            }
        }
        check_templates(file, text, self.templates(), &self.placeholders())?;
        match self.contradiction() {
            None => Ok(()),
            Some((key, message)) => Err(FileError::at(file, text, line_of(text, key), message)),
        }
    }

    /// What in it contradicts itself: a word near the place, and why.
    fn contradiction(&self) -> Option<(&'static str, String)> {
        let needs = |key: &'static str, what: &str| Some((key, format!("it needs `{what}`")));
        let capacity = self.capacity.as_ref();
        if self.command.is_empty() {
            return Some(("command", "the command is empty".to_owned()));
        }
        if self
            .front
            .as_ref()
            .is_some_and(|front| front.command.is_empty())
        {
            return Some(("[front]", "its command is empty".to_owned()));
        }
        if self.python.is_some() && self.lock.is_none() {
            return needs("python", "lock");
        }
        if capacity.is_some_and(Capacity::names_workers) && self.workers.is_none() {
            return needs("capacity", "workers");
        }
        if capacity.is_some_and(Capacity::names_threads) && self.threads.is_none() {
            return needs("capacity", "threads");
        }
        if self
            .threads
            .is_some_and(|threads| !is_thread_count(threads))
        {
            let message = format!("expected 1 to {MAX_THREADS} threads");
            return Some(("threads", message));
        }
        None
    }
}

/// Where the line begins that sets `key`; the beginning where none does.
fn line_of(text: &str, key: &str) -> usize {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with(key) {
            return offset;
        }
        offset += line.len();
    }
    0
}

/// Whether a number of threads makes sense.
pub(crate) fn is_thread_count(threads: u32) -> bool {
    (1..=MAX_THREADS).contains(&threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
title = "Sample"
app = "flask"
lock = "locks/flask.lock"
workers = "2n+1"
threads = 8
capacity = "workers * threads"
keepalive = true
requires = [{ program = "nginx", package = "nginx-light" }]
stop_signal = "TERM"
stop_timeout = "5s"
ready_timeout = "30s"
command = ["{python}", "-w", "{workers}", "-t", "{threads}", "{backend}", "{target}"]
[files]
"{scratch}/nginx.conf" = "nginx.conf"
[front]
command = ["nginx", "-c", "{scratch}/nginx.conf"]
"#;

    #[track_caller]
    fn error_with(from: &str, to: &str) -> String {
        assert!(SAMPLE.contains(from), "the sample has no {from}");
        Stack::parse("stack.toml", &SAMPLE.replacen(from, to, 1))
            .expect_err("the change should be refused")
            .to_string()
    }

    #[test]
    fn everything_in_the_sample_is_read() {
        let stack = Stack::parse("stack.toml", SAMPLE).unwrap();
        assert_eq!(stack.protocol, Protocol::Http);
        assert_eq!(stack.requires[0].package.as_deref(), Some("nginx-light"));
        assert_eq!(stack.files.len(), 1);
        assert_eq!(stack.placeholders().len(), 16);
    }

    #[test]
    fn mistakes_are_shown_with_place_and_expectation() {
        insta::assert_snapshot!(error_with("threads = 8\n", ""), @"stack.toml:12:50: `{threads}` needs `threads`, which is not there");
        insta::assert_snapshot!(error_with("threads = 8", "threads = 0"), @"stack.toml:6:1: expected 1 to 100000 threads");
        insta::assert_snapshot!(error_with("workers * threads", "workers + threads"), @r#"stack.toml:7:12: `workers + threads` is no capacity (expected `unbounded`, or a product of numbers from 1, `workers` and `threads`, such as "workers * threads")"#);
        insta::assert_snapshot!(error_with("lock = \"locks/flask.lock\"", "python = \"3.6\""), @"stack.toml:13:13: `{python}` needs `lock`, which is not there");
        insta::assert_snapshot!(error_with("{backend}", "{backed}"), @"stack.toml:13:63: nothing is known by the name of `{backed}`: did you mean `backend`? (known: address, host, port, target, module, object, workload, scratch, stack, status, tonnage, upstream, python, workers, threads, backend)");
        insta::assert_snapshot!(error_with("lock =", "python = \"2.7\"\nlock ="), @r#"stack.toml:4:10: `2.7` is no minor version of Python 3 (expected one like "3.6")"#);
        insta::assert_snapshot!(error_with("keepalive", "keep_alive"), @"stack.toml:8:1: unknown field `keep_alive`, expected one of `title`, `app`, `lock`, `python`, `tonnage_package`, `requires`, `protocol`, `workers`, `threads`, `capacity`, `keepalive`, `command`, `environment`, `directories`, `files`, `front`, `stop_signal`, `stop_timeout`, `ready_timeout`");
        insta::assert_snapshot!(error_with("\"nginx\", \"-c\"", "\"{nginx}\""), @"stack.toml:17:13: nothing is known by the name of `{nginx}`: known: address, host, port, target, module, object, workload, scratch, stack, status, tonnage, upstream, python, workers, threads, backend");
        insta::assert_snapshot!(error_with("capacity", "protocol = \"ftp\"\ncapacity"), @"stack.toml:7:12: unknown variant `ftp`, expected `http` or `grpc`");
    }
}
