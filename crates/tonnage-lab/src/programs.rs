//! Finds programs that are no part of any environment, such as nginx.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::Settings;

/// Where Debian keeps servers, which no ordinary user has on PATH.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The program of that name, on PATH or where servers are kept.
pub(crate) fn find(settings: &Settings, name: &str) -> Option<PathBuf> {
    let folders = settings.search_path.iter().map(PathBuf::as_path);
    folders
        .chain(SYSTEM_FOLDERS.map(Path::new))
        .map(|folder| folder.join(name))
        .find(|path| is_executable(path))
}

/// What to start for the first word of a command line: a path as it is, a name
/// where it is found, or else the name, so that the error tells of it.
pub(crate) fn resolve(settings: &Settings, program: &str) -> PathBuf {
    if program.contains('/') {
        return PathBuf::from(program);
    }
    find(settings, program).unwrap_or_else(|| PathBuf::from(program))
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
