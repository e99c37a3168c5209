//! A pair of stack and workload at work, as `tonnage up` runs it.

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::common::{Home, Started};

/// A stack that serves a workload.
pub(crate) struct Up {
    home: Home,
    process: Started,
    port: u16,
    /// `http://host:port` or `grpc://host:port`.
    pub(crate) base: String,
    /// Where its upstream is, where it has one.
    pub(crate) upstream: Option<String>,
}

/// A port that no other pair of this test uses.
pub(crate) fn next_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(28_500);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Up {
    /// Starts a pair and waits until its answers are verified; else what
    /// `tonnage up` said instead.
    pub(crate) fn start(stack: &str, workload: &str, options: &[&str]) -> Result<Self, String> {
        Self::start_with(stack, workload, options, &[])
    }

    /// The same with variables of the environment set.
    pub(crate) fn start_with(
        stack: &str,
        workload: &str,
        options: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Self, String> {
        let home = Home::new();
        let port = next_port();
        let port_text = port.to_string();
        let mut arguments = vec!["up", stack, workload, "--port", &port_text];
        arguments.extend(options);
        let mut command = home.command(&arguments);
        command.envs(variables.iter().copied());
        let mut process = Started::of(command);
        let Ok(line) = process.line_with(&format!("{stack} serves {workload}")) else {
            let (code, _, errors) = process.finish();
            return Err(format!("exit code {code:?}: {errors}"));
        };
        Ok(Self {
            home,
            process,
            port,
            base: url_after(&line, " at ").unwrap(),
            upstream: url_after(&line, "its upstream is at "),
        })
    }

    /// Stops it; all that it wrote meanwhile, or what is wrong with how it ended or
    /// with what it left behind.
    pub(crate) fn stop(mut self) -> Result<String, String> {
        self.process.signal("INT");
        let (code, output, errors) = self.process.finish();
        if code != Some(130) {
            return Err(format!("exit code {code:?}: {errors}"));
        }
        nothing_is_left(&self.home, self.port)?;
        Ok(output + &errors)
    }
}

/// The URL behind `words`, without the slash at its end.
fn url_after(line: &str, words: &str) -> Option<String> {
    let (_, rest) = line.split_once(words)?;
    let end = rest.find([',', ' ']).unwrap_or(rest.len());
    Some(rest[..end].trim().trim_end_matches('/').to_owned())
}

pub(crate) fn nothing_is_left(home: &Home, port: u16) -> Result<(), String> {
    let servers = home.servers();
    if !servers.is_empty() {
        return Err(format!("processes are left: {servers:?}"));
    }
    // TIME_WAIT does not hinder a listener that says so, as the standard library's does.
    TcpListener::bind(("127.0.0.1", port)).map_err(|error| format!("port {port}: {error}"))?;
    for folder in ["scratch", "leases"] {
        let left = fs::read_dir(home.path().join(folder)).map_or(0, Iterator::count);
        if left > 0 {
            return Err(format!("{left} entries are left in {folder}"));
        }
    }
    Ok(())
}
