//! Containers of docker or podman, by their command line: the engine is found, the
//! image built, a server's command wrapped, and the container removed. Its counters
//! are read from its control group, as everybody's.

mod engine;
mod located;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use tonnage_model::Limits;

use crate::remove::{RemainingContainer, Remains};
use crate::{LimitsError, Places};
pub(crate) use engine::{Engine, remove_container};
pub(crate) use located::{locate, verify};

/// The image that ours is built from where nobody says otherwise.
pub const DEFAULT_BASE_IMAGE: &str = "debian:stable-slim";

/// The base that stands for the machine's own programs and libraries.
const NO_BASE: &str = "scratch";

/// What of the machine is mounted then, where it is there.
const OWN_SYSTEM: [&str; 6] = ["/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr"];

/// Processes of a container's user, at most. It bounds nobody, since root is spared;
/// but podman's own default is more than it may set without `CAP_SYS_RESOURCE`.
const MAX_PROCESSES: u64 = 32_768;

/// Folders and files that a server finds in its container at the paths that they
/// have outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedPaths {
    /// What it may only read: interpreter, virtual environment, app.
    pub read_only: Vec<PathBuf>,
    /// What it may write too: its scratch folder, its sockets.
    pub writable: Vec<PathBuf>,
}

/// One server's container, started by the command that it wraps.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) engine: Engine,
    pub(crate) name: String,
    pub(crate) limits: Limits,
}

impl Container {
    pub(crate) fn new(engine: &Engine, name: &str, limits: &Limits) -> Self {
        Self {
            engine: engine.clone(),
            name: format!("tonnage-{name}"),
            limits: limits.clone(),
        }
    }

    /// The engine's command that runs another in the container. Only variables that
    /// are set on the command itself reach it.
    pub(crate) fn wrap(
        &self,
        command: &Command,
        shared: &SharedPaths,
        places: &Places,
    ) -> Result<Command, LimitsError> {
        let mut wrapped = Command::new(&self.engine.program);
        wrapped.args(["run", "--rm", "--pull", "never", "--name", &self.name]);
        // The host's process numbers: ours to look at, and no server becomes number
        // 1, which ignores the signals that it does not handle. The host's network:
        // a bridge would be measured along. No log: the output is ours.
        wrapped.args(["--pid", "host", "--network", "host", "--log-driver", "none"]);
        wrapped.args(["--user", "0:0"]);
        wrapped.args(ulimits());
        wrapped.args(limit_options(&self.limits, places));
        for path in self.own_system() {
            wrapped.arg("--volume").arg(volume(path, true)?);
        }
        for path in &shared.read_only {
            wrapped.arg("--volume").arg(volume(path, true)?);
        }
        for path in &shared.writable {
            wrapped.arg("--volume").arg(volume(path, false)?);
        }
        for (key, value) in command.get_envs() {
            if let Some(value) = value {
                let mut assignment = key.to_owned();
                assignment.push("=");
                assignment.push(value);
                wrapped.arg("--env").arg(assignment);
            }
        }
        if let Some(folder) = command.get_current_dir() {
            wrapped.arg("--workdir").arg(folder);
        }
        wrapped.arg("--entrypoint").arg(command.get_program());
        wrapped.arg(&self.engine.image).args(command.get_args());
        Ok(wrapped)
    }

    /// What it leaves when its owner is killed.
    pub(crate) fn remains(&self) -> Remains {
        Remains {
            paths: Vec::new(),
            container: Some(RemainingContainer {
                engine: self.engine.program.clone(),
                name: self.name.clone(),
            }),
        }
    }

    fn own_system(&self) -> Vec<&'static Path> {
        let all = OWN_SYSTEM.iter().map(Path::new);
        all.filter(|path| self.engine.base == NO_BASE && path.exists())
            .collect()
    }
}

