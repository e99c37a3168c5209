//! Where the machine keeps what we need: `/proc`, the mounts of control groups, and
//! the folders with programs. Tests hand in others.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::LimitsError;
use crate::container::DEFAULT_BASE_IMAGE;
use crate::kernel::{Kernel, RunningKernel};
use crate::mounts::{Hierarchy, Mount, parse_mountinfo};

/// The parts of a machine that limits are set with.
#[derive(Debug, Clone)]
pub struct Places {
    proc: PathBuf,
    programs: Vec<PathBuf>,
    base_image: String,
    mounts: Vec<Mount>,
    kernel: Arc<dyn Kernel>,
}

impl Places {
    /// This machine, with the folders in which container engines are looked for
    /// (what PATH says).
    pub fn of_machine(programs: Vec<PathBuf>) -> Result<Self, LimitsError> {
        Self::read(Path::new("/proc"), programs)
    }

    /// A machine whose `/proc` is elsewhere; `<proc>/self/mountinfo` says where its
    /// control groups are.
    pub fn read(proc: &Path, programs: Vec<PathBuf>) -> Result<Self, LimitsError> {
        Self::with_kernel(proc, programs, Arc::new(RunningKernel))
    }

    pub(crate) fn with_kernel(
        proc: &Path,
        programs: Vec<PathBuf>,
        kernel: Arc<dyn Kernel>,
    ) -> Result<Self, LimitsError> {
        let mountinfo = read(&proc.join("self/mountinfo"))?;
        Ok(Self {
            proc: proc.to_owned(),
            programs,
            base_image: DEFAULT_BASE_IMAGE.to_owned(),
            mounts: parse_mountinfo(&mountinfo),
            kernel,
        })
    }

    /// With another image to build ours from; `scratch` stands for the machine's own
    /// programs and libraries.
    #[must_use]
    pub fn with_base_image(mut self, image: &str) -> Self {
        image.clone_into(&mut self.base_image);
        self
    }

    #[cfg(test)]
    pub(crate) fn with_programs(mut self, programs: Vec<PathBuf>) -> Self {
        self.programs = programs;
        self
    }

    pub(crate) fn base_image(&self) -> &str {
        &self.base_image
    }

    /// Whether the machine could put memory elsewhere.
    pub(crate) fn has_swap(&self) -> bool {
        // The first line is a heading.
        read(&self.proc.join("swaps")).is_ok_and(|text| text.lines().count() > 1)
    }

    pub(crate) fn proc(&self) -> &Path {
        &self.proc
    }

    pub(crate) fn kernel(&self) -> &Arc<dyn Kernel> {
        &self.kernel
    }

    /// A program by its name, in the folders handed in.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        self.programs
            .iter()
            .map(|folder| folder.join(name))
            .find(|candidate| candidate.is_file())
    }

    /// The hierarchy of version 2.
    pub(crate) fn unified(&self) -> Option<&Mount> {
        self.mounts
            .iter()
            .find(|mount| mount.hierarchy == Hierarchy::V2)
    }

    /// The hierarchy of version 1 that has a controller.
    pub(crate) fn v1(&self, controller: &str) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.has_v1(controller))
    }

    /// The folder of our own group in a hierarchy. Read anew each time: a process
    /// can be moved. Where it is out of sight, the mount's root is the nearest.
    pub(crate) fn own_folder(&self, mount: &Mount) -> PathBuf {
        self.folder_of("self", mount)
            .unwrap_or_else(|| mount.point.clone())
    }

    /// The folder of a process's group in a hierarchy.
    pub(crate) fn folder_of(&self, pid: &str, mount: &Mount) -> Option<PathBuf> {
        mount.folder_of(&fs::read_to_string(self.proc.join(pid).join("cgroup")).ok()?)
    }
}

/// Reads a small file of the kernel, without the newline at its end.
pub(crate) fn read(file: &Path) -> Result<String, LimitsError> {
    let text = fs::read_to_string(file).map_err(|source| LimitsError::Read {
        file: file.to_owned(),
        source,
    })?;
    Ok(text.trim_end().to_owned())
}

/// Why a path cannot be written by us; `None` where it can.
pub(crate) fn not_writable(path: &Path) -> Option<io::Error> {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK)
        .err()
        .map(io::Error::from)
}
