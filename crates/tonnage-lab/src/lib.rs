//! The laboratory: environments, servers and their processes, trials, runs, and
//! the store that keeps them.
//!
//! It prints nothing and reads neither arguments nor environment: what it needs
//! to know of its surroundings comes in [`Settings`], progress goes out as
//! [`LabEvent`]s on a channel, records end up in the [`Store`].

mod availability;
mod bounds;
mod catalog;
mod doctor;
mod environment;
mod error;
mod event;
mod lease;
mod loading;
mod log;
mod machine;
mod package;
mod pin;
mod process;
mod programs;
mod python;
mod run;
mod schedule;
mod server;
mod settings;
mod sockets;
mod stacks;
mod store;
mod tree;
mod trial;
mod unpack;
mod upstream_calls;
mod verify;
mod warm_up;

pub use availability::{Availability, Surroundings};
pub use bounds::Bounds;
pub use catalog::Catalog;
pub use doctor::{Depth, DoctorStep, examine};
pub use error::LabError;
pub use event::LabEvent;
pub use lease::sweep;
pub use package::Package;
pub use run::{RunEnd, RunRequest, resume_study, run_study};
pub use server::{Output, Running, ServerPlan, Size};
pub use settings::Settings;
pub use stacks::{FoundStack, Stacks};
pub use store::{Store, StoreError};
pub use tonnage_limits::Asked;
pub use verify::verify;

/// CPUs that this process may really use: affinity and cgroup quota, not what
/// the machine has.
pub fn usable_cpus() -> usize {
    // The standard library reads sched_getaffinity and the cpu controller's
    // quota, v2 and v1, up to the root; it never says less than 1.
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
