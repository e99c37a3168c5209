//! A stack at work: started, waited for, observed, and stopped with everything
//! that it has started itself.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tonnage_load::Stop;
use tonnage_model::{Stack, StopSignal};

use crate::catalog::hex;
use crate::lease::Lease;
use crate::process::{ProcessId, spawn_in_session};
use crate::tree::MARK_VARIABLE;
use crate::{Catalog, LabError, LabEvent, Settings, environment, log, sockets, verify};

/// How often a starting server is asked whether it is ready.
const READY_POLL: Duration = Duration::from_millis(20);

/// How long one such question may take.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// Which stack is to serve what, and how.
#[derive(Debug, Clone)]
pub struct ServerPlan {
    /// Folder in `stacks/`.
    pub stack: String,
    /// Name in `apps/workloads.toml`.
    pub workload: String,
    /// Worker processes.
    pub workers: u32,
    /// Address to listen on.
    pub host: String,
    /// Port to listen on; `None` for one that is free.
    pub port: Option<u16>,
}

/// Where a server's output goes.
#[derive(Debug, Clone)]
pub enum Output {
    /// To this file.
    File(PathBuf),
    /// To the terminal.
    Inherit,
}

/// A server that answers; stopped, whole, when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lease: Lease,
    stack: Stack,
    output: Output,
    port: u16,
    /// `http://host:port`, as a client on this machine reaches it.
    pub base: String,
    /// From start to first answer.
    pub boot: Duration,
    /// Fingerprint of its environment.
    pub lock: String,
}

impl Running {
    /// Starts a server and waits until it answers.
    pub fn start(
        settings: &Settings,
        plan: &ServerPlan,
        output: Output,
        stop: &Stop,
        events: &Sender<LabEvent>,
    ) -> Result<Self, LabError> {
        let catalog = Catalog;
        let stack = catalog.stack(&plan.stack)?;
        let target = catalog.app_target(&plan.stack, &stack, &plan.workload)?;
        let workload = catalog.workload(&plan.workload)?;
        let environment = environment::ensure(
            settings,
            &format!("the environment of {}", plan.stack),
            catalog.stack_lock(&plan.stack, &stack)?,
            stop,
            events,
        )?;
        if stop.is_requested() {
            return Err(LabError::Interrupted);
        }
        let port = match plan.port {
            Some(port) => {
                sockets::check_free(&plan.host, port)?;
                port
            }
            None => sockets::free_port(&plan.host)?,
        };
        let lease = Lease::take(settings)?;
        let values = Values {
            python: &environment.python,
            host: &plan.host,
            port,
            workers: plan.workers,
            target: &target,
            scratch: lease.scratch(),
        };
        let mut command = command(settings, &stack, &values, &lease.tree().mark, &output)?;
        let started = Instant::now();
        // Dropping it stops the process from here on, whatever happens next.
        let mut running = Self {
            child: spawn_in_session(&mut command, Signal::TERM)?,
            port,
            base: format!("http://{}", reachable(&plan.host, port)),
            boot: Duration::ZERO,
            lock: environment.fingerprint,
            stack,
            output,
            lease,
        };
        let root = ProcessId::of(running.child.id());
        running.lease.set_root(root)?;
        running.wait_until_ready(&workload.ready_path, started, stop)?;
        Ok(running)
    }

    fn wait_until_ready(
        &mut self,
        path: &str,
        started: Instant,
        stop: &Stop,
    ) -> Result<(), LabError> {
        let agent = verify::agent(READY_TIMEOUT);
        let url = format!("{}{path}", self.base);
        let limit = self.stack.ready_timeout.0;
        loop {
            self.check_alive("ended before it answered")?;
            let last = match agent.get(&url).call() {
                Ok(_) if !self.listens() => "another process answers there".to_owned(),
                Ok(response) if response.status().is_success() => {
                    self.boot = started.elapsed();
                    return Ok(());
                }
                Ok(response) => format!("status {}", response.status()),
                Err(error) => error.to_string(),
            };
            if stop.is_requested() {
                return Err(LabError::Interrupted);
            }
            if started.elapsed() > limit {
                return Err(LabError::NotReady {
                    seconds: limit.as_secs(),
                    last,
                    log: self.log_tail(),
                });
            }
            std::thread::sleep(READY_POLL);
        }
    }

    /// Whether it is this server that listens on its port: another one may have
    /// been faster, and would be measured in its place.
    fn listens(&self) -> bool {
        let members = self.lease.tree().members();
        let members: Vec<u32> = members.iter().map(|member| member.id.pid).collect();
        sockets::listens(&members, self.port)
    }

