//! Bytes that would take too much memory, in a file without a name: gone when the
//! process is, however it ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// A nameless temporary file.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    length: u64,
}

impl Spool {
    /// A new one on the file system of `folder`.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let nameless = OpenOptions::new()
            .read(true)
            .write(true)
            .mode(0o600)
            .custom_flags((OFlags::TMPFILE | OFlags::CLOEXEC).bits() as i32)
            .open(folder);
        let file = match nameless {
            // File systems that know no nameless files: a name, removed at once.
            Err(error) if knows_no_nameless(&error) => named(folder)?,
            other => other?,
        };
        Ok(Self { file, length: 0 })
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.length)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn into_file(self) -> File {
        self.file
    }
}

/// What open(2) says where the file system has none, or the kernel does not know them.
fn knows_no_nameless(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [Errno::OPNOTSUPP, Errno::ISDIR]
        .into_iter()
        .any(|known| code == Some(known.raw_os_error()))
}

fn named(folder: &Path) -> io::Result<File> {
    let mut number = std::process::id();
    loop {
        let path = folder.join(format!("tonnage-body-{number:08x}"));
        let made = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match made {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number = number.wrapping_add(0x9E37_79B9);
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_has_no_name_and_keeps_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path()).unwrap();
        spool.append(b"first, ").unwrap();
        spool.append(b"second").unwrap();
        assert_eq!(spool.len(), 13);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut read = [0; 13];
        spool.file().read_exact_at(&mut read, 0).unwrap();
        assert_eq!(&read, b"first, second");
        let named = named(folder.path()).unwrap();
        named.write_all_at(b"x", 0).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
