//! Evaluates payloads: which conditions hold, in which context.

use std::cmp::Ordering;

use serde::Serialize;

use super::json::Json;
use super::numbers::{Number, arithmetic};
use super::payload::{Condition, Numeration, Payload, Rule, find};
use super::program::Programs;
use super::work::{Outcome, Refused};
use crate::python;

/// Evaluates payloads; shared by all threads, which share its compiled conditions.
#[derive(Debug, Clone)]
pub struct Engine {
    programs: Programs,
}

/// A request whose body has no payload in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoPayload(String);

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Done {
        #[serde(rename = "trueConditions")]
        true_conditions: &'a [Numeration],
        context: &'a Json,
    },
    Failed {
        error: &'a str,
        condition: Option<&'a Numeration>,
    },
}

impl Engine {
    /// An engine that has compiled nothing yet.
    #[expect(
        clippy::new_without_default,
        reason = "it is no value: each has a cache of its own"
    )]
    pub fn new() -> Self {
        Self {
            programs: Programs::new(),
        }
    }

    /// The answer to the body of a request, `{"payload": {…}}`, as JSON:
    /// `{trueConditions, context}` or `{error, condition}`.
    pub fn answer(&self, body: &[u8]) -> Result<Vec<u8>, NoPayload> {
        let value = python::parse(body).map_err(|error| NoPayload(error.to_string()))?;
        let payload = match &value {
            python::Value::Dict(entries) => find(entries, "payload"),
            _ => None,
        };
        let missing = || NoPayload("the body is no object with a payload".to_owned());
        payload
            .map(|payload| self.evaluate(payload))
            .ok_or_else(missing)
    }

    fn evaluate(&self, payload: &python::Value<'_>) -> Vec<u8> {
        let mut payload = match Payload::read(payload) {
            Ok(payload) => payload,
            Err(refused) => return failed(&refused.0, None),
        };
        let conditions = std::mem::take(&mut payload.conditions);
        for condition in &conditions {
            match self.holds(condition, &mut payload) {
                Ok(true) if !payload.true_conditions.contains(&condition.numeration) => {
                    payload.true_conditions.push(condition.numeration.clone());
                }
                Ok(_) => {}
                Err(refused) => return failed(&refused.0, Some(&condition.numeration)),
            }
        }
        answer(&Body::Done {
            true_conditions: &payload.true_conditions,
            context: &payload.context,
        })
    }

    /// Whether a condition holds; what its text does to the context stays.
    fn holds(&self, condition: &Condition, payload: &mut Payload) -> Outcome<bool> {
        match &condition.rule {
            Rule::Order { order } => {
                let numerations = payload.true_conditions.iter().map(Numeration::text);
                Ok(numerations.collect::<String>().contains(order.as_str()))
            }
            Rule::Standard { text } => self.run(text, payload),
            Rule::Timed { text, range } => {
                let holds = self.run(text, payload)?;
                Ok(in_time(payload, range)? && holds)
            }
        }
    }

    fn run(&self, text: &str, payload: &mut Payload) -> Outcome<bool> {
        let program = self.programs.get(text)?;
        let (holds, context) = program.run(&payload.log, &payload.context)?;
        payload.context = context;
        Ok(holds)
    }
}

/// Whether no more seconds than `range` passed between the state and the log.
fn in_time(payload: &Payload, range: &Json) -> Outcome<bool> {
    let number = |json: &Json| match json {
        Json::Int(value) => Some(Number::Int(*value)),
        Json::Float(value) => Some(Number::Float(*value)),
        _ => None,
    };
    let times = payload.times.as_ref();
    let times = times.and_then(|times| number(&times.0).zip(number(&times.1)));
    let missing = || Refused::new("logProcessingTime is not a number");
    let (processing, state) = times.ok_or_else(missing)?;
    let range = number(range).ok_or_else(missing)?;
    let passed = arithmetic(processing, state, i64::checked_sub, |a, b| a - b)?;
    Ok(passed.compare(range) != Ordering::Greater)
}

fn failed(error: &str, condition: Option<&Numeration>) -> Vec<u8> {
    answer(&Body::Failed { error, condition })
}

fn answer(body: &Body<'_>) -> Vec<u8> {
    // Writing plain values to memory cannot fail.
    serde_json::to_vec(body).unwrap_or_default()
}
