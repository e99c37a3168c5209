//! The same over gRPC, through the load engine's own client.

use std::time::Duration;

use serde_json::Value;
use tonnage_load::{Stop, Target, TlsSettings, call_once};
use tonnage_model::GrpcQuestion;

use super::answer::{check_json, check_text};
use crate::LabError;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn verify(base: &str, question: &GrpcQuestion, stop: &Stop) -> Result<(), LabError> {
    if stop.is_requested() {
        return Err(LabError::Interrupted);
    }
    let url = format!("{}/{}", base.trim_end_matches('/'), question.method);
    let answer = Target::resolve(&url, TIMEOUT)
        .and_then(|target| call_once(&target, &TlsSettings::default(), &question.send, TIMEOUT))
        .map_err(|error| LabError::NoAnswer {
            url: url.clone(),
            message: error.to_string(),
        })?;
    check(question, &answer).map_err(|message| LabError::WrongAnswer { url, message })
}

fn check(question: &GrpcQuestion, answer: &Value) -> Result<(), String> {
    check_json(answer, &question.json)?;
    let Some(pattern) = &question.text else {
        return Ok(());
    };
    let text = answer["text"].as_str();
    let text = text.ok_or_else(|| format!("there is no `text`: {answer}"))?;
    check_text("`text`", text, pattern, &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_and_json_are_looked_at() {
        let question = GrpcQuestion {
            method: "MyApp/cpu_bound".to_owned(),
            send: String::new(),
            json: [("/count".to_owned(), json!(1))].into(),
            text: Some(r"^\[\d+\] \(100, 100\)$".to_owned()),
        };
        let right = json!({"count": 1, "text": "[1] (100, 100)"});
        assert_eq!(check(&question, &right), Ok(()));
        let problem = |answer| check(&question, &answer).unwrap_err();
        assert!(problem(json!({"count": 1, "text": "ready"})).contains("does not match"));
        assert!(problem(json!({"count": 1})).contains("no `text`"));
        assert!(problem(json!({"count": 2, "text": ""})).contains("not 1"));
    }
}
