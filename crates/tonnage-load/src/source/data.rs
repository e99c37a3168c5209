//! The data: JSON Lines taken apart, with values kept as they were written.
//! What a field is good for is left to the compiler.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use tonnage_model::suggest;

use super::error::{Flaw, Place, SourceError};

/// Raw values keep the order of keys and the digits of long numbers.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// One line of the data.
#[derive(Debug)]
pub(super) struct Line<'a> {
    number: usize,
    fields: Fields<'a>,
}

/// What a line says instead of the common request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Overrides {
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<OwnBody>,
}

/// A line's body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OwnBody {
    pub(super) text: String,
    pub(super) is_json: bool,
}

/// The lines of `text` that are not empty.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Result<Line<'_>, SourceError>> {
    // Some editors mark UTF-8 files; JSON knows no such mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.split('\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(index, line)| Line::read(index + 1, line))
}

impl<'a> Line<'a> {
    fn read(number: usize, text: &'a str) -> Result<Self, SourceError> {
        let fields = serde_json::from_str(text).map_err(|error| SourceError::Line {
            line: number,
            column: error.column(),
            message: without_position(&error),
        })?;
        Ok(Self { number, fields })
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn place(&self, name: impl Into<String>) -> Place {
        Place::Field {
            line: self.number,
            name: name.into(),
        }
    }

    pub(super) fn flaw(&self, name: &str, flaw: Flaw) -> SourceError {
        SourceError::Flaw {
            place: self.place(name),
            flaw,
        }
    }

    /// What `{{line.name}}` stands for.
    pub(super) fn text_of(&self, name: &str) -> Result<String, SourceError> {
        let value = self
            .find(name)
            .ok_or_else(|| self.flaw(name, Flaw::Missing(self.hint(name))))?;
        self.as_text(name, value)
    }

    fn find(&self, name: &str) -> Option<&'a RawValue> {
        let mut segments = name.split('.');
        let mut value = *self.fields.get(segments.next()?)?;
        for segment in segments {
            value = if value.get().starts_with('[') {
                let items: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
                *items.get(segment.parse::<usize>().ok()?)?
            } else {
                let fields: Fields<'a> = serde_json::from_str(value.get()).ok()?;
                *fields.get(segment)?
            };
        }
        Some(value)
    }

    fn hint(&self, name: &str) -> String {
        const SHOWN: usize = 12;
        if let Some(nearest) = suggest(name, self.fields.keys().map(String::as_str)) {
            return format!("did you mean `{nearest}`?");
        }
        let mut names: Vec<&str> = self.fields.keys().map(String::as_str).collect();
        if names.is_empty() {
            return "the line has no field".to_owned();
        }
        if names.len() > SHOWN {
            names.truncate(SHOWN);
            names.push("…");
        }
        format!("the line has {}", names.join(", "))
    }

    /// A text without its quotes, anything else as JSON without blanks.
    fn as_text(&self, name: &str, value: &RawValue) -> Result<String, SourceError> {
        if !value.get().starts_with('"') {
            return Ok(without_blanks(value.get()));
        }
        serde_json::from_str(value.get())
            .map_err(|error| self.flaw(name, Flaw::Json(without_position(&error))))
    }

    /// What this line replaces of the common request, if anything.
    pub(super) fn overrides(&self) -> Result<Option<Overrides>, SourceError> {
        let overrides = Overrides {
            method: self.own_text("method")?,
            path: self.own_text("path")?,
            headers: self.own_headers()?,
            body: self.own_body()?,
        };
        Ok((overrides != Overrides::default()).then_some(overrides))
    }

    fn own_text(&self, name: &str) -> Result<Option<String>, SourceError> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(value) if value.get().starts_with('"') => self.as_text(name, value).map(Some),
            Some(_) => Err(self.flaw(name, Flaw::Kind("a text"))),
        }
    }

    fn own_headers(&self) -> Result<Vec<(String, String)>, SourceError> {
        let Some(value) = self.fields.get("headers") else {
            return Ok(Vec::new());
        };
        let fields: Fields<'a> = serde_json::from_str(value.get())
            .map_err(|_| self.flaw("headers", Flaw::Kind("an object")))?;
        let header = |(name, value): (String, &'a RawValue)| {
            let full_name = format!("headers.{name}");
            if value.get().starts_with(['{', '[', 'n']) {
                return Err(self.flaw(&full_name, Flaw::Kind("a text, a number, true or false")));
            }
            let text = self.as_text(&full_name, value)?;
            Ok((name, text))
        };
        fields.into_iter().map(header).collect()
    }

    fn own_body(&self) -> Result<Option<OwnBody>, SourceError> {
        let Some(value) = self.fields.get("body") else {
            return Ok(None);
        };
        let is_json = value.get().starts_with(['{', '[']);
        if !is_json && !value.get().starts_with('"') {
            return Err(self.flaw("body", Flaw::Kind("a text, an object or a list")));
        }
        let text = self.as_text("body", value)?;
        Ok(Some(OwnBody { text, is_json }))
    }
}