    /// Fails where the started process has ended; `when` says in which part of
    /// the work.
    pub fn check_alive(&mut self, when: &'static str) -> Result<(), LabError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(LabError::ServerDied {
                when,
                status,
                log: self.log_tail(),
            }),
            Err(source) => Err(LabError::io("the server's process")(source)),
        }
    }

    /// The number of its processes now.
    pub fn processes(&self) -> usize {
        self.lease.tree().members().len()
    }

    fn log_tail(&self) -> String {
        match &self.output {
            Output::File(path) => log::excerpt(path),
            Output::Inherit => "(see above)".to_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let signal = match self.stack.stop_signal {
            StopSignal::Term => Signal::TERM,
            StopSignal::Int => Signal::INT,
            StopSignal::Quit => Signal::QUIT,
        };
        // Waiting for the child in between would hide its number from the tree;
        // a zombie counts as gone there, and is collected here.
        self.lease.tree().stop(signal, self.stack.stop_timeout.0);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the placeholders of a stack stand for.
struct Values<'a> {
    python: &'a Path,
    host: &'a str,
    port: u16,
    workers: u32,
    target: &'a str,
    scratch: &'a Path,
}

impl Values<'_> {
    fn get(&self, name: &str) -> Option<String> {
        Some(match name {
            "python" => self.python.to_string_lossy().into_owned(),
            "address" => address(self.host, self.port),
            "host" => self.host.to_owned(),
            "port" => self.port.to_string(),
            "workers" => self.workers.to_string(),
            "target" => self.target.to_owned(),
            "scratch" => self.scratch.to_string_lossy().into_owned(),
            _ => return None,
        })
    }
}

fn command(
    settings: &Settings,
    stack: &Stack,
    values: &Values<'_>,
    mark: &str,
    output: &Output,
) -> Result<Command, LabError> {
    let usage = |error: tonnage_model::TemplateError| LabError::Usage(error.to_string());
    let fill =
        |template: &tonnage_model::Template| template.fill(|name| values.get(name)).map_err(usage);
    let arguments: Vec<String> = stack.command.iter().map(fill).collect::<Result<_, _>>()?;
    let (program, arguments) = arguments
        .split_first()
        .ok_or_else(|| LabError::Usage("the stack's command is empty".to_owned()))?;
    for directory in &stack.directories {
        let path = PathBuf::from(fill(directory)?);
        fs::create_dir_all(&path).map_err(LabError::io(&path))?;
    }
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(Catalog::unpack_app(&stack.app, &settings.cache)?)
        .env_clear()
        .envs(&settings.environment);
    command
        .env("PYTHONUNBUFFERED", "1")
        .env(MARK_VARIABLE, mark);
    let secret = secret()?;
    for (name, value) in &Catalog.app(&stack.app)?.environment {
        let known = |placeholder: &str| (placeholder == "secret").then(|| secret.clone());
        command.env(name, value.fill(known).map_err(usage)?);
    }
    for (name, value) in &stack.environment {
        command.env(name, fill(value)?);
    }
    command.stdin(Stdio::null());
    if let Output::File(path) = output {
        let log = File::create(path).map_err(LabError::io(path))?;
        let second = log.try_clone().map_err(LabError::io(path))?;
        command.stdout(log).stderr(second);
    }
    Ok(command)
}

/// 32 random hexadecimal digits.
fn secret() -> Result<String, LabError> {
    let mut bytes = [0; 16];
    let mut source = File::open("/dev/urandom").map_err(LabError::io("/dev/urandom"))?;
    std::io::Read::read_exact(&mut source, &mut bytes).map_err(LabError::io("/dev/urandom"))?;
    Ok(hex(&bytes))
}

/// The address by which this machine reaches a server that listens on `host`.
fn reachable(host: &str, port: u16) -> String {
    match host {
        "0.0.0.0" => format!("127.0.0.1:{port}"),
        "::" => format!("[::1]:{port}"),
        host => address(host, port),
    }
}

/// Host and port as in a URL: an IPv6 address stands in brackets.
fn address(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        assert_eq!(address("::1", 80), "[::1]:80");
        assert_eq!(address("localhost", 80), "localhost:80");
    }

    #[test]
    fn a_wildcard_is_reached_through_loopback() {
        assert_eq!(reachable("0.0.0.0", 80), "127.0.0.1:80");
        assert_eq!(reachable("::", 80), "[::1]:80");
        assert_eq!(reachable("::1", 80), "[::1]:80");
        assert_eq!(reachable("127.0.0.1", 80), "127.0.0.1:80");
    }
}
