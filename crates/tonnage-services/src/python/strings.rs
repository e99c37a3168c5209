//! Python's strings: code points, among them surrogates that stand alone, which
//! JSON can express and UTF-8 cannot.

use std::borrow::Cow;

/// A string of Python's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Text<'a> {
    /// A string without lone surrogates.
    Plain(Cow<'a, str>),
    /// The code points of a string with at least one lone surrogate.
    Points(Vec<u32>),
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::Plain(Cow::Borrowed(text))
    }
}

/// A string that grows while escapes are read.
#[derive(Debug)]
pub(super) enum Growing {
    Plain(String),
    Points(Vec<u32>),
}

impl Growing {
    pub(super) fn push_str(&mut self, text: &str) {
        match self {
            Self::Plain(plain) => plain.push_str(text),
            Self::Points(points) => points.extend(text.chars().map(u32::from)),
        }
    }

    /// Adds a code point, which may be a surrogate.
    pub(super) fn push(&mut self, point: u32) {
        match (&mut *self, char::from_u32(point)) {
            (Self::Plain(plain), Some(char)) => plain.push(char),
            (Self::Points(points), _) => points.push(point),
            (Self::Plain(plain), None) => {
                let mut points: Vec<u32> = plain.chars().map(u32::from).collect();
                points.push(point);
                *self = Self::Points(points);
            }
        }
    }

    pub(super) fn finish<'a>(self) -> Text<'a> {
        match self {
            Self::Plain(plain) => Text::Plain(Cow::Owned(plain)),
            Self::Points(points) => Text::Points(points),
        }
    }
}
