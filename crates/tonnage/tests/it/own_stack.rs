//! A stack of the user's own: a folder, no Rust, with a real server of the package index. The
//! same files stand in docs/stacks.md.

use std::net::TcpListener;
use std::path::Path;

use crate::common::{Home, text};

/// Puts the stack's files into `folder`.
fn add(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cheroot-bottle");
    for file in ["stack.toml", "serve.py", "requirements.lock"] {
        std::fs::copy(Path::new(source).join(file), folder.join(file)).unwrap();
    }
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// Runs `hello` on the stack until it serves, and ends it.
#[track_caller]
fn serves(home: &Home, stack: &str) {
    let port = free_port();
    let mut up = home.start(&["up", stack, "hello", "--port", &port, "--threads", "3"]);
    let line = up.wait_for_line("serves hello");
    assert!(
        line.contains("with 3 threads at http://127.0.0.1:"),
        "{line}"
    );
    up.signal("INT");
    let (code, _, errors) = up.finish();
    assert_eq!(code, Some(130), "{errors}");
    assert!(home.servers().is_empty());
}

#[test]
fn a_folder_anywhere_is_a_stack_by_its_path() {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    add(folder.path());
    serves(&home, &folder.path().to_string_lossy());
}

#[test]
fn a_folder_in_the_home_is_listed_and_runs_by_name() {
    let home = Home::new();
    add(&home.path().join("stacks/cheroot-bottle"));
    let list = text(&home.tonnage(&["stack", "list"]).stdout);
    assert!(
        list.contains("\ncheroot-bottle\n    cheroot, threads, bottle\n"),
        "{list}"
    );
    assert!(
        list.contains("threads 10 · in flight threads = 10 · keep-alive"),
        "{list}"
    );
    serves(&home, "cheroot-bottle");
    let refused = home.tonnage(&["up", "cheroot-bottle", "hello", "--workers", "2"]);
    assert_eq!(refused.status.code(), Some(2));
    let error = text(&refused.stderr);
    assert!(error.contains("takes no number of workers"), "{error}");
}

#[test]
fn a_stack_that_cannot_run_says_why_before_anything_is_started() {
    let home = Home::new();
    let folder = home.path().join("stacks/cheroot-bottle");
    add(&folder);
    let file = folder.join("stack.toml");
    let needs = "requires = [{ program = \"no-such-server\", package = \"no-such-package\" }]\n";
    let with = needs.to_owned() + &std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, with).unwrap();
    let list = text(&home.tonnage(&["stack", "list"]).stdout);
    assert!(
        list.contains("unavailable: no-such-server is not installed"),
        "{list}"
    );
    for command in [
        &["up", "cheroot-bottle", "hello"][..],
        &[
            "study",
            "run",
            "flask-bench",
            "--set",
            "stack=cheroot-bottle",
            "--set",
            "workload=loop",
        ],
    ] {
        let output = home.tonnage(command);
        let error = text(&output.stderr);
        // A study's own mistakes come first: it asks for workers.
        let expected = if command[0] == "up" { Some(3) } else { Some(2) };
        assert_eq!(output.status.code(), expected, "{error}");
    }
    let error = text(&home.tonnage(&["up", "cheroot-bottle", "hello"]).stderr);
    assert!(error.contains("apt-get install no-such-package"), "{error}");
}
