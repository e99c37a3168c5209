//! A call of the application whose request asks for a websocket: accepted or not, what has
//! come and was not asked for yet, and how it ended.

mod ending;
mod receiving;
mod sending;

use std::collections::VecDeque;

use pyo3::prelude::*;
use tonnage_serve::dispatch::Exchange;
use tonnage_serve::websocket::{Closed, Upgrade, WebSocket, code};

use super::Call;

/// Messages that wait for the application, at most; then its client has to wait.
const MOST_MESSAGES: usize = 32;

/// Bytes of such messages from which on no others are read.
const MOST_BYTES: usize = 64 << 10;

/// What became of the request so far.
enum Stage {
    /// The application has not said whether it accepts.
    Asked(Box<Upgrade>),
    /// It answers with a response.
    Denying,
    Open(Box<WebSocket>),
    Over,
}

/// Messages that the application has not asked for.
#[derive(Default)]
struct Queue {
    /// Texts and bytes, with their lengths.
    messages: VecDeque<(Py<PyAny>, usize)>,
    bytes: usize,
}

impl Queue {
    fn push(&mut self, message: Py<PyAny>, bytes: usize) {
        self.messages.push_back((message, bytes));
        self.bytes += bytes;
    }

    fn pop(&mut self) -> Option<Py<PyAny>> {
        let (message, bytes) = self.messages.pop_front()?;
        self.bytes -= bytes;
        Some(message)
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn is_full(&self) -> bool {
        self.messages.len() >= MOST_MESSAGES || self.bytes >= MOST_BYTES
    }
}

/// A websocket in the application's hands.
pub(super) struct Session {
    stage: Stage,
    told_connect: bool,
    queue: Queue,
    /// Messages that the application was given without having to wait.
    in_a_row: u32,
    /// How it ended, which the application is told after what came before.
    closed: Option<Closed>,
    /// The application has closed it.
    closed_by_app: bool,
    /// Since when the worker wants it to end.
    leaving_since_ms: Option<u64>,
    /// When something of the client came last.
    heard_ms: u64,
    /// When it was sent a ping that it has not answered.
    pinged_ms: Option<u64>,
}

impl Session {
    pub(super) fn new(upgrade: Upgrade) -> Self {
        Self {
            stage: Stage::Asked(Box::new(upgrade)),
            told_connect: false,
            queue: Queue::default(),
            in_a_row: 0,
            closed: None,
            closed_by_app: false,
            leaving_since_ms: None,
            heard_ms: 0,
            pinged_ms: None,
        }
    }

    /// The request is given back.
    pub(super) fn let_go(&mut self, exchange: &mut Exchange) {
        if let Stage::Open(_) = std::mem::replace(&mut self.stage, Stage::Over) {
            exchange.end_websocket();
        }
        self.closed
            .get_or_insert_with(|| Closed::new(code::ABNORMAL, ""));
    }
}

impl Call {
    /// Whether the application has accepted a websocket that is still open.
    pub(super) fn is_open_websocket(&self) -> bool {
        let session = self.websocket.as_ref();
        session.is_some_and(|session| matches!(session.stage, Stage::Open(_)))
    }
}
