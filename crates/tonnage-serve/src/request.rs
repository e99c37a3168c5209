//! A request's head as it is looked at by those who answer it and those who tell of it:
//! names for places in the bytes that were read. Nothing is copied or decoded.

use std::borrow::Cow;
use std::fmt;

use crate::http::{Fields, Known, Method, RequestLine, TargetForm, Version};

/// The head of a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    bytes: &'a [u8],
    line: &'a RequestLine,
    fields: &'a Fields,
}

impl<'a> Request<'a> {
    /// `line` was read at the beginning of `bytes`, `fields` right after it.
    pub(crate) fn new(bytes: &'a [u8], line: &'a RequestLine, fields: &'a Fields) -> Self {
        Self {
            bytes,
            line,
            fields,
        }
    }

    /// The method; in capitals, where that was asked for.
    pub fn method(self) -> Cow<'a, [u8]> {
        self.line.method_name(self.bytes)
    }

    /// Which method that is.
    pub fn kind(self) -> Method {
        self.line.kind
    }

    /// The target, as it was sent.
    pub fn target(self) -> &'a [u8] {
        self.line.target.of(self.bytes)
    }

    /// The target's path, as it was sent; a slash where a whole URI has none (RFC 9110,
    /// section 4.2.3).
    pub fn path(self) -> &'a [u8] {
        let path = self.line.path.of(self.bytes);
        match self.line.form {
            TargetForm::Absolute { .. } if path.is_empty() => b"/",
            _ => path,
        }
    }

    /// What follows the question mark, as it was sent.
    pub fn query(self) -> &'a [u8] {
        self.line.query.of(self.bytes)
    }

    /// The `host[:port]` of a whole URI, which counts instead of the Host field (RFC
    /// 9112, section 3.2.2).
    pub fn authority(self) -> Option<&'a [u8]> {
        self.line.authority(self.bytes)
    }

    /// The version of HTTP that the client speaks.
    pub fn version(self) -> Version {
        self.line.version
    }

    /// The fields in their order: what is known of the name, the name and the value as
    /// they were sent.
    pub fn fields(self) -> impl Iterator<Item = (Known, &'a [u8], Cow<'a, [u8]>)> {
        let section = &self.bytes[self.line.bytes..];
        let fields = self.fields.iter();
        fields.map(move |field| (field.known, field.name.of(section), field.value(section)))
    }
}

/// Method and target, for people.
impl fmt::Display for Request<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method();
        let [method, target] = [&method, self.target()].map(String::from_utf8_lossy);
        write!(formatter, "{method} {target}")
    }
}
