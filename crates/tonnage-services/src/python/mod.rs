//! JSON as Python reads it, and the text that Python makes of it. Just what
//! `json.loads`, `str` and `json.dumps` do; no interpreter is involved.

mod parse;
mod strings;
#[cfg(test)]
mod tests;
mod unprintable;
mod write;

pub(crate) use parse::parse;
pub(crate) use strings::Text;
pub(crate) use write::{dumps, repr, str};

/// A value that came as JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    None,
    Bool(bool),
    /// As many digits as were sent; a sign and no leading zeros.
    Int(&'a str),
    /// Finite, or infinite where more was sent than a float holds.
    Float(f64),
    Text(Text<'a>),
    List(Vec<Value<'a>>),
    /// In the order in which the keys first came.
    Dict(Vec<(Text<'a>, Value<'a>)>),
}
