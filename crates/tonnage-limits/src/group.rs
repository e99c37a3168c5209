//! The control group of one server: made, joined, read, and removed when dropped.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tonnage_model::CpuSet;

use crate::container::{Container, locate, remove_container, verify};
use crate::counters::{CounterFiles, Folders};
use crate::kernel::Kernel;
use crate::places::read;
use crate::remove::{Remains, remove_with};
use crate::{Counters, LimitsError, Places, SharedPaths};

/// The folder in which every group of ours stands, so that nobody has to guess whose
/// it is.
pub(crate) const PARENT: &str = "tonnage";

/// How often making a group is tried anew while others remove the empty parent.
const ATTEMPTS: usize = 100;

/// What helps where the kernel refuses for no reason that we know.
pub(crate) const ASK_THE_KERNEL: &str =
    "look whether an outer control group is stricter, and what `dmesg` says";

/// One server's control group, or the absence of one. Removed when dropped, with
/// every process in it.
#[derive(Debug)]
pub struct Group {
    pub(crate) folders: Folders,
    made: Vec<PathBuf>,
    files: Arc<CounterFiles>,
    places: Places,
    container: Option<Container>,
}

impl Group {
    /// No folders yet.
    pub(crate) fn new(places: &Places) -> Self {
        let folders = Folders::default();
        Self {
            files: Arc::new(CounterFiles::open(&folders)),
            folders,
            made: Vec::new(),
            places: places.clone(),
            container: None,
        }
    }

    /// With a container that is yet to be started.
    pub(crate) fn with_container(mut self, container: Container) -> Self {
        self.container = Some(container);
        self
    }

    /// Opens the counters, once the folders are there.
    pub(crate) fn open(&mut self) {
        self.files = Arc::new(CounterFiles::open(&self.folders));
    }

    /// Makes `base/tonnage/name`; `prepare` is run on the parent before, since what
    /// it hands on must be set first.
    pub(crate) fn make(
        &mut self,
        base: &Path,
        name: &str,
        prepare: impl Fn(&Path) -> Result<(), LimitsError>,
    ) -> Result<PathBuf, LimitsError> {
        let parent = base.join(PARENT);
        let folder = parent.join(name);
        let kernel = self.places.kernel();
        for attempt in 1.. {
            // Another run may remove the parent, if empty, at any moment.
            let is_gone = |error: &io::Error| {
                attempt < ATTEMPTS && error.kind() == io::ErrorKind::NotFound && base.is_dir()
            };
            if let Err(error) = kernel.create_dir(&parent)
                && error.kind() != io::ErrorKind::AlreadyExists
            {
                return Err(cannot_create(parent, error));
            }
            match prepare(&parent) {
                Err(LimitsError::Write { source, .. } | LimitsError::Read { source, .. })
                    if is_gone(&source) =>
                {
                    continue;
                }
                prepared => prepared?,
            }
            match kernel.create_dir(&folder) {
                Ok(()) => break,
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(cannot_create(folder, error)),
            }
        }
        self.made.push(folder.clone());
        Ok(folder)
    }

    /// Writes a limit and makes sure that it holds.
    pub(crate) fn set(&self, file: &Path, value: &str, way_out: &str) -> Result<(), LimitsError> {
        write(self.places.kernel().as_ref(), file, value, way_out)?;
        let holds = read(file)?;
        if holds != value {
            return Err(LimitsError::NotTaken {
                file: file.to_owned(),
                wanted: value.to_owned(),
                holds,
            });
        }
        Ok(())
    }

