//! One file for each command.

pub(crate) mod audit;
pub(crate) mod catalog;
pub(crate) mod doctor;
pub(crate) mod load;
pub(crate) mod serve;
pub(crate) mod service;
pub(crate) mod study;
pub(crate) mod up;

/// A mistake in the command line that clap cannot see.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}
