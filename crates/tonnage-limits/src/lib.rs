//! Limits on CPU time, CPUs and memory for a server's whole process tree, and the
//! counters that say what it used: control groups of both versions, containers, or
//! neither. What a limit means to a measurement, and when a server starts and
//! stops, is the laboratory's business.
//!
//! A [`Backend`] is chosen once a run. Each server gets a [`Group`]; its process
//! joins between fork and exec ([`Joiner`]), so that nothing it does escapes the
//! limits, and its workers inherit them. A [`Sampler`] looks at the group ten times
//! a second. The group removes itself, with whatever is still in it, when dropped.

mod backend;
mod container;
mod counters;
mod error;
mod group;
mod kernel;
mod mounts;
mod places;
mod process;
mod remove;
mod sampler;
mod v1;
mod v2;
mod window;

#[cfg(test)]
mod fake;

pub use backend::{Asked, AskedError, Backend};
pub use container::{DEFAULT_BASE_IMAGE, SharedPaths};
pub use counters::Counters;
pub use error::LimitsError;
pub use group::{Group, Joiner};
pub use places::Places;
pub use remove::{RemainingContainer, Remains, remove};
pub use sampler::Sampler;
