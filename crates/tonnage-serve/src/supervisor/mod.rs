//! The supervisor: it owns the listening sockets and the workers, hears the signals, and
//! keeps as many workers serving as were asked for. What is to be done is decided by a
//! machine without input or output ([`Supervisor`]); [`run`] does it, with the help of a
//! [`Host`] that knows how to fork, log, and read the configuration.
//!
//! Signals, exit codes and log texts are gunicorn's. Unlike gunicorn, a reload waits for
//! the new workers before it stops the old ones, a generation that does not start changes
//! nothing, and a worker that has served its number of requests goes on until its
//! replacement is ready.

mod bell;
mod drive;
mod event;
mod host;
mod machine;
mod out_of_memory;
mod pidfile;
mod reasons;
mod recycling;
mod reports;
mod roster;
mod signals;

pub use bell::Bell;
pub use drive::{Options, run};
pub use event::{Action, Ending, Event, Hook, Level, PidfileStep, Policy};
pub use host::{Birth, Host, Telling, Wanted};
pub use machine::{STOP_MARGIN, Supervisor};
pub use out_of_memory::OutOfMemoryCounter;
pub use pidfile::{Pidfile, PidfileError};
pub use reasons::Reasons;
pub use recycling::{Cause, Recycling, Rss};
pub use reports::Reports;
pub use roster::{Phase, Worker};
pub use rustix::process::{Pid, Signal};
pub use signals::{Signals, signal_name};

/// A worker that cannot start ends with this, as in gunicorn.
pub const EXIT_BOOT_ERROR: i32 = 3;

/// A worker whose application cannot be loaded ends with this, as in gunicorn.
pub const EXIT_APP_LOAD_ERROR: i32 = 4;
