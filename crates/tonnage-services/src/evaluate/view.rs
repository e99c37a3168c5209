//! Starlark's values by kind, with the numbers that the language of conditions has.

use starlark::values::Value;
use starlark::values::dict::DictRef;
use starlark::values::float::StarlarkFloat;
use starlark::values::list::ListRef;
use starlark::values::tuple::TupleRef;
use starlark::values::{UnpackValue, ValueLike};

/// A value, taken apart by kind.
pub(super) enum View<'v> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'v str),
    List(&'v [Value<'v>]),
    Tuple(&'v [Value<'v>]),
    Dict(DictRef<'v>),
    /// A function, which no condition can get hold of.
    Other,
}

/// The kind of a value, and what it holds.
pub(super) fn view(value: Value<'_>) -> View<'_> {
    if let Some(small) = value.unpack_i32() {
        return View::Int(i64::from(small));
    }
    if let Some(text) = value.unpack_str() {
        return View::Text(text);
    }
    if value.is_none() {
        return View::None;
    }
    if let Some(value) = value.unpack_bool() {
        return View::Bool(value);
    }
    if let Some(list) = ListRef::from_value(value) {
        return View::List(list.content());
    }
    if let Some(dict) = DictRef::from_value(value) {
        return View::Dict(dict);
    }
    if let Some(float) = value.downcast_ref::<StarlarkFloat>() {
        return View::Float(float.0);
    }
    if let Some(tuple) = TupleRef::from_value(value) {
        return View::Tuple(tuple.content());
    }
    match i64::unpack_value(value) {
        Ok(Some(large)) => View::Int(large),
        _ => View::Other,
    }
}

/// What a value is, in words.
pub(super) fn kind(value: Value<'_>) -> &'static str {
    match view(value) {
        View::None => "None",
        View::Bool(_) => "a boolean",
        View::Int(_) | View::Float(_) => "a number",
        View::Text(_) => "text",
        View::List(_) => "a list",
        View::Tuple(_) => "a tuple",
        View::Dict(_) => "a dictionary",
        View::Other => "no value",
    }
}

/// The length of a text as the language counts it, in characters.
pub(super) fn text_len(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

/// The length of the shorter of two texts, without looking at all of one that is
/// much longer: what an operation costs must not exceed what is paid for it.
pub(super) fn shorter(left: &str, right: &str) -> usize {
    // No character has more than four bytes.
    if left.len() <= right.len() / 4 {
        text_len(left)
    } else if right.len() <= left.len() / 4 {
        text_len(right)
    } else {
        text_len(left).min(text_len(right))
    }
}
