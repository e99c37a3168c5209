//! Programs under measurement: the release binary of Tonnage, children that end
//! with their guard, and the CPU time that a finished child has used.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::counters;

/// The server has the first core to itself, the generators take turns on the
/// second.
pub(super) const SERVER_CPU: &str = "0";
pub(super) const CLIENT_CPU: &str = "1";

/// How long a server may take until it listens.
const START_TIMEOUT: Duration = Duration::from_mins(3);

/// Builds Tonnage as its users run it.
pub(super) fn release_binary() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--package", "tonnage"]);
    // What `cargo run` tells this program of itself would make build scripts that
    // look at it (ring's) run anew, and much be compiled again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&name);
        }
    }
    let status = build
        .current_dir(&root)
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "the release build failed");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release/tonnage").canonicalize()?)
}

/// A program that may run on one core only.
pub(super) fn pinned(cpu: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cpu]).arg(program);
    command
}

/// A child that is asked to end when its guard goes.
pub(super) struct Server(Child);

impl Server {
    /// The process that was started; what it started descends from it.
    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Starts a server and waits until it listens on `port`.
    pub(super) fn start(command: &mut Command, port: u16) -> anyhow::Result<Self> {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            bail!("something listens on port {port} already");
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start the server")?;
        let mut server = Self(child);
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.0.try_wait()? {
                bail!("the server ended with {status}");
            }
            ensure!(
                Instant::now() < deadline,
                "the server does not listen on port {port}"
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM, so that a server with children takes them along.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// What a finished program printed, and the CPU seconds that it used.
pub(super) struct Finished {
    pub(super) text: String,
    pub(super) cpu_seconds: f64,
}

/// Runs a program to its end.
pub(super) fn run(command: &mut Command) -> anyhow::Result<Finished> {
    let before = counters::waited_cpu_seconds()?;
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    // A benchmark of the generator wants it to be the bottleneck, which Tonnage
    // itself calls an invalid measurement of the server (exit code 4).
    ensure!(
        output.status.success() || output.status.code() == Some(4),
        "{command:?} ended with {}",
        output.status
    );
    Ok(Finished {
        text: String::from_utf8_lossy(&output.stdout).into_owned(),
        cpu_seconds: counters::waited_cpu_seconds()? - before,
    })
}
