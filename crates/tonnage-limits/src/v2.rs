//! Control groups of version 2: one hierarchy, in which a group hands controllers
//! out to those below it, and may not have processes of its own when it does.
//! Files and rules: Documentation/admin-guide/cgroup-v2.rst.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tonnage_model::Limits;

use crate::backend::controllers;
use crate::counters::{Folders, members_of};
use crate::group::{ASK_THE_KERNEL, check_cpus, whole_pages, write};
use crate::kernel::Kernel;
use crate::places::{not_writable, read};
use crate::{Group, LimitsError, Places};

/// Where this process goes when its group has to be empty to hand out controllers.
const OWN_GROUP: &str = "tonnage-owner";

/// Controllers that are taken along where they are there: memory counts, and `pids`
/// keeps processes from being born while a group is removed.
const WELCOME: [&str; 2] = ["memory", "pids"];

/// What the kernel wants of a quota (`tg_set_cfs_bandwidth` in kernel/sched).
const QUOTA_WAY_OUT: &str = "the kernel takes periods from 1 ms to 1 s and at least 1 ms of CPU \
     time in each: choose a longer period or more CPUs";

/// The group below which ours are made.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    folder: PathBuf,
    /// This process has to leave it first.
    must_leave: bool,
    /// What it has to hand out, and what it can beside that.
    needed: Vec<&'static str>,
    welcome: Vec<&'static str>,
}

impl Base {
    /// Our own group, or the nearest one around it that can hand out what is needed;
    /// otherwise the reason why none can.
    pub(crate) fn find(needs: &Limits, places: &Places) -> Result<Self, String> {
        let mount = places
            .unified()
            .ok_or_else(|| "no hierarchy is mounted".to_owned())?;
        if mount.is_read_only {
            return Err(format!("{} is mounted read-only", mount.point.display()));
        }
        let mut own = places.own_folder(mount);
        if own.ends_with(OWN_GROUP) {
            // We have left the group that is ours before.
            own.pop();
        }
        let mut reasons = Vec::new();
        for folder in own.ancestors() {
            match Self::of(folder, &controllers(needs)) {
                Ok(base) => return Ok(base),
                Err(reason) => reasons.push(reason),
            }
            if folder == mount.point {
                break;
            }
        }
        reasons.dedup();
        Err(reasons.join("; "))
    }

    fn of(folder: &Path, needed: &[&'static str]) -> Result<Self, String> {
        if let Some(error) = not_writable(folder) {
            return Err(format!("{}: {error}", folder.display()));
        }
        let available = words(&folder.join("cgroup.controllers"))?;
        if let Some(missing) = needed.iter().find(|name| !available.contains(**name)) {
            let file = folder.join("cgroup.controllers");
            return Err(format!("{} has no `{missing}`", file.display()));
        }
        let subtree = folder.join("cgroup.subtree_control");
        let enabled = words(&subtree)?;
        let can_enable = can_enable(folder, &subtree);
        if needed.iter().any(|name| !enabled.contains(*name)) {
            can_enable.clone()?;
        }
        // Nobody else is in the group that this process would leave, so that counters
        // of memory are reason enough.
        let gets = |name: &&str| {
            enabled.contains(*name) || (available.contains(*name) && can_enable.is_ok())
        };
        let welcome: Vec<_> = WELCOME.into_iter().filter(gets).collect();
        let mut wanted = needed.iter().chain(&welcome);
        Ok(Self {
            folder: folder.to_owned(),
            must_leave: can_enable == Ok(true) && wanted.any(|name| !enabled.contains(*name)),
            needed: needed.to_vec(),
            welcome,
        })
    }

    /// Whether groups made here have counters of memory.
    pub(crate) fn counts_memory(&self) -> bool {
        self.needed.contains(&"memory") || self.welcome.contains(&"memory")
    }

    /// Whether what is needed can be had.
    pub(crate) fn check(&self, needs: &Limits) -> Result<(), LimitsError> {
        let allowed = self.folder.join("cpuset.cpus.effective");
        match &needs.cpuset {
            Some(asked) => check_cpus(asked, &allowed),
            None => Ok(()),
        }
    }

    /// The folder below which groups are made.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn describe(&self) -> String {
        format!("cgroup v2 at {}", self.folder.display())
    }

