//! `cargo xtask sanitize`: the server's tests under the address sanitizer, and its extension
//! under the conformance suite.
//!
//! The thread sanitizer is left out: it needs a standard library built for it (`-Zbuild-std`,
//! which no stable toolchain can). With the one that is shipped it takes each of std's
//! mutexes and channels, which it cannot see into, for a data race.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;

use crate::conformance::pytest;
use crate::environments::{Environment, python, run, target};
use crate::tasks::cargo;

/// A test that says nothing here: the extension is built without the other verbs.
const LEFT_OUT: &str = "--deselect=tests/test_settings.py::test_the_other_verbs_are_there";

/// So much of what is freed is kept for a while, to see whether anybody uses it: with more,
/// the tests that bound a server's memory would measure that.
const QUARANTINE_MIB: u32 = 16;

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The Python of the extension: a version, or the path of its program
    #[arg(long, default_value = "3.12")]
    python: String,
    /// What pytest is given, after `--`
    #[arg(last = true)]
    pytest: Vec<String>,
}

/// Runs both.
pub(crate) fn sanitize(settings: &Settings) -> anyhow::Result<()> {
    println!("tests of tonnage-serve, leaks included");
    let tests = run(sanitized("test").args(["--package", "tonnage-serve", "--no-fail-fast"]));
    let python = python(&settings.python)?;
    println!(
        "the suite with a sanitized extension, by {}",
        python.display()
    );
    // Both, whatever the first says: each takes minutes.
    tests.and(suite(&python, &settings.pytest))
}

/// Cargo with the sanitizer, which the stable compiler has but does not offer.
fn sanitized(verb: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([verb, "--target", &triple(), "--target-dir"])
        .arg(folder())
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address");
    command
}

/// What is built for. Named, so that build scripts and macros are not sanitized.
fn triple() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// Everything of it.
fn folder() -> PathBuf {
    target().join("sanitize")
}

fn suite(python: &Path, arguments: &[String]) -> anyhow::Result<()> {
    // The suite sends load with it.
    cargo(&["build", "--package", "tonnage"], None)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let requirements = root.join("tests/requirements.lock");
    let environment = Environment::of(python, &requirements, "sanitized")?;
    show(&package(python, &root)?, &environment)?;
    let reports = folder().join("reports");
    if reports.exists() {
        fs::remove_dir_all(&reports)?;
    }
    fs::create_dir_all(&reports)?;
    // Python itself leaks when it ends, which is none of ours.
    let log = reports.join("asan");
    let options = format!(
        "detect_leaks=0:quarantine_size_mb={QUARANTINE_MIB}:log_path={}",
        log.display()
    );
    let mut pytest = pytest(&environment, arguments);
    pytest
        .arg(LEFT_OUT)
        .env("LD_PRELOAD", runtime()?)
        .env("ASAN_OPTIONS", options);
    let passed = run(&mut pytest);
    // A worker that a report has ended is replaced, and a test may not notice.
    let written = fs::read_dir(&reports)?.count();
    ensure!(written == 0, "{written} reports in {}", reports.display());
    passed
}

/// Has an environment find a package. Not by `PYTHONPATH`, which some tests set.
fn show(package: &Path, environment: &Environment) -> anyhow::Result<()> {
    let mut libraries = fs::read_dir(environment.folder().join("lib"))?.flatten();
    let library = libraries.find(|entry| entry.file_name().to_string_lossy().starts_with("python"));
    let library = library.context("an environment without a library")?;
    let link = library.path().join("site-packages/tonnage.pth");
    fs::write(link, package.canonicalize()?.as_os_str().as_encoded_bytes())?;
    Ok(())
}

/// A folder with the Python package and an extension that is sanitized.
fn package(python: &Path, root: &Path) -> anyhow::Result<PathBuf> {
    let mut build = sanitized("build");
    build.args(["--package", "tonnage-python", "--no-default-features"]);
    run(build.env("PYO3_PYTHON", python))?;
    let package = folder().join("package");
    let inner = package.join("tonnage");
    if inner.exists() {
        fs::remove_dir_all(&inner)?;
    }
    fs::create_dir_all(&inner)?;
    for entry in fs::read_dir(root.join("python/tonnage"))?.flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), inner.join(entry.file_name()))?;
        }
    }
    let library = folder().join(triple()).join("debug/lib_tonnage.so");
    fs::copy(library, inner.join("_tonnage.so"))?;
    Ok(package)
}

/// The sanitizer's runtime, which must be there before Python is: the compiler's own is
/// for programs alone, gcc's is the same.
fn runtime() -> anyhow::Result<PathBuf> {
    let mut gcc = Command::new("gcc");
    let output = gcc.arg("-print-file-name=libasan.so").output();
    let output = output.context("gcc, which brings libasan, is not there")?;
    let path = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    ensure!(path.is_absolute(), "gcc has no libasan");
    Ok(path)
}
