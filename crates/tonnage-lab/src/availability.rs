//! Whether a stack can run on this machine, and if not, why, and what would help.

use std::collections::BTreeMap;
use std::fmt;

use tonnage_model::{PythonVersion, Requirement};

use crate::environment;
use crate::python::{self, Python};
use crate::{FoundStack, LabError, Settings, package, programs};

/// Whether a stack can run on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// It can, at once.
    Ready,
    /// It can, as soon as its environment is installed, which its first start does.
    NotInstalled,
    /// It could, but its environment could not be installed when it was last tried.
    InstallFailed(String),
    /// It cannot: why, and what would help.
    Missing(String),
}

impl fmt::Display for Availability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::NotInstalled => f.write_str("ready to be installed by its first start"),
            Self::InstallFailed(reason) => {
                write!(f, "could not be installed when last tried: {reason}")
            }
            Self::Missing(reason) => write!(f, "unavailable: {reason}"),
        }
    }
}

/// Looks for what stacks need; asks each interpreter only once.
#[derive(Debug)]
pub struct Surroundings<'a> {
    settings: &'a Settings,
    pythons: BTreeMap<Option<PythonVersion>, Result<Python, String>>,
}

impl<'a> Surroundings<'a> {
    /// Of this machine.
    pub fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            pythons: BTreeMap::new(),
        }
    }

    /// Whether a stack can run here.
    pub fn availability(&mut self, found: &FoundStack) -> Result<Availability, LabError> {
        if let Some(missing) = missing_program(self.settings, found) {
            return Ok(Availability::Missing(missing));
        }
        let Some(lock) = found.lock()? else {
            return Ok(Availability::Ready);
        };
        let settings = self.settings;
        let python = self
            .pythons
            .entry(found.stack.python)
            .or_insert_with_key(|version| {
                python::find(settings, *version).map_err(|error| error.to_string())
            });
        Ok(match python {
            Err(reason) => Availability::Missing(reason.clone()),
            Ok(python) => match missing_package(settings, found, python) {
                Some(missing) => Availability::Missing(missing),
                None => environment::state(settings, &lock, python),
            },
        })
    }
}

/// Fails where a stack needs a program or an interpreter that is not here.
pub(crate) fn require(settings: &Settings, found: &FoundStack) -> Result<(), LabError> {
    match Surroundings::new(settings).availability(found)? {
        // A last try that failed does not mean that the next one does.
        Availability::Ready | Availability::NotInstalled | Availability::InstallFailed(_) => Ok(()),
        Availability::Missing(reason) => Err(LabError::Unavailable {
            stack: found.name.clone(),
            reason,
        }),
    }
}

fn missing_package(settings: &Settings, found: &FoundStack, python: &Python) -> Option<String> {
    if !found.stack.tonnage_package {
        return None;
    }
    package::find(settings, python.minor()).err()
}

fn missing_program(settings: &Settings, found: &FoundStack) -> Option<String> {
    let is_missing = |need: &&Requirement| programs::find(settings, &need.program).is_none();
    let need = found.stack.requires.iter().find(is_missing)?;
    Some(match &need.package {
        Some(package) => format!(
            "{} is not installed (on Debian and Ubuntu: apt-get install {package})",
            need.program
        ),
        None => format!("{} is not installed", need.program),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Stacks;
    use crate::settings::for_tests;

    fn of(home: &Path, extra: &str) -> Availability {
        let folder = home.join("stacks/mine");
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "title = \"Mine\"\napp = \"flask\"\n{extra}\ncommand = [\"x\"]\nstop_signal = \"TERM\"\n\
             stop_timeout = \"1s\"\nready_timeout = \"1s\"\n"
        );
        std::fs::write(folder.join("stack.toml"), text).unwrap();
        let settings = for_tests(home);
        let found = Stacks::new(&settings).find("mine").unwrap();
        Surroundings::new(&settings).availability(&found).unwrap()
    }

    #[test]
    fn a_stack_that_needs_nothing_is_ready() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(of(home.path(), ""), Availability::Ready);
    }

    #[test]
    fn what_is_missing_is_named_with_the_way_out() {
        let home = tempfile::tempdir().unwrap();
        let needs = "requires = [{ program = \"no-such-program\", package = \"no-such-package\" }]";
        let program = of(home.path(), needs).to_string();
        assert!(
            program.contains("no-such-program is not installed")
                && program.contains("apt-get install no-such-package"),
            "{program}"
        );
        let python = of(home.path(), "python = \"3.6\"\nlock = \"uv.lock\"").to_string();
        assert!(
            python.starts_with("unavailable: ") && python.contains("CPython 3.6"),
            "{python}"
        );
    }
}
