//! Whether the kernel has killed for want of memory: what its counters say, rather than
//! what a SIGKILL lets one guess.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where a container sees the counters of its own group, whatever that is called outside.
const SEEN_FROM_INSIDE: [&str; 2] = [
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
];

/// The machine's counter.
const MACHINE: &str = "/proc/vmstat";

/// From this on a bound is none: version 1 has the largest number of whole pages.
const NO_BOUND_BYTES: u64 = 1 << 62;

/// A kill that nobody has died of for so long was somebody else's: of a child of a worker,
/// for example.
const STALE: Duration = Duration::from_secs(5);

/// A counter of the kernel's kills for want of memory: the one of our control group where
/// there is one, so that other containers' troubles are not taken for ours, else that of
/// the machine.
#[derive(Debug)]
pub struct OutOfMemoryCounter {
    file: PathBuf,
    last: u64,
    /// Kills that were counted and explain no death yet.
    unexplained: u64,
    risen_at: Option<Instant>,
}

impl OutOfMemoryCounter {
    /// The counter of this process's surroundings, as it stands.
    pub fn of_this_process() -> Self {
        let own = fs::read_to_string("/proc/self/cgroup")
            .ok()
            .and_then(|text| group_file(&text));
        let inside = SEEN_FROM_INSIDE.into_iter().map(PathBuf::from);
        let mut groups = own.into_iter().chain(inside);
        let group = groups.find(|file| count(file).is_some());
        Self::of_file(group.unwrap_or_else(|| MACHINE.into()))
    }

    fn of_file(file: PathBuf) -> Self {
        let last = count(&file).unwrap_or(0);
        Self {
            file,
            last,
            unexplained: 0,
            risen_at: None,
        }
    }

    /// Whether there was a kill that explains a death by SIGKILL: each explains one. The
    /// kernel counts before it kills.
    pub fn explains_a_death(&mut self) -> bool {
        let now = count(&self.file).unwrap_or(self.last);
        if now > self.last {
            self.unexplained += now - self.last;
            self.risen_at = Some(Instant::now());
        }
        self.last = now;
        if self.risen_at.is_some_and(|at| at.elapsed() > STALE) {
            self.unexplained = 0;
        }
        let explained = self.unexplained > 0;
        self.unexplained = self.unexplained.saturating_sub(1);
        explained
    }

    /// Whose memory is at an end, for people.
    pub fn whose(&self) -> String {
        if self.file == Path::new(MACHINE) {
            return "the machine has no more".to_owned();
        }
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        let bounds = ["memory.max", "memory.limit_in_bytes"].into_iter();
        let bound = bounds.filter_map(|name| {
            let text = fs::read_to_string(folder.join(name)).ok()?;
            text.trim().parse::<u64>().ok()
        });
        match bound.filter(|bytes| *bytes < NO_BOUND_BYTES).min() {
            Some(bytes) => format!(
                "all processes of its control group may have {} MiB together",
                bytes >> 20
            ),
            // A group around it has a bound, or the machine has.
            None => "its control group has no bound of its own".to_owned(),
        }
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
    fn each_kill_explains_one_death() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory.events");
        fs::write(&file, "oom 3\noom_kill 2\noom_group_kill 0\n").unwrap();
        let mut counter = OutOfMemoryCounter::of_file(file.clone());
        assert!(!counter.explains_a_death());
        fs::write(&file, "oom 4\noom_kill 4\noom_group_kill 0\n").unwrap();
        assert!(counter.explains_a_death() && counter.explains_a_death());
        assert!(!counter.explains_a_death());
        fs::remove_file(&file).unwrap();
        assert!(!counter.explains_a_death());
    }

    #[test]
    fn a_kill_of_long_ago_explains_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory.oom_control");
        fs::write(&file, "under_oom 0\noom_kill 0\n").unwrap();
        let mut counter = OutOfMemoryCounter::of_file(file.clone());
        fs::write(&file, "under_oom 0\noom_kill 2\n").unwrap();
        assert!(counter.explains_a_death());
        counter.risen_at = Instant::now().checked_sub(2 * STALE);
        assert!(counter.risen_at.is_none() || !counter.explains_a_death());
    }

    #[test]
    fn it_is_said_whose_memory_is_at_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let counter = OutOfMemoryCounter::of_file(folder.path().join("memory.events"));
        assert!(counter.whose().contains("no bound"));
        fs::write(folder.path().join("memory.max"), "max\n").unwrap();
        assert!(counter.whose().contains("no bound"));
        fs::write(folder.path().join("memory.max"), "268435456\n").unwrap();
        assert!(counter.whose().contains(" 256 MiB "), "{}", counter.whose());
        let machine = OutOfMemoryCounter::of_file(MACHINE.into());
        assert!(machine.whose().contains("machine"));
    }

    #[test]
    fn this_machine_has_a_counter() {
        let counter = OutOfMemoryCounter::of_this_process();
        assert!(count(&counter.file).is_some(), "{counter:?}");
    }
}
