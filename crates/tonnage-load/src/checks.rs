//! What a response must be to count as a success: its status, a pattern in its
//! body, values in its JSON.
//!
//! Only the verdict is made here; collecting the body, and counting the failure,
//! is left to the engine.

use std::str::FromStr;

use regex::bytes::Regex;
use serde_json::{Number, Value};
use tonnage_model::{Cause, StatusSet};

/// The longest body that is looked at. A longer one fails its check (as
/// [`Cause::Body`]) wherever a check needs the body, since it would have to be
/// kept whole for every connection; bodies that no check needs may have any length.
pub const MAX_CHECKED_BYTES: usize = 16 * 1024 * 1024;

/// All that a response must be. Clone it for each thread: a shared pattern makes
/// its users wait for one another.
#[derive(Debug, Clone)]
pub struct Checks {
    /// The statuses that count as success.
    pub statuses: StatusSet,
    /// A pattern that must be found somewhere in the body.
    pub body: Option<Regex>,
    /// Values that the body, read as JSON, must have.
    pub json: Vec<JsonExpectation>,
}

/// A value that must stand at a place of a JSON document, written `PTR=VALUE`:
/// `/items/0/name=apple`, `/total=3`, `="the whole document"`.
///
/// `PTR` is a JSON pointer (RFC 6901) and ends at the first `=`; `VALUE` is JSON
/// where it parses as such, and a plain text otherwise. Numbers are compared by
/// value (`1` is `1.0`), objects without regard to order.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonExpectation {
    pointer: String,
    value: Value,
}

/// A check that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Not a regular expression.
    #[error("`{pattern}` is no regular expression: {message}")]
    Pattern {
        /// As given.
        pattern: String,
        /// What is wrong with it.
        message: String,
    },
    /// Without `=`.
    #[error("`{0}` says no value to expect (expected PTR=VALUE, such as /status=ok)")]
    NoValue(String),
    /// Not a JSON pointer.
    #[error(
        "`{0}` is no JSON pointer (expected nothing, or /name/0/name; write ~1 for / and ~0 for ~ in a name)"
    )]
    Pointer(String),
}

impl Default for Checks {
    /// Any status that counts as success, any body.
    fn default() -> Self {
        Self {
            statuses: StatusSet::success(),
            body: None,
            json: Vec::new(),
        }
    }
}

impl Checks {
    /// Reads a pattern for [`Checks::body`].
    pub fn pattern(text: &str) -> Result<Regex, CheckError> {
        Regex::new(text).map_err(|error| {
            // A syntax error is drawn over several lines; its last one says it.
            let message = error.to_string();
            let last = message.lines().last().unwrap_or_default();
            CheckError::Pattern {
                pattern: text.to_owned(),
                message: last.trim_start_matches("error: ").to_owned(),
            }
        })
    }

    /// Whether bodies have to be kept until they are whole.
    pub fn needs_body(&self) -> bool {
        self.body.is_some() || !self.json.is_empty()
    }

    /// Whether a response is what it must be; `body` may be anything where
    /// [`Checks::needs_body`] says no. The status is looked at first.
    #[inline]
    pub fn verify(&self, status: u16, body: &[u8]) -> Result<(), Cause> {
        if !self.statuses.contains(status) {
            return Err(Cause::Status);
        }
        if self.needs_body() && !self.body_is_right(body) {
            return Err(Cause::Body);
        }
        Ok(())
    }

    fn body_is_right(&self, body: &[u8]) -> bool {
        if body.len() > MAX_CHECKED_BYTES {
            return false;
        }
        if self.body.as_ref().is_some_and(|p| !p.is_match(body)) {
            return false;
        }
        if self.json.is_empty() {
            return true;
        }
        serde_json::from_slice::<Value>(body)
            .is_ok_and(|document| self.json.iter().all(|e| e.holds(&document)))
    }
}

impl JsonExpectation {
    fn holds(&self, document: &Value) -> bool {
        document
            .pointer(&self.pointer)
            .is_some_and(|found| is_same(found, &self.value))
    }
}

impl FromStr for JsonExpectation {
    type Err = CheckError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pointer, value) = text
            .split_once('=')
            .ok_or_else(|| CheckError::NoValue(text.to_owned()))?;
        if !is_pointer(pointer) {
            return Err(CheckError::Pointer(pointer.to_owned()));
        }
        Ok(Self {
            pointer: pointer.to_owned(),
            value: serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)),
        })
    }
}

