//! What is spoken on a connection: before its first request, and in its requests.

use super::{Checked, names, texts_of};
use crate::settings::raw::RawValue;

pub(super) fn proxy_protocol(raw: &RawValue) -> Checked {
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

pub(super) fn http_protocols(raw: &RawValue) -> Checked {
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
