//! `evaluate` over HTTP; what its answers are is told by `tests/evaluate.rs`.

use serde_json::json;
use tonnage_services::evaluate::{Payloads, hostile};

use crate::client::{get, post, start};

#[test]
fn conditions_are_evaluated() {
    let service = start("evaluate");
    assert_eq!(get(&service, "/").body, "ready");
    let body = json!({ "payload": {
        "log": { "Text": "Failed password for root" },
        "context": { "hits": 2 },
        "conditions": [
            { "numeration": "2", "type": "Timed", "timeRange": 300,
              "text": "result = \"Failed\" in log[\"Text\"]\ncontext[\"hits\"] += 1" },
            { "numeration": "3", "type": "Order", "order": "12" },
        ],
        "trueConditions": ["1"],
        "logProcessingTime": 1_654_041_720.5,
        "stateTime": 1_654_041_600,
    }});
    let answer = post(&service, "/eval", body.to_string().as_bytes());
    assert_eq!(answer.status, 200);
    let expected = json!({ "trueConditions": ["1", "2", "3"], "context": { "hits": 3 } });
    assert_eq!(answer.json(), expected);
}

#[test]
fn harm_ends_in_an_error_and_the_next_request_is_served() {
    let service = start("evaluate");
    let good = Payloads::new(1).next().unwrap();
    for (name, text) in hostile() {
        let body = json!({ "payload": {
            "log": {}, "context": {}, "trueConditions": [],
            "conditions": [{ "numeration": 1, "type": "Standard", "text": text }],
        }});
        let answer = post(&service, "/eval", body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{name}");
        assert!(answer.json()["error"].is_string(), "{name}");
        let next = post(&service, "/eval", &good);
        assert!(next.json()["trueConditions"].is_array(), "after {name}");
    }
}

#[test]
fn what_is_no_payload_is_a_bad_request() {
    let service = start("evaluate");
    for body in ["", "{", "[]", "{}", "{\"payload\": NaN}"] {
        post(&service, "/eval", body.as_bytes()).is_error(400, "");
    }
}
