//! The sockets, and which call each of them belongs to.

use std::collections::HashMap;

use pyo3::prelude::*;
use tonnage_serve::dispatch::{Exchange, Streams};
use tonnage_serve::io::{Signs, Token};

use super::super::call::Call;

/// What is not Python's.
pub(super) struct Core {
    pub(super) streams: Streams,
    /// The calls that wait and whose connection is open.
    open: HashMap<Token, Py<Call>>,
    /// All calls that wait, by their addresses.
    waiting: HashMap<usize, Py<Call>>,
}

impl Core {
    pub(super) fn new(streams: Streams) -> Self {
        Self {
            streams,
            open: HashMap::new(),
            waiting: HashMap::new(),
        }
    }

    /// Looks at the sockets; what happened to those of requests that were begun.
    pub(super) fn poll(&mut self, py: Python<'_>) -> Vec<(Py<Call>, Signs)> {
        self.streams.poll();
        let mut noted = Vec::new();
        self.streams.take_noted(&mut noted);
        let calls = noted.into_iter().filter_map(|(token, signs)| {
            let call = self.open.get(&token)?;
            Some((call.clone_ref(py), signs))
        });
        calls.collect()
    }

    /// Keeps a call that has to wait; `token`: where its connection is.
    pub(super) fn keep(&mut self, call: &Bound<'_, Call>, token: Option<Token>) {
        self.waiting.insert(address(call), call.clone().unbind());
        if let Some(token) = token {
            self.open.insert(token, call.clone().unbind());
        }
    }

    /// Forgets a call that waits no more. It is given back, so that it is not let go of
    /// while this is held.
    #[must_use]
    pub(super) fn forget(&mut self, call: &Bound<'_, Call>) -> Option<Py<Call>> {
        self.waiting.remove(&address(call))
    }

    /// Takes a request back; its call, as with [`Core::forget`].
    #[must_use]
    pub(super) fn end(&mut self, token: Token, exchange: Exchange) -> Option<Py<Call>> {
        // Where none waits, nothing has to be looked for.
        let call = if self.open.is_empty() {
            None
        } else {
            self.open.remove(&token)
        };
        self.streams.end(token, exchange);
        call
    }

    /// The calls that wait and whose connection is open.
    pub(super) fn open_calls(&self, py: Python<'_>) -> Vec<Py<Call>> {
        self.open.values().map(|call| call.clone_ref(py)).collect()
    }

    /// All calls that wait.
    pub(super) fn waiting_calls(&self, py: Python<'_>) -> Vec<Py<Call>> {
        self.waiting
            .values()
            .map(|call| call.clone_ref(py))
            .collect()
    }

    /// Whether a worker that drains has nothing left to do.
    pub(super) fn is_drained(&self) -> bool {
        self.streams.is_drained() && self.is_idle()
    }

    /// Whether no call waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// By which a call is known while it waits.
fn address(call: &Bound<'_, Call>) -> usize {
    call.as_ptr() as usize
}
