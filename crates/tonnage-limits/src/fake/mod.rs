//! A version 2 hierarchy of plain files that answers as the kernel would, for tests:
//! which files a group has, what they take, and who may hand out controllers
//! (Documentation/admin-guide/cgroup-v2.rst). It runs nothing.

mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::io::Errno;
use tonnage_model::CpuSet;

use crate::Places;
use crate::counters::members_of;
use crate::kernel::Kernel;

/// Every controller that the fake knows.
const ALL: &str = "cpuset cpu memory pids";

/// A machine with version 2 alone.
pub(crate) struct FakeMachine {
    home: tempfile::TempDir,
    pub(crate) kernel: Arc<FakeKernel>,
}

/// Its kernel.
#[derive(Debug)]
pub(crate) struct FakeKernel {
    mount: PathBuf,
    /// What was written to which file, in order.
    pub(crate) log: Mutex<Vec<(String, String)>>,
}

impl FakeMachine {
    /// With our process alone in the group `own`, a path such as `/a/b`; all groups
    /// on the way hand out `controllers`.
    pub(crate) fn new(own: &str, controllers: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mount = home.path().join("sys/fs/cgroup");
        fs::create_dir_all(&mount).unwrap();
        let kernel = Arc::new(FakeKernel {
            mount: mount.clone(),
            log: Mutex::default(),
        });
        kernel.fill(&mount, ALL);
        let mut folder = mount;
        for name in own.split('/').filter(|name| !name.is_empty()) {
            put(&folder, "cgroup.subtree_control", controllers);
            folder.push(name);
            kernel.create_dir(&folder).unwrap();
        }
        put(&folder, "cgroup.procs", &std::process::id().to_string());
        let machine = Self { home, kernel };
        machine.put_proc(own, "rw");
        machine
    }

    /// Writes `/proc/self`.
    pub(crate) fn put_proc(&self, own: &str, mode: &str) {
        let proc = self.proc().join("self");
        fs::create_dir_all(&proc).unwrap();
        let mount = self.kernel.mount.display();
        put(
            &proc,
            "mountinfo",
            &format!("41 31 0:38 / {mount} {mode},nosuid - cgroup2 cgroup2 rw,nsdelegate"),
        );
        put(&proc, "cgroup", &format!("0::{own}"));
    }

    fn proc(&self) -> PathBuf {
        self.home.path().join("proc")
    }

    pub(crate) fn places(&self) -> Places {
        let kernel = Arc::clone(&self.kernel);
        Places::with_kernel(&self.proc(), Vec::new(), kernel).unwrap()
    }

    /// A group's folder by its path in the hierarchy.
    pub(crate) fn folder(&self, group: &str) -> PathBuf {
        self.kernel.mount.join(group.trim_start_matches('/'))
    }
}

/// Puts a line into a file, as the kernel shows it.
pub(crate) fn put(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), format!("{text}\n")).unwrap();
}

pub(crate) fn get(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(folder.join(name));
    text.unwrap_or_else(|_| "(no file)".to_owned())
        .trim_end()
        .to_owned()
}

impl FakeKernel {
    /// Gives a group the files that its controllers bring.
    fn fill(&self, folder: &Path, controllers: &str) {
        let is_root = folder == self.mount;
        let add = |name: &str, text: &str| {
            if !folder.join(name).exists() {
                put(folder, name, text);
            }
        };
        put(folder, "cgroup.controllers", controllers);
        add("cgroup.subtree_control", "");
        add("cgroup.procs", "");
        let pressure = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0";
        add("cpu.pressure", pressure);
        add("memory.pressure", pressure);
        add("cpu.stat", "usage_usec 0\nuser_usec 0\nsystem_usec 0");
        if !is_root {
            add("cgroup.type", "domain");
            add("cgroup.kill", "");
        }
        for controller in controllers.split_whitespace() {
            match controller {
                "cpuset" if is_root => add("cpuset.cpus.effective", "0-3"),
                "cpuset" => {
                    add("cpuset.cpus", "");
                    let outer = folder.parent().unwrap();
                    add(
                        "cpuset.cpus.effective",
                        &get(outer, "cpuset.cpus.effective"),
                    );
                }
                _ if is_root => {}
                "cpu" => {
                    add("cpu.max", "max 100000");
                    put(
                        folder,
                        "cpu.stat",
                        "usage_usec 0\nuser_usec 0\nsystem_usec 0\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0",
                    );
                }
                "memory" => {
                    add("memory.current", "0");
                    add("memory.max", "max");
                    add("memory.swap.max", "max");
                    add("memory.peak", "0");
                    add("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0");
                }
                _ => add("pids.max", "max"),
            }
        }
    }

