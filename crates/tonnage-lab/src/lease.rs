//! Leases: a file for each running server that says who owns it, so that what a
//! killed owner leaves behind is found and removed the next time anything is
//! started.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tonnage_limits::Remains;

use crate::process::{Owner, OwnerState, ProcessId};
use crate::tree::Tree;
use crate::{LabError, Settings};

/// What a lease's file holds.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Content {
    owner: Owner,
    tree: Tree,
    scratch: PathBuf,
    /// The server's control group or container.
    #[serde(default)]
    remains: Remains,
}

impl Content {
    /// Removes what is left of a server, and the lease with it. What cannot be removed
    /// now keeps its lease, so that the next sweep tries again.
    fn clear(&self, lease: &Path) {
        let _ = fs::remove_dir_all(&self.scratch);
        // Whatever is gone already is no error.
        if self.remains.remove().is_ok() {
            let _ = fs::remove_file(lease);
        }
    }
}

/// The right to a scratch folder and a process tree; given up when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    path: PathBuf,
    content: Content,
}

/// Tells apart the servers of one process.
static NEXT: AtomicU32 = AtomicU32::new(0);

impl Lease {
    /// Makes the lease and the scratch folder, before anything is started.
    pub(crate) fn take(settings: &Settings) -> Result<Self, LabError> {
        let owner = Owner::own();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", owner.process().mark());
        let scratch = settings.scratch().join(&mark);
        let leases = settings.leases();
        fs::create_dir_all(&leases).map_err(LabError::io(&leases))?;
        let lease = Self {
            path: leases.join(format!("{mark}.json")),
            content: Content {
                owner,
                tree: Tree::new(mark),
                scratch,
                remains: Remains::default(),
            },
        };
        lease.write()?;
        fs::create_dir_all(lease.scratch()).map_err(LabError::io(lease.scratch()))?;
        Ok(lease)
    }

    /// Notes a process that was started.
    pub(crate) fn add_root(&mut self, root: Option<ProcessId>) -> Result<(), LabError> {
        self.content.tree.roots.extend(root);
        self.write()
    }

    /// Notes the control group or container that is about to be made.
    pub(crate) fn add_remains(&mut self, remains: Remains) -> Result<(), LabError> {
        self.content.remains = remains;
        self.write()
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.content.tree
    }

    pub(crate) fn scratch(&self) -> &Path {
        &self.content.scratch
    }

    fn write(&self) -> Result<(), LabError> {
        let json = serde_json::to_vec(&self.content)
            .map_err(|error| LabError::io(&self.path)(error.into()))?;
        // Renamed into place, so that no reader sees half of it.
        let new = self.path.with_extension("new");
        fs::write(&new, json).map_err(LabError::io(&new))?;
        fs::rename(&new, &self.path).map_err(LabError::io(&self.path))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.content.clear(&self.path);
    }
}

/// Stops the servers, and removes the folders, of owners that are gone. Gives
/// the number of processes that were still there.
pub fn sweep(settings: &Settings) -> usize {
    let mut killed = 0;
    for entry in fs::read_dir(settings.leases())
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = entry.path();
        let content: Option<Content> = fs::read(&path)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok());
        // A lease that cannot be read is being written or is not ours.
        let Some(content) = content else {
            continue;
        };
        match content.owner.state() {
            OwnerState::MayBeAlive => continue,
            OwnerState::Gone => killed += content.tree.kill(),
            // Whoever has the numbers now is somebody else.
            OwnerState::BeforeReboot => {}
        }
        content.clear(&path);
    }
    killed
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::settings::for_tests;
    use crate::tree::MARK_VARIABLE;

    #[test]
    fn a_lease_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let settings = for_tests(home.path());
        let lease = Lease::take(&settings).unwrap();
        let scratch = lease.scratch().to_owned();
        assert!(scratch.is_dir());
        assert_eq!(sweep(&settings), 0, "a living owner keeps its lease");
        assert!(scratch.is_dir());
        drop(lease);
        assert!(!scratch.exists());
        assert_eq!(fs::read_dir(settings.leases()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_dead_owner_left_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let settings = for_tests(home.path());
        let mut lease = Lease::take(&settings).unwrap();
        let mut orphan = Command::new("sleep")
            .arg("1000")
            .env(MARK_VARIABLE, &lease.tree().mark)
            .spawn()
            .unwrap();
        lease.content.owner = Owner::gone();
        lease.write().unwrap();
        let scratch = lease.scratch().to_owned();
        // A program that has only just begun shows no environment for a moment.
        let environment = format!("/proc/{}/environ", orphan.id());
        let deadline = Instant::now() + Duration::from_secs(10);
        while fs::read(&environment).unwrap().is_empty() {
            assert!(Instant::now() < deadline, "it never begins");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::mem::forget(lease);

        assert_eq!(sweep(&settings), 1);
        assert!(!orphan.wait().unwrap().success(), "it was killed");
        assert!(!scratch.exists());
        assert_eq!(sweep(&settings), 0);
    }

    #[test]
    fn after_a_reboot_only_files_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let settings = for_tests(home.path());
        let mut lease = Lease::take(&settings).unwrap();
        let mut stranger = Command::new("sleep").arg("1000").spawn().unwrap();
        lease.content.tree.roots = ProcessId::of(stranger.id()).into_iter().collect();
        lease.content.owner = Owner::before_reboot();
        lease.write().unwrap();
        let scratch = lease.scratch().to_owned();
        std::mem::forget(lease);

        assert_eq!(sweep(&settings), 0);
        assert!(stranger.try_wait().unwrap().is_none(), "the stranger lives");
        assert!(!scratch.exists());
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
