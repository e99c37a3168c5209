//! A line split into words as a POSIX shell and Python's `shlex.split` do it, for
//! `GUNICORN_CMD_ARGS`: quotes and backslashes, no expansion, no comments.

use thiserror::Error;

/// Why a line has no words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WordsError {
    /// A quotation that never ends.
    #[error("a quotation is not closed")]
    Quotation,
    /// A backslash with nothing behind it.
    #[error("a backslash stands at the end")]
    Backslash,
}

/// The words of a line.
pub fn split_words(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    // `None` between words: an empty pair of quotes is a word, a blank is not.
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or(WordsError::Quotation)? {
                        '\'' => break,
                        inner => word.push(inner),
                    }
                }
            }
            '"' => read_double_quoted(&mut characters, word.get_or_insert_default())?,
            '\\' => word
                .get_or_insert_default()
                .push(characters.next().ok_or(WordsError::Backslash)?),
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Within double quotes a backslash escapes only itself and the quote.
fn read_double_quoted(
    characters: &mut impl Iterator<Item = char>,
    word: &mut String,
) -> Result<(), WordsError> {
    loop {
        match characters.next().ok_or(WordsError::Quotation)? {
            '"' => return Ok(()),
            '\\' => match characters.next().ok_or(WordsError::Quotation)? {
                escaped @ ('"' | '\\') => word.push(escaped),
                plain => word.extend(['\\', plain]),
            },
            plain => word.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The right side is what `shlex.split` returned.
    #[test]
    fn words_are_those_of_shlex() {
        let split = |line| split_words(line).unwrap();
        assert_eq!(split(""), Vec::<String>::new());
        assert_eq!(split("  -w 4\t--bind=:80\n"), ["-w", "4", "--bind=:80"]);
        assert_eq!(split("a 'b c' \"d e\""), ["a", "b c", "d e"]);
        assert_eq!(split("''"), [""]);
        assert_eq!(split("a''b\"\""), ["ab"]);
        assert_eq!(split(r"a\ b \'c"), ["a b", "'c"]);
        assert_eq!(split(r#""a\"b\\c\d""#), [r#"a"b\c\d"#]);
        assert_eq!(split(r"'a\b'"), [r"a\b"]);
        assert_eq!(split("a#b # c"), ["a#b", "#", "c"]);
    }

    #[test]
    fn what_has_no_end_is_refused() {
        assert_eq!(split_words("'a"), Err(WordsError::Quotation));
        assert_eq!(split_words("\"a"), Err(WordsError::Quotation));
        assert_eq!(split_words("\"a\\"), Err(WordsError::Quotation));
        assert_eq!(split_words("a\\"), Err(WordsError::Backslash));
    }
}
