//! Control groups of version 1: one hierarchy for each controller, and on hybrid
//! hosts version 2's beside them, which has pressure and a way to kill all at once.
//! Files: Documentation/admin-guide/cgroup-v1/ and scheduler/sched-bwc.rst.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tonnage_model::Limits;

use crate::backend::controllers;
use crate::counters::{Folders, Version};
use crate::group::{ASK_THE_KERNEL, PARENT, check_cpus, whole_pages, write};
use crate::kernel::Kernel;
use crate::places::{not_writable, read};
use crate::{Group, LimitsError, Places};

/// What the kernel wants of a quota (`tg_set_cfs_bandwidth` in kernel/sched).
const QUOTA_WAY_OUT: &str = "the kernel takes periods from 1 ms to 1 s, at least 1 ms of CPU \
     time in each, and no larger share than an outer group has: choose a longer period or more \
     CPUs, or widen the outer group";

/// The groups below which ours are made.
#[derive(Debug, Clone)]
pub(crate) struct Bases {
    folders: Folders,
    description: String,
}

impl Bases {
    /// Our own groups, where each controller that is needed is mounted and can be
    /// written; otherwise the reason.
    pub(crate) fn find(needs: &Limits, places: &Places) -> Result<Self, String> {
        let find = |controller: &str| {
            let mount = places
                .v1(controller)
                .ok_or_else(|| format!("no controller `{controller}` is mounted"))?;
            let folder = places.own_folder(mount);
            if mount.is_read_only {
                return Err(format!("{} is mounted read-only", mount.point.display()));
            }
            match not_writable(&folder) {
                Some(error) => Err(format!("{}: {error}", folder.display())),
                None => Ok(folder),
            }
        };
        for controller in controllers(needs) {
            find(controller)?;
        }
        let unified = places.unified().filter(|mount| !mount.is_read_only);
        let folders = Folders {
            version: Version::V1,
            cpu: find("cpu").ok(),
            cpuacct: find("cpuacct").ok(),
            // A cpuset has to be filled in before it can be joined, so that only
            // those are made that are needed.
            cpuset: needs.cpuset.as_ref().and_then(|_| find("cpuset").ok()),
            memory: find("memory").ok(),
            pids: find("pids").ok(),
            unified: unified
                .map(|mount| places.own_folder(mount))
                .filter(|folder| not_writable(folder).is_none()),
        };
        if folders.cpuacct.is_none() && folders.memory.is_none() {
            return Err("neither `cpuacct` nor `memory` is mounted and writable".to_owned());
        }
        let description = describe(&folders, places);
        Ok(Self {
            folders,
            description,
        })
    }

    /// Whether what is needed can be had.
    pub(crate) fn check(&self, needs: &Limits) -> Result<(), LimitsError> {
        match (&needs.cpuset, &self.folders.cpuset) {
            (Some(asked), Some(folder)) => check_cpus(asked, &allowed_cpus(folder)),
            _ => Ok(()),
        }
    }

    /// The folders below which groups are made, each once.
    pub(crate) fn all(&self) -> Vec<PathBuf> {
        self.folders.all()
    }

    pub(crate) fn describe(&self) -> String {
        self.description.clone()
    }

    /// Makes the folders of a group and sets its limits.
    pub(crate) fn fill(
        &self,
        group: &mut Group,
        name: &str,
        limits: &Limits,
    ) -> Result<(), LimitsError> {
        for base in self.all() {
            // Each hierarchy once: `cpu` and `cpuacct` often share theirs.
            let kernel = Arc::clone(group.kernel());
            let inherit = |from: &Path, to: &Path| inherit_cpuset(kernel.as_ref(), from, to);
            let folder = group.make(&base, name, |parent| inherit(&base, parent))?;
            inherit(&base, &folder)?;
        }
        let below = |base: &Option<PathBuf>| Some(base.as_ref()?.join(PARENT).join(name));
        let bases = &self.folders;
        group.folders = Folders {
            version: Version::V1,
            cpu: below(&bases.cpu),
            cpuacct: below(&bases.cpuacct),
            cpuset: below(&bases.cpuset),
            memory: below(&bases.memory),
            pids: below(&bases.pids),
            unified: below(&bases.unified),
        };
        set_cpu(group, limits)?;
        set_cpuset(group, limits)?;
        set_memory(group, limits)
    }
}

