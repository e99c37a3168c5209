//! The contracts of `hello`, `echo`, `loop` and `matmul`.

use std::collections::BTreeSet;
use std::thread;

use regex::Regex;
use tonnage_services::{Service, ServiceError};

use crate::client::{get, post, start};

#[test]
fn hello_is_fixed_bytes() {
    let hello = start("hello");
    let text = get(&hello, "/");
    assert_eq!((text.status, text.body.as_str()), (200, "Hello, World!"));
    assert!(text.content_type.starts_with("text/plain"), "{text:?}");
    let json = get(&hello, "/json");
    assert_eq!(json.body, r#"{"message":"Hello, World!"}"#);
    assert_eq!(json.content_type, "application/json");
    get(&hello, "/nothing").is_error(404, "nothing at this path");
    post(&hello, "/", b"").is_error(405, "method");
}

#[test]
fn echo_answers_python_s_text_or_json() {
    let echo = start("echo");
    let json = r#"[{"name": "Å's", "n": 1.0, "ok": true, "none": null}, {"big": 1e16}]"#;
    let text = post(&echo, "/uploader", json.as_bytes());
    let expected = r#"[{'name': "Å's", 'n': 1.0, 'ok': True, 'none': None}, {'big': 1e+16}]"#;
    assert_eq!((text.status, text.body.as_str()), (200, expected));
    assert!(text.content_type.starts_with("text/plain"), "{text:?}");
    let back = post(&echo, "/uploader?format=json", json.as_bytes());
    let sent: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(back.json(), sent);
    for no_json in ["", "{", "NaN", "[1,]"] {
        post(&echo, "/uploader", no_json.as_bytes()).is_error(400, "not JSON");
    }
    assert_eq!(get(&echo, "/").body, "ready");
    get(&echo, "/uploader").is_error(405, "method");
}

#[test]
fn loop_answers_as_the_study_s_and_counts_its_requests() {
    let service = start("loop");
    let answer = get(&service, "/?it1=2000&it2=3");
    let expected = r"^Server: [0-9.]+\. Time: \d\d:\d\d:\d\d\. Computation took (\d+\.\d{6}) s\n$";
    let found = Regex::new(expected).unwrap().captures(&answer.body);
    let seconds: f64 = found.expect(&answer.body)[1].parse().unwrap();
    assert!(seconds > 0.0, "{answer:?}");
    assert!(answer.content_type.starts_with("text/html"), "{answer:?}");
    for (query, part) in [
        ("", "needs it1"),
        ("?it1=5", "needs it2"),
        ("?it1=-1&it2=1", "needs it1"),
        ("?it1=5&it2=x", "needs it2"),
        ("?it1=1000000001&it2=0", "must not exceed 1000000000"),
        ("?it1=18446744073709551615&it2=2", "must not exceed"),
    ] {
        get(&service, &format!("/{query}")).is_error(400, part);
    }
    let metrics = get(&service, "/metrics");
    assert!(
        metrics.content_type.starts_with("text/plain"),
        "{metrics:?}"
    );
    for line in [
        r#"flask_http_request_total{method="GET",status="200"} 1.0"#,
        r#"flask_http_request_total{method="GET",status="400"} 6.0"#,
    ] {
        assert!(
            metrics.body.lines().any(|found| found == line),
            "{metrics:?}"
        );
    }
}

#[test]
fn matmul_numbers_its_calls() {
    let service = start("matmul");
    assert_eq!(get(&service, "/").body, "ready");
    let bodies: BTreeSet<String> = thread::scope(|scope| {
        let ask = || get(&service, "/cpu_bound?num=5").body;
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|body| body.join().unwrap()).collect()
    });
    let expected = (1..=8).map(|n| format!("[{n}] (100, 100)")).collect();
    assert_eq!(bodies, expected);
    for query in ["num=-1", "num=100001", "num=1.5", "num="] {
        get(&service, &format!("/cpu_bound?{query}"))
            .is_error(400, "num must be a number from 0 to 100000");
    }
    assert_eq!(get(&service, "/cpu_bound").body, "[9] (100, 100)");
}

#[test]
fn a_service_is_known_by_its_name() {
    for service in Service::ALL {
        assert_eq!(Service::parse(service.name()).unwrap(), *service);
    }
    let error = Service::parse("rely").unwrap_err();
    assert!(matches!(error, ServiceError::Unknown { .. }));
    assert!(
        error.to_string().contains("did you mean `relay`?"),
        "{error}"
    );
}
