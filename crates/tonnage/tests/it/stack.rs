//! `tonnage up` on real gunicorn and Flask.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use crate::common::{Home, Started, text, wait_until};

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn a_stack_runs_in_the_foreground_until_it_is_told_to_stop() {
    let home = Home::new();
    let port = free_port();
    let mut up = home.start(&[
        "up",
        "gunicorn-sync",
        "loop",
        "--port",
        &port.to_string(),
        "--workers",
        "2",
    ]);
    up.wait_for_line("gunicorn-sync serves loop with 2 workers at");
    let answer = get(port, "/?it1=1000&it2=2").unwrap();
    assert!(
        answer.contains(" 200 ") && answer.contains("Computation took"),
        "{answer}"
    );
    assert!(
        get(port, "/").unwrap().contains(" 400 "),
        "it1 and it2 are needed"
    );
    assert!(
        get(port, "/?it1=999999999&it2=999999999")
            .unwrap()
            .contains(" 400 "),
        "there is a bound"
    );
    assert!(
        get(port, "/metrics")
            .unwrap()
            .contains("flask_http_request_total")
    );
    assert_eq!(
        home.servers().len(),
        3,
        "a master and two workers: {:?}",
        home.servers()
    );
    up.signal("INT");
    let (code, _, errors) = up.finish();
    assert_eq!(code, Some(130), "{errors}");
    assert!(home.servers().is_empty());
}

#[test]
fn a_port_in_use_is_named_with_its_holder() {
    let home = Home::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let output = home.tonnage(&["up", "gunicorn-sync", "loop", "--port", &port.to_string()]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    let pid = format!("(pid {})", std::process::id());
    for part in [
        &format!("port {port} on 127.0.0.1 is in use"),
        &pid,
        "--port",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn an_app_that_dies_at_import_shows_its_last_words() {
    let home = Home::new();
    break_flask(&home);
    let quick = ["study", "run", "flask-bench", "--quick"];
    let output = home.tonnage(&quick);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("ended before it answered"), "{error}");
    assert!(error.contains("RuntimeError: broken on purpose"), "{error}");
    assert!(home.servers().is_empty());
    let shown = text(&home.tonnage(&["study", "show"]).stdout);
    assert!(
        shown.contains("broken on purpose") || shown.contains("ended before it answered"),
        "{shown}"
    );
}

/// Makes Flask raise at import, in a copy of the environment.
fn break_flask(home: &Home) {
    let environments = home.own_cache().join("environments");
    let mut broken = 0;
    for environment in std::fs::read_dir(environments).unwrap().flatten() {
        for python in std::fs::read_dir(environment.path().join("lib"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let module = python.path().join("site-packages/flask/__init__.py");
            if module.is_file() {
                // A file of its own: uv's may be a hard link into a shared cache.
                std::fs::remove_file(&module).unwrap();
                std::fs::write(&module, "raise RuntimeError('broken on purpose')\n").unwrap();
                broken += 1;
            }
        }
    }
    assert!(broken > 0, "no environment with Flask was found");
}

#[test]
fn workers_follow_the_cpus_that_may_be_used() {
    // Pinned to one CPU, 2n+1 is 3, whatever the machine has.
    let home = Home::new();
    let port = free_port();
    let mut command = std::process::Command::new("taskset");
    command.args(["-c", &first_usable_cpu(), env!("CARGO_BIN_EXE_tonnage")]);
    command.args(["up", "gunicorn-sync", "loop", "--port", &port.to_string()]);
    command.env("TONNAGE_HOME", home.path());
    let mut up = Started::of(command);
    up.wait_for_line("with 3 workers");
    wait_until("every worker is there", || home.servers().len() == 4);
    up.signal("TERM");
    let (code, _, errors) = up.finish();
    assert_eq!(code, Some(130), "{errors}");
}

/// The number of the first CPU in this process's affinity mask.
fn first_usable_cpu() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = list.unwrap().trim().split([',', '-']).next().unwrap();
    first.to_owned()
}

#[test]
fn the_app_refuses_to_start_without_a_secret_key() {
    let home = Home::new();
    let environments = home.own_cache().join("environments");
    let has_flask = |python: &PathBuf| {
        let mut command = std::process::Command::new(python);
        command.args(["-c", "import flask, prometheus_flask_exporter"]);
        command.output().is_ok_and(|output| output.status.success())
    };
    let python = std::fs::read_dir(environments)
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("bin/python"))
        .find(has_flask)
        .unwrap();
    let import = |key: Option<&str>| {
        let mut command = std::process::Command::new(&python);
        command
            .args(["-B", "-c", "import loop"])
            .env_remove("SECRET_KEY");
        let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps");
        command.current_dir(apps.join("flask"));
        command.env("PYTHONPATH", apps.join("common"));
        command.envs(key.map(|key| ("SECRET_KEY", key)));
        command.output().unwrap()
    };
    let refused = import(None);
    assert!(!refused.status.success());
    assert!(
        text(&refused.stderr).contains("SECRET_KEY is not set"),
        "{}",
        text(&refused.stderr)
    );
    assert!(import(Some("any")).status.success());
}
