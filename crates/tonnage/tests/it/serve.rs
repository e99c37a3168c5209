//! `tonnage serve` as cargo builds it: it runs the package of the active environment, and
//! what is said where that has none.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

use crate::common::{Home, plain, text};

/// An active environment whose Python is this shell script.
fn environment(home: &Home, script: &str) -> PathBuf {
    let folder = home.path().join("environment");
    let python = folder.join("bin/python");
    std::fs::create_dir_all(folder.join("bin")).unwrap();
    std::fs::write(&python, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// One without the package.
fn without_package(home: &Home) -> PathBuf {
    environment(home, "echo ModuleNotFoundError >&2; exit 1")
}

fn run(home: &Home, environment: &PathBuf, arguments: &[&str]) -> Output {
    let mut command = home.command(arguments);
    command.env("VIRTUAL_ENV", environment).output().unwrap()
}

#[test]
fn arguments_and_exit_code_are_those_of_the_server_in_the_active_environment() {
    let home = Home::new();
    let script = "case $1 in -c) exit 0;; esac\nprintf '<%s>' \"$@\"; exit 4";
    let active = environment(&home, script);
    let arguments = [
        "serve",
        "app:app",
        "--workers",
        "2",
        "-b",
        "unix:a b",
        "--help",
    ];
    let output = run(&home, &active, &arguments);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "<-m><tonnage><serve><app:app><--workers><2><-b><unix:a b><--help>"
    );
}

#[test]
fn without_the_package_it_is_said_where_it_was_looked_for_and_how_to_install_it() {
    let home = Home::new();
    let active = without_package(&home);
    let output = run(&home, &active, &["serve", "app:app"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let python = active.join("bin/python").display().to_string();
    for part in [&python, "no package `tonnage`", "pip install ."] {
        assert!(error.contains(part), "{error}");
    }
    let list = text(&run(&home, &active, &["stack", "list"]).stdout);
    let (_, missing) = list.split_once("Not on this machine:").unwrap();
    for stack in [
        "tonnage-asgi",
        "tonnage-gevent",
        "tonnage-wsgi",
        "tonnage-wsgi-threads",
    ] {
        assert!(missing.contains(&format!("\n{stack}\n")), "{list}");
    }
    assert!(missing.contains("pip install ."), "{list}");
}

#[test]
fn a_study_without_the_package_measures_the_rivals_and_says_what_is_left_out() {
    let home = Home::new();
    let active = without_package(&home);
    let arguments = plain(&[
        "--set=stack=gunicorn-sync,tonnage-wsgi",
        "--set=clients=1",
        "--set=duration=200ms",
        "--set=iterations=100",
    ]);
    let output = run(&home, &active, &arguments);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        printed.matches("Injecting with 1 vus.").count(),
        1,
        "{printed}"
    );
    let words: Vec<&str> = printed.split_whitespace().collect();
    let flowing = words.join(" ");
    let expected =
        "tonnage-wsgi cannot run here and is left out: the package `tonnage` is not installed";
    assert!(flowing.contains(expected), "{printed}");
}
