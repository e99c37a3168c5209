//! Requests that an application keeps for too long: which they are, what the worker does
//! meanwhile, and how it ends.
//!
//! A [`Register`] knows the requests in the application's hands, the [`Overseer`] is a
//! thread that looks at it and never waits for the application, whatever that does. What
//! stacks are, and how one gets at them, only a [`Witness`] knows.

mod overseer;
mod register;
mod report;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::overseer::{Overseer, Witness};
pub use self::register::{InHand, Late, Register};
pub(crate) use self::register::{Outlet, TIMED_OUT_TEXT, Ticket, Way};

/// What becomes of a request that has had its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeoutAction {
    /// Its client is answered 503. What the application does goes on, for nobody.
    #[default]
    Answer,
    /// The same, and the worker is replaced.
    Replace,
}

/// How long a request may take until its response begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// From then on it is slow, and is told of; `None` is never.
    pub slow: Option<Duration>,
    /// From then on it is ended; `None` is never.
    pub timeout: Option<Duration>,
    /// How.
    pub action: TimeoutAction,
}

impl Limits {
    /// Whether there is anything to look after.
    pub fn are_set(&self) -> bool {
        self.slow.is_some() || self.timeout.is_some()
    }
}
