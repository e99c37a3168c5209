//! What an answer must look like, whatever carried it: patterns and JSON.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

/// How much of a wrong answer an error shows, in characters.
const SHOWN_CHARACTERS: usize = 200;

/// The beginning of an answer, for an error.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS).collect()
}

/// What is wrong with a text that must match `pattern`, and in which the named
/// groups `positive` must be numbers above zero.
pub(super) fn check_text(
    what: &str,
    text: &str,
    pattern: &str,
    positive: &[String],
) -> Result<(), String> {
    let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
    let captures = regex
        .captures(text)
        .ok_or_else(|| format!("{what} does not match {pattern}: {}", shown(text)))?;
    for name in positive {
        let group = captures.name(name).map_or("", |group| group.as_str());
        if !group.parse::<f64>().is_ok_and(|number| number > 0.0) {
            return Err(format!(
                "{name} is `{group}`, not a number above zero: {}",
                shown(text)
            ));
        }
    }
    Ok(())
}

/// What is wrong with JSON in which each pointer must lead to its value.
pub(super) fn check_json(answer: &Value, expected: &BTreeMap<String, Value>) -> Result<(), String> {
    expected.iter().try_for_each(|(pointer, expected)| {
        match answer.pointer(pointer) {
            Some(found) if found == expected => Ok(()),
            Some(found) => Err(format!("`{pointer}` is {found}, not {expected}")),
            None => Err(format!("there is no `{pointer}`")),
        }
        .map_err(|problem| format!("{problem}: {}", shown(&answer.to_string())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_lead_to_values() {
        let answer = json!({"a": [1, {"b": "x"}]});
        let check = |pointer: &str, value: Value| {
            check_json(&answer, &[(pointer.to_owned(), value)].into())
        };
        assert_eq!(check("/a/1/b", json!("x")), Ok(()));
        assert_eq!(check("", answer.clone()), Ok(()));
        assert!(
            check("/a/0", json!(2))
                .unwrap_err()
                .starts_with("`/a/0` is 1, not 2: ")
        );
        assert!(
            check("/c", json!(2))
                .unwrap_err()
                .starts_with("there is no `/c`: ")
        );
    }
}
