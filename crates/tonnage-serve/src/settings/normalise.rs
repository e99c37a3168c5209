//! Checks a value that was given against its setting's kind and brings it into one form,
//! so that nobody behind this file asks whether four came as `4` or `"4"`. What gunicorn
//! takes is taken; what it refuses is refused with a sentence about what would be right.

use super::networks::TrustedPeers;
use super::raw::RawValue;
use super::setting::{Fallback, Kind, Setting};
use crate::static_files::Mount;
use std::path::{Component, Path, PathBuf};

/// What says that a number is to be found.
pub(super) const AUTO: &str = "auto";

/// What would be right, if the value is not.
type Checked = Result<RawValue, String>;

/// The value that a setting has when nobody gives it, in its one form.
pub(super) fn fallback(setting: &Setting, directory: &Path) -> RawValue {
    let raw = match setting.fallback {
        Fallback::Nothing => RawValue::Nothing,
        Fallback::Switch(yes) => RawValue::Switch(yes),
        Fallback::Whole(number) => RawValue::Whole(number as i64),
        Fallback::Seconds(seconds) => RawValue::Fraction(seconds),
        Fallback::Text(text) => RawValue::Text(text.to_owned()),
        Fallback::Texts(texts) => RawValue::texts(texts),
        Fallback::Headers(fields) => RawValue::Map(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), RawValue::Text((*value).to_owned())))
                .collect(),
        ),
        Fallback::StartDirectory => RawValue::Text(directory.display().to_string()),
        Fallback::EffectiveUser => RawValue::Whole(i64::from(rustix::process::geteuid().as_raw())),
        Fallback::EffectiveGroup => RawValue::Whole(i64::from(rustix::process::getegid().as_raw())),
    };
    match setting.kind {
        // These are written as one text and used as a list.
        Kind::Names | Kind::Networks | Kind::HttpProtocols => names(&raw).unwrap_or(raw),
        _ => raw,
    }
}

/// The value in the one form of its kind. Relative paths start at `directory`.
pub(super) fn normalise(setting: &Setting, raw: &RawValue, directory: &Path) -> Checked {
    match setting.kind {
        Kind::Text => text(raw),
        Kind::Texts => texts(raw),
        Kind::Names => names(raw),
        Kind::Switch => switch(raw),
        Kind::Whole { least, most } => whole(raw, least, most, 10),
        Kind::Automatic { least, most, .. } => automatic(raw, least, most),
        // The bits of chmod(2).
        Kind::Mode => whole(raw, 0, 0o7777, 8),
        Kind::Seconds => seconds(raw),
        Kind::Choice(words) => choice(raw, words, setting, directory),
        Kind::Networks => networks(raw),
        Kind::Headers => headers(raw),
        Kind::Dictionary => match raw {
            RawValue::Map(_) | RawValue::Object(_) => Ok(raw.clone()),
            _ => Err("a dictionary".to_owned()),
        },
        Kind::Class => match raw {
            RawValue::Object(name) => Ok(RawValue::Text(name.clone())),
            RawValue::Nothing => Ok(fallback(setting, directory)),
            _ => text(raw).map_err(|_| "a class or its import path".to_owned()),
        },
        Kind::Hook(parameters) => match raw {
            RawValue::Object(_) | RawValue::Text(_) => Ok(raw.clone()),
            _ => {
                let count = parameters.first().copied().unwrap_or_default();
                let plural = if count == 1 { "" } else { "s" };
                Err(format!(
                    "a function with {count} positional parameter{plural}"
                ))
            }
        },
        Kind::User | Kind::Group => account(raw, setting, directory),
        Kind::Directory => existing_directory(raw, directory),
        Kind::Files => files(raw, directory),
        Kind::Mounts => mounts(raw, directory),
        Kind::ProxyProtocol => proxy_protocol(raw),
        Kind::HttpProtocols => http_protocols(raw),
        Kind::Anything => Ok(raw.clone()),
    }
}

fn text(raw: &RawValue) -> Checked {
    match raw {
        RawValue::Nothing => Ok(RawValue::Nothing),
        RawValue::Text(text) => Ok(RawValue::Text(text.trim().to_owned())),
        _ => Err("a text, or None".to_owned()),
    }
}

fn texts(raw: &RawValue) -> Checked {
    let expected = || "a list of texts".to_owned();
    match raw {
        RawValue::Nothing => Ok(RawValue::List(Vec::new())),
        RawValue::Text(one) if one.is_empty() => Ok(RawValue::List(Vec::new())),
        RawValue::Text(one) => Ok(RawValue::texts([one.trim()])),
        RawValue::List(values) => values
            .iter()
            .map(|value| value.text().map(str::trim))
            .collect::<Option<Vec<_>>>()
            .map(RawValue::texts)
            .ok_or_else(expected),
        _ => Err(expected()),
    }
}

fn names(raw: &RawValue) -> Checked {
    match raw {
        RawValue::Text(text) => Ok(RawValue::texts(
            text.split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty()),
        )),
        _ => texts(raw).map_err(|_| "names separated by commas".to_owned()),
    }
}

fn switch(raw: &RawValue) -> Checked {
    match raw {
        RawValue::Nothing | RawValue::Switch(_) => Ok(raw.clone()),
        RawValue::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(RawValue::Switch(true)),
            "false" => Ok(RawValue::Switch(false)),
            _ => Err("True or False".to_owned()),
        },
        _ => Err("True or False".to_owned()),
    }
}

