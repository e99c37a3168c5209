//! The wish to stop, shared between whoever has it and whoever must obey.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that only ever goes from "go on" to "stop"; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// A flag that says "go on".
    pub fn new() -> Self {
        Self::default()
    }

    /// Shares a flag that a signal handler sets.
    pub fn from_flag(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }

    /// Asks everybody who shares the flag to stop.
    pub fn request(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody asked to stop.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