    fn is_root(&self, folder: &Path) -> bool {
        folder == self.mount
    }

    /// `+name` hands a controller out to the groups inside.
    fn hand_out(&self, folder: &Path, value: &str) -> io::Result<()> {
        let name = value.strip_prefix('+').ok_or(Errno::INVAL)?;
        if !get(folder, "cgroup.controllers")
            .split(' ')
            .any(|n| n == name)
        {
            return Err(Errno::NOENT.into());
        }
        if !self.is_root(folder) && !members_of(folder).is_empty() {
            return Err(Errno::BUSY.into());
        }
        let enabled = get(folder, "cgroup.subtree_control");
        let enabled = format!("{enabled} {name}");
        put(folder, "cgroup.subtree_control", enabled.trim());
        for inside in groups_in(folder) {
            self.fill(&inside, enabled.trim());
        }
        Ok(())
    }

    /// Moves a process; 0 is our own.
    fn take_in(&self, folder: &Path, value: &str) -> io::Result<()> {
        if !self.is_root(folder) && !get(folder, "cgroup.subtree_control").is_empty() {
            return Err(Errno::BUSY.into());
        }
        let pid = match value.parse().map_err(|_| Errno::INVAL)? {
            0 => std::process::id(),
            pid => pid,
        };
        everywhere(&self.mount, &|folder| {
            let rest = members_of(folder)
                .into_iter()
                .filter(|member| *member != pid);
            let lines: Vec<_> = rest.map(|member| member.to_string()).collect();
            put(folder, "cgroup.procs", &lines.join("\n"));
        });
        let members = format!("{}\n{pid}", get(folder, "cgroup.procs"));
        put(folder, "cgroup.procs", members.trim());
        Ok(())
    }
}

/// Does something with a group and all inside it.
fn everywhere(folder: &Path, act: &dyn Fn(&Path)) {
    act(folder);
    for inside in groups_in(folder) {
        everywhere(&inside, act);
    }
}

fn groups_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// What `cpu.max` takes.
fn is_quota(value: &str) -> bool {
    let numbers: Vec<u64> = value.split(' ').filter_map(|n| n.parse().ok()).collect();
    matches!(numbers[..], [quota, period] if quota >= 1000 && (1000..=1_000_000).contains(&period))
}

impl Kernel for FakeKernel {
    fn create_dir(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir(folder)?;
        self.fill(
            folder,
            &get(folder.parent().unwrap(), "cgroup.subtree_control"),
        );
        Ok(())
    }

    fn remove_dir(&self, folder: &Path) -> io::Result<()> {
        if !folder.is_dir() {
            return Err(Errno::NOENT.into());
        }
        if !members_of(folder).is_empty() || !groups_in(folder).is_empty() {
            return Err(Errno::BUSY.into());
        }
        fs::remove_dir_all(folder)
    }

    fn write(&self, file: &Path, value: &str) -> io::Result<()> {
        if !file.is_file() {
            return Err(Errno::NOENT.into());
        }
        let (folder, name) = (file.parent().unwrap(), file.file_name().unwrap());
        let name = name.to_str().unwrap();
        let below = file.strip_prefix(&self.mount).unwrap();
        let entry = (below.display().to_string(), value.to_owned());
        self.log.lock().unwrap().push(entry);
        match name {
            "cgroup.subtree_control" => return self.hand_out(folder, value),
            "cgroup.procs" => return self.take_in(folder, value),
            "cgroup.kill" => everywhere(folder, &|inside| put(inside, "cgroup.procs", "")),
            "cpu.max" if !is_quota(value) => return Err(Errno::INVAL.into()),
            "memory.max" => {
                let bytes: u64 = value.parse().map_err(|_| Errno::INVAL)?;
                put(folder, name, &(bytes / 4096 * 4096).to_string());
            }
            "cpuset.cpus" => {
                let asked: CpuSet = value.parse().map_err(|_| Errno::INVAL)?;
                let outer = get(folder.parent().unwrap(), "cpuset.cpus.effective");
                let outer: CpuSet = outer.parse().unwrap();
                let both = asked.cpus().iter().copied();
                let both = both.filter(|cpu| outer.cpus().contains(cpu)).collect();
                let effective = CpuSet::new(both).unwrap_or(outer);
                put(folder, name, value);
                put(folder, "cpuset.cpus.effective", &effective.to_string());
            }
            _ => put(folder, name, value),
        }
        Ok(())
    }
}
