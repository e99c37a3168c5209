//! Connections of which something is to be told to whoever has the sockets, found by
//! somebody else: a thread that sent a response on one of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::io::{Poller, Token};

/// The connections of one worker that are to be looked at.
#[derive(Debug)]
pub(crate) struct Mail {
    poller: Arc<Poller>,
    has_some: AtomicBool,
    connections: Mutex<Vec<Token>>,
}

impl Mail {
    pub(crate) fn new(poller: Arc<Poller>) -> Arc<Self> {
        Arc::new(Self {
            poller,
            has_some: AtomicBool::new(false),
            connections: Mutex::default(),
        })
    }

    /// Has a connection looked at soon.
    pub(super) fn post(&self, connection: Token) {
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !connections.contains(&connection) {
            connections.push(connection);
        }
        drop(connections);
        self.has_some.store(true, Ordering::Release);
        self.poller.ring();
    }

    /// Those that are to be looked at, each once.
    pub(crate) fn take(&self) -> Vec<Token> {
        // Nearly always there are none: then this is one reading of memory that nobody writes.
        if !self.has_some.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.has_some.store(false, Ordering::Release);
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *connections)
    }
}
