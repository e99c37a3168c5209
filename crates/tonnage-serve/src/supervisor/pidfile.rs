//! The file in which the server's process number stands.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// A pidfile of this process. It stays when this is dropped.
#[derive(Debug)]
pub struct Pidfile {
    path: PathBuf,
    pid: Pid,
}

/// Why there is no pidfile.
#[derive(Debug, thiserror::Error)]
pub enum PidfileError {
    /// The file names a process that is alive.
    #[error("Already running on PID {pid} (or pid file '{}' is stale)", path.display())]
    AlreadyRunning {
        /// The process.
        pid: Pid,
        /// The file.
        path: PathBuf,
    },
    /// The folder does not exist.
    #[error("{} doesn't exist. Can't create pidfile.", .0.display())]
    NoFolder(PathBuf),
    /// The file cannot be read or written.
    #[error("cannot write the pidfile '{}': {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
}

impl Pidfile {
    /// Writes the number of process `pid` to `path`. A file that is there already is
    /// replaced unless it names another process that is alive.
    pub fn create(path: &Path, pid: Pid) -> Result<Self, PidfileError> {
        check(path, pid)?;
        write(path, pid).map_err(|source| PidfileError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            pid,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it another name, in one step wherever both are on one file system: who sees the
    /// new one does not see the old one any more.
    pub fn rename(&mut self, path: &Path) -> Result<(), PidfileError> {
        if path == self.path {
            *self = Self::create(path, self.pid)?;
            return Ok(());
        }
        check(path, self.pid)?;
        let is_ours = owner(&self.path) == Some(self.pid);
        if is_ours && fs::rename(&self.path, path).is_ok() {
            path.clone_into(&mut self.path);
            return Ok(());
        }
        let new = Self::create(path, self.pid)?;
        self.remove();
        *self = new;
        Ok(())
    }

    /// Removes it, unless it names another process by now.
    pub fn remove(&self) {
        if owner(&self.path) == Some(self.pid) {
            // A file that cannot be removed is stale when the next server looks at it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the file may be written there.
fn check(path: &Path, pid: Pid) -> Result<(), PidfileError> {
    if let Some(other) = owner(path).filter(|other| *other != pid && is_alive(*other)) {
        return Err(PidfileError::AlreadyRunning {
            pid: other,
            path: path.to_owned(),
        });
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(PidfileError::NoFolder(folder.to_owned()));
    }
    Ok(())
}

/// Written beside and then moved, so that nobody ever reads half a number.
fn write(path: &Path, pid: Pid) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{pid}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(&beside)?;
    writeln!(file, "{pid}")?;
    fs::rename(&beside, path)
}

fn owner(path: &Path) -> Option<Pid> {
    let number: i32 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    if number > 0 {
        Pid::from_raw(number)
    } else {
        None
    }
}

fn is_alive(pid: Pid) -> bool {
    // Somebody else's process may not be asked, but is there.
    matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM))
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;

    #[test]
    fn it_holds_the_number_and_goes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.pid");
        let mut pidfile = Pidfile::create(&path, getpid()).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("{}\n", std::process::id())
        );
        let other = folder.path().join("other.pid");
        pidfile.rename(&other).unwrap();
        assert!(!path.exists() && other.exists());
        pidfile.rename(&other).unwrap();
        assert!(other.exists());
        pidfile.remove();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_living_server_is_not_overwritten_and_a_dead_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.pid");
        fs::write(&path, "1\n").unwrap();
        let error = Pidfile::create(&path, getpid()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "Already running on PID 1 (or pid file '{}' is stale)",
                path.display()
            )
        );
        // Above the highest number that Linux gives (2^22).
        for stale in ["5000000\n", "nonsense", "", "-4"] {
            fs::write(&path, stale).unwrap();
            Pidfile::create(&path, getpid()).unwrap();
        }
    }

    #[test]
    fn what_names_another_process_by_now_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.pid");
        let pidfile = Pidfile::create(&path, getpid()).unwrap();
        fs::write(&path, "1\n").unwrap();
        pidfile.remove();
        assert!(path.exists());
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = Pidfile::create(Path::new("/no/such/folder/x.pid"), getpid()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/no/such/folder doesn't exist. Can't create pidfile."
        );
    }
}
