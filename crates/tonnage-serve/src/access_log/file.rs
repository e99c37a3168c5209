//! Where lines go: a file that can be opened anew after it was moved away, or an open
//! stream that cannot.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// An open destination.
#[derive(Debug)]
pub struct Destination {
    file: File,
    path: Option<PathBuf>,
}

impl Destination {
    /// Opens a file for appending, and makes it where there is none.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let file = open(&path)?;
        Ok(Self::opened(file, Some(path)))
    }

    /// What is open already: standard output, or a file that was opened while there
    /// were rights to do so. With a path it can be opened anew.
    pub fn opened(file: File, path: Option<PathBuf>) -> Self {
        Self { file, path }
    }

    /// Opens the file at its path again. Where that fails the old one stays in use.
    pub fn reopen(&mut self) -> io::Result<()> {
        if let Some(path) = &self.path {
            self.file = open(path)?;
        }
        Ok(())
    }

    /// Writes whole lines. One call is one `write` where the system takes it all, so
    /// that the lines of several processes do not mix.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