/// What the parser says; the place within a value would mislead.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}

/// JSON without the blanks between its parts; `json` is known to be valid.
fn without_blanks(json: &str) -> String {
    let mut in_text = false;
    let mut escaped = false;
    json.chars()
        .filter(|&c| {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_text = !in_text,
                _ => {}
            }
            in_text || !c.is_ascii_whitespace()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Line<'_> {
        lines(text).next().unwrap().unwrap()
    }

    fn message<T: std::fmt::Debug>(result: Result<T, SourceError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn empty_lines_count_but_are_skipped() {
        let numbers: Vec<_> = lines("\u{feff}{}\r\n\r\n  \n{\"a\":1}\n")
            .map(|line| line.unwrap().number())
            .collect();
        assert_eq!(numbers, [1, 4]);
        assert_eq!(lines("\n \r\n").count(), 0);
    }

    #[test]
    fn values_are_kept_as_written() {
        let line = only(
            r#"{"s":"a\"\u00e4","n":12345678901234567890123,"f":1.50,"t":true,"z":null,"o":{"z": 1, "a": [ "x y\" ", {} ]}}"#,
        );
        for (name, text) in [
            ("s", "a\"ä"),
            ("n", "12345678901234567890123"),
            ("f", "1.50"),
            ("t", "true"),
            ("z", "null"),
            ("o", r#"{"z":1,"a":["x y\" ",{}]}"#),
            ("o.z", "1"),
            ("o.a.0", "x y\" "),
        ] {
            assert_eq!(line.text_of(name).as_deref(), Ok(text), "{name}");
        }
    }

    #[test]
    fn what_is_missing_or_broken_is_named_with_its_line() {
        let line = only("\n\n{\"ident\":1,\"o\":{},\"bad\":\"\\ud800\"}");
        assert_eq!(
            message(line.text_of("idnet")),
            "line 3 of the data: `idnet` is missing, and a template asks for it (did you mean `ident`?)"
        );
        assert!(message(line.text_of("zzz")).contains("the line has bad, ident, o"));
        assert!(message(line.text_of("o.x")).contains("`o.x` is missing"));
        assert!(message(line.text_of("ident.x")).contains("is missing"));
        assert!(message(line.text_of("bad")).contains("`bad` cannot be read: "));
        let broken = lines("{}\n{\"a\":}").nth(1).unwrap();
        assert!(message(broken).starts_with("line 2 of the data, column 6, is no JSON object: "));
        assert!(message(lines("[1]").next().unwrap()).contains("expected a map"));
    }

    #[test]
    fn a_line_may_be_a_whole_request() {
        let line = only(
            r#"{"method":"PUT","path":"/x","headers":{"A":"b","N":1},"body":{"k": [1, 2]},"more":0}"#,
        );
        let overrides = line.overrides().unwrap().unwrap();
        assert_eq!(overrides.method.as_deref(), Some("PUT"));
        assert_eq!(overrides.path.as_deref(), Some("/x"));
        assert_eq!(
            overrides.headers,
            [("A".into(), "b".into()), ("N".into(), "1".into())]
        );
        let body = overrides.body.unwrap();
        assert_eq!((body.text.as_str(), body.is_json), (r#"{"k":[1,2]}"#, true));
        assert_eq!(only("{\"more\":1}").overrides(), Ok(None));
        assert!(
            !only("{\"body\":\"{}\"}")
                .own_body()
                .unwrap()
                .unwrap()
                .is_json
        );
    }

    #[test]
    fn fields_of_the_wrong_kind_are_refused() {
        for (line, expected) in [
            ("{\"method\":1}", "`method` must be a text"),
            ("{\"path\":null}", "`path` must be a text"),
            ("{\"headers\":[]}", "`headers` must be an object"),
            ("{\"headers\":{\"A\":{}}}", "`headers.A` must be a text, a"),
            ("{\"body\":5}", "`body` must be a text, an object or a list"),
        ] {
            let message = message(only(line).overrides());
            assert!(message.contains(expected), "{line}: {message}");
        }
    }
}
