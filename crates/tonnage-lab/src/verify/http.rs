//! Questions over HTTP, and whether their answers are right.

use std::time::Duration;

use tonnage_load::Stop;
use tonnage_model::Verification;
use ureq::Agent;
use ureq::http::Request;

use super::answer::{check_json, check_text, shown};
use crate::{Catalog, LabError};

/// How long one answer may take; some wait for an upstream themselves.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often a question is asked that a server answers with 5xx.
const TRIES: u32 = 10;

/// How long is waited before it is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// The most of an answer that is read, in bytes.
const MAX_BODY_BYTES: u64 = 4 * 1024 * 1024;

/// An HTTP client with bounds, for single questions.
pub(crate) fn agent(timeout: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        // A server may close a connection without having said so (uWSGI's
        // `http-socket`), and the next question would meet the closing.
        .max_idle_connections(0)
        // A GET may carry a body, and the workload says which method is right.
        .allow_non_standard_methods(true)
        // Load never goes through a proxy; neither may what is verified.
        .proxy(None)
        .build()
        .new_agent()
}

pub(super) fn verify(base: &str, checks: &[Verification], stop: &Stop) -> Result<(), LabError> {
    let agent = agent(TIMEOUT);
    checks.iter().try_for_each(|check| {
        let mut tries = 1;
        loop {
            if stop.is_requested() {
                return Err(LabError::Interrupted);
            }
            match ask(&agent, base, check)? {
                // Its other workers may still be starting: Prometheus's metrics,
                // read while one of them makes its files, answer 500.
                Answer::Wrong { status: 500.., .. } if tries < TRIES => tries += 1,
                Answer::Wrong { url, message, .. } => {
                    return Err(LabError::WrongAnswer { url, message });
                }
                Answer::Right => return Ok(()),
            }
            std::thread::sleep(PAUSE);
        }
    })
}

/// What a server made of one question.
enum Answer {
    Right,
    Wrong {
        status: u16,
        url: String,
        message: String,
    },
}

fn ask(agent: &Agent, base: &str, check: &Verification) -> Result<Answer, LabError> {
    let url = format!("{}{}", base.trim_end_matches('/'), check.path);
    let no_answer = |error: ureq::Error| LabError::NoAnswer {
        url: url.clone(),
        message: error.to_string(),
    };
    let mut response = agent.run(request(&url, check)?).map_err(no_answer)?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config();
    let body = body.limit(MAX_BODY_BYTES).lossy_utf8(true);
    let body = body.read_to_string().map_err(no_answer)?;
    Ok(match check_answer(check, status, &body) {
        Ok(()) => Answer::Right,
        Err(message) => Answer::Wrong {
            status,
            url,
            message,
        },
    })
}

fn request(url: &str, check: &Verification) -> Result<Request<Vec<u8>>, LabError> {
    let mut request = Request::builder().method(check.method.as_str()).uri(url);
    for (name, value) in &check.headers {
        request = request.header(name, value);
    }
    let body = match (&check.send, &check.send_file) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(file)) => Catalog::app_file(file)?.to_vec(),
        (None, None) => Vec::new(),
    };
    request
        .body(body)
        .map_err(|error| LabError::Usage(format!("{} {url}: {error}", check.method)))
}

/// What is wrong with an answer, if anything is.
fn check_answer(check: &Verification, status: u16, body: &str) -> Result<(), String> {
    if status != check.status {
        return Err(format!(
            "status {status} instead of {}: {}",
            check.status,
            shown(body)
        ));
    }
    if let Some(pattern) = &check.body {
        check_text("its body", body, pattern, &check.positive)?;
    }
    if check.json.is_empty() {
        return Ok(());
    }
    let json = serde_json::from_str(body);
    let json = json.map_err(|error| format!("its body is no JSON ({error}): {}", shown(body)))?;
    check_json(&json, &check.json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loop_check() -> Verification {
        Catalog.workload("loop").unwrap().verify.remove(0)
    }

    #[test]
    fn the_right_answer_passes() {
        let body = "Server: 10.0.0.7. Time: 23:59:59. Computation took 0.004821 s\n";
        assert_eq!(check_answer(&loop_check(), 200, body), Ok(()));
    }

    #[test]
    fn wrong_answers_are_refused_with_the_reason() {
        let refused = |status, body| check_answer(&loop_check(), status, body).unwrap_err();
        assert!(refused(500, "Oops").contains("status 500 instead of 200: Oops"));
        assert!(refused(200, "<html>It works!</html>").contains("does not match"));
        let no_work = "Server: 10.0.0.7. Time: 23:59:59. Computation took 0.000000 s\n";
        assert!(refused(200, no_work).contains("not a number above zero"));
    }

    #[test]
    fn json_is_compared_by_pointers() {
        let mut check = loop_check();
        check.body = None;
        check.json = [("/a".to_owned(), serde_json::json!(1))].into();
        assert_eq!(check_answer(&check, 200, "{\"a\": 1}"), Ok(()));
        let refused = |body| check_answer(&check, 200, body).unwrap_err();
        assert!(refused("{\"a\": 2}").contains("`/a` is 2, not 1"));
        assert!(refused("rubbish").contains("no JSON"));
    }

    #[test]
    fn a_question_carries_method_headers_and_body() {
        let mut check = loop_check();
        check.method = "POST".to_owned();
        check.headers = [("content-type".to_owned(), "application/json".to_owned())].into();
        check.send = Some("[1]".to_owned());
        let request = request("http://127.0.0.1:1/x", &check).unwrap();
        assert_eq!(
            (request.method().as_str(), &request.body()[..]),
            ("POST", &b"[1]"[..])
        );
        assert_eq!(request.headers()["content-type"], "application/json");
    }
}
