//! Whether a stack's answers to the seeded questions are those of the native
//! service. What differs from one moment or process to the next (times, counts,
//! addresses) and the words of errors are left out of the comparison.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use regex::Regex;
use serde_json::{Value, json};
use tonnage_load::{Target, TlsSettings, call_once};
use tonnage_services::{Handle, Service, Settings, serve};

use crate::questions::{self, Question};

/// How long one answer may take; a bound, not an expectation.
const PATIENCE: Duration = Duration::from_mins(1);

/// The native services' answers, each workload's asked once.
#[derive(Default)]
pub(crate) struct Native(Mutex<BTreeMap<String, Vec<String>>>);

impl Native {
    /// Compares what the stack at `base` answers; says what is different.
    pub(crate) fn compare(&self, base: &str, workload: &str) -> Result<(), String> {
        let mut asked = questions::of(workload);
        if base.starts_with("http://") {
            asked.extend(questions::over_http_only(workload));
        }
        let ours = self.answers(workload);
        for (question, ours) in asked.iter().zip(&ours) {
            let theirs = ask(base, workload, question)?;
            if theirs != *ours {
                return Err(format!("{question:?}\nhere:   {theirs}\nnative: {ours}"));
            }
        }
        Ok(())
    }

    fn answers(&self, workload: &str) -> Vec<String> {
        // A panic while it was held concerns another pair.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = known.entry(workload.to_owned()).or_insert_with(|| {
            let mut asked = questions::of(workload);
            asked.extend(questions::over_http_only(workload));
            let (service, _upstream) = start(workload);
            let ask = |question| ask(&service.url(), workload, question).unwrap();
            asked.iter().map(ask).collect()
        });
        answers.clone()
    }
}

/// The native service of a workload, and its upstream where it has one.
fn start(workload: &str) -> (Handle, Option<Handle>) {
    let upstream = match workload {
        "fanout" => Some(Service::Slow),
        "relay" => Some(Service::Restaurants),
        _ => None,
    };
    let upstream = upstream.map(|service| serve(service, &Settings::default()).unwrap());
    let settings = Settings {
        upstream: upstream.as_ref().map(Handle::url),
        ..Settings::default()
    };
    let service = serve(Service::parse(workload).unwrap(), &settings).unwrap();
    (service, upstream)
}

/// The answer as far as it is to be the same everywhere.
fn ask(base: &str, workload: &str, question: &Question) -> Result<String, String> {
    let (status, body) = match question {
        Question::Get(path) => get(base, path)?,
        Question::Post(path, body) => post(&format!("{base}{path}"), body)?,
        Question::Index => call_or_get(base, "MyApp/index", &json!({}), "/")?,
        Question::CpuBound(num) => {
            let path = format!("/cpu_bound?num={num}");
            call_or_get(base, "MyApp/cpu_bound", &json!({ "num": num }), &path)?
        }
        Question::IoBound(delay) => {
            let path = format!("/io_bound?delay={delay}");
            call_or_get(base, "MyApp/io_bound", &json!({ "num": delay }), &path)?
        }
    };
    Ok(format!("{status} {}", essence(workload, status, &body)))
}

fn call_or_get(
    base: &str,
    method: &str,
    message: &Value,
    path: &str,
) -> Result<(u16, String), String> {
    if !base.starts_with("grpc://") {
        return get(base, path);
    }
    let called = Target::resolve(&format!("{base}/{method}"), PATIENCE)
        .and_then(|target| {
            call_once(
                &target,
                &TlsSettings::default(),
                &message.to_string(),
                PATIENCE,
            )
        })
        .map_err(|error| error.to_string())?;
    let text = called["text"].as_str();
    Ok((200, text.ok_or("there is no `text`")?.to_owned()))
}

pub(crate) fn get(base: &str, path: &str) -> Result<(u16, String), String> {
    let url = format!("{base}{path}");
    read(&url, agent().get(&url).call())
}

/// How many calls of its upstream a relay says that it has made.
pub(crate) fn upstream_calls(base: &str, path: &str) -> u64 {
    let response = agent().get(format!("{base}{path}")).call().unwrap();
    let calls = response.headers().get("x-upstream-calls").unwrap();
    calls.to_str().unwrap().parse().unwrap()
}

pub(crate) fn post(url: &str, body: &[u8]) -> Result<(u16, String), String> {
    let request = agent().post(url).header("content-type", "application/json");
    read(url, request.send(body))
}

/// A new connection for each question: some servers give a thread to each.
fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .proxy(None);
    config.build().new_agent()
}

fn read(
    url: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(u16, String), String> {
    let fail = |error: ureq::Error| format!("{url}: {error}");
    let mut response = answer.map_err(fail)?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().map_err(fail)?;
    Ok((status, body))
}

fn essence(workload: &str, status: u16, body: &str) -> String {
    let parsed = || serde_json::from_str::<Value>(body);
    if status >= 400 {
        // Words differ between frameworks; the code and the form do not.
        return parsed().map_or_else(
            |_| body.to_owned(),
            |json| format!("{{error: {{code: {}}}}}", json["error"]["code"]),
        );
    }
    let without = |pattern: &str| Regex::new(pattern).unwrap().replace(body, "…").into_owned();
    match workload {
        "loop" => {
            let form = r"^Server: [0-9a-fA-F.:]+\. Time: \d\d:\d\d:\d\d\. Computation took \d+(\.\d+)?(e-\d+)? s\n$";
            without(form)
        }
        "matmul" | "fanout" => without(r"^\[[1-9]\d*\]"),
        // The upstream says when it answered.
        "relay" => parsed().map_or_else(
            |_| body.to_owned(),
            |mut json| {
                json["timestamp"].take();
                json.to_string()
            },
        ),
        "evaluate" => parsed().map_or_else(
            |_| body.to_owned(),
            |json| match json.get("error") {
                Some(Value::String(_)) => format!("{{error, condition: {}}}", json["condition"]),
                _ => json.to_string(),
            },
        ),
        _ => body.to_owned(),
    }
}
