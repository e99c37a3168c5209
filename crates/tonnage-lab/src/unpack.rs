//! Files that travel in the binary, put where a server can read them. Which files
//! those are is the catalogue's business.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, File};
use sha2::{Digest, Sha256};

use crate::LabError;
use crate::catalog::short_hex;

/// Puts the files of `dir`, folders and all, below `cache` and gives their folder.
/// Its name holds a hash of the content, so that no version disturbs another; a
/// file that was changed there is mended.
pub(crate) fn unpack(
    dir: &'static Dir<'static>,
    name: &str,
    cache: &Path,
) -> Result<PathBuf, LabError> {
    let mut files = Vec::new();
    collect(dir, &mut files);
    let mut hash = Sha256::new();
    for file in &files {
        hash.update(file.path().to_string_lossy().as_bytes());
        hash.update([0]);
        hash.update((file.contents().len() as u64).to_le_bytes());
        hash.update(file.contents());
    }
    let target = cache
        .join("unpacked")
        .join(format!("{name}-{}", short_hex(&hash.finalize())));
    fs::create_dir_all(&target).map_err(LabError::io(&target))?;
    for file in files {
        let inside = file.path().strip_prefix(dir.path());
        let path = target.join(inside.unwrap_or(file.path()));
        if fs::read(&path).is_ok_and(|existing| existing == file.contents()) {
            continue;
        }
        write(&path, file.contents())?;
    }
    Ok(target)
}

/// Renamed into place: another run may be starting a server from here.
fn write(path: &Path, contents: &[u8]) -> Result<(), LabError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(LabError::io(folder))?;
    let thread = std::thread::current().id();
    let new = path.with_extension(format!("new-{}-{thread:?}", std::process::id()));
    fs::write(&new, contents).map_err(LabError::io(&new))?;
    fs::rename(&new, path).map_err(LabError::io(path))
}

fn collect(dir: &'static Dir<'static>, files: &mut Vec<&'static File<'static>>) {
    files.extend(dir.files().filter(|file| !is_bytecode(file.path())));
    for folder in dir.dirs() {
        collect(folder, files);
    }
}

/// What Python leaves beside its sources in a checkout.
fn is_bytecode(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pyc")
}