/// `cgroup v1 at /sys/fs/cgroup/{cpu,memory}, pressure from cgroup v2`.
fn describe(folders: &Folders, places: &Places) -> String {
    let controllers = [
        ("cpu", &folders.cpu),
        ("cpuacct", &folders.cpuacct),
        ("cpuset", &folders.cpuset),
        ("memory", &folders.memory),
        ("pids", &folders.pids),
    ];
    let mut names: Vec<_> = controllers
        .iter()
        .filter(|(_, folder)| folder.is_some())
        .filter_map(|(name, _)| places.v1(name)?.point.file_name()?.to_str())
        .collect();
    names.dedup();
    let around = controllers
        .iter()
        .find_map(|(name, _)| places.v1(name)?.point.parent())
        .unwrap_or(Path::new("/"));
    let pressure = match folders.unified {
        Some(_) => ", pressure from cgroup v2",
        None => "",
    };
    format!(
        "cgroup v1 at {}/{{{}}}{pressure}",
        around.display(),
        names.join(",")
    )
}

fn set_cpu(group: &Group, limits: &Limits) -> Result<(), LimitsError> {
    let Some(quota) = limits.cpus else {
        return Ok(());
    };
    let folder = folder(group.folders.cpu.as_ref(), "cpu", limits)?;
    let period = limits.cpu_period();
    // The period first: a new group has no quota that it could contradict.
    let text = period.as_micros().to_string();
    group.set(&folder.join("cpu.cfs_period_us"), &text, QUOTA_WAY_OUT)?;
    let text = quota.quota_us(period).to_string();
    group.set(&folder.join("cpu.cfs_quota_us"), &text, QUOTA_WAY_OUT)
}

fn set_cpuset(group: &Group, limits: &Limits) -> Result<(), LimitsError> {
    let Some(cpus) = &limits.cpuset else {
        return Ok(());
    };
    let folder = folder(group.folders.cpuset.as_ref(), "cpuset", limits)?;
    group.set(
        &folder.join("cpuset.cpus"),
        &cpus.to_string(),
        ASK_THE_KERNEL,
    )
}

fn set_memory(group: &Group, limits: &Limits) -> Result<(), LimitsError> {
    let Some(bytes) = limits.memory_bytes else {
        return Ok(());
    };
    let folder = folder(group.folders.memory.as_ref(), "memory", limits)?;
    let text = whole_pages(bytes).to_string();
    let set = |name: &str, text: &str| group.set(&folder.join(name), text, ASK_THE_KERNEL);
    set("memory.limit_in_bytes", &text)?;
    let has = |name: &str| folder.join(name).is_file();
    if !group.has_swap() {
        // Linux 6.18 counts no hits of the limit with swap, and where both are
        // equal it is the one that is hit: not needed, it stays away.
        Ok(())
    } else if has("memory.memsw.limit_in_bytes") {
        set("memory.memsw.limit_in_bytes", &text)
    } else if has("memory.swappiness") {
        // Swap is not accounted for; without the will to swap none is used.
        set("memory.swappiness", "0")
    } else {
        Ok(())
    }
}

/// The group's folder for a controller; a backend that was chosen for other limits
/// may have none.
fn folder<'a>(
    folder: Option<&'a PathBuf>,
    controller: &str,
    limits: &Limits,
) -> Result<&'a PathBuf, LimitsError> {
    folder.ok_or_else(|| LimitsError::Unavailable {
        what: format!("cannot set {}", controllers(limits).join(", ")),
        why: format!("the backend was chosen without need of `{controller}`"),
        way_out: "choose it for every limit of the run".to_owned(),
    })
}

/// A cpuset may only be joined when it has CPUs and memory nodes, and a new one has
/// neither. Where both are set, or the hierarchy has no cpusets, nothing is done.
fn inherit_cpuset(kernel: &dyn Kernel, from: &Path, to: &Path) -> Result<(), LimitsError> {
    for (name, effective) in [
        ("cpuset.mems", "cpuset.effective_mems"),
        ("cpuset.cpus", "cpuset.effective_cpus"),
    ] {
        let file = to.join(name);
        let is_empty = fs::read_to_string(&file).is_ok_and(|text| text.trim().is_empty());
        if is_empty {
            let value = read(&from.join(effective)).or_else(|_| read(&from.join(name)))?;
            write(kernel, &file, &value, ASK_THE_KERNEL)?;
        }
    }
    Ok(())
}

/// The file with the CPUs that a group below this one may have.
fn allowed_cpus(folder: &Path) -> PathBuf {
    let effective = folder.join("cpuset.effective_cpus");
    if effective.is_file() {
        effective
    } else {
        folder.join("cpuset.cpus")
    }
}
