//! Finds the Python that environments are built with.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tonnage_model::PythonVersion;

use crate::{LabError, Settings, package};

/// The minor versions of Python 3 that the stacks are locked and tested for.
const SUPPORTED: std::ops::RangeInclusive<u32> = 10..=13;

/// A Python interpreter that can make virtual environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Python {
    pub(crate) executable: PathBuf,
    /// Such as `3.13.0`.
    pub(crate) version: String,
}

impl Python {
    /// The number behind `3.`.
    pub(crate) fn minor(&self) -> Option<u32> {
        minor(&self.version)
    }
}

/// What is asked of a candidate: whether it can do what is needed at all (Debian
/// ships `venv` apart), and what it really is, shims and links aside.
const QUESTION: &str = "import sys, venv, ensurepip
print('%d.%d.%d' % sys.version_info[:3])
print(sys.executable)";

/// How long a candidate may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A Python for a stack: where it runs on one version only, the first of that
/// version on PATH or among pyenv's; else the one that the user asks for, the one that
/// has the package `tonnage`, or the newest supported one.
pub(crate) fn find(settings: &Settings, only: Option<PythonVersion>) -> Result<Python, LabError> {
    match only {
        Some(version) => find_version(settings, version),
        None => find_supported(settings),
    }
}

fn find_version(settings: &Settings, version: PythonVersion) -> Result<Python, LabError> {
    let asked = settings.python.iter().cloned();
    let mut refusals = Vec::new();
    for candidate in asked.chain(candidates(settings, [version.minor])) {
        match ask(&candidate, &settings.installer_environment) {
            Ok(python) if minor(&python.version) == Some(version.minor) => return Ok(python),
            Ok(_) => {}
            Err(reason) => refusals.push(format!("; {}: {reason}", candidate.display())),
        }
    }
    Err(LabError::Python(format!(
        "it needs CPython {version}, which is neither on PATH nor among pyenv's versions \
         (pyenv install {version}){}",
        refusals.concat()
    )))
}

fn find_supported(settings: &Settings) -> Result<Python, LabError> {
    if let Some(asked) = &settings.python {
        let python = ask(asked, &settings.installer_environment).map_err(|reason| {
            LabError::Usage(format!(
                "$TONNAGE_PYTHON is {}, but {reason}",
                asked.display()
            ))
        })?;
        return match minor(&python.version) {
            Some(minor) if minor >= *SUPPORTED.start() => Ok(python),
            _ => Err(LabError::Usage(format!(
                "$TONNAGE_PYTHON is Python {}, but 3.{} or newer is needed",
                python.version,
                SUPPORTED.start()
            ))),
        };
    }
    let with_package = package::installed(settings).map(|package| package.python);
    let mut refusals = Vec::new();
    for candidate in with_package
        .into_iter()
        .chain(candidates(settings, SUPPORTED.rev()))
    {
        match ask(&candidate, &settings.installer_environment) {
            Ok(python) if minor(&python.version).is_some_and(|m| SUPPORTED.contains(&m)) => {
                return Ok(python);
            }
            Ok(python) => refusals.push(format!(
                "{} is Python {}",
                candidate.display(),
                python.version
            )),
            Err(reason) => refusals.push(format!("{}: {reason}", candidate.display())),
        }
    }
    let tried = if refusals.is_empty() {
        "nothing by that name is there".to_owned()
    } else {
        refusals.join("; ")
    };
    Err(LabError::Python(format!(
        "no usable Python found: looked for Python 3.{} to 3.{} with venv on PATH and among pyenv's versions ({tried}). \
         Install one (on Debian and Ubuntu: apt-get install python3 python3-venv), or name one in $TONNAGE_PYTHON",
        SUPPORTED.start(),
        SUPPORTED.end()
    )))
}

/// Paths worth asking for these minor versions, in their order.
fn candidates(settings: &Settings, minors: impl IntoIterator<Item = u32>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for minor in minors {
        let name = format!("python3.{minor}");
        found.extend(settings.search_path.iter().map(|folder| folder.join(&name)));
        let versions = settings
            .pyenv_versions
            .iter()
            .flat_map(fs::read_dir)
            .flatten()
            .flatten();
        let mut versions: Vec<PathBuf> = versions
            .filter(|entry| {
                entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with(&format!("3.{minor}."))
            })
            .map(|entry| entry.path().join("bin").join(&name))
            .collect();
        versions.sort();
        found.extend(versions.into_iter().rev());
    }
    found.extend(
        settings
            .search_path
            .iter()
            .map(|folder| folder.join("python3")),
    );
    found.retain(|path| path.is_file());
    found
}

