//! Where the servers are installed. One that cannot be installed here is named, not
//! passed over.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::super::process::{CLIENT_CPU, SERVER_CPU, Server as Running, pinned};
use super::ask::wait_until_free;
use super::mode::Certificate;
use super::rivals::{PORT, Server, apps};
use super::rows::Setup;
use crate::environments::{Environment, target};

/// The set that ours is installed into, with all that come as wheels.
pub(in crate::bench) const SERVERS: &str = "servers";

/// The locked sets of requirements: what does not come as a wheel has its own, so that
/// a machine without a compiler loses it alone.
pub(super) const SETS: [&str; 4] = [SERVERS, "uwsgi", "fastwsgi", "bjoern"];

/// The environments that could be made, and why the others could not.
pub(in crate::bench) struct Places {
    made: BTreeMap<&'static str, Environment>,
    missing: BTreeMap<&'static str, String>,
    certificate: Option<Certificate>,
}

impl Places {
    /// Makes those of some sets; ours gets the wheel.
    pub(super) fn prepare(
        python: &Path,
        wheel: &Path,
        sets: &[&'static str],
    ) -> anyhow::Result<Self> {
        let mut places = Self {
            made: BTreeMap::new(),
            missing: BTreeMap::new(),
            certificate: None,
        };
        for set in sets.iter().copied() {
            let lock = apps().join(format!("../requirements/{set}.lock"));
            match Environment::of(python, &lock, "bench") {
                Ok(environment) => {
                    places.made.insert(set, environment);
                }
                // Ours is among them: without it there is nothing to measure.
                Err(error) if set == SERVERS => return Err(error),
                Err(error) => {
                    places.missing.insert(set, format!("{error:#}"));
                }
            }
        }
        if let Some(servers) = places.made.get(SERVERS) {
            servers.install(wheel)?;
        }
        Ok(places)
    }

    /// Makes a certificate, for rows that need one.
    pub(super) fn certify(&mut self) -> anyhow::Result<()> {
        self.certificate = Some(Certificate::make()?);
        Ok(())
    }

    pub(super) fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Sets that could not be installed, and why.
    pub(super) fn missing(&self) -> impl Iterator<Item = (&str, &str)> {
        self.missing.iter().map(|(set, why)| (*set, why.as_str()))
    }

    pub(super) fn has(&self, server: Server) -> bool {
        self.made.contains_key(server.set())
    }

    /// The interpreter of the common environment, on one core.
    pub(in crate::bench) fn python_on(&self, cpu: &str) -> anyhow::Result<Command> {
        let environment = self.made.get(SERVERS);
        let python = environment.context("there is no environment")?.python();
        Ok(pinned(cpu, &python))
    }

    /// `tonnage load` of the wheel, on the clients' core, with a report in JSON.
    pub(in crate::bench) fn load(&self) -> anyhow::Result<Command> {
        let mut command = self.python_on(CLIENT_CPU)?;
        // It is asked for the figures of one core, which Tonnage's own verdict on the
        // generator would put a calibration before.
        command.args(["-m", "tonnage", "load", "--quiet", "--no-calibration"]);
        command.args(["--json", "-"]);
        Ok(command)
    }

    /// Where a server's standard error goes.
    pub(super) fn words_of(server: Server) -> PathBuf {
        let name = server.name().replace(' ', "-");
        target().join(format!("environments/{name}.txt"))
    }

    /// Starts a server on its core, with more arguments than it has anyway; what it says
    /// goes to a file.
    pub(super) fn start(
        &self,
        server: Server,
        setup: &Setup,
        more: &[String],
    ) -> anyhow::Result<Running> {
        let environment = self.made.get(server.set());
        let python = environment.context("it is not installed")?.python();
        let mut command = pinned(SERVER_CPU, &python);
        command
            .args(server.arguments(setup))
            .args(more)
            .current_dir(apps())
            .env("PYTHONPATH", apps())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stderr(File::create(Self::words_of(server))?);
        wait_until_free()?;
        Running::start(&mut command, PORT)
    }
}