/// The open files that a server outside of a container would have.
fn ulimits() -> Vec<String> {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let mut options = Vec::new();
    if let (Some(soft), Some(hard)) = (files.current, files.maximum) {
        options.extend(["--ulimit".to_owned(), format!("nofile={soft}:{hard}")]);
    }
    let processes = rustix::process::getrlimit(rustix::process::Resource::Nproc);
    let most = processes
        .maximum
        .unwrap_or(MAX_PROCESSES)
        .min(MAX_PROCESSES);
    options.extend(["--ulimit".to_owned(), format!("nproc={most}:{most}")]);
    options
}

fn limit_options(limits: &Limits, places: &Places) -> Vec<String> {
    let mut options = Vec::new();
    let mut add = |name: &str, value: String| options.extend([name.to_owned(), value]);
    if let Some(quota) = limits.cpus {
        let period = limits.cpu_period();
        add("--cpu-period", period.as_micros().to_string());
        add("--cpu-quota", quota.quota_us(period).to_string());
    }
    if let Some(cpus) = &limits.cpuset {
        add("--cpuset-cpus", cpus.to_string());
    }
    if let Some(bytes) = limits.memory_bytes {
        add("--memory", format!("{bytes}b"));
        // Equal means none beside; without swap it would only hide the limit's hits.
        if places.has_swap() {
            add("--memory-swap", format!("{bytes}b"));
        }
    }
    options
}

fn volume(path: &Path, is_read_only: bool) -> Result<OsString, LimitsError> {
    if path.as_os_str().as_encoded_bytes().contains(&b':') {
        return Err(LimitsError::Unavailable {
            what: format!("cannot share {} with a container", path.display()),
            why: "a colon in a path ends it, to docker and podman".to_owned(),
            way_out: "use another folder".to_owned(),
        });
    }
    let mut volume = path.as_os_str().to_owned();
    volume.push(":");
    volume.push(path);
    volume.push(if is_read_only { ":ro" } else { ":rw" });
    Ok(volume)
}

#[cfg(test)]
mod tests {
    use tonnage_model::CpuQuota;

    use super::*;
    use crate::fake::FakeMachine;

    #[test]
    fn a_command_is_wrapped_with_limits_paths_variables_and_folder() {
        let engine = Engine {
            program: PathBuf::from("/usr/bin/podman"),
            is_podman: true,
            version: "4".to_owned(),
            image: "tonnage-lab:abc".to_owned(),
            base: DEFAULT_BASE_IMAGE.to_owned(),
        };
        let limits = Limits {
            cpus: CpuQuota::new(0.2),
            cpu_period_us: Some(25_000),
            cpuset: Some("0-1".parse().unwrap()),
            memory_bytes: Some(50_000_000),
        };
        let mut command = Command::new("/venv/bin/gunicorn");
        command
            .args(["-w", "8", "app:app"])
            .env("A", "1 = 2")
            .env_remove("B")
            .current_dir("/app");
        let shared = SharedPaths {
            read_only: vec![PathBuf::from("/venv")],
            writable: vec![PathBuf::from("/scratch")],
        };
        let machine = FakeMachine::new("/", "");
        let container = Container::new(&engine, "7-0", &limits);
        let wrapped = container
            .wrap(&command, &shared, &machine.places())
            .unwrap();
        let words: Vec<_> = wrapped
            .get_args()
            .map(|word| word.to_str().unwrap())
            .collect();
        let text = words.join(" ");
        assert!(
            text.starts_with("run --rm --pull never --name tonnage-7-0 "),
            "{text}"
        );
        let end = "--cpu-period 25000 --cpu-quota 5000 --cpuset-cpus 0-1 --memory 50000000b \
             --volume /venv:/venv:ro --volume /scratch:/scratch:rw --env A=1 = 2 --workdir /app \
             --entrypoint /venv/bin/gunicorn tonnage-lab:abc -w 8 app:app";
        assert!(text.ends_with(end), "{text}");

        let odd = SharedPaths {
            writable: vec![PathBuf::from("/a:b")],
            ..SharedPaths::default()
        };
        assert!(container.wrap(&command, &odd, &machine.places()).is_err());
    }
}
