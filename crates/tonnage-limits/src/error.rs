//! What can go wrong when limits are set, said so that a person knows the file, the
//! reason and the way out.

use std::io;
use std::path::PathBuf;

use tonnage_model::CpuSet;

/// Why limits cannot be set or counters not be read.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// No backend can set what is asked for.
    #[error("{what}: {why}; {way_out}")]
    Unavailable {
        /// What was asked for.
        what: String,
        /// The files that are missing or closed, and how.
        why: String,
        /// What the user can do about it.
        way_out: String,
    },
    /// Limits with isolation `none`.
    #[error(
        "limits are asked for, but isolation is `none`; choose `auto`, `cgroup` or `container`, or drop the limits"
    )]
    NothingToLimitWith,
    /// A file of the kernel cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// A file of the kernel does not take a value.
    #[error("cannot write `{value}` to {}: {source}; {way_out}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What it was to hold.
        value: String,
        /// The kernel's reason.
        source: io::Error,
        /// What the user can do about it.
        way_out: String,
    },
    /// A group cannot be made.
    #[error("cannot make the control group {}: {source}; {way_out}", folder.display())]
    Create {
        /// The group.
        folder: PathBuf,
        /// The kernel's reason.
        source: io::Error,
        /// What the user can do about it.
        way_out: String,
    },
    /// The kernel took a value and holds another.
    #[error("{} was to hold `{wanted}` and holds `{holds}`; another program may manage this control group", file.display())]
    NotTaken {
        /// The file.
        file: PathBuf,
        /// What was written.
        wanted: String,
        /// What was read afterwards.
        holds: String,
    },
    /// CPUs that the machine or an outer group does not have.
    #[error("CPUs {asked} are asked for, but {} allows only {allowed}", file.display())]
    CpusNotAllowed {
        /// What was asked for.
        asked: CpuSet,
        /// What is there, as the kernel lists it.
        allowed: String,
        /// Where it says so.
        file: PathBuf,
    },
    /// Docker or podman failed.
    #[error("`{command}` failed: {output}")]
    Engine {
        /// The command line.
        command: String,
        /// What it said.
        output: String,
    },
    /// A name that is none for a group.
    #[error("`{0}` cannot name a control group (expected letters, digits, `-`, `_` and `.`)")]
    Name(String),
}
