//! Reading TOML files so that a mistake is shown with its file, line, column and
//! what was expected there.

use serde::de::DeserializeOwned;

use crate::Template;

/// A data file that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct FileError {
    /// The file's name as the user knows it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

impl FileError {
    /// An error at a byte offset of `text`.
    pub fn at(file: &str, text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
        }
    }
}

/// Reads `text`, the content of `file`, as a `T`.
pub fn parse_toml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, FileError> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        FileError::at(
            file,
            text,
            offset,
            error.message().trim().replace('\n', ", "),
        )
    })
}

/// An error at the first place where `needle` stands in `text`.
pub fn locate(file: &str, text: &str, needle: &str, message: impl Into<String>) -> FileError {
    FileError::at(file, text, text.find(needle).unwrap_or(0), message)
}

/// Fails, with its place, at the first placeholder that is not among `known`.
pub(crate) fn check_templates<'a>(
    file: &str,
    text: &str,
    mut templates: impl Iterator<Item = &'a Template>,
    known: &[&str],
) -> Result<(), FileError> {
    templates.try_for_each(|template| {
        template
            .check(known)
            .map_err(|error| locate(file, text, &template.to_string(), error.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Sample {
        size: u32,
    }

    #[test]
    fn a_mistake_is_located() {
        let wrong_type = parse_toml::<Sample>("s.toml", "# é\nsize = 'big'\n").unwrap_err();
        assert_eq!((wrong_type.line, wrong_type.column), (2, 8));
        assert!(
            wrong_type.message.contains("expected u32"),
            "{}",
            wrong_type.message
        );

        let unknown = parse_toml::<Sample>("s.toml", "size = 1\nsite = 2\n").unwrap_err();
        assert_eq!((unknown.line, unknown.column), (2, 1));
        assert!(
            unknown.message.contains("expected `size`"),
            "{}",
            unknown.message
        );

        let syntax = parse_toml::<Sample>("s.toml", "size = \n").unwrap_err();
        assert_eq!(syntax.line, 1);
    }

    #[test]
    fn an_offset_inside_a_character_or_past_the_end_is_no_panic() {
        assert_eq!(FileError::at("f", "é", 1, "x").column, 1);
        assert_eq!(FileError::at("f", "ab", 99, "x").column, 3);
    }
}
