//! The process's exit codes: part of the command-line contract, so that scripts
//! and CI can branch on them.

/// How a `tonnage` command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// The command did what it was asked to do.
    Done,
    /// A fault of Tonnage itself or of the machine it runs on.
    Internal,
    /// A flag, a name or a file that the user has to correct.
    Usage,
    /// The server under test could not start, refused, died or answered wrongly.
    TargetFailed,
    /// The measurement does not support its own figures.
    InvalidMeasurement,
    /// An `--assert` did not hold.
    AssertionFailed,
    /// The user (or the system) asked to stop; what was measured is kept.
    Interrupted,
}

impl ExitStatus {
    /// The number handed to the operating system.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::TargetFailed => 3,
            Self::InvalidMeasurement => 4,
            Self::AssertionFailed => 5,
            Self::Interrupted => 130,
        }
    }
}
