//! The native service that an app asks in turn, started beside the server.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tonnage_load::Stop;
use tonnage_model::CpuSet;

use super::launch::bare;
use super::{Member, Output, POLL, Running, UPSTREAM, address};
use crate::process::{Confinement, spawn_in_session};
use crate::{LabError, Settings, sockets};

use rustix::process::Signal;

/// How long it may take until it listens.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// Upstreams are asked by servers on this machine only.
const HOST: &str = "127.0.0.1";

/// The port of an upstream that is being started.
pub(super) struct Upstream {
    port: u16,
    pub(super) url: String,
}

impl Upstream {
    /// Starts the native service `name`; it joins the server's processes.
    pub(super) fn start(
        settings: &Settings,
        name: &str,
        arguments: &[String],
        cpus: Option<&CpuSet>,
        running: &mut Running,
    ) -> Result<Self, LabError> {
        let port = sockets::free_port(HOST)?;
        let mut command = bare(settings, &settings.tonnage, &running.lease);
        command
            .args(["service", name, "--host", HOST, "--port"])
            .arg(port.to_string())
            .args(arguments);
        let output = running.output.beside("upstream.log");
        output.connect(&mut command)?;
        if matches!(output, Output::Inherit) {
            // Its line about where it serves is not what `up` is asked for.
            command.stdout(Stdio::null());
        }
        let child = spawn_in_session(
            &mut command,
            Signal::TERM,
            Confinement {
                joiner: None,
                cpus: cpus.cloned(),
            },
        )?;
        running.join(Member {
            what: UPSTREAM,
            child,
            stop_signal: Signal::TERM,
            output,
        })?;
        Ok(Self {
            port,
            url: format!("http://{}", address(HOST, port)),
        })
    }

    /// Waits until it listens.
    pub(super) fn wait(&self, running: &mut Running, stop: &Stop) -> Result<(), LabError> {
        let started = Instant::now();
        while !running.listens(self.port) {
            running.check_alive("ended before it listened")?;
            if stop.is_requested() {
                return Err(LabError::Interrupted);
            }
            if started.elapsed() > READY_TIMEOUT {
                return Err(LabError::NotReady {
                    seconds: READY_TIMEOUT.as_secs(),
                    last: format!("its upstream does not listen on port {}", self.port),
                    log: running.log_tail(UPSTREAM),
                });
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}