/// `zero_radix` is what a leading zero without a letter means.
fn whole(raw: &RawValue, least: u64, most: u64, zero_radix: u32) -> Checked {
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
fn automatic(raw: &RawValue, least: u64, most: u64) -> Checked {
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

fn seconds(raw: &RawValue) -> Checked {
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

fn choice(
    raw: &RawValue,
    words: &'static [&'static str],
    setting: &Setting,
    directory: &Path,
) -> Checked {
    let word = match raw {
        RawValue::Nothing => return Ok(fallback(setting, directory)),
        // gunicorn's older form of two of them: `http2_cleartext = True`.
        RawValue::Switch(true) if words.contains(&"prior-knowledge") => {
            "prior-knowledge".to_owned()
        }
        RawValue::Switch(false) if words.contains(&"prior-knowledge") => "off".to_owned(),
        RawValue::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            // Python's other names of its levels.
            "warn" => "warning".to_owned(),
            "fatal" => "critical".to_owned(),
            word => word.to_owned(),
        },
        // A word such as 503 needs no quotes in a configuration file.
        RawValue::Whole(number) => number.to_string(),
        _ => String::new(),
    };
    if words.contains(&word.as_str()) {
        Ok(RawValue::Text(word))
    } else {
        Err(format!("one of {}", words.join(", ")))
    }
}

fn networks(raw: &RawValue) -> Checked {
    let list = names(raw).map_err(|_| "addresses separated by commas".to_owned())?;
    TrustedPeers::parse(&texts_of(&list))?;
    Ok(list)
}

fn headers(raw: &RawValue) -> Checked {
    match raw {
        RawValue::Map(fields) if fields.iter().all(|(_, value)| value.text().is_some()) => {
            Ok(raw.clone())
        }
        _ => Err("a dictionary of field names and values".to_owned()),
    }
}

/// A number, or a name that whoever knows the system's users looks up.
fn account(raw: &RawValue, setting: &Setting, directory: &Path) -> Checked {
    let expected = || "a name, or a number from 0 on".to_owned();
    match raw {
        RawValue::Nothing => Ok(fallback(setting, directory)),
        RawValue::Whole(number) => u32::try_from(*number)
            .map(|_| raw.clone())
            .map_err(|_| expected()),
        RawValue::Text(text) if text.is_empty() => Err(expected()),
        RawValue::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text
            .parse::<u32>()
            .map(|number| RawValue::Whole(i64::from(number)))
            .map_err(|_| expected()),
        RawValue::Text(_) => Ok(raw.clone()),
        _ => Err(expected()),
    }
}

fn existing_directory(raw: &RawValue, directory: &Path) -> Checked {
    let expected = || "a directory that exists".to_owned();
    let RawValue::Text(text) = raw else {
        return Err(expected());
    };
    let path = without_dots(&directory.join(text.trim()));
    if path.is_dir() {
        Ok(RawValue::Text(path.display().to_string()))
    } else {
        Err(expected())
    }
}

/// The path without `.` and `..`, by its text alone, as Python's `normpath`.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// Patterns are looked at by whoever watches, since files may appear later.
fn files(raw: &RawValue, directory: &Path) -> Checked {
    let list = texts(raw)?;
    for text in texts_of(&list) {
        if !text.contains(['*', '?', '[']) && !directory.join(&text).exists() {
            return Err(format!("files that exist, or patterns: there is no {text}"));
        }
    }
    Ok(list)
}

/// Their folders become absolute.
fn mounts(raw: &RawValue, directory: &Path) -> Checked {
    let list = texts_of(&texts(raw)?);
    let mounts = list.iter().map(|text| Mount::parse(text, directory));
    let mounts = mounts.collect::<Result<Vec<_>, _>>()?;
    Ok(RawValue::texts(mounts.iter().map(Mount::to_string)))
}

fn proxy_protocol(raw: &RawValue) -> Checked {
    let word = match raw {
        RawValue::Nothing | RawValue::Switch(false) => "off",
        RawValue::Switch(true) => "auto",
        RawValue::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "off" | "false" | "0" | "none" => "off",
            "auto" | "true" | "1" => "auto",
            "v1" => "v1",
            "v2" => "v2",
            _ => return Err("off, v1, v2 or auto".to_owned()),
        },
        _ => return Err("off, v1, v2 or auto".to_owned()),
    };
    Ok(RawValue::Text(word.to_owned()))
}

fn http_protocols(raw: &RawValue) -> Checked {
    let expected = || "h1, h2 or h2,h1".to_owned();
    let list: Vec<String> = names(raw)
        .map(|list| texts_of(&list))
        .map_err(|_| expected())?
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    match list.as_slice() {
        [] => Ok(RawValue::texts(["h1"])),
        [one] if one == "h1" || one == "h2" => Ok(RawValue::texts(&list)),
        [one, two] if (one == "h1" && two == "h2") || (one == "h2" && two == "h1") => {
            Ok(RawValue::texts(&list))
        }
        _ => Err(expected()),
    }
}

/// The texts of a list of texts.
pub(super) fn texts_of(list: &RawValue) -> Vec<String> {
    match list {
        RawValue::List(values) => values
            .iter()
            .filter_map(|value| value.text().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
