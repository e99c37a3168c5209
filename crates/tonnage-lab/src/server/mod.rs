//! A stack at work: started, waited for, observed, and stopped with everything
//! that it has started itself, its front and its upstream.

mod launch;
mod ready;
mod size;
mod upstream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tonnage_limits::{Group, Sampler};
use tonnage_load::Stop;
use tonnage_model::{Stack, StopSignal, Workload};

use self::launch::Launch;
use self::ready::Question;
pub use self::size::Size;
use self::upstream::Upstream;
use crate::environment::{self, VirtualEnvironment};
use crate::lease::Lease;
use crate::process::{Confinement, ProcessId, spawn_in_session};
use crate::{
    Bounds, Catalog, FoundStack, LabError, LabEvent, Settings, availability, log, package, python,
    sockets,
};

/// How often a starting server is asked whether it is ready.
const POLL: Duration = Duration::from_millis(20);

/// How long a container may take until it runs; nothing else takes any time.
const CONTAINER_TIMEOUT: Duration = Duration::from_mins(1);

/// What error messages call the process of the stack's `command`.
const SERVER: &str = "server";

/// And that of the native service that the app asks.
const UPSTREAM: &str = "upstream";

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
    /// Variables that vary the app, beside those of the settings.
    pub environment: BTreeMap<String, String>,
    /// What it may use.
    pub bounds: Bounds,
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
    // Before the lease, which says what is to be removed, were we killed.
    group: Group,
    lease: Lease,
    stack: Stack,
    output: Output,
    port: u16,
    workload: Workload,
    started: Instant,
    /// `http://host:port` or `grpc://host:port`, as a client on this machine
    /// reaches it.
    pub base: String,
    /// `http://host:port` of its upstream, where the workload has one.
    pub upstream: Option<String>,
    /// Where it says how it fares, where it does.
    pub status: Option<SocketAddr>,
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
        let mut running = Self::launch(settings, plan, output, stop, events)?;
        running.wait_until_ready(stop)?;
        Ok(running)
    }

    /// Starts a server's processes; whether it answers is seen by
    /// [`wait_until_ready`](Self::wait_until_ready).
    pub(crate) fn launch(
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
        let status = stack
            .tells_status()
            .then(|| status_address(port))
            .transpose()?;
        let mut lease = Lease::take(settings)?;
        let bounds = &plan.bounds;
        let mark = lease.tree().mark.clone();
        // First, so that it is removed whenever we are killed.
        lease.add_remains(bounds.backend.remains(&mark))?;
        let group = bounds.backend.group(&mark, &bounds.limits_in_place())?;
        // Dropping it stops its processes from here on, whatever happens next.
        let mut running = Self {
            members: Vec::new(),
            group,
            lease,
            stack: stack.clone(),
            output,
            port,
            base: format!(
                "{}://{}",
                stack.protocol.scheme(),
                reachable(&plan.host, port)
            ),
            upstream: None,
            status,
            workload: workload.clone(),
            started: Instant::now(),
            boot: Duration::ZERO,
            lock: environment
                .as_ref()
                .map(|environment| environment.fingerprint.clone())
                .unwrap_or_default(),
        };
        if let Some(name) = &workload.upstream {
            let upstream = Upstream::start(
                settings,
                name,
                &workload.upstream_arguments,
                bounds.upstream_cpus.as_ref(),
                &mut running,
            )?;
            upstream.wait(&mut running, stop)?;
            running.upstream = Some(upstream.url);
        }
        let package = match &environment {
            Some(environment) if stack.tonnage_package => {
                Some(package::find(settings, environment.minor).map_err(LabError::Usage)?)
            }
            _ => None,
        };
        let launch = Launch {
            settings,
            package: package.as_deref(),
            found: &plan.stack,
            workload: &plan.workload,
            target: &target,
            python: environment.as_ref().map(|environment| &*environment.python),
            host: &plan.host,
            port,
            status,
            workers: plan.size.workers,
            threads: plan.size.threads,
            upstream: running.upstream.as_deref(),
            environment: &plan.environment,
            lease: &running.lease,
            output: &running.output,
        };
        let (server, front) = launch.prepare()?;
        bounds.check_stack(&plan.stack)?;
        let mut server = running.group.wrap(server, &launch.shared_paths()?)?;
        if bounds.is_container() {
            // It is another program's command line now.
            running.output.connect(&mut server)?;
            server.stdin(Stdio::null());
        }
        running.started = Instant::now();
        running.spawn(server, front, bounds)?;
        running.group.settle(CONTAINER_TIMEOUT)?;
        Ok(running)
    }

    fn spawn(
        &mut self,
        mut server: Command,
        front: Option<Command>,
        bounds: &Bounds,
    ) -> Result<(), LabError> {
        let confinement = |group: &Group| {
            Ok::<_, LabError>(Confinement {
                joiner: Some(group.joiner()?),
                cpus: bounds.cpus.clone(),
            })
        };
        let stop_signal = match self.stack.stop_signal {
            StopSignal::Term => Signal::TERM,
            StopSignal::Int => Signal::INT,
            StopSignal::Quit => Signal::QUIT,
        };
        let child = spawn_in_session(&mut server, Signal::TERM, confinement(&self.group)?)?;
        self.join(Member {
            what: SERVER,
            child,
            stop_signal,
            output: self.output.clone(),
        })?;
        if let Some(mut front) = front {
            let child = spawn_in_session(&mut front, Signal::TERM, confinement(&self.group)?)?;
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

    /// Waits until a server answers.
    pub(crate) fn wait_until_ready(&mut self, stop: &Stop) -> Result<(), LabError> {
        let question = Question::new(&self.base, self.stack.protocol, &self.workload);
        let started = self.started;
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

    /// Looks at its processes from now on; not at its upstream's, which is no part
    /// of what is measured.
    pub(crate) fn watch(&self) -> Sampler {
        let tree = self.lease.tree().clone();
        let upstream = self.members.iter().find(|member| member.what == UPSTREAM);
        let upstream = upstream.map(|member| member.child.id());
        Sampler::start(Some(&self.group), move || {
            let members = tree.members().into_iter();
            let own = members.filter(|member| Some(member.session) != upstream);
            own.map(|member| member.id.pid).collect()
        })
    }

    /// Processes that the kernel killed for want of memory so far.
    pub(crate) fn oom_kills(&self) -> u64 {
        self.group.counters().oom_kills.unwrap_or(0)
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
pub(crate) fn environment(
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

/// A free port beside the server's own, which nobody has taken yet.
fn status_address(other: u16) -> Result<SocketAddr, LabError> {
    loop {
        let port = sockets::free_port("127.0.0.1")?;
        if port != other {
            return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
        }
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
