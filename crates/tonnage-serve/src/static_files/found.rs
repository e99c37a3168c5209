//! A file of a folder, opened so that nothing leads out of it.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::codings::Coding;

/// A folder that is there now: it may be another one than a while ago.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// A regular file within it.
    pub(super) fn file(&self, name: &[u8]) -> io::Result<Found> {
        let file = File::from(match self.beneath(name) {
            // The kernel, or what guards it, does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => self.step_by_step(name)?,
            other => other?,
        });
        let status = file.metadata()?;
        if !status.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Found {
            modified_s: status.mtime(),
            modified_ns: status.mtime_nsec(),
            bytes: status.len(),
            file,
            name: Vec::new(),
        })
    }

    /// Follows links as long as they stay in the folder.
    fn beneath(&self, name: &[u8]) -> rustix::io::Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&self.0, name, reading(), Mode::empty(), resolve)
    }

    /// Follows no links.
    fn step_by_step(&self, name: &[u8]) -> rustix::io::Result<OwnedFd> {
        let mut folder: Option<OwnedFd> = None;
        let mut rest = name;
        loop {
            let at = folder.as_ref().map_or(self.0.as_fd(), AsFd::as_fd);
            let Some(slash) = memchr::memchr(b'/', rest) else {
                let flags = reading() | OFlags::NOFOLLOW;
                return rustix::fs::openat(at, rest, flags, Mode::empty());
            };
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            folder = Some(rustix::fs::openat(
                at,
                &rest[..slash],
                flags,
                Mode::empty(),
            )?);
            rest = &rest[slash + 1..];
        }
    }
}

/// Whatever it is, opening it must neither wait nor change anything.
fn reading() -> OFlags {
    OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC
}

/// An open file.
#[derive(Debug)]
pub(super) struct Found {
    file: File,
    bytes: u64,
    modified_s: i64,
    modified_ns: i64,
    /// What was asked for, without a variant's ending.
    name: Vec<u8>,
}

impl Found {
    pub(super) fn called(mut self, name: Vec<u8>) -> Self {
        self.name = name;
        self
    }

    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A stretch of it.
    pub(super) fn read(&self, first: u64, bytes: u64) -> io::Result<Vec<u8>> {
        let mut content = vec![0; bytes as usize];
        self.file.read_exact_at(&mut content, first)?;
        Ok(content)
    }

    /// Another one for each content, as far as a file's times tell, and for each coding.
    pub(super) fn tag(&self, coding: Option<Coding>) -> String {
        let Self {
            modified_s,
            modified_ns,
            bytes,
            ..
        } = self;
        let (dash, coding) = coding.map_or(("", ""), |coding| ("-", coding.name()));
        format!("\"{modified_s:x}-{modified_ns:x}-{bytes:x}{dash}{coding}\"")
    }

    /// When it was changed last, in whole seconds and not after now (RFC 9110, section 8.8.2.1).
    pub(super) fn modified(&self) -> SystemTime {
        let seconds = u64::try_from(self.modified_s).unwrap_or(0);
        let modified = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let now = SystemTime::now();
        modified.unwrap_or(now).min(now)
    }

    pub(super) fn modified_text(&self) -> String {
        httpdate::fmt_http_date(self.modified())
    }

    /// By its name; text is taken for UTF-8.
    pub(super) fn media_type(&self) -> Cow<'static, str> {
        let name = String::from_utf8_lossy(&self.name);
        let guess = mime_guess::from_path(&*name).first_raw();
        match guess {
            Some(text) if text.starts_with("text/") => Cow::Owned(format!("{text}; charset=utf-8")),
            Some(other) => Cow::Borrowed(other),
            None => Cow::Borrowed("application/octet-stream"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_leads_out_of_a_folder_whatever_the_kernel_knows() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("inner");
        std::fs::create_dir_all(inner.join("deep")).unwrap();
        std::fs::write(root.path().join("secret"), "s").unwrap();
        std::fs::write(inner.join("deep/a"), "a").unwrap();
        symlink("../secret", inner.join("out")).unwrap();
        symlink(root.path(), inner.join("up")).unwrap();
        symlink(inner.join("deep/a"), inner.join("absolute")).unwrap();
        symlink("deep/a", inner.join("within")).unwrap();
        let folder = Folder::open(&inner).unwrap();
        for name in [
            "out",
            "up/secret",
            "../secret",
            "absolute",
            "deep",
            "none",
            "deep/a/b",
        ] {
            assert!(folder.file(name.as_bytes()).is_err(), "{name}");
        }
        for name in ["out", "up/secret", "within", "none", "deep/a/b"] {
            assert!(folder.step_by_step(name.as_bytes()).is_err(), "{name}");
        }
        assert!(folder.step_by_step(b"deep/a").is_ok());
        for name in ["deep/a", "within"] {
            match folder.beneath(name.as_bytes()) {
                Err(Errno::NOSYS | Errno::PERM) => {}
                other => assert!(other.is_ok(), "{name}"),
            }
        }
        assert_eq!(folder.file(b"deep/a").unwrap().bytes(), 1);
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe");
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert!(Folder::open(root.path()).unwrap().file(b"pipe").is_err());
    }

    #[test]
    fn names_tell_what_files_are() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a"), "a").unwrap();
        let folder = Folder::open(root.path()).unwrap();
        for (name, media_type) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.min.js", "text/javascript; charset=utf-8"),
            ("a.json", "application/json"),
            ("A.PNG", "image/png"),
            ("a.svg", "image/svg+xml"),
            ("a.woff2", "font/woff2"),
            ("a.wasm", "application/wasm"),
            ("b/a", "application/octet-stream"),
        ] {
            let found = folder.file(b"a").unwrap().called(name.into());
            assert_eq!(found.media_type(), media_type, "{name}");
        }
    }
}
