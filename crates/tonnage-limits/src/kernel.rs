//! The three ways in which a control group is changed. The real ones are system
//! calls; tests put a tree of plain files in their place that answers as the kernel
//! would.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Changes to control groups. Reading needs no door of its own: it is plain files
/// in either case.
pub(crate) trait Kernel: fmt::Debug + Send + Sync {
    /// Makes a group; an error where it is there already.
    fn create_dir(&self, folder: &Path) -> io::Result<()>;
    /// Removes a group without processes and groups in it.
    fn remove_dir(&self, folder: &Path) -> io::Result<()>;
    /// Writes a value in one go, as the kernel wants it.
    fn write(&self, file: &Path, value: &str) -> io::Result<()>;
}

/// The running kernel.
#[derive(Debug)]
pub(crate) struct RunningKernel;

impl Kernel for RunningKernel {
    fn create_dir(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir(folder)
    }

    fn remove_dir(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir(folder)
    }

    fn write(&self, file: &Path, value: &str) -> io::Result<()> {
        // Not `fs::write`: a file that is not there must not be made.
        fs::OpenOptions::new()
            .write(true)
            .open(file)?
            .write_all(value.as_bytes())
    }
}
