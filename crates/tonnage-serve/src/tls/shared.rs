//! A connection's TLS where two may send on it: whoever has the connection, and whoever may
//! have to answer in their place. Both are done soon: a socket that is full waits for nobody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Session;

/// A session that several know.
#[derive(Debug, Clone)]
pub(crate) struct SharedSession(Arc<Mutex<Session>>);

impl SharedSession {
    pub(crate) fn new(session: Session) -> Self {
        Self(Arc::new(Mutex::new(session)))
    }

    /// Has it for oneself. The library's state is whole after each call, also after one that
    /// panicked.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
