//! Where which folder is served, and which names lead into it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::http;

/// The one name with a dot at its beginning that is meant for everybody (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// A folder, and the prefix of the paths that lead into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    prefix: String,
    folder: PathBuf,
}

impl Mount {
    /// Reads `/static=dir`; a relative folder begins at `directory`. The error says what would
    /// be right.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, String> {
        let wrong = || format!("/static=FOLDER, a prefix and a folder, not {text:?}");
        let (prefix, folder) = text.split_once('=').ok_or_else(wrong)?;
        let mut segments = prefix.strip_prefix('/').ok_or_else(wrong)?.split('/');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if segments.any(|segment| segment.is_empty() || !segment.bytes().all(is_plain)) {
            return Err(format!(
                "a prefix such as /static before the folder, not {prefix:?}"
            ));
        }
        let folder = directory.join(folder);
        if folder.is_dir() {
            let prefix = prefix.to_owned();
            Ok(Self { prefix, folder })
        } else {
            Err(format!("a folder that exists, not {}", folder.display()))
        }
    }

    /// Such as `/static`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is left of a path that leads here: empty, or from a slash on.
    pub(super) fn rest<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        let rest = path.strip_prefix(self.prefix.as_bytes());
        rest.filter(|rest| matches!(rest, [] | [b'/', ..]))
    }
}

/// As it is read.
impl fmt::Display for Mount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.prefix, self.folder.display())
    }
}

/// The name of the file that the rest of a path asks for, within the folder. `None` where it
/// can be none: one that leads out of it, a folder's, or one that begins with a dot, which is
/// seldom meant for others.
pub(super) fn file_name(rest: &[u8]) -> Option<Vec<u8>> {
    let name = http::unquote(rest.strip_prefix(b"/")?);
    let mut segments = name.split(|byte| *byte == b'/');
    let is_allowed = |segment: &[u8]| {
        let is_hidden = segment.starts_with(b".") && segment != WELL_KNOWN;
        !segment.is_empty() && !is_hidden && !segment.contains(&0)
    };
    segments.all(is_allowed).then(|| name.into_owned())
}
