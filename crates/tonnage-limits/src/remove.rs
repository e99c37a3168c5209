//! Removing control groups with whatever is in them: our own when dropped, and those
//! that a killed owner left behind.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::container::remove_container;
use crate::counters::members_of;
use crate::group::PARENT;
use crate::kernel::{Kernel, RunningKernel};

/// How long killed processes may take to vanish; longer means that the kernel is
/// stuck.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often a removal looks again.
const POLL: Duration = Duration::from_millis(2);

/// What `statfs` says of control groups (linux/magic.h).
const MAGIC: [u64; 2] = [0x0027_e0eb, 0x6367_7270];

/// What a server leaves outside of the process tree when its owner is killed, to be
/// written down before it is started.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Remains {
    /// Folders of control groups.
    pub paths: Vec<PathBuf>,
    /// A container.
    pub container: Option<RemainingContainer>,
}

/// A container that was started.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RemainingContainer {
    /// The program that started it.
    pub engine: PathBuf,
    /// Its name.
    pub name: String,
}

impl Remains {
    /// Kills and removes everything. What is gone already is no error.
    pub fn remove(&self) -> io::Result<()> {
        let container = self.container.as_ref().map_or(Ok(()), |container| {
            remove_container(&container.engine, &container.name).map_err(io::Error::other)
        });
        remove(&self.paths).and(container)
    }
}

/// Kills every process in these groups and removes them, with those inside them, and
/// the folder around them when it is empty. What is gone already is no error.
///
/// Takes only folders of control groups that [`Group::paths`](crate::Group::paths)
/// gave; anything else is an error, since the paths may come from a file.
pub fn remove(paths: &[PathBuf]) -> io::Result<()> {
    for path in paths {
        let is_ours = path.parent().is_some_and(|parent| parent.ends_with(PARENT));
        let is_group = match rustix::fs::statfs(path) {
            Ok(stat) => MAGIC.contains(&(stat.f_type as u64)),
            Err(error) => error == rustix::io::Errno::NOENT,
        };
        if !is_ours || !is_group {
            let text = format!("{} is no control group of Tonnage's", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    }
    remove_with(&RunningKernel, paths)
}

pub(crate) fn remove_with(kernel: &dyn Kernel, paths: &[PathBuf]) -> io::Result<()> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        // Looked for anew each time: a process may make groups while it lives.
        let groups: Vec<PathBuf> = paths.iter().flat_map(|path| inner_first(path)).collect();
        let Some(last) = groups.last() else {
            break;
        };
        let last = last.clone();
        kill(kernel, &groups)?;
        let failed = groups
            .iter()
            .filter_map(|group| kernel.remove_dir(group).err())
            .find(|error| error.kind() != io::ErrorKind::NotFound);
        match failed {
            None => break,
            Some(error) if Instant::now() > deadline => {
                let text = format!("cannot remove {}: {error}", last.display());
                return Err(io::Error::new(error.kind(), text));
            }
            Some(_) => std::thread::sleep(POLL),
        }
    }
    for path in paths {
        if let Some(parent) = path.parent().filter(|parent| parent.ends_with(PARENT)) {
            // Other runs may use it still.
            let _ = kernel.remove_dir(parent);
        }
    }
    Ok(())
}

/// Removes the empty groups in `parent` that are older than `age` and gone by name, and
/// `parent` itself where it is empty then.
pub(crate) fn sweep(parent: &Path, is_gone: &impl Fn(&str) -> bool, age: Duration) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let made = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = made.is_ok_and(|made| made.elapsed().is_ok_and(|elapsed| elapsed >= age));
        if is_old && is_gone(&entry.file_name().to_string_lossy()) {
            // The kernel refuses where anything is in it.
            let _ = fs::remove_dir(entry.path());
        }
    }
    let _ = fs::remove_dir(parent);
}

/// A group and those inside it, the innermost first; nothing where it is gone.
fn inner_first(group: &Path) -> Vec<PathBuf> {
    if !group.is_dir() {
        return Vec::new();
    }
    let inside = fs::read_dir(group).into_iter().flatten().flatten();
    let mut groups: Vec<PathBuf> = inside
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .flat_map(|entry| inner_first(&entry.path()))
        .collect();
    groups.push(group.to_owned());
    groups
}

/// Kills everything in the groups once. Version 2 does so by itself; elsewhere
/// children may be born meanwhile, so that the caller looks again.
fn kill(kernel: &dyn Kernel, groups: &[PathBuf]) -> io::Result<()> {
    let members = |groups: &[PathBuf]| -> BTreeSet<u32> {
        groups.iter().flat_map(|group| members_of(group)).collect()
    };
    let before = members(groups);
    if before.contains(&std::process::id()) {
        let text = "this very process is in the control group that it is to remove";
        return Err(io::Error::other(text));
    }
    for group in groups {
        // Nothing can be born from here on, so that killing one by one ends.
        let limit = group.join("pids.max");
        if limit.is_file() {
            let _ = kernel.write(&limit, "0");
        }
        let all_at_once = group.join("cgroup.kill");
        if all_at_once.is_file() {
            let _ = kernel.write(&all_at_once, "1");
        }
    }
    // A number may belong to another process by now. One that is held open cannot
    // be given out again, so that a member that is still listed is the one held.
    let held: Vec<_> = before
        .iter()
        .filter_map(|pid| {
            let pid = Pid::from_raw(i32::try_from(*pid).ok()?)?;
            Some((pid, pidfd_open(pid, PidfdFlags::empty()).ok()?))
        })
        .collect();
    let still = members(groups);
    for (pid, process) in held {
        if still.contains(&pid.as_raw_nonzero().get().cast_unsigned()) {
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_no_control_group_stays() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(PARENT).join("mine");
        fs::create_dir_all(&folder).unwrap();
        for path in [folder.clone(), home.path().to_owned()] {
            let error = remove(&[path]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        assert!(folder.is_dir());
        // What is gone needs no removing.
        remove(&[home.path().join(PARENT).join("gone")]).unwrap();
    }
}
