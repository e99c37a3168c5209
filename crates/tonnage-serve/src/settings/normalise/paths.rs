//! Folders and files, which are looked for from the folder where relative paths start.

use std::path::{Component, Path, PathBuf};

use super::{Checked, texts, texts_of};
use crate::settings::raw::RawValue;
use crate::static_files::Mount;

pub(super) fn existing_directory(raw: &RawValue, directory: &Path) -> Checked {
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
pub(super) fn files(raw: &RawValue, directory: &Path) -> Checked {
    let list = texts(raw)?;
    for text in texts_of(&list) {
        if !text.contains(['*', '?', '[']) && !directory.join(&text).exists() {
            return Err(format!("files that exist, or patterns: there is no {text}"));
        }
    }
    Ok(list)
}

/// Their folders become absolute.
pub(super) fn mounts(raw: &RawValue, directory: &Path) -> Checked {
    let list = texts_of(&texts(raw)?);
    let mounts = list.iter().map(|text| Mount::parse(text, directory));
    let mounts = mounts.collect::<Result<Vec<_>, _>>()?;
    Ok(RawValue::texts(mounts.iter().map(Mount::to_string)))
}
