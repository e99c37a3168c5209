//! Texts with `{{…}}` placeholders, taken apart once. What a placeholder stands
//! for, and where the result may go, is left to others.

use tonnage_model::suggest;

use super::error::PlaceholderError;
use crate::random::IntegerRange;

/// What begins a placeholder, and written twice stands for itself.
const OPEN: &[u8] = b"{{";
const CLOSE: &[u8] = b"}}";

/// Names of placeholders and how they are written.
const KNOWN: [(&str, &str); 3] = [
    ("seq", "{{seq}}"),
    ("rand", "{{rand:a..b}}"),
    ("line", "{{line.field}}"),
];

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Bytes as they are, never none.
    Text(Vec<u8>),
    /// The request's number.
    Seq,
    /// A random integer.
    Rand(IntegerRange),
    /// A field of the data line, by its dotted name.
    Field(String),
}

/// A placeholder that cannot be read, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misplaced {
    /// The character of the template at which it begins, counted from 1.
    pub(super) column: usize,
    /// The placeholder with its braces, or the beginning of one without end.
    pub(super) text: String,
    pub(super) problem: PlaceholderError,
}

/// Takes `template` apart; `{{line.…}}` is an error unless there is data. Two
/// texts never follow each other.
pub(super) fn parse(template: &[u8], has_data: bool) -> Result<Vec<Token>, Misplaced> {
    let mut tokens = Vec::new();
    let mut text = Vec::new();
    let mut rest = template;
    while let Some(at) = find(rest, OPEN) {
        text.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix(b"{{{{") {
            text.extend_from_slice(OPEN);
            rest = after;
            continue;
        }
        let misplaced = |placeholder: &[u8], problem| Misplaced {
            column: String::from_utf8_lossy(&template[..template.len() - rest.len()])
                .chars()
                .count()
                + 1,
            text: excerpt(placeholder),
            problem,
        };
        let end = find(rest, CLOSE).ok_or_else(|| misplaced(rest, PlaceholderError::Open))?;
        let placeholder = &rest[..end + CLOSE.len()];
        let token = read(&rest[OPEN.len()..end], has_data)
            .map_err(|problem| misplaced(placeholder, problem))?;
        if !text.is_empty() {
            tokens.push(Token::Text(std::mem::take(&mut text)));
        }
        tokens.push(token);
        rest = &rest[placeholder.len()..];
    }
    text.extend_from_slice(rest);
    if !text.is_empty() {
        tokens.push(Token::Text(text));
    }
    Ok(tokens)
}

/// Reads what stands between the braces.
fn read(content: &[u8], has_data: bool) -> Result<Token, PlaceholderError> {
    let content = String::from_utf8_lossy(content);
    let content = content.trim();
    if content == "seq" {
        return Ok(Token::Seq);
    }
    if let Some(range) = content.strip_prefix("rand:") {
        return read_range(range)
            .map(Token::Rand)
            .ok_or(PlaceholderError::Range);
    }
    if let Some(field) = content.strip_prefix("line.") {
        if field.split('.').any(str::is_empty) {
            return Err(PlaceholderError::Field);
        }
        if !has_data {
            return Err(PlaceholderError::NoData);
        }
        return Ok(Token::Field(field.to_owned()));
    }
    let name = content.split([':', '.', ' ']).next().unwrap_or_default();
    let nearest = suggest(name, KNOWN.map(|(name, _)| name));
    let written = KNOWN.map(|(_, written)| written).join(", ");
    Err(PlaceholderError::Unknown(
        match KNOWN.iter().find(|(name, _)| Some(*name) == nearest) {
            Some((_, nearest)) => format!("did you mean {nearest}? (known: {written})"),
            None => format!("known: {written}"),
        },
    ))
}

fn read_range(text: &str) -> Option<IntegerRange> {
    let (low, high) = text.split_once("..")?;
    IntegerRange::new(low.trim().parse().ok()?, high.trim().parse().ok()?)
}

fn find(text: &[u8], pair: &[u8]) -> Option<usize> {
    text.windows(pair.len()).position(|window| window == pair)
}

/// The beginning of `text`, for a message.
fn excerpt(text: &[u8]) -> String {
    const LONGEST: usize = 40;
    let text = String::from_utf8_lossy(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Token {
        Token::Text(text.into())
    }

    #[test]
    fn placeholders_are_found_between_texts() {
        let range = IntegerRange::new(-2, 10).unwrap();
        assert_eq!(
            parse(
                "/a{{seq}}?n={{ rand: -2 .. 10 }}{{line.x.0}}}".as_bytes(),
                true
            ),
            Ok(vec![
                text("/a"),
                Token::Seq,
                text("?n="),
                Token::Rand(range),
                Token::Field("x.0".to_owned()),
                text("}"),
            ])
        );
        assert_eq!(parse(b"", true), Ok(vec![]));
        let binary = b"\xff{ \x00}".to_vec();
        assert_eq!(parse(&binary, true), Ok(vec![Token::Text(binary.clone())]));
    }

    #[test]
    fn four_braces_are_two() {
        assert_eq!(parse(b"a{{{{seq}}b", true), Ok(vec![text("a{{seq}}b")]));
        assert_eq!(
            parse(br#"{"a":{"b":{{seq}}}}"#, true),
            Ok(vec![text(r#"{"a":{"b":"#), Token::Seq, text("}}")])
        );
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (template, column, problem) in [
            ("ä{{seq", 2, "has no end"),
            ("{{sqe}}", 1, "did you mean {{seq}}?"),
            ("xx{{random:1..2}}", 3, "did you mean {{rand:a..b}}?"),
            ("{{lines.x}}", 1, "did you mean {{line.field}}?"),
            ("{{zebra}}", 1, "known: {{seq}}, "),
            ("{{}}", 1, "known: {{seq}}, "),
            ("{{rand:2..1}}", 1, "two integers"),
            ("{{rand:1..x}}", 1, "two integers"),
            ("{{line.}}", 1, "names no field"),
            ("{{line.a..b}}", 1, "names no field"),
        ] {
            let error = parse(template.as_bytes(), true).unwrap_err();
            let message = error.problem.to_string();
            assert_eq!(error.column, column, "{template}");
            assert!(message.contains(problem), "{template}: {message}");
        }
        let error = parse(b"{{line.x}}", false).unwrap_err();
        assert_eq!(error.problem, PlaceholderError::NoData);
        assert_eq!(error.text, "{{line.x}}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_any_escaped_text_is_itself(
            bytes in prop::collection::vec(
                prop_oneof![
                    Just(b'{'), Just(b'}'), Just(b'.'), Just(b'r'), any::<u8>(),
                ],
                0..60,
            )
        ) {
            let _ = parse(&bytes, true);
            // Braces in pairs, so that none is left over to join an escape.
            let lonely: Vec<u8> = bytes.iter().copied().filter(|&b| b != b'{').collect();
            let doubled = lonely.split(|&b| b == b'r').collect::<Vec<_>>();
            let plain = doubled.join(OPEN);
            let escaped = doubled.join(&b"{{{{"[..]);
            let tokens = if plain.is_empty() { vec![] } else { vec![Token::Text(plain)] };
            prop_assert_eq!(parse(&escaped, true), Ok(tokens));
        }
    }
}
