//! `str`, `repr` and `json.dumps`: values as text.

use std::fmt::Write as _;

use super::unprintable::EDGES;
use super::{Text, Value};

/// Whose notation is written. They share numbers, lists and dicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notation {
    Python,
    Json,
}

/// What Python's `str` makes of a value: a string is itself, the rest as `repr`.
/// Surrogates that stand alone, for which there is no UTF-8, become escapes.
pub(crate) fn str(value: &Value<'_>) -> String {
    match value {
        Value::Text(Text::Plain(text)) => text.clone().into_owned(),
        Value::Text(Text::Points(points)) => {
            let mut out = String::new();
            for point in points {
                match char::from_u32(*point) {
                    Some(char) => out.push(char),
                    None => write_json(&mut out, *point),
                }
            }
            out
        }
        other => repr(other),
    }
}

/// What Python's `repr` makes of a value.
pub(crate) fn repr(value: &Value<'_>) -> String {
    written(value, Notation::Python)
}

/// What Python's `json.dumps` makes of a value where it is to add no spaces.
pub(crate) fn dumps(value: &Value<'_>) -> String {
    written(value, Notation::Json)
}

fn written(value: &Value<'_>, notation: Notation) -> String {
    let mut out = String::new();
    write(&mut out, value, notation);
    out
}

fn write(out: &mut String, value: &Value<'_>, notation: Notation) {
    let either = |python, json| match notation {
        Notation::Python => python,
        Notation::Json => json,
    };
    match value {
        Value::None => out.push_str(either("None", "null")),
        Value::Bool(true) => out.push_str(either("True", "true")),
        Value::Bool(false) => out.push_str(either("False", "false")),
        Value::Int(digits) => out.push_str(digits),
        Value::Float(float) if float.is_infinite() => {
            out.push_str(if *float < 0.0 { "-" } else { "" });
            out.push_str(either("inf", "Infinity"));
        }
        Value::Float(float) => write_float(out, *float),
        Value::Text(text) => write_text(out, text, notation),
        Value::List(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push_str(either(", ", ","));
                }
                write(out, item, notation);
            }
            out.push(']');
        }
        Value::Dict(entries) => {
            out.push('{');
            for (place, (key, item)) in entries.iter().enumerate() {
                if place > 0 {
                    out.push_str(either(", ", ","));
                }
                write_text(out, key, notation);
                out.push_str(either(": ", ":"));
                write(out, item, notation);
            }
            out.push('}');
        }
    }
}

/// The fewest digits that read back as the same number; from 1e16 on and below
/// 1e-4 with an exponent of at least two digits.
fn write_float(out: &mut String, float: f64) {
    let short = format!("{float:e}");
    // Always there: this is how Rust writes what is finite.
    let (mantissa, exponent) = short.split_once('e').unwrap_or((&short, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        // Rust writes all digits here, but no `.0`.
        let start = out.len();
        let _ = write!(out, "{float}");
        if !out[start..].contains('.') {
            out.push_str(".0");
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{mantissa}e{sign}{:02}", exponent.abs());
    }
}

fn write_text(out: &mut String, text: &Text<'_>, notation: Notation) {
    let has = |wanted: char| match text {
        Text::Plain(text) => text.contains(wanted),
        Text::Points(points) => points.contains(&u32::from(wanted)),
    };
    let quote = match notation {
        Notation::Python if has('\'') && !has('"') => '"',
        Notation::Python => '\'',
        Notation::Json => '"',
    };
    out.push(quote);
    match text {
        Text::Plain(text) => write_plain(out, text, quote, notation),
        Text::Points(points) => {
            for point in points {
                write_point(out, *point, quote, notation);
            }
        }
    }
    out.push(quote);
}

/// Most text needs no escapes: stretches of such are copied as they are.
fn write_plain(out: &mut String, text: &str, quote: char, notation: Notation) {
    let mut rest = text;
    let special =
        |byte: u8| !(0x20..0x7f).contains(&byte) || byte == b'\\' || char::from(byte) == quote;
    while let Some(place) = rest.bytes().position(special) {
        out.push_str(&rest[..place]);
        let mut chars = rest[place..].chars();
        if let Some(char) = chars.next() {
            write_point(out, char.into(), quote, notation);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

fn write_point(out: &mut String, point: u32, quote: char, notation: Notation) {
    let char = char::from_u32(point);
    match char {
        Some('\t') => out.push_str("\\t"),
        Some('\n') => out.push_str("\\n"),
        Some('\r') => out.push_str("\\r"),
        Some(char) if char == '\\' || char == quote => out.extend(['\\', char]),
        _ => match notation {
            Notation::Python => write_python(out, point),
            Notation::Json => write_json(out, point),
        },
    }
}

fn write_python(out: &mut String, point: u32) {
    // Writing to a string cannot fail.
    let _ = match (point, char::from_u32(point)) {
        (_, Some(char)) if is_printable(point) => {
            out.push(char);
            Ok(())
        }
        (..0x100, _) => write!(out, "\\x{point:02x}"),
        (0x100..0x10000, _) => write!(out, "\\u{point:04x}"),
        (0x10000.., _) => write!(out, "\\U{point:08x}"),
    };
}

fn write_json(out: &mut String, point: u32) {
    let _ = match (point, char::from_u32(point)) {
        (0x08, _) => out.write_str("\\b"),
        (0x0c, _) => out.write_str("\\f"),
        (0x20..0x7f, Some(char)) => out.write_char(char),
        (0x10000.., Some(char)) => {
            let mut pair = [0; 2];
            let pair = char.encode_utf16(&mut pair);
            pair.iter()
                .try_for_each(|unit| write!(out, "\\u{unit:04x}"))
        }
        _ => write!(out, "\\u{point:04x}"),
    };
}

/// Python's `str.isprintable` for one code point.
fn is_printable(point: u32) -> bool {
    EDGES.partition_point(|edge| *edge <= point) % 2 == 0
}
