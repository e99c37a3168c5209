//! Servers in containers: limits hold there as they do in control groups, and nothing
//! is left, whatever ends the run.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code, though not all of it stands in tests"
)]

#[path = "../common/mod.rs"]
mod common;

use std::process::Command;

use common::{Home, Started, text};

const STUDY: &str = r#"
title = "Containers"
question = "Do they hold?"

[factors]
stack = ["gunicorn-sync", "native"]
workload = "hello"
clients = 8
cpus = 0.5
memory = "300MB"
keepalive = true
duration = "3s"
warmup = "500ms"

[experiment]
blocks = 1
reference = false
duplicate = false

[request]
path = "/"
"#;

fn command(home: &Home) -> Command {
    let file = home.path().join("containers.toml");
    std::fs::write(&file, STUDY).unwrap();
    let mut command = home.command(&[
        "study",
        "run",
        file.to_str().unwrap(),
        "--force",
        "--isolation",
        "container",
    ]);
    // No registry is needed for it.
    command.env("TONNAGE_CONTAINER_BASE", "scratch");
    command
}

/// Names of containers of this home's servers: they begin with its runs' marks.
fn containers(of: u32) -> Vec<String> {
    let listed = Command::new("podman")
        .args(["ps", "--all", "--format", "{{.Names}}"])
        .output()
        .unwrap();
    let name = format!("tonnage-{of}-");
    text(&listed.stdout)
        .lines()
        .filter(|line| line.starts_with(&name))
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn a_study_runs_in_containers_under_its_limits() {
    let home = Home::new();
    let output = command(&home).output().unwrap();
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        !printed.contains("Booting worker"),
        "the server's log is its own: {printed}"
    );
    let made = home.trials();
    assert_eq!(made.len(), 2);
    for trial in &made {
        let usage = trial.usage.as_ref().unwrap();
        let cpus = usage.mean_cpus().unwrap();
        println!("{}: {cpus:.4} CPUs", trial.cell.stack);
        // Eight clients would keep either busy beyond its half CPU, were they alone on
        // the machine.
        assert!(cpus > 0.1 && cpus < 0.5 * 1.05, "{cpus}");
        assert!(usage.periods.unwrap() > 10, "{usage:?}");
        assert!(usage.memory_peak_bytes.unwrap() > 1_000_000);
    }
    assert!(home.servers().is_empty(), "{:?}", home.servers());
}

#[test]
fn a_killed_run_leaves_its_container_to_the_next_start() {
    let home = Home::new();
    let mut run = Started::of(command(&home));
    let pid = run.child.id();
    common::wait_until("a container is there", || !containers(pid).is_empty());
    run.signal("KILL");
    run.finish();
    let output = home
        .command(&["study", "resume"])
        .env("TONNAGE_CONTAINER_BASE", "scratch")
        .output();
    let output = output.unwrap();
    // 4: the run is complete, but others had this machine, and no trial of it counts.
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 4)), "{}", text(&output.stderr));
    assert_eq!(home.trials().len(), 2);
    assert!(containers(pid).is_empty(), "{:?}", containers(pid));
    assert!(home.servers().is_empty());
}
