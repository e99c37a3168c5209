//! Where control groups are mounted and where a process is in them, from
//! `/proc/self/mountinfo` (proc(5)) and `/proc/PID/cgroup` (cgroups(7)).

use std::path::{Path, PathBuf};

/// A hierarchy of control groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// One of version 1, with the controllers that it has.
    V1(Vec<String>),
    /// The one of version 2.
    V2,
}

/// A hierarchy where it can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) hierarchy: Hierarchy,
    /// Where it is mounted.
    pub(crate) point: PathBuf,
    /// The group that is seen there: `/` except in some containers.
    root: PathBuf,
    /// Mounted for reading only.
    pub(crate) is_read_only: bool,
}

impl Mount {
    /// Whether this is where version 1 has the controller.
    pub(crate) fn has_v1(&self, controller: &str) -> bool {
        matches!(&self.hierarchy, Hierarchy::V1(all) if all.iter().any(|name| name == controller))
    }

    /// The folder of a group, given by its path in the hierarchy. A group outside of
    /// what is mounted has none.
    fn folder(&self, group: &Path) -> Option<PathBuf> {
        let below = group.strip_prefix(&self.root).ok()?;
        // A path with `..` lies outside of the namespace.
        let is_inside = below
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        // Joining nothing would leave a slash at the end.
        is_inside.then(|| {
            if below.as_os_str().is_empty() {
                self.point.clone()
            } else {
                self.point.join(below)
            }
        })
    }

    /// The folder of the group that a process is in, by its `/proc/PID/cgroup`.
    pub(crate) fn folder_of(&self, cgroup_file: &str) -> Option<PathBuf> {
        cgroup_file
            .lines()
            .filter_map(|line| {
                let mut fields = line.splitn(3, ':');
                Some((fields.next()?, fields.next()?, fields.next()?))
            })
            .find(|(number, controllers, _)| match &self.hierarchy {
                Hierarchy::V2 => *number == "0" && controllers.is_empty(),
                Hierarchy::V1(all) => all
                    .iter()
                    .any(|own| controllers.split(',').any(|name| name == own)),
            })
            .and_then(|(_, _, path)| self.folder(Path::new(path)))
    }
}

/// Every mount of control groups in `mountinfo`; of several of one hierarchy, those
/// that can be written come first.
pub(crate) fn parse_mountinfo(text: &str) -> Vec<Mount> {
    let mut mounts: Vec<_> = text.lines().filter_map(parse_mount).collect();
    mounts.sort_by_key(|mount| mount.is_read_only);
    mounts
}

fn parse_mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(3);
    let (root, point, options) = (before.next()?, before.next()?, before.next()?);
    let mut after = after.split(' ');
    let (kind, _source, super_options) = (after.next()?, after.next()?, after.next()?);
    let hierarchy = match kind {
        "cgroup2" => Hierarchy::V2,
        // Beside the controllers stand options such as `rw` and `xattr`, which no
        // controller is called.
        "cgroup" => Hierarchy::V1(super_options.split(',').map(str::to_owned).collect()),
        _ => return None,
    };
    let is_read_only = |options: &str| options.split(',').any(|option| option == "ro");
    Some(Mount {
        hierarchy,
        point: PathBuf::from(unescape(point)),
        root: PathBuf::from(unescape(root)),
        is_read_only: is_read_only(options) || is_read_only(super_options),
    })
}

/// Blanks, tabs, newlines and backslashes are written as three octal digits.
fn unescape(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (escape, plain)| {
            text.replace(escape, plain)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hybrid_host_is_read() {
        let mounts = parse_mountinfo(
            "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
             32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct ro,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
             41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw,nsdelegate\n",
        );
        assert_eq!(mounts.len(), 2);
        let (unified, cpu) = (&mounts[0], &mounts[1]);
        assert_eq!(unified.hierarchy, Hierarchy::V2);
        assert_eq!(unified.point, Path::new("/sys/fs/cgroup/uni fied"));
        assert!(cpu.has_v1("cpuacct") && !cpu.has_v1("memory"));
        assert!(cpu.is_read_only && !unified.is_read_only);

        let own = "4:memory:/a\n1:cpu,cpuacct:/b:c\n0::/user.slice\n";
        assert_eq!(
            cpu.folder_of(own).unwrap(),
            Path::new("/sys/fs/cgroup/cpu,cpuacct/b:c")
        );
        assert_eq!(
            unified.folder_of(own).unwrap(),
            Path::new("/sys/fs/cgroup/uni fied/user.slice")
        );
    }

    #[test]
    fn a_container_sees_its_group_as_the_root() {
        let mounts = parse_mountinfo(
            "32 31 0:29 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
        );
        let folder = |own: &str| mounts[0].folder_of(own);
        assert_eq!(
            folder("4:memory:/docker/abc\n").unwrap(),
            Path::new("/sys/fs/cgroup/memory")
        );
        assert_eq!(
            folder("4:memory:/docker/abc/x\n").unwrap(),
            Path::new("/sys/fs/cgroup/memory/x")
        );
        assert_eq!(folder("4:memory:/elsewhere\n"), None);
        assert_eq!(folder("4:memory:/docker/abc/../x\n"), None);
    }
}
