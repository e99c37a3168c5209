//! A stack at work: started, waited for, observed, and stopped with everything
//! that it has started itself, its front and its upstream.

mod launch;
mod ready;
mod upstream;

use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tonnage_load::Stop;
use tonnage_model::{Stack, StopSignal, WorkerRule, Workload};

use self::launch::Launch;
use self::ready::Question;
use self::upstream::Upstream;
use crate::environment::{self, VirtualEnvironment};
use crate::lease::Lease;
use crate::process::{ProcessId, spawn_in_session};
use crate::{
    Catalog, FoundStack, LabError, LabEvent, Settings, availability, log, python, sockets,
    usable_cpus,
};

/// How often a starting server is asked whether it is ready.
const POLL: Duration = Duration::from_millis(20);

/// What error messages call the process of the stack's `command`.
const SERVER: &str = "server";

/// Which stack is to serve what, and how.
#[derive(Debug, Clone)]
pub struct ServerPlan {
    /// How to serve.
    pub stack: FoundStack,
    /// Name in `apps/workloads.toml`.
    pub workload: String,
    /// How many processes and threads.
    pub size: Size,
    /// Address to listen on.
    pub host: String,
    /// Port to listen on; `None` for one that is free.
    pub port: Option<u16>,
}

/// Worker processes, and threads of each; `None` where the stack has no choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Worker processes.
    pub workers: Option<u32>,
    /// Threads of each worker.
    pub threads: Option<u32>,
}

impl Size {
    /// What a stack is started with: what is asked for, else what it says itself.
    /// Fails where something is asked for that it does not take.
    pub fn choose(
        found: &FoundStack,
        workers: Option<WorkerRule>,
        threads: Option<u32>,
    ) -> Result<Self, LabError> {
        let stack = &found.stack;
        let refused = |what: &str| {
            LabError::Usage(format!(
                "the stack `{}` takes no number of {what}",
                found.name
            ))
        };
        if workers.is_some() && stack.workers.is_none() {
            return Err(refused("workers"));
        }
        if threads.is_some() && stack.threads.is_none() {
            return Err(refused("threads"));
        }
        Ok(Self {
            workers: workers
                .or(stack.workers)
                .map(|rule| rule.workers(usable_cpus())),
            threads: threads.or(stack.threads),
        })
    }
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
    /// In the order in which they are asked to stop: the last one started first.
    members: Vec<Member>,
    lease: Lease,
    stack: Stack,
    output: Output,
    port: u16,
    /// `http://host:port` or `grpc://host:port`, as a client on this machine
    /// reaches it.
    pub base: String,
    /// `http://host:port` of its upstream, where the workload has one.
    pub upstream: Option<String>,
    /// From start to first answer.
    pub boot: Duration,
    /// Fingerprint of its environment; empty where it needs none.
    pub lock: String,
}

