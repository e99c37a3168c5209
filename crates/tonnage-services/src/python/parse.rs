//! `json.loads` as the echo in `apps/common/echoing.py` calls it: JSON in UTF-8 as
//! the standard has it, with surrogates that may stand alone, whole numbers of
//! any size up to a bound, and the depth bounded.

use std::collections::HashMap;

use super::Value;
use super::strings::{Growing, Text};

/// How deep lists and dicts may nest; Python's own bound depends on its version
/// and on what called it, and is not much higher.
const MAX_DEPTH: usize = 512;

/// Python makes no integers of more digits than that from text.
const MAX_DIGITS: usize = 4300;

/// Up to this many entries, looking at each is the fastest way to find a key.
const FEW_ENTRIES: usize = 16;

/// What is wrong with a text that should be JSON, and where.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the body is not JSON: {what} at byte {at}")]
pub(crate) struct NotJson {
    what: &'static str,
    /// The offset in bytes, from 0.
    at: usize,
}

/// The value that `bytes` stand for.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value<'_>, NotJson> {
    let text = std::str::from_utf8(bytes).map_err(|error| NotJson {
        what: "bytes that are no UTF-8",
        at: error.valid_up_to(),
    })?;
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let value = parser.value()?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.wrong("extra data"));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    /// The offset of what is read next, always at the beginning of a character.
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn wrong(&self, what: &'static str) -> NotJson {
        NotJson { what, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Steps over `text` if it comes next.
    fn take(&mut self, text: &str) -> bool {
        let comes = self.rest().as_bytes().starts_with(text.as_bytes());
        if comes {
            self.at += text.len();
        }
        comes
    }

    fn value(&mut self) -> Result<Value<'a>, NotJson> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'[') => self.nested(Self::list),
            Some(b'{') => self.nested(Self::dict),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.constant(),
        }
    }

    fn constant(&mut self) -> Result<Value<'a>, NotJson> {
        let constants = [
            ("null", Value::None),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ];
        for (name, value) in constants {
            if self.take(name) {
                return Ok(value);
            }
        }
        Err(self.wrong("no value"))
    }

    /// What `inside` reads behind an opening bracket.
    fn nested(
        &mut self,
        inside: fn(&mut Self) -> Result<Value<'a>, NotJson>,
    ) -> Result<Value<'a>, NotJson> {
        if self.depth == MAX_DEPTH {
            return Err(self.wrong("too many levels"));
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        let value = inside(self);
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Result<Value<'a>, NotJson> {
        let mut items = Vec::new();
        if self.take("]") {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value()?);
            if !self.another("]")? {
                return Ok(Value::List(items));
            }
        }
    }

    fn dict(&mut self) -> Result<Value<'a>, NotJson> {
        let mut dict = Dict::default();
        if self.take("}") {
            return Ok(Value::Dict(dict.entries));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("no key in double quotes"));
            }
            let key = self.string()?;
            self.skip_space();
            if !self.take(":") {
                return Err(self.wrong("no `:`"));
            }
            let value = self.value()?;
            dict.insert(key, value);
            if !self.another("}")? {
                return Ok(Value::Dict(dict.entries));
            }
        }
    }

    /// Whether a comma comes next, and not the bracket that ends it all.
    fn another(&mut self, end: &str) -> Result<bool, NotJson> {
        self.skip_space();
        if self.take(",") {
            return Ok(true);
        }
        if self.take(end) {
            return Ok(false);
        }
        Err(self.wrong("no `,`"))
    }

    fn number(&mut self) -> Result<Value<'a>, NotJson> {
        let start = self.at;
        self.take("-");
        let digits_start = self.at;
        if !self.take("0") && self.digits() == 0 {
            return Err(self.wrong("no digits"));
        }
        let digits = self.at - digits_start;
        let whole_end = self.at;
        // Without digits behind it, a `.` or an `e` is no part of the number.
        if self.take(".") && self.digits() == 0 {
            self.at = whole_end;
        }
        let fraction_end = self.at;
        if self.take("e") || self.take("E") {
            let _ = self.take("+") || self.take("-");
            if self.digits() == 0 {
                self.at = fraction_end;
            }
        }
        let text = &self.text[start..self.at];
        if self.at > whole_end {
            let float = text.parse();
            return float.map(Value::Float).map_err(|_| self.wrong("no number"));
        }
        if digits > MAX_DIGITS {
            return Err(self.wrong("an integer of too many digits"));
        }
        Ok(Value::Int(if text == "-0" { "0" } else { text }))
    }

    /// Steps over digits and tells how many there are.
    fn digits(&mut self) -> usize {
        let bytes = self.rest().bytes();
        let count = bytes.take_while(u8::is_ascii_digit).count();
        self.at += count;
        count
    }

    /// A string, at its opening quote.
    fn string(&mut self) -> Result<Text<'a>, NotJson> {
        self.at += 1;
        let first = self.stretch()?;
        if self.take("\"") {
            return Ok(first.into());
        }
        let mut text = Growing::Plain(first.to_owned());
        loop {
            self.escape(&mut text)?;
            text.push_str(self.stretch()?);
            if self.take("\"") {
                return Ok(text.finish());
            }
        }
    }

    /// Everything up to the next quote or backslash.
    fn stretch(&mut self) -> Result<&'a str, NotJson> {
        let rest = self.rest();
        let end = rest
            .bytes()
            .position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
        let Some(end) = end else {
            return Err(self.wrong("a string without an end"));
        };
        self.at += end;
        if self.peek().is_some_and(|byte| byte < 0x20) {
            return Err(self.wrong("a control character in a string"));
        }
        Ok(&rest[..end])
    }

    /// An escape, at its backslash.
    fn escape(&mut self, text: &mut Growing) -> Result<(), NotJson> {
        self.at += 1;
        let point = match self.peek() {
            Some(b'u') => {
                self.at += 1;
                return self.escaped_point(text);
            }
            Some(byte @ (b'"' | b'\\' | b'/')) => u32::from(byte),
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => 0x0a,
            Some(b'r') => 0x0d,
            Some(b't') => 0x09,
            _ => return Err(self.wrong("an escape that there is not")),
        };
        self.at += 1;
        text.push(point);
        Ok(())
    }

    /// The four digits behind `\u`, and the other half of a pair if it follows.
    fn escaped_point(&mut self, text: &mut Growing) -> Result<(), NotJson> {
        let first = self.hex()?;
        let before = self.at;
        if (0xd800..0xdc00).contains(&first) && self.take("\\u") {
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                text.push(0x10000 + ((first - 0xd800) << 10 | (second - 0xdc00)));
                return Ok(());
            }
            self.at = before;
        }
        text.push(first);
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, NotJson> {
        let wrong = self.wrong("no four hexadecimal digits");
        let digits = self.rest().as_bytes().get(..4);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        value.ok_or(wrong)
    }
}

/// A dict while it is read: a key that comes again keeps its place and gets the
/// later value.
#[derive(Default)]
struct Dict<'a> {
    entries: Vec<(Text<'a>, Value<'a>)>,
    /// Where each key is, once there are more than a few.
    places: HashMap<Text<'a>, usize>,
}

impl<'a> Dict<'a> {
    fn insert(&mut self, key: Text<'a>, value: Value<'a>) {
        if let Some(place) = self.place(&key) {
            self.entries[place].1 = value;
            return;
        }
        if self.entries.len() == FEW_ENTRIES {
            let keys = self.entries.iter().map(|(key, _)| key.clone());
            self.places = keys.zip(0..).collect();
        }
        if self.entries.len() >= FEW_ENTRIES {
            self.places.insert(key.clone(), self.entries.len());
        }
        self.entries.push((key, value));
    }

    fn place(&self, key: &Text<'a>) -> Option<usize> {
        if self.entries.len() > FEW_ENTRIES {
            self.places.get(key).copied()
        } else {
            self.entries.iter().position(|(known, _)| known == key)
        }
    }
}