    /// Opens the way in, before a process is forked that is to take it.
    pub fn joiner(&self) -> Result<Joiner, LimitsError> {
        let open = |folder: &PathBuf| {
            let file = folder.join("cgroup.procs");
            File::options()
                .write(true)
                .open(&file)
                .map_err(|source| LimitsError::Write {
                    file,
                    value: "0".to_owned(),
                    source,
                    way_out: ASK_THE_KERNEL.to_owned(),
                })
        };
        let doors = self.made.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Joiner { doors })
    }

    /// The command line that starts a server's process in the group. Only a container
    /// needs another than the server's own: what is set on the command beside
    /// program, arguments, variables and folder must be set on the one returned.
    pub fn wrap(&self, command: Command, shared: &SharedPaths) -> Result<Command, LimitsError> {
        match &self.container {
            Some(container) => container.wrap(&command, shared, &self.places),
            None => Ok(command),
        }
    }

    /// To be called when the server was started and before anything is counted. Only
    /// a container has to be waited for: its control group is found, and whether the
    /// engine set the limits is looked at.
    pub fn settle(&mut self, timeout: Duration) -> Result<(), LimitsError> {
        if let Some(container) = &self.container {
            self.folders = locate(container, &self.places, timeout)?;
            verify(&self.folders, &container.limits)?;
            self.open();
        }
        Ok(())
    }

    /// What its processes used so far; everything is `None` where there is no group.
    pub fn counters(&self) -> Counters {
        self.files.read()
    }

    /// The numbers of its processes; `None` where there is no group.
    pub fn members(&self) -> Option<Vec<u32>> {
        self.files.members()
    }

    /// Its folders, for whoever has to remove them if we cannot ([`crate::remove`]).
    pub fn paths(&self) -> Vec<PathBuf> {
        self.made.clone()
    }

    /// All that would be left if we were killed now.
    pub fn remains(&self) -> Remains {
        let container = self.container.as_ref().map(Container::remains);
        Remains {
            paths: self.paths(),
            ..container.unwrap_or_default()
        }
    }

    pub(crate) fn has_swap(&self) -> bool {
        self.places.has_swap()
    }

    pub(crate) fn files(&self) -> Arc<CounterFiles> {
        Arc::clone(&self.files)
    }

    pub(crate) fn proc(&self) -> &Path {
        self.places.proc()
    }

    pub(crate) fn kernel(&self) -> &Arc<dyn Kernel> {
        self.places.kernel()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What cannot be removed now is removed by whoever finds its path.
        if let Some(container) = &self.container {
            let _ = remove_container(&container.engine.program, &container.name);
        }
        let _ = remove_with(self.kernel().as_ref(), &self.made);
    }
}

fn cannot_create(folder: PathBuf, source: io::Error) -> LimitsError {
    let way_out = match source.kind() {
        io::ErrorKind::AlreadyExists => "an earlier server left it; remove it".to_owned(),
        _ => "run Tonnage as root or in a delegated control group".to_owned(),
    };
    LimitsError::Create {
        folder,
        source,
        way_out,
    }
}

pub(crate) fn write(
    kernel: &dyn Kernel,
    file: &Path,
    value: &str,
    way_out: &str,
) -> Result<(), LimitsError> {
    kernel
        .write(file, value)
        .map_err(|source| LimitsError::Write {
            file: file.to_owned(),
            value: value.to_owned(),
            source,
            way_out: way_out.to_owned(),
        })
}

/// The kernel keeps whole pages and rounds down.
pub(crate) fn whole_pages(bytes: u64) -> u64 {
    let page = rustix::param::page_size() as u64;
    bytes / page * page
}

/// Whether an outer group has all of these CPUs, by the file that lists its own.
pub(crate) fn check_cpus(asked: &CpuSet, file: &Path) -> Result<(), LimitsError> {
    let allowed = read(file)?;
    let has_all = allowed
        .parse::<CpuSet>()
        .is_ok_and(|set| asked.cpus().iter().all(|cpu| set.cpus().contains(cpu)));
    if has_all {
        return Ok(());
    }
    Err(LimitsError::CpusNotAllowed {
        asked: asked.clone(),
        allowed,
        file: file.to_owned(),
    })
}

/// The way into a group for a process that was just forked.
#[derive(Debug)]
pub struct Joiner {
    doors: Vec<File>,
}

impl Joiner {
    /// Puts the calling process into the group; for the closure of
    /// [`pre_exec`](std::os::unix::process::CommandExt::pre_exec). It makes one
    /// system call for each hierarchy, and neither allocates nor takes a lock.
    pub fn join(&self) -> io::Result<()> {
        for door in &self.doors {
            // To the kernel, 0 is whoever writes it.
            rustix::io::write(door, b"0")?;
        }
        Ok(())
    }
}
