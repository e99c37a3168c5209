//! Numbers as gunicorn takes them: whole ones as Python writes them, modes, seconds.

use super::{AUTO, Checked};
use crate::settings::raw::RawValue;

/// `zero_radix` is what a leading zero without a letter means.
pub(super) fn whole(raw: &RawValue, least: u64, most: u64, zero_radix: u32) -> Checked {
    let number = match raw {
        RawValue::Whole(number) => Some(*number),
        // Python's booleans are numbers.
        RawValue::Switch(yes) => Some(i64::from(*yes)),
        RawValue::Text(text) => python_integer(text, zero_radix),
        _ => None,
    };
    number
        .filter(|number| {
            u64::try_from(*number).is_ok_and(|number| (least..=most).contains(&number))
        })
        .map(RawValue::Whole)
        .ok_or_else(|| {
            if most == i64::MAX as u64 {
                format!("a whole number from {least} on")
            } else if zero_radix == 8 {
                format!("a mode from 0 to 0o{most:o}; octal begins with a zero")
            } else {
                format!("a whole number from {least} to {most}")
            }
        })
}

/// `Resolved` puts a number in the place of the word.
pub(super) fn automatic(raw: &RawValue, least: u64, most: u64) -> Checked {
    match raw.text() {
        Some(word) if word.trim().eq_ignore_ascii_case(AUTO) => Ok(RawValue::Text(AUTO.to_owned())),
        _ => whole(raw, least, most, 10).map_err(|expected| format!("{expected}, or {AUTO}")),
    }
}

/// A whole number as Python writes it: sign, `0x`, `0o`, `0b`, underscores between digits.
fn python_integer(text: &str, zero_radix: u32) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (digits, 8)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (lower.as_str(), zero_radix)
    } else {
        (lower.as_str(), 10)
    };
    // `from_str_radix` would take a second sign.
    if digits.starts_with(['+', '-', '_']) || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let number = i64::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    Some(if negative { -number } else { number })
}

pub(super) fn seconds(raw: &RawValue) -> Checked {
    let number = match raw {
        RawValue::Nothing => return Ok(RawValue::Nothing),
        RawValue::Whole(number) => Some(*number as f64),
        RawValue::Fraction(number) => Some(*number),
        RawValue::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        .map(RawValue::Fraction)
        .ok_or_else(|| "seconds from 0 on, such as 2.5".to_owned())
}
