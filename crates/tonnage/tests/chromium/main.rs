//! Pages in a real browser: `report.html`, opened from disk with no network, and
//! the live page of a load.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code, though not all of it stands in tests"
)]

#[path = "../it/answerer.rs"]
mod answerer;
#[path = "../common/mod.rs"]
mod common;
mod live;
mod webdriver;

use std::path::Path;
use std::process::{Command, Output};

use common::{Home, text};

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

#[test]
fn the_report_opens_from_disk_and_shows_its_answer() {
    let home = Home::new();
    let run = home.tonnage(&[
        "study",
        "run",
        "flask-bench",
        "--set",
        "clients=1,2",
        "--set",
        "duration=1s",
        "--set",
        "warmup=0s",
    ]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let printed = text(&run.stdout);
    let report = Path::new(printed.lines().last().unwrap()).join("report.html");

    let page = chromium(&["--dump-dom"], &report);
    let (dom, log) = (text(&page.stdout), text(&page.stderr));
    for part in ["requests/s", "<svg", "published", "clients", "Conditions"] {
        assert!(dom.contains(part), "{part} is missing");
    }
    assert!(!log.contains("CONSOLE"), "the browser complains: {log}");
    assert!(
        !log.contains("ERR_"),
        "the page asks for something that is not in it: {log}"
    );

    let picture = home.path().join("report.png");
    chromium(
        &[
            &format!("--screenshot={}", picture.display()),
            "--window-size=1000,1400",
        ],
        &report,
    );
    assert!(
        std::fs::metadata(&picture).unwrap().len() > 20_000,
        "the picture is nearly empty"
    );
}
