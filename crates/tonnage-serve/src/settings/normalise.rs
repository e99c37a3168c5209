//! Checks a value that was given against its setting's kind and brings it into one form,
//! so that nobody behind this file asks whether four came as `4` or `"4"`. What gunicorn
//! takes is taken; what it refuses is refused with a sentence about what would be right.

mod numbers;
mod paths;
mod protocols;

use std::path::Path;

use self::numbers::{automatic, seconds, whole};
use self::paths::{existing_directory, files, mounts};
use self::protocols::{http_protocols, proxy_protocol};
use super::networks::TrustedPeers;
use super::raw::RawValue;
use super::setting::{Fallback, Kind, Setting};

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