/// A process that was started: the server, its front or its upstream.
#[derive(Debug)]
struct Member {
    what: &'static str,
    child: Child,
    stop_signal: Signal,
    output: Output,
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
        let (target, workload) = Catalog.app_target(&plan.stack, &plan.workload)?;
        availability::require(settings, &plan.stack)?;
        let environment = environment(settings, &plan.stack, stop, events)?;
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
        let stack = &plan.stack.stack;
        // Dropping it stops its processes from here on, whatever happens next.
        let mut running = Self {
            members: Vec::new(),
            lease: Lease::take(settings)?,
            stack: stack.clone(),
            output,
            port,
            base: format!(
                "{}://{}",
                stack.protocol.scheme(),
                reachable(&plan.host, port)
            ),
            upstream: None,
            boot: Duration::ZERO,
            lock: environment
                .as_ref()
                .map(|environment| environment.fingerprint.clone())
                .unwrap_or_default(),
        };
        if let Some(name) = &workload.upstream {
            let upstream = Upstream::start(settings, name, &mut running)?;
            upstream.wait(&mut running, stop)?;
            running.upstream = Some(upstream.url);
        }
        let launch = Launch {
            settings,
            found: &plan.stack,
            workload: &plan.workload,
            target: &target,
            python: environment.as_ref().map(|environment| &*environment.python),
            host: &plan.host,
            port,
            workers: plan.size.workers,
            threads: plan.size.threads,
            upstream: running.upstream.as_deref(),
            lease: &running.lease,
            output: &running.output,
        };
        let (server, front) = launch.prepare()?;
        let started = Instant::now();
        running.launch(server, front)?;
        running.wait_until_ready(&workload, started, stop)?;
        Ok(running)
    }

    fn launch(&mut self, mut server: Command, front: Option<Command>) -> Result<(), LabError> {
        let stop_signal = match self.stack.stop_signal {
            StopSignal::Term => Signal::TERM,
            StopSignal::Int => Signal::INT,
            StopSignal::Quit => Signal::QUIT,
        };
        let child = spawn_in_session(&mut server, Signal::TERM)?;
        self.join(Member {
            what: SERVER,
            child,
            stop_signal,
            output: self.output.clone(),
        })?;
        if let Some(mut front) = front {
            let child = spawn_in_session(&mut front, Signal::TERM)?;
            self.join(Member {
                what: "front",
                child,
                stop_signal: Signal::TERM,
                output: self.output.beside("front.log"),
            })?;
        }
        Ok(())
    }

    /// Takes in a process that was just started.
    fn join(&mut self, member: Member) -> Result<(), LabError> {
        let root = ProcessId::of(member.child.id());
        // First, so that it is stopped even where the lease cannot be written.
        self.members.insert(0, member);
        self.lease.add_root(root)
    }

    fn wait_until_ready(
        &mut self,
        workload: &Workload,
        started: Instant,
        stop: &Stop,
    ) -> Result<(), LabError> {
        let question = Question::new(&self.base, self.stack.protocol, workload);
        let limit = self.stack.ready_timeout.0;
        loop {
            self.check_alive("ended before it answered")?;
            let last = match question.ask() {
                Ok(()) if self.listens(self.port) => {
                    self.boot = started.elapsed();
                    return Ok(());
                }
                // It may have been faster, and would be measured in its place.
                Ok(()) => "another process answers there".to_owned(),
                Err(problem) => problem,
            };
            if stop.is_requested() {
                return Err(LabError::Interrupted);
            }
            if started.elapsed() > limit {
                return Err(LabError::NotReady {
                    seconds: limit.as_secs(),
                    last,
                    log: self.log_tail(SERVER),
                });
            }
            std::thread::sleep(POLL);
        }
    }

    /// Whether it is one of its own processes that listens on a port.
    fn listens(&self, port: u16) -> bool {
        let members = self.lease.tree().members();
        let members: Vec<u32> = members.iter().map(|member| member.id.pid).collect();
        sockets::listens(&members, port)
    }

    /// Fails where a process that was started has ended; `when` says in which part
    /// of the work.
    pub fn check_alive(&mut self, when: &'static str) -> Result<(), LabError> {
        for member in &mut self.members {
            match member.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => {
                    return Err(LabError::ServerDied {
                        what: member.what,
                        when,
                        status,
                        log: member.output.tail(),
                    });
                }
                Err(source) => return Err(LabError::io("the server's process")(source)),
            }
        }
        Ok(())
    }

    /// The number of its processes now, its front's and upstream's included.
    pub fn processes(&self) -> usize {
        self.lease.tree().members().len()
    }

    fn log_tail(&self, what: &str) -> String {
        let member = self.members.iter().find(|member| member.what == what);
        member.map_or_else(String::new, |member| member.output.tail())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Waiting for a child in between would hide its number from the tree; a
        // zombie counts as gone there, and is collected here.
        let signals = self.members.iter().filter_map(|member| {
            let root = ProcessId::of(member.child.id())?;
            Some((root, member.stop_signal))
        });
        let tree = self.lease.tree();
        tree.stop(signals, self.stack.stop_timeout.0);
        for member in &mut self.members {
            let _ = member.child.kill();
            let _ = member.child.wait();
        }
    }
}

impl Output {
    fn tail(&self) -> String {
        match self {
            Self::File(path) => log::excerpt(path),
            Self::Inherit => "(see above)".to_owned(),
        }
    }
}

/// The environment of a stack that needs one, built now unless it is there.
fn environment(
    settings: &Settings,
    found: &FoundStack,
    stop: &Stop,
    events: &Sender<LabEvent>,
) -> Result<Option<VirtualEnvironment>, LabError> {
    let Some(lock) = found.lock()? else {
        return Ok(None);
    };
    let python = python::find(settings, found.stack.python)?;
    let what = format!("the environment of {}", found.name);
    environment::ensure(settings, &what, &lock, &python, stop, events).map(Some)
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
