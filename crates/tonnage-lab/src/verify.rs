//! Asks a server for what its workload promises, before any load is sent: a
//! wrong answer given fast is no result.

use std::time::Duration;

use regex::Regex;
use tonnage_load::Stop;
use tonnage_model::{Verification, Workload};
use ureq::Agent;

use crate::LabError;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often a question is asked that a server answers with 5xx.
const TRIES: u32 = 10;

/// How long is waited before it is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// The most of an answer that is read, in bytes.
const MAX_BODY_BYTES: u64 = 4 * 1024 * 1024;

/// How much of a wrong answer an error shows, in characters.
const SHOWN_CHARACTERS: usize = 200;

/// An HTTP client with bounds, for single questions.
pub(crate) fn agent(timeout: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        // Load never goes through a proxy; neither may what is verified.
        .proxy(None)
        .build()
        .new_agent()
}

/// Checks that the server at `base` (`http://host:port`) answers as the workload
/// promises, unless a stop is requested.
pub fn verify(base: &str, workload: &Workload, stop: &Stop) -> Result<(), LabError> {
    let agent = agent(TIMEOUT);
    workload.verify.iter().try_for_each(|check| {
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
    let mut response = agent.get(&url).call().map_err(no_answer)?;
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

/// What is wrong with an answer, if anything is.
fn check_answer(check: &Verification, status: u16, body: &str) -> Result<(), String> {
    let shown: String = body.chars().take(SHOWN_CHARACTERS).collect();
    if status != check.status {
        return Err(format!(
            "status {status} instead of {}: {shown}",
            check.status
        ));
    }
    let regex = Regex::new(&check.body).map_err(|error| error.to_string())?;
    let captures = regex
        .captures(body)
        .ok_or_else(|| format!("its body does not match {}: {shown}", check.body))?;
    for name in &check.positive {
        let text = captures.name(name).map_or("", |group| group.as_str());
        if !text.parse::<f64>().is_ok_and(|number| number > 0.0) {
            return Err(format!(
                "{name} is `{text}`, not a number above zero: {shown}"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;

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
}
