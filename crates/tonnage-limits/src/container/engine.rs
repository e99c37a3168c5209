//! Docker or podman: whether it works here, the image, and what it is told.

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::{LimitsError, Places};

/// Our own image is made of no more than this.
const DOCKERFILE: &str = include_str!("../../../../deploy/container/Dockerfile");

/// The longest that an engine may take to answer; a daemon that hangs must not hang us.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The longest that building the image may take: the base may have to be fetched.
const BUILD_TIMEOUT: Duration = Duration::from_mins(10);

/// How often it is looked whether an engine has ended.
const POLL: Duration = Duration::from_millis(5);

/// Docker comes first: its daemon is root, and may always set limits.
const PROGRAMS: [&str; 2] = ["docker", "podman"];

/// A container engine that answers.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(crate) program: PathBuf,
    pub(crate) is_podman: bool,
    pub(crate) version: String,
    /// Our own image, by name and tag.
    pub(crate) image: String,
    /// What it was built from.
    pub(crate) base: String,
}

impl Engine {
    /// Finds one that works, and builds the image unless it is there.
    pub(crate) fn find(places: &Places) -> Result<Self, LimitsError> {
        let mut reasons = Vec::new();
        for name in PROGRAMS {
            let Some(program) = places.program(name) else {
                reasons.push(format!("no `{name}` on PATH"));
                continue;
            };
            match Self::ask(&program, places.base_image()) {
                Ok(engine) => {
                    engine.ensure_image()?;
                    return Ok(engine);
                }
                Err(error) => reasons.push(error.to_string()),
            }
        }
        Err(LimitsError::Unavailable {
            what: "cannot run containers".to_owned(),
            why: reasons.join("; "),
            way_out: "install podman with runc, or start docker's daemon".to_owned(),
        })
    }

    fn ask(program: &Path, base: &str) -> Result<Self, LimitsError> {
        // A program called docker may be podman's.
        let banner = run(program, &["--version"], "")?;
        let is_podman = banner.to_lowercase().contains("podman");
        let asked = if is_podman {
            "{{.Client.Version}}"
        } else {
            // Only the daemon knows, so that the answer proves that it is there.
            "{{.Server.Version}}"
        };
        let version = run(program, &["version", "--format", asked], "")?;
        let hash = Sha256::digest(format!("{base}\n{DOCKERFILE}"));
        let tag = u64::from_be_bytes(std::array::from_fn(|index| hash[index]));
        Ok(Self {
            program: program.to_owned(),
            is_podman,
            version: version.trim().to_owned(),
            image: format!("tonnage-lab:{tag:016x}"),
            base: base.to_owned(),
        })
    }

    fn ensure_image(&self) -> Result<(), LimitsError> {
        if self.run(&["image", "inspect", &self.image]).is_ok() {
            return Ok(());
        }
        let base = format!("BASE={}", self.base);
        // A lone dash is a Dockerfile without any files beside it.
        let arguments = ["build", "--tag", &self.image, "--build-arg", &base, "-"];
        run(&self.program, &arguments, DOCKERFILE).map(drop)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, LimitsError> {
        run(&self.program, arguments, "")
    }

    pub(crate) fn describe(&self) -> String {
        let name = if self.is_podman { "podman" } else { "docker" };
        let (version, image, base) = (&self.version, &self.image, &self.base);
        format!("containers of {name} {version}, image {image} from {base}")
    }
}

/// Removes a container with everything in it; one that is gone is no error.
pub(crate) fn remove_container(program: &Path, name: &str) -> Result<(), LimitsError> {
    // Podman would first ask it to stop, and wait for ten seconds.
    let _ = run(program, &["kill", "--signal", "KILL", name], "");
    match run(program, &["rm", "--force", name], "") {
        Err(LimitsError::Engine { output, .. })
            if output.to_lowercase().contains("no such container")
                || output.contains("no container with name or ID") =>
        {
            Ok(())
        }
        removed => removed.map(drop),
    }
}

/// Runs the engine to its end and gives what it prints. One that hangs is killed.
fn run(program: &Path, arguments: &[&str], input: &str) -> Result<String, LimitsError> {
    let fail = |output: String| LimitsError::Engine {
        command: format!("{} {}", program.display(), arguments.join(" ")),
        output,
    };
    let limit = if arguments.first() == Some(&"build") {
        BUILD_TIMEOUT
    } else {
        TIMEOUT
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| fail(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not want its input says why in its output.
        let _ = stdin.write_all(input.as_bytes());
    }
    let (printed, said) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let status = wait(&mut child, limit).map_err(|error| fail(error.to_string()))?;
    let Some(status) = status else {
        return Err(fail(format!("it did not end within {} s", limit.as_secs())));
    };
    if status.success() {
        return Ok(text_of(printed));
    }
    Err(fail(text_of(said).trim().to_owned()))
}

/// Waits for a child, and kills it after `limit`; `None` then.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(POLL);
    }
}

/// Reads a pipe to its end beside whoever waits for the process.
fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // Half an answer explains more than none.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn text_of(pipe: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&pipe.join().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::fake::FakeMachine;

    fn program(folder: &Path, name: &str, script: &str) {
        let file = folder.join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn an_engine_that_does_not_answer_is_named_with_its_reason() {
        let home = tempfile::tempdir().unwrap();
        program(
            home.path(),
            "docker",
            "[ $1 = --version ] && echo Docker 28 || { echo 'no daemon' >&2; exit 1; }",
        );
        let machine = FakeMachine::new("/", "");
        let places = machine.places().with_programs(vec![home.path().to_owned()]);
        let text = Engine::find(&places).unwrap_err().to_string();
        for part in ["no daemon", "no `podman` on PATH", "install podman"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn the_image_is_built_from_the_base_that_is_asked_for_and_only_once() {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("log");
        let dockerfile = home.path().join("built");
        program(
            home.path(),
            "podman",
            &format!(
                "echo \"$@\" >> {log}\ncase $1 in\n--version) echo podman version 5;;\n\
                 version) echo 5;;\nimage) test -e {built};;\nbuild) cat > {built};;\nesac",
                log = log.display(),
                built = dockerfile.display()
            ),
        );
        let machine = FakeMachine::new("/", "");
        let places = machine
            .places()
            .with_programs(vec![home.path().to_owned()])
            .with_base_image("python:slim");
        let engine = Engine::find(&places).unwrap();
        assert!(engine.is_podman && engine.describe().contains("podman 5"));
        assert_eq!(Engine::find(&places).unwrap().image, engine.image);
        assert_eq!(fs::read_to_string(dockerfile).unwrap(), DOCKERFILE);
        let log = fs::read_to_string(log).unwrap();
        let builds: Vec<_> = log
            .lines()
            .filter(|line| line.starts_with("build"))
            .collect();
        let build = format!(
            "build --tag {} --build-arg BASE=python:slim -",
            engine.image
        );
        assert_eq!(builds, [build]);
        let other = Engine::find(&places.with_base_image("scratch")).unwrap();
        assert_ne!(other.image, engine.image);
    }
}