    /// Makes the folder of a group and sets its limits.
    pub(crate) fn fill(
        &self,
        group: &mut Group,
        name: &str,
        limits: &Limits,
    ) -> Result<(), LimitsError> {
        let kernel = Arc::clone(group.kernel());
        if self.must_leave {
            self.leave(kernel.as_ref())?;
        }
        self.hand_out(kernel.as_ref(), &self.folder)?;
        let folder = group.make(&self.folder, name, |parent| {
            self.hand_out(kernel.as_ref(), parent)
        })?;
        group.folders = Folders::all_in(&folder);
        set_limits(group, &folder, limits)
    }

    /// Moves this process into a group of its own, and no other one ever.
    fn leave(&self, kernel: &dyn Kernel) -> Result<(), LimitsError> {
        let own = self.folder.join(OWN_GROUP);
        if !own.is_dir() {
            kernel
                .create_dir(&own)
                .map_err(|source| LimitsError::Create {
                    folder: own.clone(),
                    source,
                    way_out: ASK_THE_KERNEL.to_owned(),
                })?;
        }
        write(kernel, &own.join("cgroup.procs"), "0", ASK_THE_KERNEL)
    }

    /// Lets the groups below have controllers: those that are needed, and those that
    /// are welcome if the kernel likes.
    fn hand_out(&self, kernel: &dyn Kernel, folder: &Path) -> Result<(), LimitsError> {
        let file = folder.join("cgroup.subtree_control");
        let enabled = words(&file).unwrap_or_default();
        for name in self.needed.iter().chain(&self.welcome) {
            if enabled.contains(*name) {
                continue;
            }
            let written = write(kernel, &file, &format!("+{name}"), INTERNAL_WAY_OUT);
            if self.needed.contains(name) {
                written?;
            }
        }
        Ok(())
    }
}

/// What helps where a group has processes of its own.
const INTERNAL_WAY_OUT: &str = "a group with processes of its own hands out no controllers: start \
     Tonnage alone in one, `systemd-run --user --scope -p Delegate=yes tonnage …`";

/// Whether a group may hand out more controllers than it does: at once (`false`),
/// after this process has left it (`true`), or not for the reason given.
fn can_enable(folder: &Path, subtree: &Path) -> Result<bool, String> {
    if let Some(error) = not_writable(subtree) {
        return Err(format!("{}: {error}", subtree.display()));
    }
    // Only the real root, which the rule spares, has no type.
    if !folder.join("cgroup.type").exists() {
        return Ok(false);
    }
    let own = std::process::id();
    match members_of(folder).as_slice() {
        [] => Ok(false),
        [only] if *only == own => Ok(true),
        members => Err(format!(
            "{} has {} processes of its own, so that it hands out no controllers",
            folder.display(),
            members.len()
        )),
    }
}

fn words(file: &Path) -> Result<BTreeSet<String>, String> {
    let text = read(file).map_err(|error| error.to_string())?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

fn set_limits(group: &Group, folder: &Path, limits: &Limits) -> Result<(), LimitsError> {
    if let Some(quota) = limits.cpus {
        let period = limits.cpu_period();
        let text = format!("{} {}", quota.quota_us(period), period.as_micros());
        group.set(&folder.join("cpu.max"), &text, QUOTA_WAY_OUT)?;
    }
    if let Some(cpus) = &limits.cpuset {
        let text = cpus.to_string();
        group.set(&folder.join("cpuset.cpus"), &text, ASK_THE_KERNEL)?;
        // The kernel takes any CPUs and gives those that it has.
        check_cpus(cpus, &folder.join("cpuset.cpus.effective"))?;
    }
    if let Some(bytes) = limits.memory_bytes {
        let text = whole_pages(bytes).to_string();
        group.set(&folder.join("memory.max"), &text, ASK_THE_KERNEL)?;
        let swap = folder.join("memory.swap.max");
        // A kernel without swap has no such file.
        if swap.is_file() {
            group.set(&swap, "0", ASK_THE_KERNEL)?;
        }
    }
    Ok(())
}
