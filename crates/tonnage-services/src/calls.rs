//! A counter of what this process has been asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Calls so far; clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls(Arc<AtomicU64>);

impl Calls {
    /// Counts one more and returns its number, from 1.
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
