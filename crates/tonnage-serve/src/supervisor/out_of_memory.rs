//! Whether the kernel has killed for want of memory: what its counters say, rather than
//! what a SIGKILL lets one guess.

use std::fs;
use std::path::{Path, PathBuf};

/// A counter of the kernel's kills for want of memory: the one of our control group where
/// there is one, so that other containers' troubles are not taken for ours, else that of
/// the machine.
#[derive(Debug)]
pub struct OutOfMemoryCounter {
    file: PathBuf,
    last: u64,
}

impl OutOfMemoryCounter {
    /// The counter of this process's surroundings, as it stands.
    pub fn of_this_process() -> Self {
        let group = fs::read_to_string("/proc/self/cgroup")
            .ok()
            .and_then(|text| group_file(&text));
        let group = group.filter(|file| count(file).is_some());
        Self::of_file(group.unwrap_or_else(|| "/proc/vmstat".into()))
    }

    fn of_file(file: PathBuf) -> Self {
        let last = count(&file).unwrap_or(0);
        Self { file, last }
    }

    /// Whether there were kills since this was last asked.
    pub fn has_risen(&mut self) -> bool {
        let now = count(&self.file).unwrap_or(self.last);
        let risen = now > self.last;
        self.last = now;
        risen
    }
}

/// The file of the counters of the group that `/proc/self/cgroup` names; version 2 of the
/// control groups, else the memory controller of version 1.
fn group_file(groups: &str) -> Option<PathBuf> {
    let find = |controller: &str| {
        groups.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers
                .split(',')
                .any(|name| name == controller)
                .then_some(path.trim_start_matches('/'))
        })
    };
    if let Some(path) = find("memory") {
        return Some(
            Path::new("/sys/fs/cgroup/memory")
                .join(path)
                .join("memory.oom_control"),
        );
    }
    Some(
        Path::new("/sys/fs/cgroup")
            .join(find("")?)
            .join("memory.events"),
    )
}

fn count(file: &Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_that_of_the_own_group() {
        let file = |groups| group_file(groups).map(|file| file.display().to_string());
        assert_eq!(
            file("0::/a/b\n").as_deref(),
            Some("/sys/fs/cgroup/a/b/memory.events")
        );
        assert_eq!(
            file("0::/\n").as_deref(),
            Some("/sys/fs/cgroup/memory.events")
        );
        let first = "5:cpu,cpuacct:/x\n4:memory:/docker/7\n0::/y\n";
        assert_eq!(
            file(first).as_deref(),
            Some("/sys/fs/cgroup/memory/docker/7/memory.oom_control")
        );
        assert_eq!(file(""), None);
    }

    #[test]
    fn only_a_rise_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory.events");
        fs::write(&file, "oom 3\noom_kill 2\noom_group_kill 0\n").unwrap();
        let mut counter = OutOfMemoryCounter::of_file(file.clone());
        assert!(!counter.has_risen());
        fs::write(&file, "oom 4\noom_kill 3\noom_group_kill 0\n").unwrap();
        assert!(counter.has_risen() && !counter.has_risen());
        fs::remove_file(&file).unwrap();
        assert!(!counter.has_risen());
    }

    #[test]
    fn this_machine_has_a_counter() {
        let counter = OutOfMemoryCounter::of_this_process();
        assert!(count(&counter.file).is_some(), "{counter:?}");
    }
}
