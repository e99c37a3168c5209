//! `tonnage load`: open loop, think time, data, demands, files and merging, as a
//! user types them.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::answerer::{OK, answer_with};
use crate::common::{Home, text};

fn report(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Runs `tonnage load` with `flags` against a server that answers `response`; the
/// report as JSON, and what the program printed.
fn load(response: &'static str, flags: &[&str]) -> (serde_json::Value, Output) {
    let home = Home::new();
    let json = home.path().join("report.json");
    let url = format!("http://{}/", answer_with(response));
    let mut arguments = vec!["load", "--json", json.to_str().unwrap()];
    arguments.extend(flags);
    arguments.push(&url);
    let output = home.tonnage(&arguments);
    assert!(json.exists(), "{}", text(&output.stderr));
    (report(&json), output)
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let (report, output) = load(
        OK,
        &["-r", "500", "--arrivals", "poisson", "-d", "2s", "-c", "20"],
    );
    assert_eq!(
        report["request"]["load_model"],
        "open loop, 500 requests/s, poisson arrivals"
    );
    let arrived = report["arrivals"]["arrived"].as_f64().unwrap();
    // Four standard deviations of a Poisson count of a thousand.
    assert!((870.0..1130.0).contains(&arrived), "{arrived}");
    assert!(report["send_lag"]["count"].as_u64().unwrap() > 800);
    assert!(
        text(&output.stdout).contains("arrivals"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn users_who_think_ask_less() {
    let (report, _) = load(OK, &["-c", "20", "--think", "const:100ms", "-d", "1s"]);
    let succeeded = report["counts"]["succeeded"].as_u64().unwrap();
    assert!((150..=220).contains(&succeeded), "{succeeded}");
}

#[test]
fn demands_decide_the_exit_code() {
    let (report, output) = load(
        OK,
        &["-n", "2000", "--assert", "p99<30s", "--assert", "rps<1"],
    );
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stdout));
    assert_eq!(report["assertions"][0]["holds"], true);
    assert_eq!(report["assertions"][1]["holds"], false);
    let (_, output) = load(OK, &["-n", "2000", "--assert", "errors<1%"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn three_hundred_requests_cannot_answer_for_a_thousandth() {
    let (report, output) = load(OK, &["-n", "300", "-c", "2", "--assert", "p99.9<1s"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stdout));
    assert_eq!(report["verdict"]["level"], "INVALID");
    assert_eq!(
        report["verdict"]["reasons"][0]["detector"],
        "too-few-samples"
    );
    assert!(
        text(&output.stdout).contains("INVALID"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn a_fast_wrong_answer_is_no_success() {
    let (report, output) = load(OK, &["-n", "100", "--expect-body", "^good$"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(report["failures"][0]["phase"], "check");
    assert_eq!(report["failures"][0]["cause"], "body");
    assert_eq!(report["failures"][0]["count"], 100);
}

#[test]
fn every_line_of_the_data_is_sent() {
    let home = Home::new();
    let data = home.path().join("requests.jsonl");
    fs::write(
        &data,
        "{\"path\":\"/a?id={{seq}}\"}\n{\"method\":\"DELETE\",\"headers\":{\"X-Line\":\"2\"}}\n",
    )
    .unwrap();
    let (report, _) = load(
        OK,
        &["-n", "10", "-c", "1", "--data", data.to_str().unwrap()],
    );
    assert_eq!(report["counts"]["succeeded"], 10);
    fs::write(&data, "{\"path\":\"/a\"}\nnonsense\n").unwrap();
    let url = format!("http://{}/", answer_with(OK));
    let output = home.tonnage(&["load", "--data", data.to_str().unwrap(), &url]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("line 2"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn every_form_of_the_report_is_written() {
    let home = Home::new();
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (csv, hgrm, html) = (path("l.csv"), path("l.hgrm"), path("l.html"));
    let flags = [
        "-n",
        "500",
        "--csv",
        &csv,
        "--hdr",
        &hgrm,
        "--html",
        &html,
        "--summary",
        "wrk",
    ];
    let (_, output) = load(OK, &flags);
    assert!(
        text(&output.stdout).contains("Requests/sec:"),
        "{}",
        text(&output.stdout)
    );
    assert!(fs::read_to_string(&csv).unwrap().starts_with("start_s,"));
    assert!(fs::read_to_string(&hgrm).unwrap().contains("TotalCount"));
    assert!(fs::read_to_string(&html).unwrap().contains("<svg"));
}

#[test]
fn a_server_without_reflection_is_the_targets_failure() {
    let url = format!("grpc://{}/a.B/C", answer_with(OK));
    let home = Home::new();
    let output = home.tonnage(&["load", "--reflect", "--connect-timeout", "1s", &url]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    // Without either source of the method, it is the user's mistake.
    let output = home.tonnage(&["load", &url]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--proto FILE"));
}

#[test]
fn merged_reports_are_the_sum() {
    let home = Home::new();
    let url = format!("http://{}/", answer_with(OK));
    let names: Vec<String> = ["a", "b", "sum"]
        .iter()
        .map(|name| {
            home.path()
                .join(format!("{name}.json"))
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    for name in &names[..2] {
        home.tonnage(&["load", "-q", "-n", "300", "--json", name, &url]);
    }
    let output = home.tonnage(&["load", "merge", &names[0], &names[1], "--json", &names[2]]);
    assert!(
        text(&output.stdout).contains("600 succeeded"),
        "{}",
        text(&output.stdout)
    );
    let sum = report(Path::new(&names[2]));
    assert_eq!(sum["counts"]["succeeded"], 600);
    assert_eq!(sum["response_time"]["count"], 600);
}

#[test]
fn seconds_are_told_where_there_is_no_terminal() {
    let (_, output) = load(OK, &["-c", "1", "-r", "50", "-d", "2s"]);
    let lines = text(&output.stderr);
    assert_eq!(
        lines.lines().filter(|line| line.contains("req/s")).count(),
        2,
        "{lines}"
    );
}
