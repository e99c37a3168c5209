//! Values as they are given, before anybody knows what they ought to be: from a flag, an
//! environment variable or Python. They print as Python prints them, because that is how
//! their users wrote them.

use std::fmt::{self, Write as _};

/// The key by which Python marks a value that only Python can hold: a function, a class.
pub const OBJECT_KEY: &str = "__tonnage_object__";

/// A value of a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum RawValue {
    /// Python's `None`.
    Nothing,
    /// Yes or no.
    Switch(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Fraction(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<RawValue>),
    /// A dictionary with texts as keys.
    Map(Vec<(String, RawValue)>),
    /// Something that lives in Python, by its name there.
    Object(String),
}

impl RawValue {
    /// The value that Python wrote as JSON. An object whose only key is [`OBJECT_KEY`] is
    /// [`RawValue::Object`].
    pub fn from_json(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(yes) => Self::Switch(*yes),
            Value::Number(number) => number.as_i64().map_or_else(
                || Self::Fraction(number.as_f64().unwrap_or(f64::NAN)),
                Self::Whole,
            ),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(values) => Self::List(values.iter().map(Self::from_json).collect()),
            Value::Object(fields) => match fields.get(OBJECT_KEY) {
                Some(Value::String(name)) if fields.len() == 1 => Self::Object(name.clone()),
                _ => Self::Map(
                    fields
                        .iter()
                        .map(|(name, value)| (name.clone(), Self::from_json(value)))
                        .collect(),
                ),
            },
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list of these texts.
    pub(super) fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(
            texts
                .into_iter()
                .map(|text| Self::Text(text.as_ref().to_owned()))
                .collect(),
        )
    }

    /// As Python's `repr`.
    pub fn repr(&self) -> String {
        let mut out = String::new();
        self.write_repr(&mut out);
        out
    }

    fn write_repr(&self, out: &mut String) {
        match self {
            Self::Nothing => out.push_str("None"),
            Self::Switch(true) => out.push_str("True"),
            Self::Switch(false) => out.push_str("False"),
            Self::Whole(number) => {
                let _ = write!(out, "{number}");
            }
            // As Python, a float shows that it is one: `30.0`.
            Self::Fraction(number) => {
                let _ = write!(out, "{number:?}");
            }
            Self::Text(text) => write_quoted(out, text),
            Self::List(values) => {
                out.push('[');
                for (index, value) in values.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    value.write_repr(out);
                }
                out.push(']');
            }
            Self::Map(fields) => {
                out.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    write_quoted(out, name);
                    out.push_str(": ");
                    value.write_repr(out);
                }
                out.push('}');
            }
            Self::Object(name) => {
                out.push('<');
                out.push_str(name);
                out.push_str("()>");
            }
        }
    }
}

/// As Python's `str`: a text stands for itself.
impl fmt::Display for RawValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            other => f.write_str(&other.repr()),
        }
    }
}

fn write_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character == quote => {
                out.push('\\');
                out.push(character);
            }
            _ if character.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> RawValue {
        RawValue::from_json(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn json_from_python_is_read_whole() {
        assert_eq!(read("null"), RawValue::Nothing);
        assert_eq!(read("true"), RawValue::Switch(true));
        assert_eq!(read("-7"), RawValue::Whole(-7));
        assert_eq!(read("0.25"), RawValue::Fraction(0.25));
        assert_eq!(read("30.0"), RawValue::Fraction(30.0));
        assert_eq!(
            read(r#"["a", 1]"#),
            RawValue::List(vec![RawValue::Text("a".into()), RawValue::Whole(1)])
        );
        assert_eq!(
            read(r#"{"X": "on"}"#),
            RawValue::Map(vec![("X".into(), RawValue::Text("on".into()))])
        );
        assert_eq!(
            read(r#"{"__tonnage_object__": "post_fork"}"#),
            RawValue::Object("post_fork".into())
        );
    }

    /// The right side is what Python printed for the same values.
    #[test]
    fn values_print_as_python_prints_them() {
        let repr = |text: &str| RawValue::Text(text.into()).repr();
        assert_eq!(repr("plain"), "'plain'");
        assert_eq!(repr("it's"), "\"it's\"");
        assert_eq!(repr("it's \"so\""), "'it\\'s \"so\"'");
        assert_eq!(repr("a\\b\nc\u{1}"), "'a\\\\b\\nc\\x01'");
        assert_eq!(
            read(r#"{"a": [1, 30.0, null, true]}"#).repr(),
            "{'a': [1, 30.0, None, True]}"
        );
        assert_eq!(RawValue::Text("it's".into()).to_string(), "it's");
        assert_eq!(
            RawValue::Object("post_fork".into()).to_string(),
            "<post_fork()>"
        );
    }
}
