//! Texts with `{name}` placeholders: request paths, command arguments and the
//! lines that a study prints.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text with `{name}` placeholders; `{{` and `}}` stand for single braces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Text(String),
    Name(String),
}

/// A template that cannot be read or filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its partner.
    #[error("`{0}` has a brace without its partner (write {{{{ or }}}} for the character itself)")]
    Unbalanced(String),
    /// A placeholder that nothing fills in.
    #[error("nothing is known by the name of `{{{name}}}`: {hint}")]
    Unknown {
        /// The placeholder's name.
        name: String,
        /// A suggestion and the known names.
        hint: String,
    },
}

impl Template {
    /// Reads a template.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let unbalanced = || TemplateError::Unbalanced(source.to_owned());
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut chars = source.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    text.push(c);
                }
                '{' => {
                    let mut name = String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some(c) if c != '{' => name.push(c),
                            _ => return Err(unbalanced()),
                        }
                    }
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                    }
                    pieces.push(Piece::Name(name));
                }
                '}' => return Err(unbalanced()),
                c => text.push(c),
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self {
            source: source.to_owned(),
            pieces,
        })
    }

    /// A text without placeholders, whatever stands in it.
    pub fn literal(text: &str) -> Self {
        Self {
            source: text.replace('{', "{{").replace('}', "}}"),
            pieces: vec![Piece::Text(text.to_owned())],
        }
    }

    /// The placeholders' names, in order of appearance.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Fails on the first placeholder that is not among `known`.
    pub fn check(&self, known: &[&str]) -> Result<(), TemplateError> {
        match self.names().find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(name) => Err(TemplateError::Unknown {
                name: name.to_owned(),
                hint: crate::did_you_mean(name, known),
            }),
        }
    }

    /// The text with every placeholder replaced by what `value` gives for it.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, TemplateError> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) => {
                    filled.push_str(&value(name).ok_or_else(|| TemplateError::Unknown {
                        name: name.clone(),
                        hint: "it has no value here".to_owned(),
                    })?);
                }
            }
        }
        Ok(filled)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_braces_escaped() {
        let template = Template::parse("/?it1={iterations}&x={{y}}").unwrap();
        assert_eq!(template.names().collect::<Vec<_>>(), ["iterations"]);
        let filled = template.fill(|name| (name == "iterations").then(|| "5".to_owned()));
        assert_eq!(filled.unwrap(), "/?it1=5&x={y}");
    }

    #[test]
    fn an_unknown_name_is_an_error_with_a_hint() {
        let template = Template::parse("{iteration}").unwrap();
        let error = template.check(&["iterations"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing is known by the name of `{iteration}`: did you mean `iterations`? (known: iterations)"
        );
    }

    #[test]
    fn lonely_braces_are_refused() {
        for text in ["{", "}", "a{b", "a}b", "{a{b}}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
