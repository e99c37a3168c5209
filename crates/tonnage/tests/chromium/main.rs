//! Pages in a real browser: `report.html`, opened from disk with no network, the live page
//! of a load, the server's status page, and what `tonnage serve` speaks with browsers.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code, though not all of it stands in tests"
)]

#[path = "../it/answerer.rs"]
mod answerer;
#[path = "../common/mod.rs"]
mod common;
mod live;
mod protocols;
mod report;
mod served;
mod status;
mod webdriver;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Longer than anything here takes; a bound, not an expectation.
const PATIENCE: Duration = Duration::from_mins(1);

/// Opens a file headless, every host name unknown, and gives what chromium says.
fn chromium(arguments: &[&str], file: &Path) -> Output {
    let profile = tempfile::tempdir().unwrap();
    Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--hide-scrollbars",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap()
}

/// Polls for a state that must come.
fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
