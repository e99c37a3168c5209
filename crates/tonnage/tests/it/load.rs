//! `tonnage load`.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::answerer::{OK, answer_with, receive};
use crate::common::{Home, text, wait_until};

#[test]
fn a_count_of_requests_is_sent_and_summed_up() {
    let url = format!("http://{}/", answer_with(OK));
    let output = Home::new().tonnage(&["load", "-n", "200", "-c", "4", &url]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let summary = text(&output.stdout);
    for part in [
        "requests/s",
        "200 succeeded, 0 failed",
        "200: 200",
        "n/a",
        "busiest at",
    ] {
        assert!(summary.contains(part), "{part} is missing:\n{summary}");
    }
}

#[test]
fn json_on_standard_output_is_nothing_but_json() {
    let url = format!("http://{}/", answer_with(OK));
    let output = Home::new().tonnage(&["load", "-n", "100", "-c", "2", "--json", "-", &url]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], "tonnage.load/1");
    assert_eq!(report["counts"]["succeeded"], 100);
    assert_eq!(report["request"]["connections"], 2);
}

#[test]
fn json_goes_to_a_file_beside_the_summary() {
    let home = Home::new();
    let file = home.path().join("report.json");
    let url = format!("http://{}/", answer_with(OK));
    let output = home.tonnage(&[
        "load",
        "-n",
        "10",
        "-c",
        "1",
        "--json",
        file.to_str().unwrap(),
        &url,
    ]);
    assert!(text(&output.stdout).contains("10 succeeded"));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(report["counts"]["succeeded"], 10);
}

#[test]
fn quiet_means_quiet() {
    let url = format!("http://{}/", answer_with(OK));
    let output = Home::new().tonnage(&["load", "-q", "-n", "10", "-c", "1", &url]);
    assert_eq!(
        (text(&output.stdout), text(&output.stderr)),
        (String::new(), String::new())
    );
}

#[test]
fn a_target_that_refuses_is_the_targets_failure() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let output = Home::new().tonnage(&["load", &format!("http://{address}/")]);
    assert_eq!(output.status.code(), Some(3));
    let error = text(&output.stderr);
    assert!(
        error.contains(&format!("cannot connect to {address}: Connection refused")),
        "{error}"
    );
}

#[test]
fn a_target_that_only_fails_is_the_targets_failure() {
    let url = format!(
        "http://{}/",
        answer_with("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    );
    let output = Home::new().tonnage(&["load", "-n", "20", "-c", "1", &url]);
    assert_eq!(output.status.code(), Some(3));
    let summary = text(&output.stdout);
    assert!(
        summary.contains("check × status") && summary.contains("500: 20"),
        "{summary}"
    );
}

#[test]
fn ctrl_c_ends_it_early_with_a_report() {
    let home = Home::new();
    let url = format!("http://{}/", answer_with(OK));
    let file = home.path().join("report.json");
    let mut load = home.start(&[
        "load",
        "-d",
        "10m",
        "-c",
        "2",
        "--json",
        file.to_str().unwrap(),
        &url,
    ]);
    // It is under way once it has opened its sockets; both are then busy.
    wait_until("load is sent", || sockets_of(load.child.id()) >= 2);
    load.signal("INT");
    let (code, summary, _) = load.finish();
    assert_eq!(code, Some(130));
    assert!(summary.contains("succeeded"), "{summary}");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(report["ended"], "interrupted");
}

#[test]
fn what_a_server_closed_while_the_generator_was_stopped_is_no_failure() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = home.path().join("report.json");
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // Seldom enough that it is stopped while it waits for the next moment.
    let arguments = ["load", "-r", "2", "-d", "10m", "-c", "1", "--json"];
    let mut load = home.start(&[&arguments[..], &[file.to_str().unwrap(), &url]].concat());
    for _ in 0..2 {
        let connection = answer_one(&listener);
        wait_until("it waits", || state_of(load.child.id()) == "S");
        load.signal("STOP");
        wait_until("it is stopped", || state_of(load.child.id()) == "T");
        drop(connection);
        // Until its next request is late.
        std::thread::sleep(Duration::from_millis(600));
        load.signal("CONT");
    }
    let _connection = answer_one(&listener);
    load.signal("INT");
    let (code, _, errors) = load.finish();
    assert_eq!(code, Some(130), "{errors}");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(report["failures"], serde_json::json!([]));
    assert!(
        report["counts"]["succeeded"].as_u64() >= Some(3),
        "{report}"
    );
}

/// The next connection on which something is asked, answered once.
fn answer_one(listener: &TcpListener) -> TcpStream {
    loop {
        // One may only be a look whether somebody is there.
        let (mut stream, _) = listener.accept().unwrap();
        if receive(&mut stream) {
            stream.write_all(OK.as_bytes()).unwrap();
            return stream;
        }
    }
}

/// What all threads of a process do, in the kernel's letters.
fn state_of(pid: u32) -> String {
    let mut states: Vec<char> = std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok())
        .filter_map(|stat| stat.rsplit_once(") ")?.1.chars().next())
        .collect();
    states.sort_unstable();
    states.dedup();
    states.into_iter().collect()
}

fn sockets_of(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

#[test]
fn a_hang_up_that_nohup_ignores_is_ignored() {
    let url = format!("http://{}/", answer_with(OK));
    let mut command = std::process::Command::new("sh");
    command.args([
        "-c",
        "trap '' HUP; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_tonnage"),
    ]);
    command.args(["load", "-d", "700ms", "-c", "2", "--json", "-", &url]);
    let mut load = crate::common::Started::of(command);
    wait_until("load is sent", || sockets_of(load.child.id()) >= 2);
    load.signal("HUP");
    let (code, json, errors) = load.finish();
    assert_eq!(code, Some(0), "{errors}");
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["ended"], "duration");
}
