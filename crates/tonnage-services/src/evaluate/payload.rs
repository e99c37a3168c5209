//! What is asked: a payload whose parts are of the right kinds, as far as they are
//! needed. The twin of `checked_payload` in `apps/common/evaluator.py`.

use serde::{Serialize, Serializer};

use super::json::Json;
use super::work::{Outcome, PAYLOAD_WORK, Refused, Work};
use crate::python;

const MAX_CONDITIONS: usize = 100;
const MAX_TRUE_CONDITIONS: usize = 1000;

/// Characters of a numeration that is text.
const MAX_NUMERATION: usize = 64;

/// A condition's number, which is what lists of true conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numeration {
    Whole(i64),
    Text(String),
}

impl Numeration {
    /// As it is concatenated.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Whole(value) => value.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Serialize for Numeration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(value) => serializer.serialize_i64(*value),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// When a condition holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rule {
    /// Its text says so.
    Standard { text: String },
    /// The same, and no more than so many seconds have passed.
    Timed { text: String, range: Json },
    /// The true conditions' numerations, one after the other, contain this.
    Order { order: String },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    pub(super) numeration: Numeration,
    pub(super) rule: Rule,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Payload {
    pub(super) log: Json,
    pub(super) context: Json,
    pub(super) conditions: Vec<Condition>,
    pub(super) true_conditions: Vec<Numeration>,
    /// `logProcessingTime` and `stateTime` in seconds, where a condition is timed.
    pub(super) times: Option<(Json, Json)>,
}

impl Payload {
    pub(super) fn read(value: &python::Value<'_>) -> Outcome<Self> {
        let python::Value::Dict(entries) = value else {
            return Err(Refused::new("the payload is not an object"));
        };
        let work = Work::new(PAYLOAD_WORK, 1);
        let log = part(entries, "log", "a dictionary", &work)?;
        let context = part(entries, "context", "a dictionary", &work)?;
        let conditions = list(entries, "conditions", MAX_CONDITIONS, &work)?;
        let numerations = list(entries, "trueConditions", MAX_TRUE_CONDITIONS, &work)?;
        let numerations = numerations.iter().map(|one| numeration(Some(one)));
        let true_conditions = numerations.collect::<Outcome<_>>()?;
        let conditions = conditions.iter().map(condition);
        let conditions: Vec<Condition> = conditions.collect::<Outcome<_>>()?;
        let is_timed = |one: &Condition| matches!(one.rule, Rule::Timed { .. });
        let times = if conditions.iter().any(is_timed) {
            let processing = time(entries, "logProcessingTime", &work)?;
            Some((processing, time(entries, "stateTime", &work)?))
        } else {
            None
        };
        Ok(Self {
            log,
            context,
            conditions,
            true_conditions,
            times,
        })
    }
}

type Entries<'a> = [(python::Text<'a>, python::Value<'a>)];

/// A value of the payload; of equal names, the last.
pub(super) fn find<'p, 'a>(entries: &'p Entries<'a>, name: &str) -> Option<&'p python::Value<'a>> {
    let is_it = |key: &python::Text<'_>| matches!(key, python::Text::Plain(key) if key == name);
    let found = entries.iter().rev().find(|(key, _)| is_it(key));
    found.map(|(_, value)| value)
}

fn part(entries: &Entries<'_>, name: &str, kind: &str, work: &Work) -> Outcome<Json> {
    let found = find(entries, name);
    let right = match found {
        Some(python::Value::Dict(_)) => kind == "a dictionary",
        Some(python::Value::List(_)) => kind == "a list",
        _ => false,
    };
    match found {
        Some(value) if right => Json::read(value, work, 0),
        _ => Err(Refused(format!("{name} is not {kind}"))),
    }
}

fn list(entries: &Entries<'_>, name: &str, most: usize, work: &Work) -> Outcome<Vec<Json>> {
    if let Some(python::Value::List(items)) = find(entries, name)
        && items.len() > most
    {
        return Err(Refused(format!("more than {most} {name}")));
    }
    match part(entries, name, "a list", work)? {
        Json::List(items) => Ok(items),
        _ => Ok(Vec::new()),
    }
}

fn time(entries: &Entries<'_>, name: &str, work: &Work) -> Outcome<Json> {
    let value = find(entries, name).unwrap_or(&python::Value::None);
    let value = Json::read(value, work, 0)?;
    match value {
        Json::Int(_) | Json::Float(_) => Ok(value),
        _ => Err(Refused(format!("{name} is not a number"))),
    }
}

fn numeration(value: Option<&Json>) -> Outcome<Numeration> {
    match value {
        Some(Json::Int(value)) => Ok(Numeration::Whole(*value)),
        Some(Json::Text(text)) if (1..=MAX_NUMERATION).contains(&text.chars().count()) => {
            Ok(Numeration::Text(text.clone()))
        }
        _ => Err(Refused::new(
            "a numeration is a whole number or a short text",
        )),
    }
}

fn condition(value: &Json) -> Outcome<Condition> {
    if !matches!(value, Json::Dict(_)) {
        return Err(Refused::new("a condition is not a dictionary"));
    }
    let numeration = numeration(value.get("numeration"))?;
    let text = |name: &str| match value.get(name) {
        Some(Json::Text(text)) => Ok(text.clone()),
        _ => Err(Refused(format!("{name} of a condition is not text"))),
    };
    let kind = match value.get("type") {
        Some(Json::Text(kind)) => kind.as_str(),
        _ => "",
    };
    let rule = match kind {
        "Standard" => Rule::Standard {
            text: text("text")?,
        },
        "Order" => Rule::Order {
            order: text("order")?,
        },
        "Timed" => {
            let text = text("text")?;
            let Some(range @ (Json::Int(_) | Json::Float(_))) = value.get("timeRange") else {
                let message = "timeRange of a condition is not a number";
                return Err(Refused::new(message));
            };
            let range = range.clone();
            Rule::Timed { text, range }
        }
        _ => {
            let message = "a condition's type is Standard, Timed or Order";
            return Err(Refused::new(message));
        }
    };
    Ok(Condition { numeration, rule })
}
