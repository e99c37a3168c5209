//! The Python package `tonnage`, with which stacks are served whose server is Tonnage's own.
//! Where it is installed also says which Python environments are made with: the package is
//! compiled for one version, and servers can only be compared on the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Settings;

/// A folder that has the package, and the Python that it was installed into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The package itself, with the extension in it.
    pub folder: PathBuf,
    /// An interpreter of the version that it is compiled for.
    pub python: PathBuf,
}

/// What a Python is asked: where it has the package, and what it is itself. A virtual
/// environment names the Python that it was made with, so that environments made with it
/// are the same for all of those.
const QUESTION: &str = "\
import importlib.util, os, sys
print(os.path.dirname(os.path.abspath(importlib.util.find_spec('tonnage._tonnage').origin)))
print(getattr(sys, '_base_executable', None) or sys.executable)";

/// The package that this program runs from, or that of the active environment.
pub(crate) fn installed(settings: &Settings) -> Option<Package> {
    settings
        .package
        .clone()
        .or_else(|| ask(settings.active_python.as_deref()?))
}

/// The folder of the package, which has to be one for this minor version of Python 3; or
/// why there is none, and what would help.
pub(crate) fn find(settings: &Settings, minor: Option<u32>) -> Result<PathBuf, String> {
    let Some(package) = installed(settings) else {
        return Err(
            "the package `tonnage` is not installed in the active Python environment \
             (`pip install .` in a checkout of Tonnage)"
                .to_owned(),
        );
    };
    let minor = minor.unwrap_or_default();
    if has_extension(&package.folder, minor) {
        return Ok(package.folder);
    }
    Err(format!(
        "the package `tonnage` in {} is for {}, and this stack runs on Python 3.{minor} \
         (see $TONNAGE_PYTHON)",
        package.folder.display(),
        package.python.display(),
    ))
}

fn ask(python: &Path) -> Option<Package> {
    let answer = Command::new(python)
        .args(["-c", QUESTION])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|answer| answer.status.success())?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let (folder, python) = text.trim_end().split_once('\n')?;
    Some(Package {
        folder: PathBuf::from(folder),
        python: PathBuf::from(python),
    })
}

fn has_extension(folder: &Path, minor: u32) -> bool {
    let wanted = format!("_tonnage.cpython-3{minor}-");
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .any(|name| name.starts_with(&wanted))
}

/// Puts the package, and nothing else that lies beside it, where `PYTHONPATH` can name it:
/// a folder in `scratch`.
pub(crate) fn alone(package: &Path, scratch: &Path) -> std::io::Result<PathBuf> {
    let folder = scratch.join("package");
    fs::create_dir_all(&folder)?;
    std::os::unix::fs::symlink(package, folder.join("tonnage"))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::for_tests;

    #[test]
    fn a_package_is_found_for_its_own_python_only() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("site/tonnage");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("_tonnage.cpython-312-x86_64-linux-gnu.so"), "").unwrap();
        let mut settings = for_tests(home.path());
        let missing = find(&settings, Some(12)).unwrap_err();
        assert!(missing.contains("pip install ."), "{missing}");
        settings.package = Some(Package {
            folder: folder.clone(),
            python: PathBuf::from("python3.12"),
        });
        assert_eq!(find(&settings, Some(12)), Ok(folder.clone()));
        let other = find(&settings, Some(13)).unwrap_err();
        assert!(other.contains("is for python3.12"), "{other}");
        let alone = alone(&folder, home.path()).unwrap();
        assert_eq!(fs::read_dir(&alone).unwrap().count(), 1);
        assert!(
            alone
                .join("tonnage/_tonnage.cpython-312-x86_64-linux-gnu.so")
                .exists()
        );
    }
}
