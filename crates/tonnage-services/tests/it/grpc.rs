//! gRPC by way of the load engine: it finds the methods by server reflection, and
//! checks the answers.

use std::time::Duration;

use tonnage_load::{GrpcMethod, LoadPlan, Protocol, RequestParts, SourcePlan, Stop, Target};
use tonnage_model::LoadReport;
use tonnage_services::{Handle, Settings};

use crate::client::{get, in_front_of, start, start_with};

/// Calls a method once with `json`, and expects `text`.
fn call(service: &Handle, method: &str, json: &str, text: &str) -> LoadReport {
    let address = service.address();
    let path = format!("/MyApp/{method}");
    let target = Target {
        host_header: address.to_string(),
        address: address.into(),
        tls_host: None,
        url: format!("http://{address}{path}"),
        path: path.clone(),
    };
    let mut plan = LoadPlan {
        duration: None,
        requests: Some(1),
        ..LoadPlan::new(target, 1)
    };
    let timeout = Duration::from_mins(1);
    let method = GrpcMethod::from_reflection(&plan.target, &plan.tls, timeout).unwrap();
    plan.protocol = Protocol::Grpc { streams: 1, method };
    let request = RequestParts {
        body: json.as_bytes().to_vec(),
        ..RequestParts::default()
    };
    plan.source = SourcePlan::constant(&path, request);
    plan.checks.json = vec![format!("/text={text}").parse().unwrap()];
    tonnage_load::run(&plan, &Stop::new(), None).unwrap()
}

#[track_caller]
fn answers(service: &Handle, method: &str, json: &str, text: &str) {
    let report = call(service, method, json, text);
    assert_eq!(
        report.counts.succeeded, 1,
        "{method} {json}: {:?}",
        report.failures
    );
}

#[track_caller]
fn fails(service: &Handle, method: &str, json: &str) {
    let report = call(service, method, json, "");
    assert_eq!(
        report.counts.failed, 1,
        "{method} {json}: {:?}",
        report.counts
    );
}

#[test]
fn calls_are_answered_as_over_http() {
    let slow = start("slow");
    let settings = Settings {
        default_delay: Duration::ZERO,
        ..in_front_of(slow.url())
    };
    let grpc = start_with("grpc", &settings);
    let fanout = start_with("fanout", &in_front_of(slow.url()));
    let matmul = start("matmul");
    answers(&grpc, "index", "{}", &get(&matmul, "/").body);
    answers(
        &grpc,
        "cpu_bound",
        r#"{"num": 3}"#,
        &get(&matmul, "/cpu_bound?num=3").body,
    );
    answers(&grpc, "cpu_bound", "{}", &get(&matmul, "/cpu_bound").body);
    answers(
        &grpc,
        "io_bound",
        "{}",
        &get(&fanout, "/io_bound?delay=0").body,
    );
    answers(
        &grpc,
        "io_bound",
        r#"{"num": 1}"#,
        &get(&fanout, "/io_bound").body,
    );
    for (method, json) in [
        ("cpu_bound", r#"{"num": -1}"#),
        ("cpu_bound", r#"{"num": 100001}"#),
        ("io_bound", r#"{"num": 61}"#),
        ("io_bound", r#"{"num": -1}"#),
    ] {
        fails(&grpc, method, json);
    }
}

#[test]
fn without_an_upstream_only_io_bound_fails() {
    let grpc = start("grpc");
    answers(&grpc, "index", "{}", "ready");
    answers(&grpc, "cpu_bound", r#"{"num": 1}"#, "[1] (100, 100)");
    fails(&grpc, "io_bound", "{}");
}
