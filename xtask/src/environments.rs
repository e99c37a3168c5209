//! Pythons, and virtual environments of locked requirements, for the server's tests and
//! benchmarks. They are kept below `target/` and made anew when a lock changes.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// The last line of a finished environment's mark; anything else is half made.
const COMPLETE: &str = "complete\n";

/// A Python by its version (`3.12`), as a program of that name on PATH or one of
/// pyenv's, or by the path of its program.
pub(crate) fn python(wanted: &str) -> anyhow::Result<PathBuf> {
    if wanted.contains('/') {
        return Ok(PathBuf::from(wanted));
    }
    let named = PathBuf::from(format!("python{wanted}"));
    // A shim of pyenv's may be there and lead nowhere.
    let answers = |program: &Path| {
        Command::new(program)
            .args(["-c", "import venv"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if answers(&named) {
        return Ok(named);
    }
    let home = env::var_os("HOME").map_or_else(PathBuf::new, PathBuf::from);
    let root = env::var_os("PYENV_ROOT").map_or_else(|| home.join(".pyenv"), PathBuf::from);
    let versions = fs::read_dir(root.join("versions"));
    let mut found: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let rest = name.strip_prefix(wanted);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
        .map(|entry| entry.path().join("bin/python"))
        .filter(|program| answers(program))
        .collect();
    found.sort();
    match found.pop() {
        Some(program) => Ok(program),
        None => bail!("there is no python{wanted} with the module venv"),
    }
}

/// The Python that `python3` means here, where it can make environments and is new enough.
pub(crate) fn default_python() -> Option<PathBuf> {
    // Its own name for itself: a shim's path would be the same for another version.
    let script = "import ensurepip, sys, venv; assert sys.version_info >= (3, 10); \
                  print(sys.executable, end='')";
    let output = Command::new("python3")
        .args(["-c", script])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?);
    (output.status.success() && path.is_file()).then_some(path)
}

/// The folder that cargo builds in.
pub(crate) fn target() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// A virtual environment.
pub(crate) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// What `requirements` locks, with hashes; from the cache where it was made before.
    /// A `kind` keeps environments apart that something else is installed into.
    pub(crate) fn of(python: &Path, requirements: &Path, kind: &str) -> anyhow::Result<Self> {
        let lock = fs::read(requirements)
            .with_context(|| format!("cannot read {}", requirements.display()))?;
        let mut hasher = DefaultHasher::new();
        (&lock, python).hash(&mut hasher);
        let name = requirements.file_stem().unwrap_or_default();
        let folder = format!("{}-{kind}-{:016x}", name.display(), hasher.finish());
        let made = Self {
            folder: target().join("environments").join(folder),
        };
        let mark = made.folder.join("complete");
        if fs::read_to_string(&mark).is_ok_and(|text| text == COMPLETE) {
            return Ok(made);
        }
        if made.folder.exists() {
            fs::remove_dir_all(&made.folder)?;
        }
        fs::create_dir_all(&made.folder)?;
        println!("making {}", made.folder.display());
        run(Command::new(python).args(["-m", "venv"]).arg(&made.folder))?;
        run(made
            .pip()
            .args(["--require-hashes", "-r"])
            .arg(requirements))?;
        fs::write(mark, COMPLETE)?;
        Ok(made)
    }

    /// Installs a wheel, in the place of an older one.
    pub(crate) fn install(&self, wheel: &Path) -> anyhow::Result<()> {
        run(self
            .pip()
            .args(["--no-deps", "--no-index", "--force-reinstall"])
            .arg(wheel))
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    fn pip(&self) -> Command {
        let mut pip = Command::new(self.python());
        pip.args(["-m", "pip", "install", "--quiet"]);
        pip.arg("--disable-pip-version-check");
        pip
    }
}

/// Takes away what `cargo run` tells this program of itself: build scripts that look at it
/// (ring's) would run anew, and much be compiled again.
pub(crate) fn forget_cargo(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// Runs a program to its end; what it prints is shown.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