fn ask(candidate: &Path, environment: &BTreeMap<OsString, OsString>) -> Result<Python, String> {
    let mut child = Command::new(candidate)
        .args(["-I", "-c", QUESTION])
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let deadline = Instant::now() + ANSWER_TIMEOUT;
    // Its few lines fit into the pipes' buffers, so that it cannot block on us.
    while child
        .try_wait()
        .map_err(|error| error.to_string())?
        .is_none()
    {
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!(
                "it does not answer within {} s",
                ANSWER_TIMEOUT.as_secs()
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.trim().lines().last().unwrap_or("no message").trim();
        return Err(if last.contains("ensurepip") || last.contains("venv") {
            format!("it lacks venv ({last}; on Debian and Ubuntu: apt-get install python3-venv)")
        } else {
            format!("it fails ({last})")
        });
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    match (lines.next(), lines.next()) {
        (Some(version), Some(executable)) => Ok(Python {
            executable: PathBuf::from(executable),
            version: version.to_owned(),
        }),
        _ => Err("it does not answer like Python".to_owned()),
    }
}

fn minor(version: &str) -> Option<u32> {
    let mut parts = version.split('.');
    (parts.next() == Some("3")).then(|| parts.next()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::Package;
    use crate::settings::for_tests;

    /// A program that answers like a Python of that version, or like a shim
    /// without one behind it.
    fn fake(folder: &Path, name: &str, version: Option<&str>) {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(name);
        let script = match version {
            Some(version) => format!("#!/bin/sh\necho {version}\necho {}\n", path.display()),
            None => "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n".to_owned(),
        };
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_newest_that_works_is_taken() {
        let root = tempfile::tempdir().unwrap();
        fake(&root.path().join("bin"), "python3.13", None);
        fake(&root.path().join("bin"), "python3.11", Some("3.11.4"));
        fake(
            &root.path().join("versions/3.12.1/bin"),
            "python3.12",
            Some("3.12.1"),
        );
        assert_eq!(
            find(&for_tests(root.path()), None).unwrap().version,
            "3.12.1"
        );
    }

    #[test]
    fn the_one_that_has_tonnage_comes_before_newer_ones() {
        let root = tempfile::tempdir().unwrap();
        fake(&root.path().join("bin"), "python3.13", Some("3.13.0"));
        fake(&root.path().join("mine"), "python3.11", Some("3.11.4"));
        let mut settings = for_tests(root.path());
        settings.package = Some(Package {
            folder: root.path().join("mine/site-packages/tonnage"),
            python: root.path().join("mine/python3.11"),
        });
        assert_eq!(find(&settings, None).unwrap().version, "3.11.4");
        settings.python = Some(root.path().join("bin/python3.13"));
        assert_eq!(find(&settings, None).unwrap().version, "3.13.0");
    }

    #[test]
    fn a_stack_of_one_version_gets_just_that() {
        let root = tempfile::tempdir().unwrap();
        fake(&root.path().join("bin"), "python3.13", Some("3.13.0"));
        let only = Some(PythonVersion { minor: 6 });
        let error = find(&for_tests(root.path()), only).unwrap_err().to_string();
        assert!(
            error.contains("CPython 3.6") && error.contains("pyenv install 3.6"),
            "{error}"
        );
        let bin = root.path().join("versions/3.6.15/bin");
        fake(&bin, "python3.6", Some("3.6.15"));
        let mut settings = for_tests(root.path());
        assert_eq!(find(&settings, only).unwrap().version, "3.6.15");
        // What the user asks for is for the stacks that leave the choice.
        settings.python = Some(root.path().join("bin/python3.13"));
        assert_eq!(find(&settings, only).unwrap().version, "3.6.15");
    }

    #[test]
    fn an_unversioned_name_is_the_last_resort() {
        let root = tempfile::tempdir().unwrap();
        fake(&root.path().join("bin"), "python3", Some("3.10.2"));
        assert_eq!(
            find(&for_tests(root.path()), None).unwrap().version,
            "3.10.2"
        );
    }

    #[test]
    fn where_none_works_the_message_says_what_was_tried_and_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        fake(&root.path().join("bin"), "python3.13", None);
        fake(&root.path().join("bin"), "python3", Some("3.9.2"));
        let error = find(&for_tests(root.path()), None).unwrap_err().to_string();
        for part in [
            "command not found",
            "is Python 3.9.2",
            "apt-get install python3",
            "TONNAGE_PYTHON",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_one_asked_for_is_taken_or_refused_with_the_reason() {
        let root = tempfile::tempdir().unwrap();
        fake(&root.path().join("bin"), "python3.12", Some("3.12.0"));
        fake(&root.path().join("mine"), "python", Some("3.14.1"));
        fake(&root.path().join("old"), "python", Some("3.9.1"));
        let mut settings = for_tests(root.path());
        settings.python = Some(root.path().join("mine/python"));
        assert_eq!(find(&settings, None).unwrap().version, "3.14.1");
        settings.python = Some(root.path().join("old/python"));
        assert!(
            find(&settings, None)
                .unwrap_err()
                .to_string()
                .contains("3.10 or newer")
        );
        settings.python = Some(root.path().join("nowhere"));
        assert!(
            find(&settings, None)
                .unwrap_err()
                .to_string()
                .contains("cannot be started")
        );
    }
}
