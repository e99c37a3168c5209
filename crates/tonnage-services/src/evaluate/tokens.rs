//! The spelling that Python and Starlark share: a text is refused, with its line,
//! where the two languages would read it differently. The twin of `check_tokens`
//! in `apps/common/condition_language.py`.

use super::work::{Outcome, Refused};

/// Characters of a text.
const MAX_TEXT: usize = 4096;

/// Brackets within brackets.
const MAX_BRACKETS: usize = 32;

/// Words that either language keeps for something that the other has not.
const RESERVED: [&str; 22] = [
    "as", "assert", "async", "await", "class", "del", "except", "exec", "finally", "from",
    "global", "import", "is", "lambda", "load", "nonlocal", "print", "raise", "try", "while",
    "with", "yield",
];

/// Longest first, so that the longest one that fits is taken.
const OPERATORS: [&str; 29] = [
    "//=", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "%=", "//", "-", "+", "*", "/", "%",
    "<", ">", "=", "(", ")", "{", "}", "[", "]", ",", ":", ".", ";",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Space,
    Newline,
    Name,
    Number,
    Text,
    Operator,
}

/// Refuses a spelling that the two languages do not share.
pub(super) fn check(text: &str) -> Outcome<()> {
    if text.chars().count() > MAX_TEXT {
        return Err(Refused(format!(
            "a text of more than {MAX_TEXT} characters"
        )));
    }
    let (mut line, mut depth, mut rest) = (1, 0_usize, text);
    let (mut last, mut last_kind, mut glued) = ("", Kind::Nothing, false);
    while let Some(first) = rest.chars().next() {
        let Some((kind, len)) = token(rest) else {
            return Err(refused(line, &rest[..first.len_utf8()]));
        };
        let (token, after) = rest.split_at(len);
        rest = after;
        if last == "," && depth == 0 && ends_a_tuple(kind, token) {
            return Err(refused(line, last));
        }
        if kind == Kind::Newline {
            line += 1;
        }
        if matches!(kind, Kind::Space | Kind::Newline) {
            glued = false;
            continue;
        }
        let operator = kind == Kind::Operator;
        let bad = (kind == Kind::Name && RESERVED.contains(&token))
            || (glued && last_kind != Kind::Operator && !operator)
            || (last_kind == Kind::Text && kind == Kind::Text)
            || (last == "." && (kind != Kind::Name || !glued))
            || (token == "." && last_kind == Kind::Number)
            || (is_unary(token) && is_unary(last));
        if bad {
            return Err(refused(line, token));
        }
        if operator && "([{".contains(token) {
            depth += 1;
            if depth > MAX_BRACKETS {
                let message = format!("brackets nested deeper than {MAX_BRACKETS}");
                return Err(Refused(message));
            }
        } else if operator && ")]}".contains(token) {
            depth = depth.saturating_sub(1);
        }
        (last, last_kind, glued) = (token, kind, true);
    }
    if last == "," && depth == 0 {
        return Err(refused(line, last));
    }
    Ok(())
}

/// What may not follow a comma outside brackets: Starlark has no `x = 1,`.
fn ends_a_tuple(kind: Kind, token: &str) -> bool {
    kind == Kind::Newline || matches!(token, "=" | ";" | ":" | "in")
}

/// Operators that may stand before a value: they do not stack, so that no parser
/// has to go deep.
fn is_unary(token: &str) -> bool {
    matches!(token, "not" | "-" | "+")
}

fn refused(line: usize, token: &str) -> Refused {
    Refused(format!(
        "line {line}: `{token}` is not in the condition language"
    ))
}

/// The kind and the length in bytes of the token that a text begins with.
fn token(text: &str) -> Option<(Kind, usize)> {
    let bytes = text.as_bytes();
    let while_ = |test: fn(&u8) -> bool| bytes.iter().take_while(|byte| test(byte)).count();
    match *bytes.first()? {
        b' ' => Some((Kind::Space, while_(|byte| *byte == b' '))),
        b'\n' => Some((Kind::Newline, 1)),
        b'#' => Some((Kind::Space, while_(|byte| *byte >= 0x20 || *byte == b'\t'))),
        b'"' | b'\'' => string(bytes).map(|len| (Kind::Text, len)),
        b'0'..=b'9' => Some((Kind::Number, number(bytes))),
        b'A'..=b'Z' | b'a'..=b'z' => {
            let len = while_(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            Some((Kind::Name, len))
        }
        _ => {
            let found = OPERATORS.iter().find(|one| text.starts_with(**one));
            found.map(|one| (Kind::Operator, one.len()))
        }
    }
}

/// `0` or digits that do not begin with it, then perhaps a fraction, then perhaps
/// an exponent.
fn number(bytes: &[u8]) -> usize {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let whole = if bytes[0] == b'0' { 1 } else { digits(0) };
    let fraction = digits(whole + 1);
    if bytes.get(whole) != Some(&b'.') || fraction == 0 {
        return whole;
    }
    let end = whole + 1 + fraction;
    if !matches!(bytes.get(end), Some(b'e' | b'E')) {
        return end;
    }
    let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
    match digits(end + 1 + sign) {
        0 => end,
        exponent => end + 1 + sign + exponent,
    }
}

/// A text on one line, with the few escapes that mean the same in both languages.
fn string(bytes: &[u8]) -> Option<usize> {
    let quote = bytes[0];
    let mut place = 1;
    loop {
        match *bytes.get(place)? {
            byte if byte == quote => return Some(place + 1),
            b'\\' => match bytes.get(place + 1)? {
                b'\\' | b'"' | b'\'' | b'n' | b'r' | b't' => place += 2,
                _ => return None,
            },
            0..=0x1f => return None,
            _ => place += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_the_languages_share_is_read() {
        for text in [
            "",
            "result = log[\"Text\"] != 'a \\'b\\' \\n' and not 1.5e-3 > 0",
            "# a comment\nx = [1, 2]; y = x[0]\n",
            "x = log.get('a') // 2",
            "a = 10 - 1",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_they_spell_differently_is_refused_with_its_line() {
        for (text, token) in [
            ("x = 1\nimport os", "line 2: `import`"),
            ("x = 'a' 'b'", "`'b'`"),
            ("x = r'a'", "`'a'`"),
            ("x = 007", "`0`"),
            ("x = 1_000", "`_`"),
            ("x = 0x1f", "`x1f`"),
            ("x = 1.", "`.`"),
            ("x = .5", "`5`"),
            ("x = '\\q'", "`'`"),
            ("x = \"\"\"a\"\"\"", "`\"a\"`"),
            ("x = a ** b", ""),
            ("x = - -1", "`-`"),
            ("x = not not a", "`not`"),
            ("x = __import__", "`_`"),
            ("x = ｒesult", "`ｒ`"),
            ("\tx = 1", "`\t`"),
            ("x = 1 if a else\\\n 2", "`\\`"),
            ("x = a . b", "`b`"),
            ("x = a | b", "`|`"),
            ("x = a,\ny = 1", "line 1: `,`"),
            ("x = a,", "`,`"),
            ("a, = x", "`,`"),
        ] {
            match check(text) {
                Err(refused) => assert!(refused.0.contains(token), "{text}: {refused}"),
                // Two tokens that each language has; the tree is refused.
                Ok(()) => assert_eq!(token, "", "{text}"),
            }
        }
    }
}