/// Whether `text` is a JSON pointer by RFC 6901, section 3.
fn is_pointer(text: &str) -> bool {
    let escapes_are_right = text
        .split('~')
        .skip(1)
        .all(|after| after.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes_are_right
}

/// Equality of JSON values with numbers compared by value.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => is_same_number(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

fn is_same_number(a: &Number, b: &Number) -> bool {
    match (as_integer(a), as_integer(b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a.as_f64() == b.as_f64(),
        _ => false,
    }
}

/// The number as an integer, if it is a whole one: large integers are not equal
/// just because they are near the same float.
fn as_integer(number: &Number) -> Option<i128> {
    if let Some(integer) = number.as_i128() {
        return Some(integer);
    }
    let float = number.as_f64()?;
    (float.fract() == 0.0 && float.abs() < 1e38).then_some(float as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(body: Option<&str>, json: &[&str]) -> Checks {
        Checks {
            body: body.map(|pattern| Checks::pattern(pattern).unwrap()),
            json: json.iter().map(|text| text.parse().unwrap()).collect(),
            ..Checks::default()
        }
    }

    fn json_holds(expectation: &str, body: &str) -> bool {
        checks(None, &[expectation])
            .verify(200, body.as_bytes())
            .is_ok()
    }

    #[test]
    fn the_status_is_looked_at_first_and_the_body_only_where_asked() {
        let any_body = Checks::default();
        assert!(!any_body.needs_body());
        assert_eq!(any_body.verify(200, b"whatever"), Ok(()));
        assert_eq!(any_body.verify(404, b""), Err(Cause::Status));
        let picky = checks(Some("^ok"), &[]);
        assert!(picky.needs_body() && checks(None, &["/a=1"]).needs_body());
        assert_eq!(picky.verify(500, b"no"), Err(Cause::Status));
        assert_eq!(picky.verify(200, b"no"), Err(Cause::Body));
        assert_eq!(picky.verify(200, b"ok \xff\xfe"), Ok(()));
    }

    #[test]
    fn json_values_are_found_by_their_pointer() {
        let body = r#"{"a":[{"b":"x"}],"n":1.0,"m/n":{"~":null},"":true,"text":"5"}"#;
        for right in [
            "/a/0/b=x",
            "/a/0/b=\"x\"",
            "/n=1",
            "/m~1n/~0=null",
            "/=true",
            "/a=[{\"b\":\"x\"}]",
            "/text=\"5\"",
        ] {
            assert!(json_holds(right, body), "{right}");
        }
        for wrong in ["/a/1/b=x", "/a/0/b=y", "/n=2", "/nope=1", "=1", "/text=5"] {
            assert!(!json_holds(wrong, body), "{wrong}");
        }
        assert!(json_holds("=hello world", "\"hello world\""));
        assert!(json_holds("/q=a=b", r#"{"q":"a=b"}"#));
        assert!(json_holds("/q=", r#"{"q":""}"#));
        assert!(!json_holds("/a=1", "no json"));
    }

    #[test]
    fn numbers_are_compared_by_value_at_any_depth() {
        assert!(json_holds("=[1,{\"x\":2.0}]", "[1.0,{\"x\":2}]"));
        assert!(json_holds("=1e3", "1000"));
        assert!(json_holds("=18446744073709551615", "18446744073709551615"));
        // 2^53 + 1 has no float of its own.
        assert!(!json_holds("=9007199254740993", "9007199254740992.0"));
        assert!(!json_holds("=0.1", "0.10000001"));
        assert!(!json_holds("=[1]", "[1,1]"));
    }

    #[test]
    fn a_body_that_is_too_long_fails_only_where_it_is_needed() {
        let long = vec![b' '; MAX_CHECKED_BYTES + 1];
        assert_eq!(Checks::default().verify(200, &long), Ok(()));
        let picky = checks(Some("^ "), &[]);
        assert_eq!(picky.verify(200, &long), Err(Cause::Body));
        assert_eq!(picky.verify(200, &long[1..]), Ok(()));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_way_out() {
        let message = Checks::pattern("a(b").unwrap_err().to_string();
        assert_eq!(message, "`a(b` is no regular expression: unclosed group");
        let message = |text: &str| text.parse::<JsonExpectation>().unwrap_err().to_string();
        assert!(message("/a/b").contains("PTR=VALUE"));
        for pointer in ["a=1", "/a~=1", "/a~2=1"] {
            assert!(message(pointer).contains("no JSON pointer"), "{pointer}");
        }
    }
}
